"""Points near class boundaries, or far from them."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.drawing import labelled_at, without_replacement


class PointsBoundary(Supervision):
    """Random pixels of each class that lie near its boundary, or far from it.

    A pixel's distance is the Euclidean one to the nearest pixel of another class: 1 on the boundary
    itself. The edge of the image and ignored pixels are no boundary. Where no pixel of a class
    qualifies, points come from all of it; where fewer than `count` do, they are all labelled and no
    other.
    """

    name: ClassVar[str] = "points-boundary"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = (
        "which classes occur in the unit",
        "near: a class boundary passes within the distance of each point; far: none does",
    )

    where: Literal["near", "far"] = Field(
        "near", description="near: at most the distance from the boundary. far: at least."
    )
    distance: float = Field(
        5.0, ge=1, description="Distance to the nearest pixel of another class, in pixels."
    )
    count: int = Field(10, ge=1, description="Points for each class that occurs in the unit.")
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: `count` pixels of each class present. More points of the same draw contain the
        fewer ones."""
        points = []
        for index, own in enumerate(generator.spawn(sample.classes)):
            positions = np.flatnonzero(sample.mask == index)
            distances = (
                distance_to_others(sample, index)[positions] if len(positions) else np.zeros(0)
            )
            candidates = positions[
                distances <= self.distance if self.where == "near" else distances >= self.distance
            ]
            chosen = candidates if len(candidates) else positions
            points.append(chosen[without_replacement(own, len(chosen), self.count)])
        return labelled_at(sample, np.concatenate(points))


def distance_to_others(sample: Sample, index: int) -> NDArray[np.float64]:
    """float64 [H W]: distance of each pixel to the nearest one of another class; infinite where
    there is none."""
    from scipy import ndimage

    others = sample.valid & (sample.mask != index)
    if not others.any():
        return np.full(sample.mask.size, np.inf)
    distances: NDArray[np.float64] = ndimage.distance_transform_edt(~others)
    return distances.ravel()
