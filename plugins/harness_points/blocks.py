"""Random rectangles, labelled densely."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from harness.api import Provision, Sample, Supervision, Unit, WeakLabel
from harness_points.drawing import labelled_at, without_replacement
from harness_points.quotas import floor_share


class Blocks(Supervision):
    """Random rectangles, every valid pixel in them labelled, that cover exactly floor(fraction x
    valid pixels).

    Rectangles are added one after another, each around a random pixel that is not covered yet, with
    sides drawn independently; they may overlap, and end at the edge of the unit. The last one is
    filled row by row until the fraction is reached.
    """

    name: ClassVar[str] = "blocks"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    fraction: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Share of the valid pixels that is labelled. Published: 0.1, 0.2, 0.5.",
    )
    min_side: int = Field(16, ge=1, description="Shortest side of a rectangle in pixels.")
    max_side: int = Field(64, ge=1, description="Longest side of a rectangle in pixels.")
    unit: Unit = "scene"

    @model_validator(mode="after")
    def _ordered(self) -> Blocks:
        if self.min_side > self.max_side:
            raise ValueError(f"min_side {self.min_side} is above max_side {self.max_side}")
        return self

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the mask inside the rectangles. A larger fraction of the same draw contains the
        smaller one."""
        places, sides = generator.spawn(2)
        waiting, width = sample.valid, sample.mask.shape[1]
        positions = np.flatnonzero(waiting)
        target, covered = floor_share(self.fraction, len(positions)), [np.zeros(0, np.int64)]
        for position in positions[
            without_replacement(places, len(positions), len(positions))
        ].tolist():
            if target == 0:
                break
            row, column = divmod(position, width)
            if not waiting[row, column]:
                continue
            tall, wide = sides.integers(self.min_side, self.max_side + 1, 2).tolist()
            top, left = max(0, row - tall // 2), max(0, column - wide // 2)
            rows, columns = np.nonzero(
                waiting[top : row - tall // 2 + tall, left : column - wide // 2 + wide]
            )
            new = ((rows + top) * width + columns + left)[:target]
            waiting.ravel()[new] = False
            target -= len(new)
            covered.append(new)
        return labelled_at(sample, np.concatenate(covered))
