"""Scribbles along the middle of regions."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from harness.api import IGNORE, Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.thinning import thinned

STRUCTURE = np.ones((3, 3), np.bool_)
"""Neighbours in erosion, dilation and components: all 8."""


class Scribbles(Supervision):
    """Hand-drawn strokes: a walk along the skeleton of each class, widened, moved a little, clipped
    to the class (WSL4MIS).

    For each class that occurs: the region is eroded by min_erosion ... max_erosion steps if it is
    large, and thinned. Each connected piece of the skeleton of at least min_length pixels, and the
    longest piece in any case, gives one stroke: the shortest way along the skeleton from one of its
    ends to another, both drawn. The stroke is moved and turned if the region is large, widened, and
    clipped to the class.

    Where this is not WSL4MIS's generator: the skeleton is Guo and Hall's, not Lee's; a stroke leads
    from a drawn end to a drawn end instead of turning at random from the first end until it is
    stuck; it turns about its own middle, not the image's, so that it stays where it was in large
    scenes; and it moves before it is widened. A region that erosion removes is taken uneroded, and
    a stroke that moves out of its class stays unmoved, so every class that occurs gets a stroke.
    """

    name: ClassVar[str] = "scribbles"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = (
        "which classes occur in the unit",
        "about where the middle of regions runs",
    )

    min_erosion: int = Field(
        4, ge=0, description="Fewest steps of erosion, each by one pixel in all 8 directions."
    )
    max_erosion: int = Field(10, ge=0, description="Most steps of erosion.")
    erosion_area: int = Field(
        900, ge=0, description="Only a class of more pixels than this in the unit is eroded."
    )
    min_length: int = Field(
        16, ge=1, description="Shorter pieces of a skeleton give no stroke, except the longest one."
    )
    dilation: int = Field(1, ge=0, description="Pixels a stroke is widened by on either side.")
    shift: int = Field(
        6, ge=0, description="A stroke moves by up to this many pixels in each direction."
    )
    rotation: float = Field(
        15.0, ge=0, le=180, description="A stroke turns by up to this many degrees either way."
    )
    move_area: int = Field(
        1000,
        ge=0,
        description="Only strokes of a class of more pixels than this in the unit are moved.",
    )
    whole: tuple[int, ...] = Field(
        (),
        description=(
            "Indices of classes whose whole skeleton is the scribble, neither widened nor moved; in"
            " WSL4MIS the background, 0."
        ),
    )
    unit: Unit = "scene"

    @model_validator(mode="after")
    def _ordered(self) -> Scribbles:
        if self.min_erosion > self.max_erosion:
            raise ValueError(
                f"min_erosion {self.min_erosion} is above max_erosion {self.max_erosion}"
            )
        return self

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the class of each stroke on the pixels of the class that it covers."""
        labels = np.full(sample.mask.shape, IGNORE, np.uint8)
        for index, own in enumerate(generator.spawn(sample.classes)):
            region = sample.mask == index
            if region.any():
                skeleton = thinned(self._eroded(own, region))
                labels[
                    skeleton if index in self.whole else self._strokes(own, region, skeleton)
                ] = index
        return WeakLabel(labels=labels)

    def _eroded(
        self, generator: np.random.Generator, region: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """The region without its margin, or the region itself where that is small or would
        vanish."""
        from scipy import ndimage

        steps = int(generator.integers(self.min_erosion, self.max_erosion + 1))
        if steps == 0 or region.sum() <= self.erosion_area:
            return region
        eroded: NDArray[np.bool_] = ndimage.binary_erosion(region, STRUCTURE, steps)
        return eroded if eroded.any() else region

    def _strokes(
        self, generator: np.random.Generator, region: NDArray[np.bool_], skeleton: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """bool [H, W]: the pixels of the region that its strokes cover."""
        from scipy import ndimage

        numbers, _ = ndimage.label(skeleton, STRUCTURE)
        lengths = np.bincount(numbers.ravel())[1:]
        strokes, movable = np.zeros_like(region), region.sum() > self.move_area
        for number, window in enumerate(ndimage.find_objects(numbers), 1):
            if lengths[number - 1] >= min(self.min_length, lengths.max()):
                corner = [side.start for side in window]
                path = stroke(generator, np.argwhere(numbers[window] == number)) + corner
                rows, columns = (self._moved(generator, path, region) if movable else path).T
                strokes[rows, columns] = True
        if self.dilation:
            strokes = ndimage.binary_dilation(strokes, STRUCTURE, self.dilation)
        return strokes & region

    def _moved(
        self, generator: np.random.Generator, path: NDArray[np.int64], region: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """A path [L, (row, column)] turned about its middle and shifted, inside the image; unmoved
        where none of it stays in the region."""
        angle = np.deg2rad(generator.uniform(-self.rotation, self.rotation))
        shift = generator.integers(-self.shift, self.shift + 1, 2)
        middle = path.mean(axis=0)
        # halves of steps too: a diagonal one may turn into two
        points = np.concatenate([path, (path[1:] + path[:-1]) / 2]) - middle
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        moved = np.rint(points @ turn.T + middle + shift).astype(np.int64)
        moved = moved[((moved >= 0) & (moved < region.shape)).all(axis=1)]
        return moved if region[moved[:, 0], moved[:, 1]].any() else path


def stroke(generator: np.random.Generator, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The shortest way [L, (row, column)] from one end of a connected skeleton [N, (row, column)]
    to another, both drawn.

    An end has at most one of 8 neighbours. A skeleton without ends is entered anywhere; from the
    only end, or there, the way leads to a pixel that is farthest.
    """
    places = [(row, column) for row, column in pixels.tolist()]
    there = set(places)
    nearby = {
        (r, c): [
            (r + i, c + j)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
            if (i or j) and (r + i, c + j) in there
        ]
        for r, c in places
    }
    ends = [place for place in places if len(nearby[place]) <= 1] or places
    start = ends[generator.integers(len(ends))]
    before, waiting, place = {start: start}, deque([start]), start
    while waiting:
        place = waiting.popleft()
        for other in nearby[place]:
            if other not in before:
                before[other] = place
                waiting.append(other)
    goals = [end for end in ends if end != start and len(nearby[end]) == 1] or [place]
    way = [goals[generator.integers(len(goals))]]
    while way[-1] != start:
        way.append(before[way[-1]])
    return np.array(way, np.int64)
