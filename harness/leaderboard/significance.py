"""Tests of paired differences over seeds, Holm's correction over a table, and ranks that say no
more than the tests do.

The t test belongs to the t interval: p is below 0.05 exactly where the interval leaves 0 out. The
exact test assumes nothing about the distribution, and for that needs more seeds: of n differences
it can flip the signs in 2 to the n ways, so no p is below 2 / 2^n.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import stdtr

from harness.leaderboard.statistics import (
    COMPARED_DECIMALS,
    LEVEL,
    ScoresBySeed,
    paired_differences,
    spread,
)

# Rounded, since 1 - 0.95 is a little above 0.05 in floating point, and p = 0.05 would pass.
ALPHA = round(1 - LEVEL, 6)

SEEDS_TO_LIST = 3
"""Seeds that a method needs to be listed on a leaderboard."""

SEEDS_TO_RANK = 5
"""Seeds that a method needs for a rank: with fewer, even a t interval is too wide to order methods
that differ."""

EXACT_UP_TO = 20
"""So many differences at most have all choices of signs tried: there are 2^n of them."""


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A method tested against the reference, over the seeds that both finished."""

    n: int
    """How many pairs there are."""
    p: float
    """Two-sided p of the paired t test."""
    adjusted: float
    """The same after Holm's correction over the table."""
    exact: float
    """Two-sided p of the exact test; NaN above `EXACT_UP_TO` pairs."""
    exact_adjusted: float
    """The same after Holm's correction over the table."""
    testable: bool
    """Whether the exact test could reject at 0.05 after Holm, however large the differences."""


def paired_p(differences: Sequence[float]) -> float:
    """Return the two-sided p of Student's paired t test.

    It is 1 below two differences, and where all are zero.
    """
    n = len(differences)
    measured = spread(differences)
    if n < 2 or measured.mean == 0:
        return 1.0
    # All differences are the same: t is infinite.
    if measured.sd == 0:
        return 0.0
    standard_error = measured.sd / math.sqrt(n)
    t = abs(measured.mean) / standard_error
    return float(2 * stdtr(n - 1, -t))


def exact_p(differences: Sequence[float]) -> float:
    """Return the two-sided p of the sign-flip permutation test.

    That is the share of all 2^n choices of signs whose sum is as far from 0 as the observed one.
    NaN above `EXACT_UP_TO` differences, 1 without any.
    """
    if len(differences) > EXACT_UP_TO:
        return math.nan
    # Each difference doubles the sums: all so far with it, and all with its sign turned.
    sums = np.zeros(1)
    for difference in differences:
        kept = sums + difference
        turned = sums - difference
        sums = np.concatenate([kept, turned])
    observed = abs(sum(differences))
    # The observed choice must count itself, though its sum was added up in another order.
    threshold = observed - 10.0**-COMPARED_DECIMALS
    as_far = abs(sums) >= threshold
    return float(np.mean(as_far))


def smallest_exact_p(n: int) -> float:
    """Return the smallest p that the exact test can give for n differences."""
    # All signs alike, and all of them turned: two choices of 2^n.
    return min(1.0, 2.0 ** (1 - n))


def holm(values: Sequence[float]) -> list[float]:
    """Correct p values by Holm's step-down procedure (Holm 1979), in the order given.

    A NaN stays one, and does not count among the tests.
    """
    places = [index for index, p in enumerate(values) if not math.isnan(p)]
    places.sort(key=lambda index: values[index])
    m = len(places)
    adjusted = [math.nan] * len(values)
    largest = 0.0
    for step, index in enumerate(places):
        # The k-th smallest of m is multiplied by m + 1 - k. A larger p never gets a smaller
        # corrected one, since its hypothesis is tested only after all before it were rejected.
        corrected = values[index] * (m - step)
        largest = max(largest, min(1.0, corrected))
        adjusted[index] = largest
    return adjusted


def paired_tests(
    reference: ScoresBySeed, scores: Mapping[str, ScoresBySeed]
) -> dict[str, PairedTest]:
    """Test each method of a table against the reference.

    Args:
        reference: the scores of the reference.
        scores: those of each method by its name.

    Returns:
        A test for each method, corrected over all methods given.
    """
    counts: list[int] = []
    t_p: list[float] = []
    exact: list[float] = []
    smallest: list[float] = []
    for by_seed in scores.values():
        differences = paired_differences(by_seed, reference)
        counts.append(len(differences))
        t_p.append(paired_p(differences))
        exact.append(exact_p(differences))
        smallest.append(smallest_exact_p(len(differences)))
    t_adjusted = holm(t_p)
    exact_adjusted = holm(exact)
    # Correcting the smallest p values possible tells which tests cannot reject in this table.
    smallest_adjusted = holm(smallest)
    tests = {}
    for index, method in enumerate(scores):
        tests[method] = PairedTest(
            n=counts[index],
            p=t_p[index],
            adjusted=t_adjusted[index],
            exact=exact[index],
            exact_adjusted=exact_adjusted[index],
            testable=smallest_adjusted[index] < ALPHA,
        )
    return tests


def rank_methods(scores: Mapping[str, ScoresBySeed]) -> dict[str, int]:
    """Rank methods by their scores, 1 the best; those that these seeds do not tell apart share one.

    From the best mean down, a method shares the rank of the one above it unless it is worse than
    the first method of that rank: by the paired t test, corrected by Holm over all pairs of the
    table. A new rank is the method's place in the order.
    """
    order = _order_by_mean(scores)
    distinct = _distinct_pairs(order, scores)
    ranks: dict[str, int] = {}
    first_of_rank: str | None = None
    for place, method in enumerate(order, 1):
        # Compared with the first of the rank and not with the neighbour, or a chain of small
        # differences would put methods that clearly differ on one rank.
        if first_of_rank is None or (first_of_rank, method) in distinct:
            first_of_rank = method
            ranks[method] = place
        else:
            ranks[method] = ranks[first_of_rank]
    return ranks


def _order_by_mean(scores: Mapping[str, ScoresBySeed]) -> list[str]:
    """Return the methods from the best mean down; equal ones by name."""
    means = {}
    for method, by_seed in scores.items():
        mean = spread(list(by_seed.values())).mean
        means[method] = round(mean, COMPARED_DECIMALS)
    return sorted(scores, key=lambda method: (-means[method], method))


def _distinct_pairs(
    order: Sequence[str], scores: Mapping[str, ScoresBySeed]
) -> set[tuple[str, str]]:
    """Return the pairs, better method first, of which the second is significantly worse."""
    pairs = list(combinations(order, 2))
    differences = []
    for better, worse in pairs:
        differences.append(paired_differences(scores[better], scores[worse]))
    adjusted = holm([paired_p(values) for values in differences])
    distinct = set()
    for pair, p, values in zip(pairs, adjusted, differences, strict=True):
        # Over the seeds that both finished, the order may be the other way round than by the means.
        if p < ALPHA and sum(values) > 0:
            distinct.add(pair)
    return distinct
