"""The bootstrap over test images, on records made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from demo import record

from harness.leaderboard.bootstrap import LEAST_GROUPS, image_interval
from harness.leaderboard.statistics import Interval
from harness.metrics import mean_iou


def with_images(counts: list[Any], groups: list[str], seed: int = 0) -> dict[str, Any]:
    images = [f"image {index}" for index in range(len(counts))]
    return record("m", seed, [[0, 0], [0, 0]], 1, 1.0) | {
        "confusion": {"images": images, "groups": groups, "counts": counts}
    }


def noisy(count: int, seed: int = 0) -> list[Any]:
    return np.random.default_rng(seed).integers(1, 50, (count, 2, 2)).tolist()


NAMES = [f"tile {index:02}" for index in range(60)]


def test_it_contains_the_score_is_inside_the_scale_and_the_same_again() -> None:
    records = [with_images(noisy(60, seed), NAMES, seed) for seed in range(3)]
    found = image_interval(records)
    assert isinstance(found, Interval)
    score = np.mean([mean_iou(np.sum(one["confusion"]["counts"], 0)) for one in records])
    assert 0 < found.low < score < found.high < 1
    assert image_interval(records) == found


def test_the_order_of_images_does_not_matter() -> None:
    counts = noisy(60)
    one = with_images(counts, NAMES)
    order = np.random.default_rng(0).permutation(60)
    shuffled = {key: [values[index] for index in order] for key, values in one["confusion"].items()}
    assert image_interval([one | {"confusion": shuffled}]) == image_interval([one])


def test_images_of_a_group_are_drawn_together() -> None:
    counts = noisy(60)
    alone = image_interval([with_images(counts, NAMES)])
    # Each group twice is the same groups, but each image twice as a group of its own would be twice
    # the evidence.
    assert image_interval([with_images(counts * 2, NAMES * 2)]) == alone
    apart = image_interval(
        [with_images(counts * 2, [*NAMES, *(f"other {name}" for name in NAMES)])]
    )
    assert isinstance(alone, Interval)
    assert isinstance(apart, Interval)
    assert apart.high - apart.low < 0.9 * (alone.high - alone.low)


def test_images_that_are_alike_leave_no_doubt() -> None:
    found = image_interval([with_images([[[6, 2], [0, 2]]] * 60, NAMES)])
    assert found == Interval(pytest.approx(0.625), pytest.approx(0.625))


def test_one_image_with_all_the_errors_leaves_it_open() -> None:
    found = image_interval([with_images([[[5, 5], [5, 5]], *[[[10, 0], [0, 10]]] * 59], NAMES)])
    assert isinstance(found, Interval)
    assert found.low == 0  # draws without that image have no variation to measure a distance by


def test_why_there_is_none() -> None:
    few = LEAST_GROUPS - 1
    assert f"{few} groups" in image_interval([with_images(noisy(few), NAMES[:few])])
    other = with_images(noisy(60), NAMES)
    other["confusion"]["images"] = [f"other {name}" for name in other["confusion"]["images"]]
    assert "different test images" in image_interval([with_images(noisy(60), NAMES), other])
    assert image_interval([]) == "no run has finished"
