"""Simulated clicks: where they are aimed, where they land, what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from point_masks import CLASSES, blocks, counted, drawn, masks
from scipy.stats import binomtest, chisquare, kstest

from harness.core.values import IGNORE
from harness_points.clicks import HumanClicks, weighted
from harness_points.shapes import components

DRAWS = 700


def times(supervision: HumanClicks, mask: Any, draws: int = DRAWS) -> Any:
    """How often each pixel was clicked, int [H, W]."""
    return sum((drawn(supervision, mask, key) != IGNORE).astype(int) for key in range(draws))


def separated(*widths: int) -> Any:
    """A mask [1, W] with components of class 0 of so many pixels, ignored pixels between them."""
    return np.concatenate([[*[0] * width, IGNORE] for width in widths])[None]


def test_drawing_by_weight_starts_in_proportion_and_goes_on_so() -> None:
    weights = np.array([1.0, 2, 3, 4])
    pairs = np.zeros((4, 4))
    for key in range(4000):
        first, second = weighted(np.random.default_rng(key), weights, 2)
        pairs[first, second] += 1
    share = weights / 10
    expected = share[:, None] * share / (1 - share[:, None])  # the second one among the rest
    off = ~np.eye(4, dtype=bool)
    assert (pairs[~off] == 0).all()
    assert chisquare(pairs[off], 4000 * expected[off]).pvalue > 1e-3


def test_without_preferences_clicks_are_uniform() -> None:
    mask = blocks(9, 5, 0, 3)
    clicked = times(HumanClicks(count=1, area_power=1, centre_power=0), mask)[0]
    assert chisquare(clicked[:9]).pvalue > 1e-3
    assert chisquare(clicked[9:14]).pvalue > 1e-3
    anywhere = times(HumanClicks(count=1, per="image", area_power=1, centre_power=0), mask)[0]
    assert chisquare(anywhere[:14]).pvalue > 1e-3


@pytest.mark.parametrize(("power", "share"), [(0, 1 / 2), (0.5, 1 / 3), (1, 1 / 5), (2, 1 / 17)])
def test_components_are_clicked_by_a_power_of_their_area(power: float, share: float) -> None:
    clicked = times(HumanClicks(count=1, area_power=power), separated(1, 4))[0]
    assert binomtest(int(clicked[0]), DRAWS, share).pvalue > 1e-3


@pytest.mark.parametrize(("power", "middle"), [(0, 1 / 9), (1, 2 / 10), (3, 8 / 16)])
def test_pixels_are_clicked_by_a_power_of_their_depth(power: float, middle: float) -> None:
    mask = np.pad(np.zeros((3, 3)), 1, constant_values=IGNORE)  # depth 2 in the middle, 1 around it
    clicked = times(HumanClicks(count=1, centre_power=power), mask)
    assert binomtest(int(clicked[2, 2]), DRAWS, middle).pvalue > 1e-3


@given(masks, st.sampled_from([0, 0.1, 0.3, 0.5, 1]))
def test_the_smallest_components_are_never_clicked(mask: Any, omission: float) -> None:
    labels = drawn(HumanClicks(count=200, omission=omission), mask)
    numbers, _ = components(mask, CLASSES)
    areas = np.bincount(numbers.ravel())[1:]
    whole = np.array(
        [(labels[numbers == number] != IGNORE).all() for number in range(1, len(areas) + 1)], bool
    )
    some = np.array(
        [(labels[numbers == number] != IGNORE).any() for number in range(1, len(areas) + 1)], bool
    )
    assert (whole == some).all()  # 200 clicks reach every pixel of what is clicked at all
    assert (~some).sum() == int(round(omission * 10) * len(areas) // 10)
    assert some.all() or not some.any() or areas[~some].max() <= areas[some].min()


@given(masks, st.integers(0, 4), st.integers(0, 9))
def test_clicks_keep_their_margin_wherever_they_land(mask: Any, margin: int, key: int) -> None:
    labels = drawn(HumanClicks(count=200, margin=margin, localisation_sd=3), mask, key)
    inner = np.zeros(mask.shape, bool)
    inner[margin : max(0, mask.shape[0] - margin), margin : max(0, mask.shape[1] - margin)] = True
    assert (labels[~inner] == IGNORE).all()
    assert (labels != IGNORE).any() == (inner & (mask != IGNORE)).any()


def test_clicks_land_a_gaussian_error_away_and_say_what_was_meant() -> None:
    mask = np.zeros((61, 61))
    mask[30, 30] = 1
    landed = np.array(
        [
            np.argwhere(drawn(HumanClicks(count=1, localisation_sd=4), mask, key) == 1)[0]
            for key in range(400)
        ]
    )
    assert len(np.unique(landed, axis=0)) > 100
    jitter = np.random.default_rng(0).uniform(-0.5, 0.5, landed.shape)  # positions are whole pixels
    for axis in (0, 1):
        assert kstest((landed + jitter)[:, axis], "norm", (30, np.sqrt(16 + 1 / 12))).pvalue > 1e-3


def test_a_click_that_can_land_nowhere_else_stays() -> None:
    mask = np.full((41, 41), IGNORE)
    mask[20, 20] = 2
    assert all(drawn(HumanClicks(localisation_sd=9), mask, key)[20, 20] == 2 for key in range(20))


def test_flipped_labels_are_any_other_class_present() -> None:
    mask = blocks(40, 40, 0, 40, 5)  # classes 0, 1 and 3
    said = np.zeros((4, 4), int)
    for key in range(100):
        labels = drawn(HumanClicks(count=10, label_noise=0.4), mask, key)
        labelled = labels != IGNORE
        np.add.at(said, (mask[labelled], labels[labelled]), 1)
    assert said[[0, 1, 3]].sum(axis=1).tolist() == [1000] * 3
    wrong = said - np.diag(np.diag(said))
    assert binomtest(int(wrong.sum()), 3000, 0.4).pvalue > 1e-3
    assert wrong[2].sum() == wrong[:, 2].sum() == 0
    assert chisquare(wrong[[0, 0, 1, 1, 3, 3], [1, 3, 0, 3, 0, 1]]).pvalue > 1e-3


def test_where_one_class_is_present_no_label_can_be_wrong() -> None:
    assert counted(drawn(HumanClicks(count=5, label_noise=1), blocks(0, 30, 4))) == [0, 5, 0, 0]


@given(masks, st.integers(1, 30), st.sampled_from(["class", "image"]))
def test_clicks_are_as_many_as_asked_or_as_there_are_pixels(
    mask: Any, count: int, per: Any
) -> None:
    present = np.array(counted(mask))
    expected = np.minimum(present, count).sum() if per == "class" else min(count, present.sum())
    assert (drawn(HumanClicks(count=count, per=per), mask) != IGNORE).sum() == expected
