"""Means, intervals and paired differences over seeds. Every interval is two-sided, with a nominal
coverage of 95 %.

Intervals here are over seeds: what another split, initialisation and supervision draw would change.
tests/test_coverage.py simulates what they cover.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit  # scipy.stats takes five times as long to import

LEVEL = 0.95
"""Nominal coverage of every interval."""


DIGITS = 9
"""Scores are compared after rounding to so many decimals, so that what is equal on paper is equal
on every machine."""


Values = NDArray[np.float64]


class Interval(NamedTuple):
    """From low to high, both included; NaN where nothing can be said."""

    low: float
    high: float


NOWHERE = Interval(float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Spread:
    """n values with their mean and sample standard deviation (ddof 1; NaN below two values)."""

    n: int
    mean: float
    sd: float

    @property
    def interval(self) -> Interval:
        """Student's t interval of the mean; NaN below two values."""
        half = quantile(self.n) * self.sd / math.sqrt(self.n) if self.n > 1 else float("nan")
        return Interval(self.mean - half, self.mean + half)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two paired means, with its interval (see `ratio_interval`); NaN where the
    denominator is not above zero."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """A method against the reference over the seeds that both finished: differences per seed, and
    the ratio of the two means."""

    difference: Spread
    recovery: Ratio

    @property
    def ratio(self) -> float:
        """The score as a fraction of the reference's."""
        return self.recovery.value


def spread(values: Sequence[float]) -> Spread:
    """The spread of values; mean NaN where there are none."""
    if not values:
        return Spread(0, float("nan"), float("nan"))
    return Spread(
        len(values),
        float(np.mean(values)),
        float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"),
    )


def quantile(n: int) -> float:
    """How many standard errors Student's t interval of n values reaches to either side of the
    mean."""
    return float(stdtrit(n - 1, (1 + LEVEL) / 2))


def median(values: Sequence[float]) -> float:
    """The middle value, NaN where there is none."""
    return float(np.median(values)) if values else float("nan")


def interquartile_mean(values: Sequence[float]) -> float:
    """The mean without the lowest and highest n // 4 of n values, as in rliable (Agarwal et al.
    2021): below 4 the mean of all."""
    cut = len(values) // 4
    return spread(sorted(values)[cut : len(values) - cut]).mean


def paired(values: Mapping[int, float], reference: Mapping[int, float]) -> list[float]:
    """Differences of the seeds that both have: the same split, initialisation and supervision draw
    on both sides."""
    return [
        round(values[seed] - reference[seed], DIGITS)
        for seed in sorted(values.keys() & reference.keys())
    ]


def compare(values: Mapping[int, float], reference: Mapping[int, float]) -> Comparison:
    """A method against a reference, paired by seed."""
    return Comparison(spread(paired(values, reference)), ratio(values, reference))


def ratio(values: Mapping[int, float], reference: Mapping[int, float]) -> Ratio:
    """The mean of values over the mean of the reference, over the seeds that both have."""
    seeds = sorted(values.keys() & reference.keys())
    over, under = (
        np.array([scores[seed] for seed in seeds], np.float64) for scores in (values, reference)
    )
    if not seeds or under.mean() <= 0:
        return Ratio(float("nan"), NOWHERE)
    low, high = ratio_interval(over, under)
    return Ratio(float(over.mean() / under.mean()), Interval(float(low), float(high)))


def ratio_interval(over: Values, under: Values) -> tuple[Values, Values]:
    """Fieller's interval of the ratio of two paired means (Fieller 1954), of values [..., n] each.

    It has all ratios r for which the t interval of the mean of over - r under contains 0, so its
    coverage is that of the t interval. NaN below two values, and where it has no end because the
    mean of `under` is not above zero beyond its own noise.
    """
    n = over.shape[-1]
    if n < 2:
        return np.full(over.shape[:-1], np.nan), np.full(over.shape[:-1], np.nan)
    x, y = over.mean(-1), under.mean(-1)
    dx, dy = over - x[..., None], under - y[..., None]
    weight = quantile(n) ** 2 / n / (n - 1)
    a, b, c = (
        p - weight * (d * e).sum(-1)
        for p, d, e in ((y * y, dy, dy), (x * y, dx, dy), (x * x, dx, dx))
    )
    root = np.sqrt(np.maximum(b * b - a * c, 0))
    bounded = np.where((a > 0) & (y > 0), a, np.nan)
    return (b - root) / bounded, (b + root) / bounded


def known(values: Iterable[float]) -> list[float]:
    """Return the values that are not NaN."""
    return [float(value) for value in values if not math.isnan(value)]


def mean_of_known(values: Iterable[float]) -> float:
    """Return the mean of the values that are not NaN; NaN where there is none."""
    return spread(known(values)).mean


def mean_of_all(values: Iterable[float | None]) -> float:
    """Return the mean; NaN where one of the values is not known."""
    return spread([math.nan if value is None else float(value) for value in values]).mean
