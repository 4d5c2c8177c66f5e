"""What S002 calls stratified sampling."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from harness.api import Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.budgets import positions_by_class
from harness_points.drawing import labelled_at


class PointsShuffledStride(Supervision):
    """Pixels of a class shuffled, then taken at equal steps of the list: S002's "stratified", which
    is uniform sampling.

    Taken are places floor(i (n - 1) / (count - 1)) of the n shuffled pixels, i = 0 ... count - 1.
    After a shuffle every set of places holds a uniform draw without replacement, so the law is
    exactly that of points-per-class: nothing is stratified in space. Unlike there, more points of
    the same draw do not contain the fewer ones.
    """

    name: ClassVar[str] = "points-shuffled-stride"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = ("which classes occur in the unit",)

    count: int = Field(
        10,
        ge=1,
        description=(
            "Points for each class that occurs in the unit; all its pixels where it has fewer."
        ),
    )
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: `count` pixels of each class present."""
        taken = []
        for own, positions in zip(
            generator.spawn(sample.classes), positions_by_class(sample), strict=True
        ):
            count = min(self.count, len(positions))
            steps = np.arange(count) * (len(positions) - 1) // max(1, count - 1)
            taken.append(own.permutation(positions)[steps])
        return labelled_at(sample, np.concatenate(taken))
