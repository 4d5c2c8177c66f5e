"""Means, intervals and paired differences over seeds.

Every interval is two-sided, with a nominal coverage of 95 %. Intervals here are over seeds: what
another split, initialisation and supervision draw would change.
tests/leaderboard/test_interval_coverage.py simulates what they cover.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# scipy.stats has the same quantile, and takes five times as long to import.
from scipy.special import stdtrit

from harness.core.values import Floats

ScoresBySeed = Mapping[int, float]
"""The scores of one method: of seed 0, of seed 1, and so on, where these finished."""

LEVEL = 0.95
"""Nominal coverage of every interval."""

COMPARED_DECIMALS = 9
"""Decimals to which scores are rounded before they are compared, so that what is equal on paper is
equal on every machine."""


class Interval(NamedTuple):
    """The values from low to high, both included; NaN where nothing can be said."""

    low: float
    high: float


NO_INTERVAL = Interval(math.nan, math.nan)

DASH = "–"
"""Stands for what is not known, wherever results are shown to people."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and deviation of several values."""

    n: int
    """How many values there are."""
    mean: float
    """Their mean; NaN without values."""
    sd: float
    """Their sample standard deviation (ddof 1); NaN below two values."""

    @property
    def interval(self) -> Interval:
        """Student's t interval of the mean; NaN below two values."""
        return t_interval(self)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two paired means."""

    value: float
    """NaN where the denominator is not above zero."""
    interval: Interval
    """Fieller's interval, see `fieller_interval`."""


@dataclass(frozen=True, slots=True)
class AgainstReference:
    """A method against the reference, over the seeds that both finished."""

    difference: Spread
    """The method's score minus the reference's, seed by seed."""
    recovery: Ratio
    """The method's mean over the reference's."""

    @property
    def ratio(self) -> float:
        """The score as a fraction of the reference's."""
        return self.recovery.value


def spread(values: Sequence[float]) -> Spread:
    """Return mean and deviation of values."""
    n = len(values)
    mean = math.nan
    sd = math.nan
    # NumPy gives NaN as well, but warns of an empty mean and of too few degrees of freedom.
    if n > 0:
        mean = float(np.mean(values))
    if n > 1:
        sd = float(np.std(values, ddof=1))
    return Spread(n, mean, sd)


NO_SCORES = spread([])
"""Of a method that has no score of a kind."""


def t_quantile(n: int) -> float:
    """Return how many standard errors Student's t interval of n values reaches to either side."""
    # Two-sided: the probability that is left over is shared by both ends.
    probability = (1 + LEVEL) / 2
    degrees_of_freedom = n - 1
    return float(stdtrit(degrees_of_freedom, probability))


def t_interval(values: Spread, new_values: int | None = None) -> Interval:
    """Return Student's t interval of the mean of values, or of new values of the same kind.

    Args:
        values: n values, of which mean and deviation are known.
        new_values: where given, the interval is that in which the mean of so many new values is
            expected.

    Returns:
        mean ± t sd / √n, or mean ± t sd √(1/n + 1/m) for the mean of m new values, whose own noise
        makes it wider; NaN below two values.
    """
    n = values.n
    m = new_values
    if n < 2:
        return NO_INTERVAL
    t = t_quantile(n)
    half = t * values.sd / math.sqrt(n)
    if m is not None:
        variance_of_both = 1 / n + 1 / m
        half = t * values.sd * math.sqrt(variance_of_both)
    low = values.mean - half
    high = values.mean + half
    return Interval(low, high)


def median(values: Sequence[float]) -> float:
    """Return the middle value; NaN where there is none."""
    if not values:
        return math.nan
    return float(np.median(values))


def interquartile_mean(values: Sequence[float]) -> float:
    """Return the mean without the lowest and the highest quarter of the values.

    Of n values, n // 4 are left out at either end, as in rliable (Agarwal et al. 2021): below four
    values it is the mean of all.
    """
    n = len(values)
    cut = n // 4
    ordered = sorted(values)
    middle = ordered[cut : n - cut]
    return spread(middle).mean


def paired_differences(scores: ScoresBySeed, reference: ScoresBySeed) -> list[float]:
    """Return the differences to the reference over the seeds that both have, by rising seed.

    The same seed is the same split, initialisation and supervision draw on both sides.
    """
    differences = []
    for seed in _shared_seeds(scores, reference):
        difference = scores[seed] - reference[seed]
        # Without rounding, equal scores could differ by 1e-17, and a test would see a direction.
        differences.append(round(difference, COMPARED_DECIMALS))
    return differences


def compare_with_reference(scores: ScoresBySeed, reference: ScoresBySeed) -> AgainstReference:
    """Compare a method with the reference, paired by seed."""
    difference = spread(paired_differences(scores, reference))
    return AgainstReference(difference, ratio(scores, reference))


def ratio(scores: ScoresBySeed, reference: ScoresBySeed) -> Ratio:
    """Divide the mean of scores by the mean of the reference's, over the seeds that both have."""
    seeds = _shared_seeds(scores, reference)
    if not seeds:
        return Ratio(math.nan, NO_INTERVAL)
    x = _as_array(scores, seeds)
    y = _as_array(reference, seeds)
    # A share of nothing, or of less than nothing, says nothing.
    if y.mean() <= 0:
        return Ratio(math.nan, NO_INTERVAL)
    value = x.mean() / y.mean()
    low, high = fieller_interval(x, y)
    interval = Interval(float(low), float(high))
    return Ratio(float(value), interval)


def _as_array(scores: ScoresBySeed, seeds: Sequence[int]) -> Floats:
    return np.array([scores[seed] for seed in seeds], np.float64)


def _shared_seeds(scores: ScoresBySeed, reference: ScoresBySeed) -> list[int]:
    return sorted(scores.keys() & reference.keys())


def fieller_interval(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return Fieller's interval of the ratio of two paired means (Fieller 1954).

    It has all ratios r for which the t interval of the mean of x - r y contains 0, so its coverage
    is that of the t interval. With t the quantile of n - 1 degrees of freedom, and s the sample
    (co)variances, these are the r for which

        a r² - 2 b r + c <= 0,    a = ȳ² - t² s_yy / n
                                  b = x̄ȳ - t² s_xy / n
                                  c = x̄² - t² s_xx / n

    Args:
        x: the numerators [..., n].
        y: the denominators [..., n].

    Returns:
        The low and the high ends [...]. NaN below two values, and where the interval has no end
        because the mean of y is not above zero beyond its own noise.
    """
    n = x.shape[-1]
    if n < 2:
        unknown = np.full(x.shape[:-1], np.nan)
        return unknown, unknown.copy()
    x_mean = x.mean(-1)
    y_mean = y.mean(-1)
    dx = x - x_mean[..., None]
    dy = y - y_mean[..., None]
    sum_xx = (dx * dx).sum(-1)
    sum_xy = (dx * dy).sum(-1)
    sum_yy = (dy * dy).sum(-1)
    t = t_quantile(n)
    # The sums are not yet divided by n - 1: times this weight they are t² s / n.
    weight = t**2 / n / (n - 1)
    a = y_mean * y_mean - weight * sum_yy
    b = x_mean * y_mean - weight * sum_xy
    c = x_mean * x_mean - weight * sum_xx
    discriminant = b * b - a * c
    # Below zero by rounding alone: where a > 0, the ratio of means itself solves the inequality.
    root = np.sqrt(np.maximum(discriminant, 0))
    # For a <= 0 the inequality holds outside two roots, or everywhere: no interval that has ends.
    is_bounded = (a > 0) & (y_mean > 0)
    a = np.where(is_bounded, a, np.nan)
    low = (b - root) / a
    high = (b + root) / a
    return low, high


def known(values: Iterable[float]) -> list[float]:
    """Return the values that are not NaN."""
    return [float(value) for value in values if not math.isnan(value)]


def mean_of_known(values: Iterable[float]) -> float:
    """Return the mean of the values that are not NaN; NaN where there is none."""
    return spread(known(values)).mean


def mean_of_all(values: Iterable[float | None]) -> float:
    """Return the mean; NaN where one of the values is not known."""
    numbers = []
    for value in values:
        if value is None:
            return math.nan
        numbers.append(float(value))
    return spread(numbers).mean
