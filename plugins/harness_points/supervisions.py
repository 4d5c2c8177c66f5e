"""Full masks, and random points per class, per image or by fraction."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import IGNORE, Provision, Sample, Supervision, Unit, WeakLabel


class Full(Supervision):
    """The whole mask: the reference that weak supervision is compared with."""

    name: ClassVar[str] = "full"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels", "dense"})

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the mask itself; ignored pixels stay unlabelled."""
        return WeakLabel(labels=np.array(sample.mask))


class PointsPerClass(Supervision):
    """The same number of random pixels for every class that occurs, drawn without replacement (S002, S003).

    Where a class has fewer pixels than asked for, all of them are labelled. Knowing where to click implies knowing which classes occur.
    """

    name: ClassVar[str] = "points-per-class"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = ("which classes occur in the unit",)

    count: int = Field(10, ge=1, description="Points for each class that occurs in the unit.")
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: `count` pixels of each class present. More points of the same draw contain the fewer ones."""
        labels = np.full(sample.mask.shape, IGNORE, np.uint8)
        flat = sample.mask.ravel()
        for index, own in enumerate(generator.spawn(sample.classes)):
            positions = np.flatnonzero(flat == index)
            labels.ravel()[positions[without_replacement(own, len(positions), self.count)]] = index
        return WeakLabel(labels=labels)


class PointsPerImage(Supervision):
    """Random pixels drawn uniformly over the valid area, without replacement: rare classes may get none."""

    name: ClassVar[str] = "points-per-image"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    count: int = Field(50, ge=1, description="Points in the unit, whatever their class; all valid pixels where it has fewer.")
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: `count` valid pixels. More points of the same draw contain the fewer ones."""
        positions = np.flatnonzero(sample.valid)
        return _labelled(sample, positions[without_replacement(generator, len(positions), self.count)])


class PointsFraction(Supervision):
    """A fraction of the valid pixels, drawn uniformly (S000)."""

    name: ClassVar[str] = "points-fraction"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    fraction: float = Field(0.01, gt=0, le=1, description="Share of the valid pixels that is labelled.")
    bernoulli: bool = Field(
        False,
        description="Label each pixel with this probability, independently, as S000's text says. Default: exactly floor(fraction x pixels),"
        " as its code does.",
    )
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the drawn pixels. A larger fraction of the same draw contains the smaller one."""
        positions = np.flatnonzero(sample.valid)
        if self.bernoulli:
            return _labelled(sample, positions[generator.random(len(positions)) < self.fraction])
        count = int(Fraction(str(self.fraction)) * len(positions))  # as floats, 0.29 * 100 is below 29
        return _labelled(sample, positions[without_replacement(generator, len(positions), count)])


def without_replacement(generator: np.random.Generator, population: int, count: int) -> NDArray[np.int64]:
    """`count` different indices below `population` (all of them if there are fewer), int64, in the order drawn.

    A longer draw from an equal generator starts with the shorter one: every index draws a number, and the smallest numbers win.
    """
    numbers = generator.random(population)
    chosen = np.argpartition(numbers, count)[:count] if count < population else np.arange(population)
    return chosen[np.argsort(numbers[chosen])]


def _labelled(sample: Sample, positions: NDArray[np.int64]) -> WeakLabel:
    labels = np.full(sample.mask.shape, IGNORE, np.uint8)
    labels.ravel()[positions] = sample.mask.ravel()[positions]
    return WeakLabel(labels=labels)
