"""Random points, by class or over the whole image."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from harness.api import IGNORE, Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.drawing import labelled_at, without_replacement


class PointsPerClass(Supervision):
    """The same number of random pixels for every class that occurs, drawn without replacement
    (S002, S003).

    Where a class has fewer pixels than asked for, all of them are labelled. Knowing where to click
    implies knowing which classes occur.
    """

    name: ClassVar[str] = "points-per-class"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = ("which classes occur in the unit",)

    count: int = Field(10, ge=1, description="Points for each class that occurs in the unit.")
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: `count` pixels of each class present. More points of the same draw contain the
        fewer ones."""
        labels = np.full(sample.mask.shape, IGNORE, np.uint8)
        flat = sample.mask.ravel()
        for index, own in enumerate(generator.spawn(sample.classes)):
            positions = np.flatnonzero(flat == index)
            labels.ravel()[positions[without_replacement(own, len(positions), self.count)]] = index
        return WeakLabel(labels=labels)


class PointsPerImage(Supervision):
    """Random pixels drawn uniformly over the valid area, without replacement: rare classes may get
    none."""

    name: ClassVar[str] = "points-per-image"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    count: int = Field(
        50,
        ge=1,
        description=(
            "Points in the unit, whatever their class; all valid pixels where it has fewer."
        ),
    )
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: `count` valid pixels. More points of the same draw contain the fewer ones."""
        positions = np.flatnonzero(sample.valid)
        return labelled_at(
            sample, positions[without_replacement(generator, len(positions), self.count)]
        )
