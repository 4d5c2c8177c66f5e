"""Masks to label, and one draw of a supervision of points."""

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


def drawn(supervision: Supervision, mask: Array, key: object = "") -> Array:
    """The labels of one draw."""
    sample = Sample("sample", np.zeros((*mask.shape, 3), np.uint8), mask.astype(np.uint8), CLASSES)
    labels = supervision.annotate(sample, stream(7, "supervision", str(key))).labels
    assert labels is not None
    assert labels.dtype == np.uint8
    return labels


def blocks(*sizes: int) -> Array:
    """A mask [1, N] with so many pixels of class 0, 1, ...; the last number is of ignored
    pixels."""
    return np.repeat([*range(len(sizes) - 1), IGNORE], sizes)[None]


def counted(labels: Array) -> list[int]:
    return np.bincount(labels.ravel(), minlength=256)[:CLASSES].tolist()


masks = arrays(
    np.uint8,
    array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([*range(CLASSES), IGNORE]),
)
