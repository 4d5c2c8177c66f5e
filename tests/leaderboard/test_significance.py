"""Paired tests, Holm's correction and ranks, against SciPy and cases counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.leaderboard.significance import against, exact_p, holm, paired_p, ranks

p_values = st.lists(st.floats(0, 1), max_size=8)
differences = st.lists(st.integers(-50, 50).map(lambda value: value / 100), min_size=2, max_size=8)
tables = st.dictionaries(
    st.sampled_from("abcdef"),
    st.lists(st.integers(0, 900), min_size=5, max_size=5).map(lambda v: dict(enumerate(v))),
    min_size=1,
)


@given(differences)
def test_the_t_test_is_that_of_scipy(values: list[float]) -> None:
    assume(np.std(values) > 1e-6)
    assert paired_p(values) == pytest.approx(scipy.stats.ttest_1samp(values, 0).pvalue)


def test_differences_without_spread() -> None:
    assert paired_p([0.0, 0.0, 0.0]) == 1
    assert paired_p([0.5, 0.5, 0.5]) == 0
    assert paired_p([0.5]) == paired_p([]) == 1


@given(differences)
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
    assert holm([0.02, math.nan, 0.5])[::2] == pytest.approx([0.04, 0.5])
    assert holm([0.9, 0.8]) == [1, 1]


@given(p_values, st.data())
def test_holm_keeps_the_order_raises_p_and_grows_with_it(
    values: list[float], data: st.DataObject
) -> None:
    adjusted = holm(values)
    assert all(p <= own <= 1 for p, own in zip(values, adjusted, strict=True))
    by_size = sorted(zip(values, adjusted, strict=True))
    assert [own for _, own in by_size] == sorted(adjusted)
    if values:
        index = data.draw(st.integers(0, len(values) - 1))
        raised = holm([max(p, 0.5) if place == index else p for place, p in enumerate(values)])
        assert all(after >= before - 1e-12 for before, after in zip(adjusted, raised, strict=True))


def test_a_test_that_could_not_reject_says_so() -> None:
    reference = {seed: 0.9 for seed in range(8)}
    methods = {
        name: {seed: 0.1 * seed for seed in range(n)}
        for name, n in (("five", 5), ("six", 6), ("eight", 8))
    }
    assert not against(reference, {"five": methods["five"]})["five"].testable  # 2 / 2^5 = 0.0625
    assert against(reference, {"six": methods["six"]})["six"].testable  # 0.03125
    both = against(reference, methods)
    # Holm at best: 3 * 2/256, 2 * 2/64 and 0.0625, so of these three only the first can be below
    # 0.05.
    assert [both[name].testable for name in ("five", "six", "eight")] == [False, False, True]
    assert [both[name].n for name in ("five", "six", "eight")] == [5, 6, 8]


def test_ranks_by_hand() -> None:
    noise = np.array([0.0, 0.02, -0.02, 0.01, -0.01])
    scores = {
        "low": 0.5 + noise,
        "best": 0.9 + noise,
        "near": 0.895 - noise,
        "third": 0.7 + noise[::-1],
    }
    assert ranks({name: dict(enumerate(values)) for name, values in scores.items()}) == {
        "best": 1,
        "near": 1,
        "third": 3,
        "low": 4,
    }
    assert ranks({}) == {}


def test_methods_without_seeds_in_common_are_not_told_apart() -> None:
    assert ranks({"a": {0: 0.9, 1: 0.91}, "b": {2: 0.1, 3: 0.11}}) == {"a": 1, "b": 1}


@given(tables, st.integers(0, 100), st.randoms())
def test_ranks_do_not_change_with_a_constant_or_the_order(
    table: dict[str, dict[int, int]], constant: int, random: object
) -> None:
    def ranked(added: int, names: list[str]) -> dict[str, int]:
        return ranks(
            {
                name: {seed: (score + added) / 1000 for seed, score in table[name].items()}
                for name in names
            }
        )

    names = list(table)
    found = ranked(0, names)
    assert ranked(constant, names) == found
    random.shuffle(names)  # type: ignore[attr-defined]
    assert ranked(0, names) == found
    assert min(found.values()) == 1
    means = {name: sum(scores.values()) for name, scores in table.items()}
    assert all(found[a] <= found[b] for a in table for b in table if means[a] > means[b])
