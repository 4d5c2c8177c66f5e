"""The skeleton of a region."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def thinned(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool [H, W]: lines one pixel wide along the middle of a region, with as many components (8
    neighbours) and holes as the region.

    Parallel thinning in two alternating passes after Guo and Hall (1989). Zhang and Suen's
    better-known conditions lose 2 x 2 squares and can take slanted lines two pixels wide away. Only
    pixels beside a deleted one are looked at again, so the time grows with the area.
    """
    width = region.shape[1] + 2
    flat = np.pad(region, 1).ravel()
    # from north, clockwise
    around = np.array([-width, 1 - width, 1, width + 1, width, width - 1, -1, -width - 1])
    inside = np.flatnonzero(flat)
    older = newer = inside[~flat[inside[:, None] + around].all(axis=1)]
    second = False
    while len(older) or len(newer):
        looked_at = np.unique(np.concatenate([older, newer]))
        looked_at = looked_at[flat[looked_at]]
        gone = looked_at[_deletable(flat[looked_at[:, None] + around], second)]
        flat[gone] = False
        older, newer, second = newer, (gone[:, None] + around).ravel(), not second
    return flat.reshape(-1, width)[1:-1, 1:-1]


def _deletable(neighbours: NDArray[np.bool_], second: bool) -> NDArray[np.bool_]:
    """bool [N]: which pixels with neighbours bool [N, 8] (from north, clockwise) one pass
    deletes."""
    n, ne, e, se, s, sw, w, nw = neighbours.T
    crossings = sum(
        (
            (~a & (b | c)).astype(np.int8)
            for a, b, c in [(n, ne, e), (e, se, s), (s, sw, w), (w, nw, n)]
        ),
        np.int8(0),
    )
    pairs = sum(
        ((a | b).astype(np.int8) for a, b in [(nw, n), (ne, e), (se, s), (sw, w)]), np.int8(0)
    )
    other = sum(
        ((a | b).astype(np.int8) for a, b in [(n, ne), (e, se), (s, sw), (w, nw)]), np.int8(0)
    )
    ends = np.minimum(pairs, other)
    kept = (s | sw | ~nw) & w if second else (n | ne | ~se) & e
    return np.asarray((crossings == 1) & (ends >= 2) & (ends <= 3) & ~kept)
