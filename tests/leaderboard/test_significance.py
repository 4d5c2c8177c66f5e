"""Paired tests, Holm's correction and ranks, against SciPy and cases counted by hand."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.leaderboard.significance import (
    exact_p,
    holm,
    paired_p,
    paired_tests,
    rank_methods,
)

P_VALUES = st.lists(st.floats(0, 1), max_size=8)
HUNDREDTHS = st.integers(-50, 50).map(lambda value: value / 100)
DIFFERENCES = st.lists(HUNDREDTHS, min_size=2, max_size=8)

# Scores in thousandths, so that adding a constant does not round any two of them together.
FIVE_SEEDS = st.lists(st.integers(0, 900), min_size=5, max_size=5)
TABLES = st.dictionaries(st.sampled_from("abcdef"), FIVE_SEEDS, min_size=1)


@given(DIFFERENCES)
def test_the_t_test_is_that_of_scipy(values: list[float]) -> None:
    assume(np.std(values) > 1e-6)
    assert paired_p(values) == pytest.approx(scipy.stats.ttest_1samp(values, 0).pvalue)


def test_differences_without_spread() -> None:
    assert paired_p([0.0, 0.0, 0.0]) == 1
    assert paired_p([0.5, 0.5, 0.5]) == 0


def test_too_few_differences() -> None:
    assert paired_p([0.5]) == 1
    assert paired_p([]) == 1


@given(DIFFERENCES)
def test_the_exact_test_is_that_of_scipy(values: list[float]) -> None:
    oracle = scipy.stats.permutation_test(
        (values,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert exact_p(values) == pytest.approx(oracle.pvalue)


@pytest.mark.parametrize(("n", "p"), [(3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_the_smallest_exact_p_by_hand(n: int, p: float) -> None:
    assert exact_p([0.1 * (1 + index) for index in range(n)]) == p


def test_too_many_differences_for_all_signs() -> None:
    assert math.isnan(exact_p([0.1] * 21))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1]


def test_holm_does_not_count_what_has_no_p() -> None:
    first, unknown, last = holm([0.02, math.nan, 0.5])
    assert (first, last) == pytest.approx((0.04, 0.5))
    assert math.isnan(unknown)


@given(P_VALUES)
def test_holm_raises_p_and_keeps_the_order(values: list[float]) -> None:
    adjusted = holm(values)
    before = 0.0
    for p, corrected in sorted(zip(values, adjusted, strict=True)):
        assert p <= corrected <= 1
        assert before <= corrected
        before = corrected


@given(P_VALUES.filter(len), st.data())
def test_a_larger_p_makes_no_corrected_one_smaller(
    values: list[float], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(values) - 1))
    raised = values.copy()
    raised[index] = max(raised[index], 0.5)
    for before, after in zip(holm(values), holm(raised), strict=True):
        assert after >= before - 1e-12


REFERENCE = dict.fromkeys(range(8), 0.9)


def rising(seeds: int) -> dict[int, float]:
    return {seed: 0.1 * seed for seed in range(seeds)}


def test_a_test_that_could_not_reject_says_so() -> None:
    # With five pairs p is 2 / 2^5 = 0.0625 at best, with six it is 0.03125.
    assert not paired_tests(REFERENCE, {"five": rising(5)})["five"].testable
    assert paired_tests(REFERENCE, {"six": rising(6)})["six"].testable


def test_more_methods_in_a_table_need_more_seeds() -> None:
    tests = paired_tests(REFERENCE, {"five": rising(5), "six": rising(6), "eight": rising(8)})
    # Holm at best: 3 * 2 / 256, 2 * 2 / 64 and 0.0625, so only the first can be below 0.05.
    testable = {test.n: test.testable for test in tests.values()}
    assert testable == {5: False, 6: False, 8: True}


def test_ranks_by_hand() -> None:
    noise = np.array([0.0, 0.02, -0.02, 0.01, -0.01])
    scores = {
        "low": 0.5 + noise,
        "best": 0.9 + noise,
        "near": 0.895 - noise,
        "third": 0.7 + noise[::-1],
    }
    by_seed = {}
    for method, values in scores.items():
        by_seed[method] = dict(enumerate(values))
    assert rank_methods(by_seed) == {"best": 1, "near": 1, "third": 3, "low": 4}


def test_no_methods_have_no_ranks() -> None:
    assert rank_methods({}) == {}


def test_methods_without_seeds_in_common_are_not_told_apart() -> None:
    scores = {"a": {0: 0.9, 1: 0.91}, "b": {2: 0.1, 3: 0.11}}
    assert rank_methods(scores) == {"a": 1, "b": 1}


def ranks_of(table: dict[str, list[int]], methods: list[str], added: int = 0) -> dict[str, int]:
    """The ranks of methods in this order, with a constant added to their thousandths."""
    scores: dict[str, dict[int, float]] = {}
    for method in methods:
        scores[method] = {}
        for seed, score in enumerate(table[method]):
            scores[method][seed] = (score + added) / 1000
    return rank_methods(scores)


@given(TABLES, st.integers(0, 100), st.randoms())
def test_ranks_do_not_change_with_a_constant_or_the_order(
    table: dict[str, list[int]], constant: int, generator: random.Random
) -> None:
    methods = list(table)
    ranks = ranks_of(table, methods)
    assert ranks_of(table, methods, constant) == ranks
    generator.shuffle(methods)
    assert ranks_of(table, methods) == ranks


@given(TABLES)
def test_ranks_follow_the_means_from_one(table: dict[str, list[int]]) -> None:
    ranks = ranks_of(table, list(table))

    def place(method: str) -> tuple[int, str]:
        return -sum(table[method]), method

    in_order = [ranks[method] for method in sorted(table, key=place)]
    assert in_order[0] == 1
    assert in_order == sorted(in_order)
