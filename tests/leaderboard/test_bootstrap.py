"""The bootstrap over test images, on records made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from demo import record

from harness.leaderboard.bootstrap import LEAST_GROUPS, image_interval
from harness.leaderboard.statistics import Interval
from harness.metrics import mean_iou
from harness.records.record import FinishedRecord

IMAGES = 60
TILES = [f"tile {index:02}" for index in range(IMAGES)]
OTHER_TILES = [f"other {name}" for name in TILES]
HALF_WRONG = [[5, 5], [5, 5]]
ALL_RIGHT = [[10, 0], [0, 10]]


def with_images(counts: list[Any], groups: list[str], seed: int = 0) -> FinishedRecord:
    """Return a run on these test images, with their confusion counts and groups."""
    images = [f"image {index}" for index in range(len(counts))]
    fields = record("m", seed, [[0, 0], [0, 0]], 1, 1.0)
    fields["confusion"] = {"images": images, "groups": groups, "counts": counts}
    return FinishedRecord.model_validate(fields)


def noisy(images: int, seed: int = 0) -> list[Any]:
    """Draw confusion counts of images that are not alike."""
    generator = np.random.default_rng(seed)
    counts: list[Any] = generator.integers(1, 50, (images, 2, 2)).tolist()
    return counts


def interval_of(*records: FinishedRecord) -> Interval:
    interval = image_interval(records)
    assert isinstance(interval, Interval)
    return interval


def test_it_contains_the_score_is_inside_the_scale_and_the_same_again() -> None:
    records = []
    scores = []
    for seed in range(3):
        counts = noisy(IMAGES, seed)
        records.append(with_images(counts, TILES, seed))
        scores.append(mean_iou(np.sum(counts, 0)))
    interval = interval_of(*records)
    assert 0 < interval.low < np.mean(scores) < interval.high < 1
    assert interval_of(*records) == interval


def test_the_order_of_images_does_not_matter() -> None:
    in_order = with_images(noisy(IMAGES), TILES)
    order = np.random.default_rng(0).permutation(IMAGES)
    shuffled = {}
    for field, values in in_order.confusion.as_json().items():
        shuffled[field] = [values[index] for index in order]
    assert interval_of(in_order.changed(confusion=shuffled)) == interval_of(in_order)


def test_images_of_a_group_are_drawn_together() -> None:
    counts = noisy(IMAGES)
    alone = interval_of(with_images(counts, TILES))
    # Each group twice is the same groups, but each image twice as a group of its own would be twice
    # the evidence.
    together = interval_of(with_images(counts * 2, TILES * 2))
    apart = interval_of(with_images(counts * 2, TILES + OTHER_TILES))
    assert together == alone
    width = alone.high - alone.low
    assert apart.high - apart.low < 0.9 * width


def test_images_that_are_alike_leave_no_doubt() -> None:
    alike = [[[6, 2], [0, 2]]] * IMAGES
    interval = interval_of(with_images(alike, TILES))
    assert interval.low == interval.high == pytest.approx(0.625)


def test_one_image_with_all_the_errors_leaves_it_open() -> None:
    counts = [HALF_WRONG] + [ALL_RIGHT] * (IMAGES - 1)
    # Draws without that image have no variation to measure a distance by.
    assert interval_of(with_images(counts, TILES)).low == 0


def test_too_few_groups_give_no_interval() -> None:
    few = LEAST_GROUPS - 1
    apart = with_images(noisy(few), TILES[:few])
    together = with_images(noisy(IMAGES), ["a"] * IMAGES)
    assert f"{few} groups" in image_interval([apart])
    assert "1 group of" in image_interval([together])


def test_seeds_with_different_images_give_no_interval() -> None:
    first = with_images(noisy(IMAGES), TILES)
    confusion = first.confusion.changed(images=OTHER_TILES)
    other = first.changed(confusion=confusion.as_json())
    assert "different test images" in image_interval([first, other])


def test_no_run_gives_no_interval() -> None:
    assert image_interval([]) == "no run has finished"
