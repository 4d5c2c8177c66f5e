"""Spreads over seeds and comparisons paired by seed."""

from __future__ import annotations

import math
import statistics

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.statistics import (
    Spread,
    compare,
    interquartile_mean,
    median,
    ratio,
    spread,
)

scores = st.floats(0.01, 1)
by_seed = st.dictionaries(st.integers(0, 9), scores, max_size=8)


def test_spread_by_hand() -> None:
    assert spread([0.5, 0.7, 0.9]) == Spread(3, pytest.approx(0.7), pytest.approx(0.2))
    assert spread([1.0, 1.0]) == Spread(2, 1.0, 0.0)


def test_one_value_has_a_mean_and_no_deviation() -> None:
    one = spread([0.25])
    assert (one.n, one.mean) == (1, 0.25)
    assert math.isnan(one.sd)


def test_no_value_has_neither() -> None:
    none = spread([])
    assert none.n == 0
    assert math.isnan(none.mean)
    assert math.isnan(none.sd)


@given(st.lists(scores, min_size=2, max_size=10))
def test_spread_is_the_sample_mean_and_deviation(values: list[float]) -> None:
    own = spread(values)
    assert own.mean == pytest.approx(statistics.mean(values))
    assert own.sd == pytest.approx(statistics.stdev(values), abs=1e-9)


def test_compare_by_hand_over_the_seeds_of_both() -> None:
    comparison = compare({0: 0.5, 1: 0.6, 7: 0.9}, {1: 0.8, 0: 0.6, 2: 0.1})
    assert comparison.difference == Spread(
        2, pytest.approx(-0.15), pytest.approx(statistics.stdev([-0.1, -0.2]))
    )
    assert comparison.ratio == pytest.approx(1.1 / 1.4)


@given(by_seed)
def test_a_method_against_itself_differs_by_nothing(values: dict[int, float]) -> None:
    comparison = compare(values, values)
    assert comparison.difference.n == len(values)
    if values:
        assert (comparison.difference.mean, comparison.ratio) == (0, 1)


@given(by_seed, by_seed)
def test_exchanging_the_two_turns_the_difference_and_the_ratio_over(
    values: dict[int, float], reference: dict[int, float]
) -> None:
    one, other = compare(values, reference), compare(reference, values)
    assert one.difference.n == other.difference.n == len(values.keys() & reference.keys())
    if one.difference.n:
        assert one.difference.mean == pytest.approx(-other.difference.mean)
        assert one.ratio == pytest.approx(1 / other.ratio)


@pytest.mark.parametrize(
    ("values", "reference"), [({}, {}), ({0: 0.5}, {1: 0.5}), ({0: 0.5}, {0: 0.0})]
)
def test_without_a_common_seed_or_a_reference_above_zero_there_is_no_ratio(
    values: dict[int, float], reference: dict[int, float]
) -> None:
    assert math.isnan(compare(values, reference).ratio)


@given(st.lists(scores, min_size=2, max_size=10))
def test_the_t_interval_is_that_of_scipy_and_contains_the_mean(values: list[float]) -> None:
    own = spread(values)
    low, high = own.interval
    assert low <= own.mean <= high
    if own.sd > 1e-9:
        expected = scipy.stats.t.interval(0.95, own.n - 1, own.mean, own.sd / own.n**0.5)
        assert (low, high) == pytest.approx(expected)


def test_one_value_has_no_interval() -> None:
    assert all(map(math.isnan, spread([0.5]).interval))
    assert all(map(math.isnan, ratio({0: 0.5}, {0: 0.9}).interval))


@given(st.lists(st.tuples(scores, scores), min_size=3, max_size=8))
def test_fiellers_interval_has_the_ratios_that_a_t_interval_cannot_exclude(
    pairs: list[tuple[float, float]],
) -> None:
    over, under = dict(enumerate(a for a, _ in pairs)), dict(enumerate(b for _, b in pairs))
    found = ratio(over, under)
    low, high = found.interval
    if math.isnan(low):
        low, high = spread(list(under.values())).interval
        assert low <= 1e-6  # the denominator may be zero, so the ratio may be anything
        return
    assert low - 1e-9 <= found.value <= high + 1e-9
    for end in (low, high):
        ends = spread([a - end * b for a, b in pairs]).interval
        assert min(abs(bound) for bound in ends) <= 1e-6 * max(1, abs(end))


@given(st.lists(scores, min_size=1, max_size=20))
def test_the_interquartile_mean_is_the_trimmed_mean_and_the_median_that_of_the_library(
    values: list[float],
) -> None:
    assert interquartile_mean(values) == pytest.approx(scipy.stats.trim_mean(values, 0.25))
    assert median(values) == pytest.approx(statistics.median(values))
    assert math.isnan(interquartile_mean([]))
    assert math.isnan(median([]))
