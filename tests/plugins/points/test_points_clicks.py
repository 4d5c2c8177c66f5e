"""Simulated clicks: where they are aimed, where they land, what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import assert_plausible
from scipy.stats import binomtest, chisquare, kstest
from small_masks import (
    CLASSES,
    Array,
    count_draws,
    count_labels,
    draw_labels,
    masks,
    row_mask,
)

from harness.core.values import IGNORE
from harness_points.clicks import HumanClicks, weighted
from harness_points.shapes import components

DRAWS = 700


def separated(*widths: int) -> Array:
    """Return a mask [1, W] of components of class 0 that are so wide, ignored pixels between."""
    pixels: list[int] = []
    for width in widths:
        pixels += [0] * width
        pixels.append(IGNORE)
    return np.array([pixels])


def test_drawing_by_weight_starts_in_proportion_and_goes_on_so() -> None:
    draws = 4000
    weights = np.array([1.0, 2, 3, 4])
    pairs = np.zeros((4, 4))
    for key in range(draws):
        first, second = weighted(np.random.default_rng(key), weights, 2)
        pairs[first, second] += 1
    assert (np.diag(pairs) == 0).all()

    # The first in proportion to its weight, the second in proportion among the rest.
    first_share = (weights / 10)[:, None]
    second_share = weights / 10 / (1 - first_share)
    expected = draws * first_share * second_share
    different = ~np.eye(4, dtype=bool)
    assert_plausible(chisquare(pairs[different], expected[different]))


@pytest.mark.slow
def test_without_preferences_clicks_are_uniform() -> None:
    # Nine pixels of class 0, five of class 1.
    mask = row_mask(9, 5, 0, 3)
    per_class = HumanClicks(count=1, area_power=1, centre_power=0)
    times = count_draws(per_class, mask, DRAWS)[0]
    assert_plausible(chisquare(times[:9]))
    assert_plausible(chisquare(times[9:14]))

    per_image = HumanClicks(count=1, per="image", area_power=1, centre_power=0)
    times = count_draws(per_image, mask, DRAWS)[0]
    assert_plausible(chisquare(times[:14]))


# The smaller of two components, of 1 and of 4 pixels: 1 / (1 + 4^power).
@pytest.mark.slow
@pytest.mark.parametrize(
    ("power", "share"),
    [
        (0, 1 / 2),
        (0.5, 1 / 3),
        (1, 1 / 5),
        (2, 1 / 17),
    ],
)
def test_components_are_clicked_by_a_power_of_their_area(power: float, share: float) -> None:
    times = count_draws(HumanClicks(count=1, area_power=power), separated(1, 4), DRAWS)
    assert_plausible(binomtest(int(times[0, 0]), DRAWS, share))


# The middle of nine pixels has depth 2, the eight around it 1: 2^power / (2^power + 8).
@pytest.mark.slow
@pytest.mark.parametrize(
    ("power", "middle"),
    [
        (0, 1 / 9),
        (1, 2 / 10),
        (3, 8 / 16),
    ],
)
def test_pixels_are_clicked_by_a_power_of_their_depth(power: float, middle: float) -> None:
    mask = np.pad(np.zeros((3, 3)), 1, constant_values=IGNORE)
    times = count_draws(HumanClicks(count=1, centre_power=power), mask, DRAWS)
    assert_plausible(binomtest(int(times[2, 2]), DRAWS, middle))


@given(mask=masks, omission=st.sampled_from([0, 0.1, 0.3, 0.5, 1]))
def test_the_smallest_components_are_never_clicked(mask: Array, omission: float) -> None:
    # 200 clicks reach every pixel of what is clicked at all.
    labels = draw_labels(HumanClicks(count=200, omission=omission), mask)
    numbers, _ = components(mask, CLASSES)
    clicked_areas: list[int] = []
    omitted_areas: list[int] = []
    for number in range(1, numbers.max(initial=0) + 1):
        labelled = labels[numbers == number] != IGNORE
        assert labelled.all() or not labelled.any()
        areas = clicked_areas if labelled.any() else omitted_areas
        areas.append(len(labelled))

    # In whole tenths, because the floor of a product of floats may be one too low.
    tenths = round(omission * 10)
    count = len(clicked_areas) + len(omitted_areas)
    assert len(omitted_areas) == tenths * count // 10
    if clicked_areas and omitted_areas:
        assert max(omitted_areas) <= min(clicked_areas)


@given(
    mask=masks,
    margin=st.integers(0, 4),
    key=st.integers(0, 9),
)
def test_clicks_keep_their_margin_wherever_they_land(mask: Array, margin: int, key: int) -> None:
    labels = draw_labels(HumanClicks(count=200, margin=margin, localisation_sd=3), mask, key)
    height, width = mask.shape
    inner = np.zeros(mask.shape, bool)
    inner[margin : max(0, height - margin), margin : max(0, width - margin)] = True
    assert (labels[~inner] == IGNORE).all()
    valid = inner & (mask != IGNORE)
    assert (labels != IGNORE).any() == valid.any()


def test_clicks_land_a_gaussian_error_away_and_say_what_was_meant() -> None:
    mask = np.zeros((61, 61))
    mask[30, 30] = 1
    supervision = HumanClicks(count=1, localisation_sd=4)
    landings = []
    for key in range(400):
        labels = draw_labels(supervision, mask, key)
        landings.append(np.argwhere(labels == 1)[0])
    positions = np.array(landings)
    assert len(np.unique(positions, axis=0)) > 100

    # Positions are whole pixels: spread over theirs, they have the law that is tested, with the
    # variance of a pixel in addition.
    jitter = np.random.default_rng(0).uniform(-0.5, 0.5, positions.shape)
    law = (30, np.sqrt(4**2 + 1 / 12))
    for axis in (0, 1):
        assert_plausible(kstest((positions + jitter)[:, axis], "norm", law))


def test_a_click_that_can_land_nowhere_else_stays() -> None:
    mask = np.full((41, 41), IGNORE)
    mask[20, 20] = 2
    for key in range(20):
        labels = draw_labels(HumanClicks(localisation_sd=9), mask, key)
        assert labels[20, 20] == 2


def test_flipped_labels_are_any_other_class_present() -> None:
    # Classes 0, 1 and 3 are present.
    mask = row_mask(40, 40, 0, 40, 5)
    confusion = np.zeros((4, 4), int)
    for key in range(100):
        labels = draw_labels(HumanClicks(count=10, label_noise=0.4), mask, key)
        labelled = labels != IGNORE
        np.add.at(confusion, (mask[labelled], labels[labelled]), 1)
    assert confusion.sum(axis=1).tolist() == [1000, 1000, 0, 1000]

    wrong = confusion - np.diag(np.diag(confusion))
    assert_plausible(binomtest(int(wrong.sum()), 3000, 0.4))
    assert wrong[2].sum() == wrong[:, 2].sum() == 0
    # Each of the six ways to confuse two of three classes is equally frequent.
    ways = wrong[[0, 0, 1, 1, 3, 3], [1, 3, 0, 3, 0, 1]]
    assert_plausible(chisquare(ways))


def test_where_one_class_is_present_no_label_can_be_wrong() -> None:
    labels = draw_labels(HumanClicks(count=5, label_noise=1), row_mask(0, 30, 4))
    assert count_labels(labels) == [0, 5, 0, 0]


@given(
    mask=masks,
    count=st.integers(1, 30),
    per=st.sampled_from(["class", "image"]),
)
def test_clicks_are_as_many_as_asked_or_as_there_are_pixels(
    mask: Array, count: int, per: Any
) -> None:
    labels = draw_labels(HumanClicks(count=count, per=per), mask)
    present = np.array(count_labels(mask))
    expected = min(count, present.sum())
    if per == "class":
        expected = np.minimum(present, count).sum()
    assert (labels != IGNORE).sum() == expected
