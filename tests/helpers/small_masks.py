"""Small masks to label, and draws of a supervision that labels pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from harness.core.components import Supervision
from harness.core.randomness import stream
from harness.core.values import IGNORE, Sample

Array = NDArray[Any]

CLASSES = 4

masks = arrays(
    np.uint8,
    array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([*range(CLASSES), IGNORE]),
)
"""Small masks of any shape, whose pixels have nothing to do with each other."""


def row_mask(*sizes: int) -> Array:
    """Return a mask [1, N] with so many pixels of class 0, 1, ...; the last are ignored ones."""
    values = [*range(len(sizes) - 1), IGNORE]
    return np.repeat(values, sizes)[None]


def draw_labels(supervision: Supervision, mask: Array, key: object = "") -> Array:
    """Return the labels [H, W] of one draw, each key a draw of its own."""
    image = np.zeros((*mask.shape, 3), np.uint8)
    sample = Sample("sample", image, mask.astype(np.uint8), CLASSES)
    labels = supervision.annotate(sample, stream(7, "supervision", str(key))).labels
    assert labels is not None
    assert labels.dtype == np.uint8
    return labels


def count_draws(supervision: Supervision, mask: Array, draws: int) -> Array:
    """Return in how many of the draws each pixel was labelled, int [H, W]."""
    times = np.zeros(mask.shape, int)
    for key in range(draws):
        times += draw_labels(supervision, mask, key) != IGNORE
    return times


def count_labels(labels: Array) -> list[int]:
    """Return the number of pixels of each class."""
    counts: list[int] = np.bincount(labels.ravel(), minlength=256)[:CLASSES].tolist()
    return counts
