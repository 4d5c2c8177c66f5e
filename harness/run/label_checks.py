"""Check that a weak label never contradicts the mask, and gives what its supervision promises.

Shapes: H x W pixels, K classes, R regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.components import Supervision
from harness.core.values import IGNORE, Pixels, Sample, WeakLabel

SUM_TOLERANCE = 1e-4
"""How far the sum of proportions may be from 1: shares that are rounded to float32 miss it."""


def breach(sample: Sample, label: WeakLabel, supervision: Supervision) -> str | None:
    """Describe how a weak label breaks the contract of its supervision; None where it keeps it."""
    is_dense = "dense" in supervision.provides
    return (
        _breach_of_promise(label, supervision)
        or _breach_of_tags(sample, label.tags)
        or _breach_of_proportions(sample, label.proportions, label.regions)
        or _breach_of_labels(sample, label.labels, is_dense)
    )


def find_unfounded(samples: Sequence[Sample], weak_labels: Sequence[WeakLabel]) -> str | None:
    """Return the key of the first sample that shares proportions which nobody annotated."""
    annotated: set[bytes] = set()
    for label in weak_labels:
        if label.proportions is not None and not label.shared:
            annotated.add(label.proportions.tobytes())
    # Compared byte for byte: shared proportions are a copy, and cost nothing for that reason alone.
    # What was changed after the copy would be an annotation that nobody counted.
    for sample, label in zip(samples, weak_labels, strict=True):
        if not label.shared:
            continue
        if label.proportions is None:
            return sample.key
        if label.proportions.tobytes() not in annotated:
            return sample.key
    return None


def _breach_of_promise(label: WeakLabel, supervision: Supervision) -> str | None:
    # "dense" is not in this list: it is a promise about labels, not a kind of its own.
    for kind in ("labels", "proportions", "tags"):
        is_given = getattr(label, kind) is not None
        is_promised = kind in supervision.provides
        if is_given != is_promised:
            state = "was given" if is_given else "is absent"
            return f"declares {sorted(supervision.provides)}, but {kind} {state}"
    return None


def _breach_of_tags(sample: Sample, tags: NDArray[np.bool_] | None) -> str | None:
    if tags is None or _has_type(tags, (sample.classes,), np.bool_):
        return None
    return f"tags must be bool [{sample.classes}], got {_describe_array(tags)}"


def _breach_of_proportions(
    sample: Sample, proportions: NDArray[np.float32] | None, regions: Pixels | None
) -> str | None:
    if proportions is None:
        if regions is not None:
            return "gave regions, but no proportions"
        return None
    problem = _breach_of_shape(proportions, sample.classes, has_regions=regions is not None)
    if problem:
        return problem
    vectors = np.atleast_2d(proportions)
    if regions is not None:
        problem = _breach_of_regions(sample, regions, len(vectors))
        if problem:
            return problem
    exact_vectors = sample.shares(regions, len(vectors))
    for vector, exact in zip(vectors, exact_vectors, strict=True):
        # Where a unit or region has no valid pixel, there is nothing to divide by.
        may_be_empty = not exact.any()
        if not _is_distribution(vector, may_be_empty):
            return f"proportions must be at least 0 and sum to 1, got {vector.tolist()}"
    return None


def _breach_of_shape(
    proportions: NDArray[np.float32], classes: int, has_regions: bool
) -> str | None:
    """Check the shape and type of proportions: float32 [K], or [R, K] with regions."""
    if has_regions:
        expected = f"[R, {classes}] with R from 1 to {IGNORE}"
        # As many as a map of bytes can tell apart beside IGNORE.
        fits = proportions.ndim == 2 and 1 <= len(proportions) <= IGNORE
    else:
        expected = f"[{classes}]"
        fits = proportions.ndim == 1
    fits = fits and proportions.shape[-1] == classes
    if fits and proportions.dtype == np.float32:
        return None
    return f"proportions must be float32 {expected}, got {_describe_array(proportions)}"


def _breach_of_regions(sample: Sample, regions: Pixels, count: int) -> str | None:
    shape = sample.mask.shape
    if not _has_type(regions, shape, np.uint8):
        return f"regions must be uint8 {list(shape)}, got {_describe_array(regions)}"
    in_a_region = regions != IGNORE
    if (regions[in_a_region] >= count).any():
        return f"gave a region outside 0..{count - 1}"
    return None


def _breach_of_labels(sample: Sample, labels: Pixels | None, is_dense: bool) -> str | None:
    if labels is None:
        return None
    shape = sample.mask.shape
    if not _has_type(labels, shape, np.uint8):
        return f"labels must be uint8 {list(shape)}, got {_describe_array(labels)}"
    labelled = labels != IGNORE
    labelled_yet_ignored = labelled & ~sample.valid
    if labelled_yet_ignored.any():
        return "labelled pixels that are ignored"
    outside = labels[labelled] >= sample.classes
    if outside.any():
        return f"gave a label outside 0..{sample.classes - 1}"
    unlabelled = sample.valid & ~labelled
    if is_dense and unlabelled.any():
        return "declares dense, but left valid pixels unlabelled"
    return None


def _has_type(values: NDArray[Any], shape: tuple[int, ...], dtype: type[np.generic]) -> bool:
    return values.shape == shape and values.dtype == dtype


def _describe_array(values: NDArray[Any]) -> str:
    return f"{values.dtype} {list(values.shape)}"


def _is_distribution(proportions: NDArray[np.float32], may_be_empty: bool) -> bool:
    """Tell whether values are shares that sum to 1, or all zero where that is right."""
    if (proportions < 0).any():
        return False
    total = float(proportions.sum())
    return abs(total - 1) < SUM_TOLERANCE or (may_be_empty and total == 0)
