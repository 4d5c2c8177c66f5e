"""Simulated clicks of a person, with a person's mistakes."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import IGNORE, Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.quotas import floor_share
from harness_points.shapes import components, depth

ATTEMPTS = 16
"""Draws of a localisation error before a click stays where it was aimed."""


class HumanClicks(Supervision):
    """Clicks as a person makes them: into large components, near their middle, some beside the
    mark, some of the wrong class.

    A click is aimed at a component (8 neighbours) with probability ~ area^area_power among those
    that are clicked at all, and at a pixel in it with probability ~ d^centre_power, d the distance
    to the nearest pixel outside the class or the image. No pixel is aimed at twice. It lands a
    Gaussian error away, redrawn while it would leave the image, the margin or the valid pixels. It
    says the class it was aimed at, or another one present in the unit, all equally likely. So
    labels may disagree with the mask, by localisation_sd and by label_noise, but lie on valid
    pixels only. Of clicks that land on one pixel the first counts. With area_power 1, centre_power
    0 and no mistakes the law is that of points-per-class, or of points-per-image.
    """

    name: ClassVar[str] = "human-clicks"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})
    reveals: ClassVar[tuple[str, ...]] = (
        "per: class: which classes occur in the unit, but for omitted ones",
        "area_power and centre_power: clicks lie in large components and deep inside them",
    )

    count: int = Field(
        10, ge=1, description="Clicks for each class that occurs in the unit, or in the unit."
    )
    per: Literal["class", "image"] = Field(
        "class", description="What `count` is for: each class that occurs, or the unit as a whole."
    )
    area_power: float = Field(
        0.5,
        ge=0,
        le=4,
        description="Exponent of a component's area in the probability of clicking into it.",
    )
    centre_power: float = Field(
        1.0,
        ge=0,
        le=8,
        description=(
            "Exponent of the distance to the edge in the probability of a pixel; 0 is uniform."
        ),
    )
    localisation_sd: float = Field(
        0.0,
        ge=0,
        description="Standard deviation of the localisation error in pixels, in each direction.",
    )
    label_noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Probability that a click says another class present in the unit.",
    )
    omission: float = Field(
        0.0,
        ge=0,
        le=1,
        description=(
            "Share of the unit's components, of whatever class, never clicked: the smallest."
        ),
    )
    margin: int = Field(
        0, ge=0, description="Clicks keep this many pixels away from the edges of the unit."
    )
    unit: Unit = "scene"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: what the clicks say where they land. More clicks of the same draw contain the
        fewer ones."""
        reachable = self._reachable(sample)
        weights = self._aims(sample, reachable)
        clickable = weights > 0
        present = np.unique(sample.mask[sample.valid])
        landed, said, ranks = (
            list[NDArray[np.int64]](),
            list[NDArray[np.uint8]](),
            list[NDArray[np.int64]](),
        )
        for index, own in enumerate(generator.spawn(sample.classes if self.per == "class" else 1)):
            places, errors, flips = own.spawn(3)
            positions = np.flatnonzero(
                clickable & (sample.mask.ravel() == index) if self.per == "class" else clickable
            )
            aimed = positions[weighted(places, weights[positions], self.count)]
            landed.append(self._landed(errors, aimed, reachable))
            said.append(self._said(flips, sample.mask.ravel()[aimed], present))
            ranks.append(np.arange(len(aimed)))
        labels = np.full(sample.mask.shape, IGNORE, np.uint8)
        # the last one written stays
        late_to_early = np.argsort(np.concatenate(ranks), kind="stable")[::-1]
        labels.ravel()[np.concatenate(landed)[late_to_early]] = np.concatenate(said)[late_to_early]
        return WeakLabel(labels=labels)

    def _aims(self, sample: Sample, reachable: NDArray[np.bool_]) -> NDArray[np.float64]:
        """float64 [H W]: the weight of each pixel to be aimed at; 0 on omitted components and where
        clicks may not lie."""
        numbers = components(sample.mask, sample.classes)[0].ravel()
        areas = np.bincount(numbers)
        omitted = (
            np.argsort(areas[1:], kind="stable")[: floor_share(self.omission, len(areas) - 1)] + 1
        )
        share = areas**self.area_power
        share[0] = 0
        share[omitted] = 0
        deep = depth(sample.mask, sample.classes).ravel() ** self.centre_power * reachable.ravel()
        total = np.bincount(numbers, deep)
        return np.asarray(share / np.where(total > 0, total, 1))[numbers] * deep

    def _reachable(self, sample: Sample) -> NDArray[np.bool_]:
        """bool [H, W]: valid pixels inside the margin."""
        height, width = sample.mask.shape
        inner = np.zeros((height, width), np.bool_)
        inner[
            self.margin : max(0, height - self.margin), self.margin : max(0, width - self.margin)
        ] = True
        return inner & sample.valid

    def _landed(
        self, generator: np.random.Generator, aimed: NDArray[np.int64], reachable: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Where clicks land: the first of some Gaussian errors that leads to a reachable pixel, or
        none."""
        errors = generator.normal(0, self.localisation_sd, (len(aimed), ATTEMPTS, 2))
        height, width = reachable.shape
        rows = np.rint(aimed[:, None] // width + errors[..., 0]).astype(np.int64)
        columns = np.rint(aimed[:, None] % width + errors[..., 1]).astype(np.int64)
        possible = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        places = np.where(possible, rows * width + columns, aimed[:, None])
        possible &= reachable.ravel()[places]
        first = np.argmax(possible, axis=1)
        return np.where(possible.any(axis=1), places[np.arange(len(aimed)), first], aimed)

    def _said(
        self, generator: np.random.Generator, meant: NDArray[np.uint8], present: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """What clicks say: the class that was meant, or with the probability of label_noise another
        one present."""
        draws = generator.random((len(meant), 2))
        place = np.searchsorted(present, meant)
        step = 1 + np.floor(draws[:, 1] * (len(present) - 1)).astype(np.int64)
        said = np.where(draws[:, 0] < self.label_noise, place + step, place) % max(1, len(present))
        return np.asarray(present[said])


def weighted(
    generator: np.random.Generator, weights: NDArray[np.float64], count: int
) -> NDArray[np.int64]:
    """`count` different indices (all, if there are fewer), drawn one after another with probability
    ~ weight, in the order drawn.

    Every index draws an exponential number of rate `weight`, and the smallest win (Efraimidis and
    Spirakis 2006): a longer draw from an equal generator starts with the shorter one.
    """
    numbers = generator.exponential(size=len(weights)) / weights
    chosen = (
        np.argpartition(numbers, count)[:count] if count < len(numbers) else np.arange(len(numbers))
    )
    return chosen[np.argsort(numbers[chosen])]
