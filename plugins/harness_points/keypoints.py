"""Key points of some classes in some units, to go with proportions."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from harness.api import InputError, Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.budgets import drawn, positions_by_class
from harness_points.shapes import disks


class Keypoints(Supervision):
    """Dilated random points of chosen classes on a share of the units, to complete proportions
    (SPSS+, S001).

    S001 says that the points may be dilated, and neither how many there are, nor their radius, nor
    in how many images or classes; the defaults are this project's. Dilation is plain, so labels may
    run over into other classes; where two disks meet, the nearer point wins.
    """

    name: ClassVar[str] = "keypoints"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = (
        "which of the chosen classes occur in the annotated units",
    )

    classes: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(
        None, min_length=1, description="Indices of the classes that get points. Default: all."
    )
    share: float = Field(
        0.1,
        gt=0,
        le=1,
        description=(
            "Probability of a unit to be annotated, drawn for each one; the others have no label."
        ),
    )
    count: int = Field(
        5, ge=1, description="Points for each chosen class that occurs in an annotated unit."
    )
    radius: int = Field(0, ge=0, description="Radius in pixels that points are dilated by.")
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the disks. A larger share of the same draw contains the units of the smaller one,
        more points the fewer ones."""
        if self.classes and max(self.classes) >= sample.classes:
            raise InputError(
                f"keypoints.classes: there is no class {max(self.classes)}: the last one is"
                f" {sample.classes - 1}"
            )
        chosen = range(sample.classes) if self.classes is None else self.classes
        annotated = generator.random() < self.share
        positions = positions_by_class(sample)
        quotas = np.array(
            [
                min(self.count, len(own)) * (annotated and index in chosen)
                for index, own in enumerate(positions)
            ]
        )
        centres = drawn(generator, positions, quotas)
        regions = np.where(sample.valid, 1, 0)
        return WeakLabel(labels=disks(centres, sample.mask.ravel()[centres], self.radius, regions))
