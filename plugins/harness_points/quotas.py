"""How many: exact shares of a count, and budgets divided over classes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


def floor_share(share: float, count: int) -> int:
    """floor(share x count) of the decimal number as it is written: as floats, 0.29 * 100 is below
    29."""
    return int(Fraction(str(share)) * count)


def even_quotas(available: Sequence[int], budget: int) -> NDArray[np.int64]:
    """int64 [K]: `budget` divided evenly, none above what is available; all that is available where
    that is less than the budget.

    Every class gets the same, or all that it has; what is left over goes one each to the first
    classes that have more. A larger budget gives no class less.
    """
    limits = np.asarray(available, np.int64)
    quotas = np.zeros_like(limits)
    left = min(budget, int(limits.sum()))
    while left:
        unfilled = np.flatnonzero(quotas < limits)[:left]
        step = min(left // len(unfilled), int((limits - quotas)[unfilled].min()))
        quotas[unfilled] += step
        left -= step * len(unfilled)
    return quotas


def proportional_quotas(available: Sequence[int], budget: int) -> NDArray[np.int64]:
    """int64 [K]: max(1, round(budget x share)) of each class that has pixels, halves up, and not
    more than it has."""
    limits = np.asarray(available, np.int64)
    total = max(1, int(limits.sum()))
    return np.minimum(np.maximum(1, (2 * budget * limits + total) // (2 * total)), limits)
