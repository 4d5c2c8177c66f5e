"""Points spread over the image whatever its classes: a jittered grid, and blue noise."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from harness.api import Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.drawing import labelled_at, without_replacement


class PointsGrid(Supervision):
    """Spatially stratified points: one in each cell of a grid, at its centre or moved from there at
    random.

    The unit is cut into round(H / spacing) x round(W / spacing) equal cells of whole pixels, at
    least one each way; where the spacing divides the size, cells measure exactly that. A point lies
    at the centre plus uniform(-1, 1) x jitter x half the cell, in both directions. Points on
    ignored pixels are dropped, so a unit with holes gets fewer. With `count`, spacing is sqrt(H W /
    count), and the number of cells is near it.
    """

    name: ClassVar[str] = "points-grid"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    count: int | None = Field(
        50, ge=1, description="Cells in the unit, about. Give this or spacing."
    )
    spacing: float | None = Field(
        None, ge=1, description="Side of a cell in pixels. Give this or count."
    )
    jitter: float = Field(
        1.0,
        ge=0,
        le=1,
        description=(
            "How far a point may lie from the centre of its cell, as a share of the way to its"
            " edge."
        ),
    )
    unit: Unit = "scene"

    @model_validator(mode="before")
    @classmethod
    def _spacing_replaces_count(cls, given: Any) -> Any:
        return (
            {"count": None, **given}
            if isinstance(given, dict) and given.get("spacing") is not None
            else given
        )

    @model_validator(mode="after")
    def _one_of_them(self) -> PointsGrid:
        if (self.count is None) == (self.spacing is None):
            raise ValueError("give count or spacing, and not both")
        return self

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the mask at the point of each cell."""
        height, width = sample.mask.shape
        spacing = self.spacing or math.sqrt(height * width / (self.count or 1))
        (top, bottom), (left, right) = _cells(height, spacing), _cells(width, spacing)
        moves = generator.uniform(-self.jitter, self.jitter, (2, len(top), len(left)))
        rows, columns = (
            _inside(top[:, None], bottom[:, None], moves[0]),
            _inside(left, right, moves[1]),
        )
        return labelled_at(sample, (rows * width + columns).ravel())


class PointsPoissonDisk(Supervision):
    """Blue noise: random points of which no two are closer than a distance, at most so many.

    Dart throwing (Cook 1986): valid pixels in random order, each taken unless it lies closer to a
    taken one than the distance, until there are `count` or no pixel is left to take. Distances are
    Euclidean, between the centres of pixels.
    """

    name: ClassVar[str] = "points-poisson-disk"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    count: int = Field(50, ge=1, description="Points in the unit, at most.")
    distance: float | None = Field(
        None,
        gt=0,
        description=(
            "Least distance of two points in pixels. Default: 0.7 sqrt(valid pixels / count), where"
            " about 1.4 times as many would fit."
        ),
    )
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the mask at the points. With a distance given, more points of the same draw
        contain the fewer ones."""
        positions = np.flatnonzero(sample.valid)
        distance = self.distance or 0.7 * math.sqrt(len(positions) / self.count)
        order = positions[without_replacement(generator, len(positions), len(positions))]
        return labelled_at(sample, _apart(order, sample.mask.shape, distance, self.count))


def _cells(length: int, spacing: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First pixel of each cell along an axis, and the one behind its last."""
    number = min(length, max(1, math.floor(length / spacing + 0.5)))
    edges = np.arange(number + 1) * length // number
    return edges[:-1], edges[1:]


def _inside(
    start: NDArray[np.int64], stop: NDArray[np.int64], moves: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The pixel that lies `moves` (-1 ... 1) times half the cell from its centre."""
    places = (start + stop) / 2 + moves * (stop - start) / 2
    return np.clip(np.floor(places).astype(np.int64), start, stop - 1)


def _apart(
    order: NDArray[np.int64], shape: tuple[int, ...], distance: float, count: int
) -> NDArray[np.int64]:
    """The first `count` positions, in order, of which none is closer than the distance to an
    earlier one."""
    reach = math.ceil(distance)
    around = np.arange(-reach, reach + 1)
    near = around[:, None] ** 2 + around**2 < distance**2
    near[reach, reach] = True
    free, taken = np.ones(shape, np.bool_), list[int]()
    for position in order.tolist():
        if len(taken) == count:
            break
        if not free.flat[position]:
            continue
        row, column = divmod(position, shape[1])
        top, left = max(0, row - reach), max(0, column - reach)
        window = free[top : row + reach + 1, left : column + reach + 1]
        window &= ~near[top - row + reach :, left - column + reach :][
            : window.shape[0], : window.shape[1]
        ]
        taken.append(position)
    return np.array(taken, np.int64)
