"""Unbiased random proportions: a Dirichlet draw around the exact ones, and the shares of a few
looked-up pixels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import Provision, Sample, Supervision, WeakLabel
from harness_proportions.shares import PROVIDES, REVEALS, PatchOnly, exact_shares, weak_label


class DirichletProportions(Supervision):
    """Proportions drawn from a Dirichlet distribution around the exact ones: right on average, and
    absent classes stay absent.

    A share p has the variance p (1 - p) / (concentration + 1).
    """

    name: ClassVar[str] = "proportions-dirichlet"
    provides: ClassVar[frozenset[Provision]] = PROVIDES
    reveals: ClassVar[tuple[str, ...]] = REVEALS

    concentration: float = Field(
        20.0,
        gt=0,
        description="kappa of Dir(kappa x proportions): the larger, the nearer to the exact ones.",
    )
    unit: PatchOnly = "patch"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """proportions: one draw from Dir(kappa x exact)."""
        shares = exact_shares(sample)
        return weak_label(self.disturbed(shares, generator) if shares.any() else shares)

    def disturbed(
        self, shares: NDArray[np.float64], generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Drawn shares float64 [K] of exact ones."""
        drawn, present = np.zeros_like(shares), shares > 0
        drawn[present] = generator.dirichlet(self.concentration * shares[present])
        return drawn


class MultinomialProportions(Supervision):
    """Proportions among a few pixels looked up at random: right on average, and what an annotator
    gets who clicks points.

    Pixels are drawn with replacement, so that the counts are multinomial. More look-ups of the same
    draw contain the fewer ones.
    """

    name: ClassVar[str] = "proportions-multinomial"
    provides: ClassVar[frozenset[Provision]] = PROVIDES
    reveals: ClassVar[tuple[str, ...]] = REVEALS

    lookups: int = Field(25, ge=1, description="Pixels looked up in each patch.")
    unit: PatchOnly = "patch"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """proportions: counts of the classes looked up, over the number of look-ups."""
        shares = exact_shares(sample)
        return weak_label(self.disturbed(shares, generator) if shares.any() else shares)

    def disturbed(
        self, shares: NDArray[np.float64], generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Looked-up shares float64 [K] of exact ones."""
        # rounding in the sum below must not reach a class that is absent
        present = np.flatnonzero(shares)
        edges = shares[present].cumsum()[:-1]
        seen = present[np.searchsorted(edges, generator.random(self.lookups), side="right")]
        return np.bincount(seen, minlength=len(shares)) / self.lookups
