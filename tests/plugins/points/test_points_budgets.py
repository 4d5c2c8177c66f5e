"""Budgets divided over classes, shared positions, and S002's shuffled stride."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from point_masks import blocks, counted, drawn
from scipy.stats import chi2_contingency, chisquare

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
    assert counted(drawn(PointsBalanced(count=count), blocks(*sizes, 5))) == expected


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 60))
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
    assert counted(drawn(PointsProportional(count=count), blocks(*sizes, 50))) == expected


@pytest.mark.parametrize(
    ("share", "count", "expected"),
    [(0.29, 100, 29), (0.07, 100, 7), (0.1, 19, 1), (1, 7, 7), (0, 7, 0)],
)
def test_floor_share(share: float, count: int, expected: int) -> None:
    assert floor_share(share, count) == expected


@pytest.mark.parametrize(
    "supervision", [PointsBalanced(count=4), PointsProportional(count=4)], ids=repr
)
def test_pixels_of_a_class_are_drawn_equally_often(supervision: Supervision) -> None:
    times = sum(
        (drawn(supervision, blocks(8, 8, 0), key)[0, :8] != IGNORE).astype(int)
        for key in range(800)
    )
    assert times.sum() == 2 * 800
    # Two of eight without replacement: counts vary less than multinomial ones.
    # chi-square of 7 degrees, p = 0.001
    assert chisquare(times).statistic / (1 - 2 / 8) * 7 / 8 < 24


def test_shared_points_are_the_same_for_every_unit_run_and_mask() -> None:
    supervision = PointsShared(fraction=0.1)
    units = [
        drawn(supervision, np.full((20, 30), index % 3), key) for index, key in enumerate("abcdef")
    ]
    for unit in units[1:]:
        assert_array_equal(unit != IGNORE, units[0] != IGNORE)
    assert (units[0] != IGNORE).sum() == 60
    another = supervision.annotate(
        Sample("x", np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.uint8), 4),
        stream(1, "supervision"),
    )
    assert_array_equal(another.labels, units[0])


def test_shared_points_depend_on_their_seed_and_count_ignored_pixels() -> None:
    mask = np.zeros((20, 20))
    first, other = (
        drawn(PointsShared(fraction=0.25, seed=seed), mask) != IGNORE for seed in (42, 43)
    )
    assert (first != other).any()
    holes = np.where(np.arange(20) < 10, IGNORE, mask)
    # 100 points are drawn all the same
    assert_array_equal(drawn(PointsShared(fraction=0.25), holes) != IGNORE, first & (holes == 0))


def test_the_shared_positions_have_the_law_of_a_uniform_draw() -> None:
    times = sum(
        (drawn(PointsShared(fraction=0.2, seed=seed), np.zeros((2, 5))) == 0).astype(int).ravel()
        for seed in range(2000)
    )
    assert times.sum() == 2 * 2000
    # chi-square of 9 degrees, p = 0.001
    assert chisquare(times).statistic / (1 - 2 / 10) * 9 / 10 < 27.9


@pytest.mark.parametrize(("population", "count"), [(6, 2), (6, 3), (5, 4)])
def test_s002s_stratified_has_the_law_of_points_per_class(population: int, count: int) -> None:
    draws, sets = 1500, []
    for supervision in (PointsShuffledStride(count=count), PointsPerClass(count=count)):
        mask = blocks(population, 3, 4, 0)
        chosen = [
            tuple(np.flatnonzero(drawn(supervision, mask, key)[0] == 0).tolist())
            for key in range(draws)
        ]
        assert {len(each) for each in chosen} == {count}
        sets.append(Counter(chosen))
    possible = sorted({*sets[0], *sets[1]})
    table = [[times[each] for each in possible] for times in sets]
    assert chisquare(table[0]).pvalue > 1e-3  # every set of pixels equally often
    assert chi2_contingency(table).pvalue > 1e-3  # and as often as with points-per-class


@given(st.lists(st.integers(0, 40), min_size=4, max_size=4), st.integers(1, 30), st.integers(0, 9))
def test_a_shuffled_stride_gives_as_many_as_asked_or_as_there_are(
    sizes: list[int], count: int, key: int
) -> None:
    assert counted(drawn(PointsShuffledStride(count=count), blocks(*sizes, 1), key)) == [
        min(count, size) for size in sizes
    ]
