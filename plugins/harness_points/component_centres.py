"""One point, or one disk, in the middle of each connected component."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from harness.api import Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.shapes import components, deepest, depth, disks


class ComponentCentres(Supervision):
    """One point, or one disk, for each connected component of a class, where the component is
    widest.

    The point is the maximum of the distance to the nearest pixel outside the class or the image,
    the first in raster order of equal ones, so it always lies inside the component. A centre of
    mass may not: that of a ring or a bend lies outside, and at least one published generator labels
    it there all the same. A disk is clipped to its component. Nothing is drawn: every seed gives
    the same labels.
    """

    name: ClassVar[str] = "component-centres"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = (
        "which classes occur in the unit",
        "how many connected components each class has",
        "where each component is widest",
    )

    connectivity: Literal[4, 8] = Field(
        8, description="Neighbours that connect: 4 share an edge, 8 an edge or a corner."
    )
    min_area: int = Field(
        1, ge=1, description="Components of fewer pixels get no label. DBFNet: 101."
    )
    radius: int = Field(0, ge=0, description="Radius of the disk in pixels; 0 is the point alone.")
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the class of each component at its centre."""
        numbers, owners = components(sample.mask, sample.classes, self.connectivity)
        centres = deepest(numbers, depth(sample.mask, sample.classes))
        large = np.bincount(numbers.ravel(), minlength=len(owners))[1:] >= self.min_area
        return WeakLabel(labels=disks(centres[large], owners[1:][large], self.radius, numbers))
