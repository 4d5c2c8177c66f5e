"""Budgets divided over classes, shared positions, and S002's shuffled stride."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import assert_plausible
from numpy.testing import assert_array_equal
from scipy.stats import chi2_contingency, chisquare
from small_masks import count_draws, count_labels, draw_labels, row_mask

from harness.core.components import Supervision
from harness.core.randomness import stream
from harness.core.values import IGNORE, Sample
from harness_points.budgets import PointsBalanced, PointsProportional
from harness_points.quotas import even_quotas, floor_share
from harness_points.random_points import PointsPerClass
from harness_points.shared_points import PointsShared
from harness_points.shuffled_stride import PointsShuffledStride


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ((10, 10, 10, 10), 8, [2, 2, 2, 2]),
        ((10, 10, 10, 10), 6, [2, 2, 1, 1]),  # the remainder to the first
        ((10, 0, 10, 10), 8, [3, 0, 3, 2]),  # absent classes get no part
        ((1, 10, 10, 0), 9, [1, 4, 4, 0]),  # what a small class cannot fill goes to the others
        ((1, 3, 10, 10), 13, [1, 3, 5, 4]),
        ((2, 0, 1, 0), 9, [2, 0, 1, 0]),
        ((0, 4, 4, 0), 1, [0, 1, 0, 0]),
    ],
)
def test_a_balanced_budget(sizes: tuple[int, ...], count: int, expected: list[int]) -> None:
    labels = draw_labels(PointsBalanced(count=count), row_mask(*sizes, 5))
    assert count_labels(labels) == expected


@given(available=st.lists(st.integers(0, 9), min_size=1, max_size=6), budget=st.integers(0, 60))
def test_even_quotas_are_those_of_dealing_one_by_one(available: list[int], budget: int) -> None:
    dealt = [0] * len(available)
    while sum(dealt) < min(budget, sum(available)):
        for index, limit in enumerate(available):
            if dealt[index] < limit and sum(dealt) < budget:
                dealt[index] += 1
    assert even_quotas(available, budget).tolist() == dealt


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ((60, 30, 10, 0), 10, [6, 3, 1, 0]),
        ((995, 5, 0, 0), 10, [10, 1, 0, 0]),  # 9.95 and 0.05: at least one
        ((25, 75, 0, 0), 2, [1, 2, 0, 0]),  # 0.5 and 1.5: halves up
        ((62, 38, 0, 0), 4, [2, 2, 0, 0]),  # 2.48 and 1.52
        ((2, 8, 0, 0), 100, [2, 8, 0, 0]),  # no more than there are
    ],
)
def test_a_proportional_budget(sizes: tuple[int, ...], count: int, expected: list[int]) -> None:
    labels = draw_labels(PointsProportional(count=count), row_mask(*sizes, 50))
    assert count_labels(labels) == expected


@pytest.mark.parametrize(
    ("share", "count", "expected"),
    [
        (0.29, 100, 29),
        (0.07, 100, 7),
        (0.1, 19, 1),
        (1, 7, 7),
        (0, 7, 0),
    ],
)
def test_floor_share(share: float, count: int, expected: int) -> None:
    assert floor_share(share, count) == expected


@pytest.mark.parametrize(
    "supervision", [PointsBalanced(count=4), PointsProportional(count=4)], ids=repr
)
def test_pixels_of_a_class_are_drawn_equally_often(supervision: Supervision) -> None:
    draws = 800
    times = count_draws(supervision, row_mask(8, 8, 0), draws)[0, :8]
    assert times.sum() == 2 * draws
    # Two of eight without replacement: counts vary less than multinomial ones.
    statistic = chisquare(times).statistic / (1 - 2 / 8) * 7 / 8
    # chi-square of 7 degrees, p = 0.001
    assert statistic < 24


def test_shared_points_are_the_same_for_every_unit_run_and_mask() -> None:
    supervision = PointsShared(fraction=0.1)
    first = draw_labels(supervision, np.zeros((20, 30)), "first")
    assert (first != IGNORE).sum() == 60
    for key in range(5):
        unit = draw_labels(supervision, np.full((20, 30), key % 3), key)
        assert_array_equal(unit != IGNORE, first != IGNORE)

    image = np.zeros((20, 30, 3), np.uint8)
    sample = Sample("x", image, np.zeros((20, 30), np.uint8), 4)
    # Another seed of the run, and not of the supervision.
    weak_label = supervision.annotate(sample, stream(1, "supervision"))
    assert_array_equal(weak_label.labels, first)


def test_shared_points_depend_on_their_seed_and_count_ignored_pixels() -> None:
    mask = np.zeros((20, 20))
    labelled = draw_labels(PointsShared(fraction=0.25, seed=42), mask) != IGNORE
    labelled_by_another_seed = draw_labels(PointsShared(fraction=0.25, seed=43), mask) != IGNORE
    assert (labelled != labelled_by_another_seed).any()

    left_half_ignored = np.where(np.arange(20) < 10, IGNORE, mask)
    labels = draw_labels(PointsShared(fraction=0.25), left_half_ignored)
    # 100 points are drawn all the same; those on ignored pixels are lost.
    assert_array_equal(labels != IGNORE, labelled & (left_half_ignored == 0))


def test_the_shared_positions_have_the_law_of_a_uniform_draw() -> None:
    draws = 2000
    times = np.zeros(10, int)
    for seed in range(draws):
        labels = draw_labels(PointsShared(fraction=0.2, seed=seed), np.zeros((2, 5)))
        times += (labels == 0).ravel()
    assert times.sum() == 2 * draws
    # Two of ten without replacement: counts vary less than multinomial ones.
    statistic = chisquare(times).statistic / (1 - 2 / 10) * 9 / 10
    # chi-square of 9 degrees, p = 0.001
    assert statistic < 27.9


def count_sets(supervision: Supervision, population: int) -> Counter[tuple[int, ...]]:
    """Count how often each set of pixels of class 0 is what 1500 draws label of it."""
    mask = row_mask(population, 3, 4, 0)
    times: Counter[tuple[int, ...]] = Counter()
    for key in range(1500):
        labels = draw_labels(supervision, mask, key)
        times[tuple(np.flatnonzero(labels[0] == 0).tolist())] += 1
    return times


@pytest.mark.slow
@pytest.mark.parametrize(
    ("population", "count"),
    [
        (6, 2),
        (6, 3),
        (5, 4),
    ],
)
def test_s002s_stratified_has_the_law_of_points_per_class(population: int, count: int) -> None:
    stride = count_sets(PointsShuffledStride(count=count), population)
    points = count_sets(PointsPerClass(count=count), population)
    sets = sorted({*stride, *points})
    assert {len(pixels) for pixels in sets} == {count}

    times_of_stride = [stride[pixels] for pixels in sets]
    times_of_points = [points[pixels] for pixels in sets]
    # Every set of pixels equally often, and as often as with points-per-class.
    assert_plausible(chisquare(times_of_stride))
    assert_plausible(chi2_contingency([times_of_stride, times_of_points]))


@given(
    sizes=st.lists(st.integers(0, 40), min_size=4, max_size=4),
    count=st.integers(1, 30),
    key=st.integers(0, 9),
)
def test_a_shuffled_stride_gives_as_many_as_asked_or_as_there_are(
    sizes: list[int], count: int, key: int
) -> None:
    labels = draw_labels(PointsShuffledStride(count=count), row_mask(*sizes, 1), key)
    assert count_labels(labels) == [min(count, size) for size in sizes]
