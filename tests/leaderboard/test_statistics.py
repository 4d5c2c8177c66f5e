"""Spreads over seeds and comparisons paired by seed."""

from __future__ import annotations

import math
import statistics

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.statistics import (
    Interval,
    Spread,
    compare_with_reference,
    interquartile_mean,
    median,
    ratio,
    spread,
    t_interval,
)

SCORE = st.floats(0.01, 1)
SCORES_BY_SEED = st.dictionaries(st.integers(0, 9), SCORE, max_size=8)


def is_unknown(interval: Interval) -> bool:
    return math.isnan(interval.low) and math.isnan(interval.high)


def test_spread_by_hand() -> None:
    measured = spread([0.5, 0.7, 0.9])
    assert measured.n == 3
    assert measured.mean == pytest.approx(0.7)
    assert measured.sd == pytest.approx(0.2)
    assert spread([1.0, 1.0]) == Spread(2, 1.0, 0.0)


def test_one_value_has_a_mean_and_no_deviation() -> None:
    single = spread([0.25])
    assert (single.n, single.mean) == (1, 0.25)
    assert math.isnan(single.sd)


def test_no_value_has_neither() -> None:
    empty = spread([])
    assert empty.n == 0
    assert math.isnan(empty.mean)
    assert math.isnan(empty.sd)


@given(st.lists(SCORE, min_size=2, max_size=10))
def test_spread_is_the_sample_mean_and_deviation(values: list[float]) -> None:
    measured = spread(values)
    assert measured.mean == pytest.approx(statistics.mean(values))
    assert measured.sd == pytest.approx(statistics.stdev(values), abs=1e-9)


def test_compare_by_hand_over_the_seeds_of_both() -> None:
    comparison = compare_with_reference({0: 0.5, 1: 0.6, 7: 0.9}, {1: 0.8, 0: 0.6, 2: 0.1})
    difference = comparison.difference
    assert difference.n == 2
    assert difference.mean == pytest.approx(-0.15)
    assert difference.sd == pytest.approx(statistics.stdev([-0.1, -0.2]))
    assert comparison.ratio == pytest.approx(1.1 / 1.4)


@given(SCORES_BY_SEED)
def test_a_method_against_itself_differs_by_nothing(values: dict[int, float]) -> None:
    comparison = compare_with_reference(values, values)
    assert comparison.difference.n == len(values)
    if values:
        assert comparison.difference.mean == 0
        assert comparison.ratio == 1


@given(SCORES_BY_SEED, SCORES_BY_SEED)
def test_exchanging_the_two_turns_the_difference_and_the_ratio_over(
    values: dict[int, float], reference: dict[int, float]
) -> None:
    forth = compare_with_reference(values, reference)
    back = compare_with_reference(reference, values)
    shared = values.keys() & reference.keys()
    assert forth.difference.n == back.difference.n == len(shared)
    if shared:
        assert forth.difference.mean == pytest.approx(-back.difference.mean)
        assert forth.ratio == pytest.approx(1 / back.ratio)


@pytest.mark.parametrize(
    ("values", "reference"), [({}, {}), ({0: 0.5}, {1: 0.5}), ({0: 0.5}, {0: 0.0})]
)
def test_without_a_common_seed_or_a_reference_above_zero_there_is_no_ratio(
    values: dict[int, float], reference: dict[int, float]
) -> None:
    assert math.isnan(compare_with_reference(values, reference).ratio)


@given(st.lists(SCORE, min_size=2, max_size=10))
def test_the_t_interval_is_that_of_scipy_and_contains_the_mean(values: list[float]) -> None:
    measured = spread(values)
    low, high = measured.interval
    assert low <= measured.mean <= high
    if measured.sd > 1e-9:
        error = measured.sd / measured.n**0.5
        expected = scipy.stats.t.interval(0.95, measured.n - 1, measured.mean, error)
        assert (low, high) == pytest.approx(expected)


def test_the_mean_of_new_values_is_expected_in_a_wider_interval() -> None:
    values = Spread(4, 0.5, 0.1)
    t = scipy.stats.t.ppf(0.975, 3)
    variance = 1 / 4 + 1 / 2
    for_two = t * 0.1 * math.sqrt(variance)
    assert t_interval(values, 2) == pytest.approx((0.5 - for_two, 0.5 + for_two))
    # The mean of very many new values is their true mean.
    assert t_interval(values, 10**12) == pytest.approx(t_interval(values))


def test_one_value_has_no_interval() -> None:
    assert is_unknown(spread([0.5]).interval)
    assert is_unknown(ratio({0: 0.5}, {0: 0.9}).interval)


@given(st.lists(st.tuples(SCORE, SCORE), min_size=3, max_size=8))
def test_fiellers_interval_has_the_ratios_that_a_t_interval_cannot_exclude(
    pairs: list[tuple[float, float]],
) -> None:
    numerators, denominators = zip(*pairs, strict=True)
    measured = ratio(dict(enumerate(numerators)), dict(enumerate(denominators)))
    if is_unknown(measured.interval):
        # The denominator may be zero, so the ratio may be anything.
        assert spread(denominators).interval.low <= 1e-6
        return
    low, high = measured.interval
    assert low - 1e-9 <= measured.value <= high + 1e-9
    for end in (low, high):
        residuals = [numerator - end * denominator for numerator, denominator in pairs]
        nearest = min(map(abs, spread(residuals).interval))
        assert nearest <= 1e-6 * max(1, abs(end))


@given(st.lists(SCORE, min_size=1, max_size=20))
def test_the_interquartile_mean_is_the_trimmed_mean_and_the_median_that_of_the_library(
    values: list[float],
) -> None:
    assert interquartile_mean(values) == pytest.approx(scipy.stats.trim_mean(values, 0.25))
    assert median(values) == pytest.approx(statistics.median(values))


def test_no_values_have_no_middle() -> None:
    assert math.isnan(interquartile_mean([]))
    assert math.isnan(median([]))
