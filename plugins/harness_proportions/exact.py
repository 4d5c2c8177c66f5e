"""Exact class proportions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.api import Provision, Sample, Supervision, WeakLabel
from harness_proportions.shares import PROVIDES, REVEALS, PatchOnly, exact_shares, weak_label


class Proportions(Supervision):
    """The exact share of each class in the valid pixels of a patch (S001).

    proportions float32 [K] sum to 1, and are all zero for a patch without a valid pixel.
    """

    name: ClassVar[str] = "proportions"
    provides: ClassVar[frozenset[Provision]] = PROVIDES
    reveals: ClassVar[tuple[str, ...]] = REVEALS

    unit: PatchOnly = "patch"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """proportions: the mean of the one-hot mask over valid pixels."""
        return weak_label(exact_shares(sample))
