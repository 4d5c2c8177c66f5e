"""Exact class proportions of grid cells."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import Provision, Sample, Supervision, WeakLabel
from harness_proportions.shares import PROVIDES, PatchOnly, exact_shares, weak_label


class GridProportions(Supervision):
    """The exact share of each class in the valid pixels of each cell of a square grid: from
    `proportions` towards whole masks.

    A pixel in row i and column j of H x W pixels is in cell floor(i g / H) g + floor(j g / W), so
    cells differ by at most one row or column. proportions float32 [g g, K] are all zero for a cell
    without a valid pixel, also where a patch has fewer than g rows or columns.
    """

    name: ClassVar[str] = "proportions-grid"
    provides: ClassVar[frozenset[Provision]] = PROVIDES
    reveals: ClassVar[tuple[str, ...]] = ("class proportions of each grid cell",)

    cells: int = Field(
        2,
        ge=1,
        le=15,
        description=(
            "g, the cells along each side of a patch: g x g cells. 1 is the same as `proportions`."
        ),
    )
    unit: PatchOnly = "patch"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """proportions and regions: the mean of the one-hot mask over the valid pixels of each cell.
        A single cell needs no regions."""
        if self.cells == 1:
            return weak_label(exact_shares(sample))
        regions = grid(sample.mask.shape[0], sample.mask.shape[1], self.cells)
        return WeakLabel(
            proportions=sample.shares(regions, self.cells**2).astype(np.float32), regions=regions
        )


def grid(height: int, width: int, cells: int) -> NDArray[np.uint8]:
    """The cell of each pixel, uint8 [H, W], numbered row by row."""
    rows, columns = (np.arange(size) * cells // size for size in (height, width))
    numbers: NDArray[np.uint8] = (rows[:, None] * cells + columns).astype(np.uint8)
    return numbers
