"""Random points widened to disks."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from harness.api import IGNORE, Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.budgets import drawn, positions_by_class
from harness_points.shapes import components, disks


class Disks(Supervision):
    """Random points of each class that occurs, each widened to a disk that is clipped to the
    component it lies in.

    A pixel is in the disk where its Euclidean distance is at most the radius. `clip: none` is the
    plain dilation of S001, whose labels run over into other classes and are wrong there; where two
    such disks meet, the nearer point wins.
    """

    name: ClassVar[str] = "disks"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = (
        "which classes occur in the unit",
        "clip: component or class: the class boundary wherever a disk meets it",
    )

    count: int = Field(
        5, ge=1, description="Disks for each class that occurs in the unit; they may overlap."
    )
    radius: int = Field(3, ge=0, description="Radius of a disk in pixels; 0 is the point alone.")
    clip: Literal["component", "class", "none"] = Field(
        "component",
        description=(
            "What a disk is clipped to: the connected component (8 neighbours) of its point, all"
            " pixels of its class, or nothing but the valid pixels."
        ),
    )
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the class of each point on its disk. More disks of the same draw lie on the
        points of the fewer ones."""
        positions = positions_by_class(sample)
        centres = drawn(
            generator, positions, np.array([min(self.count, len(own)) for own in positions])
        )
        if self.clip == "component":
            regions = components(sample.mask, sample.classes)[0]
        else:
            regions = np.where(
                sample.mask == IGNORE, -1, sample.mask if self.clip == "class" else 0
            ).astype(np.int32)
        return WeakLabel(labels=disks(centres, sample.mask.ravel()[centres], self.radius, regions))
