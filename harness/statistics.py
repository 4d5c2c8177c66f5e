"""Means, spreads and paired differences over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """n values with their mean and sample standard deviation (ddof 1; NaN below two values)."""

    n: int
    mean: float
    sd: float


def spread(values: list[float]) -> Spread:
    """The spread of values; mean NaN where there are none."""
    if not values:
        return Spread(0, float("nan"), float("nan"))
    return Spread(len(values), float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """A method against the reference over the seeds that both finished: differences per seed, and the ratio of the two means."""

    difference: Spread
    ratio: float


def compare(values: Mapping[int, float], reference: Mapping[int, float]) -> Comparison:
    """Paired by seed: the same split, initialisation and supervision draw on both sides."""
    seeds = sorted(values.keys() & reference.keys())
    difference = spread([values[seed] - reference[seed] for seed in seeds])
    below = sum(reference[seed] for seed in seeds)
    return Comparison(difference, sum(values[seed] for seed in seeds) / below if below else float("nan"))
