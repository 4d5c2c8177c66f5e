"""Proportions rounded to steps, as a person would estimate them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import Provision, Sample, Supervision, WeakLabel
from harness_proportions.shares import (
    PROVIDES,
    REVEALS,
    PatchOnly,
    exact_shares,
    normalised,
    weak_label,
)


class QuantisedProportions(Supervision):
    """Proportions rounded to multiples of a step and divided by their sum: classes below half a
    step vanish.

    Where every class vanishes, the largest one gets everything.
    """

    name: ClassVar[str] = "proportions-quantised"
    provides: ClassVar[frozenset[Provision]] = PROVIDES
    reveals: ClassVar[tuple[str, ...]] = REVEALS

    step: float = Field(
        0.05, gt=0, le=1, description="What proportions are rounded to a multiple of, as a share."
    )
    unit: PatchOnly = "patch"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """proportions: the rounded ones; nothing is drawn."""
        shares = exact_shares(sample)
        return weak_label(self.disturbed(shares, generator) if shares.any() else shares)

    def disturbed(
        self, shares: NDArray[np.float64], generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Rounded shares float64 [K] of exact ones; half a step is rounded up."""
        # As floats, 0.3 / 0.2 is below 1.5: without the small number, rounding errors would decide
        # about half steps.
        return normalised(np.floor(shares / self.step + 0.5 + 1e-9), shares)
