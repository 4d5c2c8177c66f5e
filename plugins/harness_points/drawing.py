"""What point supervisions share: drawing without replacement, and labels from positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.api import IGNORE, Sample, WeakLabel


def without_replacement(
    generator: np.random.Generator, population: int, count: int
) -> NDArray[np.int64]:
    """`count` different indices below `population` (all of them if there are fewer), int64, in the
    order drawn.

    A longer draw from an equal generator starts with the shorter one: every index draws a number,
    and the smallest numbers win.
    """
    numbers = generator.random(population)
    chosen = (
        np.argpartition(numbers, count)[:count] if count < population else np.arange(population)
    )
    return chosen[np.argsort(numbers[chosen])]


def labelled_at(sample: Sample, positions: NDArray[np.int64]) -> WeakLabel:
    """labels uint8 [H, W]: the mask at flat positions, IGNORE elsewhere."""
    labels = np.full(sample.mask.shape, IGNORE, np.uint8)
    labels.ravel()[positions] = sample.mask.ravel()[positions]
    return WeakLabel(labels=labels)
