"""A budget of random points for the whole unit, divided over its classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.drawing import labelled_at, without_replacement
from harness_points.quotas import even_quotas, proportional_quotas


class PointsBalanced(Supervision):
    """A budget of random pixels, split evenly over the classes that occur, without replacement.

    The remainder goes one each to the first classes by index. What a class cannot fill is split
    evenly over the others in the same way, so the budget is spent as long as there are pixels.
    """

    name: ClassVar[str] = "points-balanced"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = ("which classes occur in the unit",)

    count: int = Field(
        50,
        ge=1,
        description="Points in the unit, over all classes; all valid pixels where it has fewer.",
    )
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: `count` valid pixels. More points of the same draw contain the fewer ones."""
        positions = positions_by_class(sample)
        return labelled_at(
            sample,
            drawn(generator, positions, even_quotas([len(own) for own in positions], self.count)),
        )


class PointsProportional(Supervision):
    """Random pixels of each class that occurs in proportion to its area: max(1, round(count x
    share)), halves up.

    The share is that of the valid pixels of the unit. The number of points is not exactly `count`:
    rounding changes it by at most half a point a class, and classes too small for a point get one
    all the same. One reading of what S004 calls stratified.
    """

    name: ClassVar[str] = "points-proportional"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = (
        "which classes occur in the unit",
        "the share of each class, to half a point",
    )

    count: int = Field(
        50, ge=1, description="Points in the unit, about: it is rounded for each class."
    )
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the pixels drawn of each class. More points of the same draw contain the fewer
        ones."""
        positions = positions_by_class(sample)
        return labelled_at(
            sample,
            drawn(
                generator,
                positions,
                proportional_quotas([len(own) for own in positions], self.count),
            ),
        )


def positions_by_class(sample: Sample) -> list[NDArray[np.int64]]:
    """The flat positions of the pixels of each class, K arrays int64."""
    flat = sample.mask.ravel()
    return [np.flatnonzero(flat == index) for index in range(sample.classes)]


def drawn(
    generator: np.random.Generator,
    positions: Sequence[NDArray[np.int64]],
    quotas: NDArray[np.int64],
) -> NDArray[np.int64]:
    """So many positions of each class, by a generator of its own, so that one class's draw does not
    depend on the others."""
    own = zip(generator.spawn(len(positions)), positions, quotas.tolist(), strict=True)
    return np.concatenate(
        [places[without_replacement(child, len(places), quota)] for child, places, quota in own]
    )
