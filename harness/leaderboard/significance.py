"""Tests of paired differences over seeds, Holm's correction over a table, and ranks that say no
more than the tests do.

The t test belongs to the t interval: p is below 0.05 exactly where the interval leaves 0 out. The
exact test assumes nothing about the distribution, and for that needs more seeds: of n differences
it can flip the signs in 2 to the n ways, so no p is below 2 / 2^n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import stdtr

from harness.leaderboard.statistics import DIGITS, LEVEL, paired_differences, spread

ALPHA = round(1 - LEVEL, 6)


LISTED = 3
"""Seeds that a method needs to be listed on a leaderboard."""


RANKED = 5
"""Seeds that a method needs for a rank: with fewer, even a t interval is too wide to order methods
that differ."""


EXACT_UP_TO = 20
"""Differences up to which all signs are tried."""


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A method against the reference, over n pairs: p of the t test and of the exact test, each
    also after Holm over the table.

    `testable`: whether the exact test could reject at 0.05 after Holm, however large the
    differences. exact: NaN above 20 pairs.
    """

    n: int
    p: float
    adjusted: float
    exact: float
    exact_adjusted: float
    testable: bool


def paired_p(differences: Sequence[float]) -> float:
    """Two-sided p of Student's paired t test; 1 below two differences, and where all are zero."""
    own = spread(differences)
    if own.n < 2 or own.mean == 0:
        return 1.0
    return (
        float(2 * stdtr(own.n - 1, -abs(own.mean) / (own.sd / np.sqrt(own.n))))
        if own.sd > 0
        else 0.0
    )


def exact_p(differences: Sequence[float]) -> float:
    """Two-sided p of the sign-flip permutation test: the share of all 2^n choices of signs whose
    sum is as far from 0 as the observed.

    NaN above 20 differences, 1 without any.
    """
    if len(differences) > EXACT_UP_TO:
        return float("nan")
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    return float(np.mean(abs(sums) >= abs(sum(differences)) - 10.0**-DIGITS))


def holm(values: Sequence[float]) -> list[float]:
    """p values after Holm's step-down correction (Holm 1979), in the order given; a NaN stays one
    and does not count."""
    known = sorted((value, index) for index, value in enumerate(values) if not np.isnan(value))
    adjusted, largest = [float("nan")] * len(values), 0.0
    for step, (value, index) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - step)))
        adjusted[index] = largest
    return adjusted


def against(
    reference: Mapping[int, float], scores: Mapping[str, Mapping[int, float]]
) -> dict[str, PairedTest]:
    """The tests of a table: each method against the reference, both by seed."""
    differences = [paired_differences(own, reference) for own in scores.values()]
    n = [len(own) for own in differences]
    t, exact = [paired_p(own) for own in differences], [exact_p(own) for own in differences]
    least = holm([min(1.0, 2.0 ** (1 - count)) for count in n])
    columns = zip(
        n, t, holm(t), exact, holm(exact), (value < ALPHA for value in least), strict=True
    )
    return {method: PairedTest(*values) for method, values in zip(scores, columns, strict=True)}


def ranks(scores: Mapping[str, Mapping[int, float]]) -> dict[str, int]:
    """Ranks of methods with their scores by seed, 1 the best; methods that these seeds do not tell
    apart share one.

    From the best mean down, a method shares the rank of the one above it unless it is worse than
    the first method of that rank: by the paired t test, corrected by Holm over all pairs of the
    table. A new rank is the method's place in the order.
    """
    means = {
        method: round(spread(list(own.values())).mean, DIGITS) for method, own in scores.items()
    }
    order = sorted(scores, key=lambda method: (-means[method], method))
    pairs = list(combinations(order, 2))
    differences = [paired_differences(scores[better], scores[worse]) for better, worse in pairs]
    worse = {
        pair: p < ALPHA and sum(own) > 0
        for pair, p, own in zip(
            pairs, holm([*map(paired_p, differences)]), differences, strict=True
        )
    }
    found: dict[str, int] = {}
    first = ""
    for place, method in enumerate(order, 1):
        if not first or worse[first, method]:
            first, found[method] = method, place
        else:
            found[method] = found[first]
    return found
