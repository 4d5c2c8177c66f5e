"""What a weak label must keep to: it never contradicts the mask, and gives what it promises."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.core.components import Supervision
from harness.core.values import IGNORE, Sample, WeakLabel


def breach(sample: Sample, label: WeakLabel, supervision: Supervision) -> str | None:
    """How a weak label breaks the contract of its supervision; None where it keeps it."""
    for kind in ("labels", "proportions", "tags"):
        given = getattr(label, kind) is not None
        if given != (kind in supervision.provides):
            return (
                f"declares {sorted(supervision.provides)}, but {kind}"
                f" {'was given' if given else 'is absent'}"
            )
    if label.tags is not None and (
        label.tags.shape != (sample.classes,) or label.tags.dtype != np.bool_
    ):
        return (
            f"tags must be bool [{sample.classes}], got {label.tags.dtype} {list(label.tags.shape)}"
        )
    problem = _breach_of_proportions(sample, label.proportions, label.regions)
    if problem or label.labels is None:
        return problem
    return _breach_of_labels(sample, label.labels, dense="dense" in supervision.provides)


def _breach_of_proportions(
    sample: Sample, proportions: NDArray[np.float32] | None, regions: NDArray[np.uint8] | None
) -> str | None:
    if proportions is None:
        return None if regions is None else "gave regions, but no proportions"
    shape = (
        f"[{sample.classes}]"
        if regions is None
        else f"[R, {sample.classes}] with R from 1 to {IGNORE}"
    )
    counts = proportions.shape[:-1]
    fits = not counts if regions is None else len(counts) == 1 and 1 <= counts[0] <= IGNORE
    if not fits or proportions.shape[-1:] != (sample.classes,) or proportions.dtype != np.float32:
        return (
            f"proportions must be float32 {shape}, got {proportions.dtype}"
            f" {list(proportions.shape)}"
        )
    rows = np.atleast_2d(proportions)
    if regions is not None:
        if regions.shape != sample.mask.shape or regions.dtype != np.uint8:
            return (
                f"regions must be uint8 {list(sample.mask.shape)}, got {regions.dtype}"
                f" {list(regions.shape)}"
            )
        if (regions[regions != IGNORE] >= len(rows)).any():
            return f"gave a region outside 0..{len(rows) - 1}"
    for row, exact in zip(rows, sample.shares(regions, len(rows)), strict=True):
        if not _is_distribution(row, empty=not exact.any()):
            return f"proportions must be at least 0 and sum to 1, got {row.tolist()}"
    return None


def _unfounded(samples: Sequence[Sample], weak: Sequence[WeakLabel]) -> str | None:
    """The first sample that shares proportions which nobody annotated."""
    annotated = {
        label.proportions.tobytes()
        for label in weak
        if label.proportions is not None and not label.shared
    }
    shared = (
        (sample.key, label.proportions)
        for sample, label in zip(samples, weak, strict=True)
        if label.shared
    )
    return next(
        (
            key
            for key, proportions in shared
            if proportions is None or proportions.tobytes() not in annotated
        ),
        None,
    )


def _breach_of_labels(sample: Sample, labels: NDArray[np.uint8], dense: bool) -> str | None:
    if labels.shape != sample.mask.shape or labels.dtype != np.uint8:
        return (
            f"labels must be uint8 {list(sample.mask.shape)}, got {labels.dtype}"
            f" {list(labels.shape)}"
        )
    labelled = labels != IGNORE
    if (labelled & ~sample.valid).any():
        return "labelled pixels that are ignored"
    if (labels[labelled] >= sample.classes).any():
        return f"gave a label outside 0..{sample.classes - 1}"
    if dense and (sample.valid & ~labelled).any():
        return "declares dense, but left valid pixels unlabelled"
    return None


def _is_distribution(proportions: NDArray[np.float32], empty: bool) -> bool:
    """Whether values are shares that sum to 1; all zero is right where there is no valid pixel."""
    total = float(proportions.sum())
    return bool((proportions >= 0).all()) and (abs(total - 1) < 1e-4 or (empty and total == 0))
