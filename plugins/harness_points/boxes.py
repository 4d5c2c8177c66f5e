"""Bounding boxes of connected components."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import IGNORE, Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.shapes import components


class Boxes(Supervision):
    """The bounding box of each connected component, filled with the component's class.

    Labels are noisy by construction: a box says its class on every valid pixel that no smaller box
    claims, whatever the mask says there. Of boxes of equal size the first component, by class and
    then raster order, wins. Pixels in no box have no label.
    """

    name: ClassVar[str] = "boxes"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = (
        "which classes occur in the unit",
        "how many components each class has, and their extent",
    )

    margin: int = Field(
        0, ge=0, description="Pixels that a box is larger than its component, on every side."
    )
    jitter: int = Field(
        0,
        ge=0,
        description=(
            "Every side moves by a uniform whole number of pixels, up to this many in or out."
        ),
    )
    connectivity: Literal[4, 8] = Field(
        8, description="Neighbours that connect: 4 share an edge, 8 an edge or a corner."
    )
    min_area: int = Field(1, ge=1, description="Components of fewer pixels get no box.")
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the class of the smallest box at each valid pixel of any box."""
        from scipy import ndimage

        numbers, owners = components(sample.mask, sample.classes, self.connectivity)
        found = [
            [rows.start, columns.start, rows.stop, columns.stop]
            for rows, columns in ndimage.find_objects(numbers)
        ]
        moves = [
            own.integers(-self.jitter, self.jitter + 1, (np.count_nonzero(owners[1:] == index), 4))
            for index, own in enumerate(generator.spawn(sample.classes))
        ]
        extents = (
            np.array(found, np.int64).reshape(-1, 4)
            + np.concatenate(moves)
            + self.margin * np.array([-1, -1, 1, 1])
        )
        boxes = _clipped(extents, sample.mask.shape)
        large = np.bincount(numbers.ravel(), minlength=len(owners))[1:] >= self.min_area
        labels = np.full(sample.mask.shape, IGNORE, np.uint8)
        sizes = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        # small ones over large ones, first ones over later ones
        for box in np.argsort(sizes, kind="stable")[::-1]:
            if large[box]:
                top, left, bottom, right = boxes[box]
                labels[top:bottom, left:right] = owners[box + 1]
        return WeakLabel(labels=np.where(sample.valid, labels, np.uint8(IGNORE)))


def _clipped(extents: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Boxes [N, (top, left, bottom, right)] inside the image, at least one pixel in size whatever
    their sides were moved by."""
    limits = np.array(shape)
    first = np.clip(extents[:, :2], 0, limits - 1)
    return np.hstack([first, np.clip(extents[:, 2:], first + 1, limits)])
