"""How far given proportions are from exact ones: one axis for every kind of error.

Both are [N, K], a row for each patch, at least 0 and summing to 1. A row of zeros is a patch
without valid pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.floating[Any]]


def total_variation(exact: Shares, given: Shares) -> NDArray[np.float64]:
    """Half the summed absolute difference of each row, float64 [N]: the share of pixels that would
    have to change class."""
    halves: NDArray[np.float64] = np.abs(np.subtract(exact, given, dtype=np.float64)).sum(1) / 2
    return halves


def kl_divergence(exact: Shares, given: Shares, eps: float = 1e-8) -> NDArray[np.float64]:
    """sum exact log(exact / (given + eps)) of each row, float64 [N], in nats. Where `given` lacks a
    class, the value depends on eps."""
    p, q = np.asarray(exact, np.float64), np.asarray(given, np.float64)
    nats: NDArray[np.float64] = (p * np.log(np.where(p > 0, p, 1) / (q + eps))).sum(1)
    return nats


def same_largest(exact: Shares, given: Shares) -> NDArray[np.bool_]:
    """Whether both rows have the same largest class, bool [N]; of equal shares the first class
    counts."""
    same: NDArray[np.bool_] = exact.argmax(1) == given.argmax(1)
    return same
