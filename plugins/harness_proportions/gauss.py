"""Proportions with Gaussian noise, and three ways back to shares that sum to 1."""

from __future__ import annotations

from typing import ClassVar, Literal

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


class GaussianProportions(Supervision):
    """Proportions plus independent Gaussian noise on every class, normalised again (S001, table 3).

    Classes that do not occur get noise too. A larger sigma of the same draw is the same noise,
    scaled.
    """

    name: ClassVar[str] = "proportions-gauss"
    provides: ClassVar[frozenset[Provision]] = PROVIDES
    reveals: ClassVar[tuple[str, ...]] = REVEALS

    sigma: float = Field(
        0.1,
        ge=0,
        le=10,
        description="Standard deviation of the noise, as a share: 0.1 is S001's 10 %.",
    )
    normaliser: Literal["clip", "simplex", "softmax"] = Field(
        "clip",
        description=(
            "clip: negative values become 0, then division by the sum (if none is positive, the"
            " largest value gets everything). simplex: the nearest vector of shares (Duchi et al."
            " 2008). softmax: S001's text; it flattens proportions even without noise."
        ),
    )
    unit: PatchOnly = "patch"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """proportions: normaliser(exact + N(0, sigma^2))."""
        shares = exact_shares(sample)
        return weak_label(self.disturbed(shares, generator) if shares.any() else shares)

    def disturbed(
        self, shares: NDArray[np.float64], generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Noisy shares float64 [K] of exact ones."""
        noisy = shares + self.sigma * generator.standard_normal(len(shares))
        if self.normaliser == "clip":
            return normalised(noisy.clip(min=0), noisy)
        if self.normaliser == "simplex":
            return on_simplex(noisy)
        return normalised(np.exp(noisy - noisy.max()), noisy)


def on_simplex(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector of shares nearest to `values` by Euclidean distance, float64 [K]: max(values - t,
    0) with the t that makes it sum to 1.

    t follows from the largest values that stay positive (Duchi et al. 2008, figure 1).
    """
    falling = np.sort(values)[::-1]
    candidates = (falling.cumsum() - 1) / np.arange(1, len(values) + 1)
    kept = np.flatnonzero(falling > candidates)[-1]
    shares: NDArray[np.float64] = (values - candidates[kept]).clip(min=0)
    return shares
