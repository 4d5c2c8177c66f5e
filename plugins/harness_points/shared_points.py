"""The same random positions in every unit, as S000's code has them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from harness.api import Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.drawing import labelled_at, without_replacement
from harness_points.quotas import floor_share


class PointsShared(Supervision):
    """The same positions in every unit: floor(fraction x H x W), drawn once from a seed of their
    own (S000's code).

    A quirk of S000's code, not of its text: the random generator is created with seed 42 inside the
    function that draws, so every slice of every image in every epoch is labelled at the same
    positions. They depend on the seed and the number of pixels alone, not on the seed of the run,
    so they are no source of variation between runs. The count is of all pixels, ignored ones
    included; points there label nothing. The law is that of S000's code, uniform without
    replacement; its positions themselves, the order of torch.randperm, are not reproduced.
    """

    name: ClassVar[str] = "points-shared"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    fraction: float = Field(
        0.01,
        gt=0,
        le=1,
        description="Share of all H x W pixels of the unit whose positions are drawn.",
    )
    seed: int = Field(42, ge=0, description="Seed of the positions, whatever the seed of the run.")
    unit: Unit = "patch"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the mask at the shared positions. A larger fraction contains the smaller one."""
        pixels = sample.mask.size
        return labelled_at(
            sample,
            without_replacement(
                np.random.default_rng(self.seed), pixels, floor_share(self.fraction, pixels)
            ),
        )
