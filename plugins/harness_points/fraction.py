"""Random points as a fraction of the pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

import numpy as np
from pydantic import Field

from harness.api import Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.drawing import labelled_at, without_replacement


class PointsFraction(Supervision):
    """A fraction of the valid pixels, drawn uniformly (S000)."""

    name: ClassVar[str] = "points-fraction"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    fraction: float = Field(
        0.01, gt=0, le=1, description="Share of the valid pixels that is labelled."
    )
    bernoulli: bool = Field(
        False,
        description=(
            "Label each pixel with this probability, independently, as S000's text says. Default:"
            " exactly floor(fraction x pixels), as its code does."
        ),
    )
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the drawn pixels. A larger fraction of the same draw contains the smaller one."""
        positions = np.flatnonzero(sample.valid)
        if self.bernoulli:
            return labelled_at(sample, positions[generator.random(len(positions)) < self.fraction])
        # as floats, 0.29 * 100 is below 29
        count = int(Fraction(str(self.fraction)) * len(positions))
        return labelled_at(sample, positions[without_replacement(generator, len(positions), count)])
