"""Counts what annotation cost, and how far it is from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.components import Supervision
from harness.core.values import IGNORE, Sample, WeakLabel
from harness.metrics import kl_divergence, same_largest, total_variation
from harness.run.patches import PatchSet


def entry(
    supervision: Supervision, samples: Sequence[Sample], weak: Sequence[WeakLabel]
) -> dict[str, Any]:
    """What one supervision gave: labelled pixels by class, vectors, and the error of its
    proportions, if it gives any.

    present_classes: pairs of a unit and a class that has a label in it. pieces: connected sets (8
    neighbours) of labels of one class in a unit, which is what a hand draws: a disk, a stroke, a
    box, an outline. Pieces of a class that touch are one. proportion_vectors: those that were
    annotated, so without shared ones.
    """
    counts = np.zeros(samples[0].classes, np.int64)
    unlabelled = present_classes = pieces = 0
    for label in weak:
        if label.labels is not None:
            counted = np.bincount(label.labels.ravel(), minlength=256)[: len(counts)]
            counts += counted
            unlabelled += not counted.any()
            present = np.flatnonzero(counted)
            present_classes += len(present)
            pieces += sum(_pieces(label.labels == index) for index in present)
    given = [(label.proportions, label.shared) for label in weak if label.proportions is not None]
    counted_up = {
        "supervision": supervision.name,
        "unit": supervision.unit,
        "units": len(samples),
        "labelled_pixels": int(counts.sum()),
        "labelled_pixels_by_class": counts.tolist(),
        "units_without_labels": int(unlabelled),
        "present_classes": present_classes,
        "pieces": pieces,
        "proportion_vectors": sum(
            np.atleast_2d(proportions).shape[0] for proportions, shared in given if not shared
        ),
        "tag_vectors": sum(label.tags is not None for label in weak),
        "reveals": list(supervision.reveals),
    }
    return counted_up | (_errors(samples, weak) if given else {})


def _pieces(region: NDArray[np.bool_]) -> int:
    from scipy import ndimage

    return int(ndimage.label(region, np.ones((3, 3)))[1])


def _errors(samples: Sequence[Sample], weak: Sequence[WeakLabel]) -> dict[str, Any]:
    """How far given proportions are from exact ones, over the samples or regions that have valid
    pixels, to 6 digits; zeros where none has.

    total_variation: its mean, median and maximum, 0 to 1. kl_divergence: its mean, nats.
    same_largest: the share with the right largest class.
    """
    classes = samples[0].classes
    exact, given = [np.zeros((0, classes))], [np.zeros((0, classes))]
    for sample, label in zip(samples, weak, strict=True):
        if label.proportions is not None:
            rows = np.atleast_2d(label.proportions)
            shares = sample.shares(label.regions, len(rows))
            exact.append(shares[shares.any(1)])
            given.append(rows.astype(np.float64)[shares.any(1)])
    truth, told = np.concatenate(exact), np.concatenate(given)
    distances = total_variation(truth, told)
    found = (
        (distances.mean(), np.median(distances), distances.max())
        if distances.size
        else (0.0, 0.0, 0.0)
    )
    others = (
        (kl_divergence(truth, told).mean(), same_largest(truth, told).mean())
        if distances.size
        else (0.0, 0.0)
    )
    return {
        "total_variation": {
            name: round(float(value), 6)
            for name, value in zip(("mean", "median", "max"), found, strict=True)
        }
    } | {
        name: round(float(value), 6)
        for name, value in zip(("kl_divergence", "same_largest"), others, strict=True)
    }


def ledger(
    patches: PatchSet,
    indices: Sequence[int],
    labels: NDArray[np.uint8] | None,
    entries: list[dict[str, Any]],
    validation: int = 0,
    shared: Sequence[int] = (),
) -> dict[str, Any]:
    """What was annotated in the patches at `indices`, of which the last `validation` ones are for
    validation. labels: uint8 [N, S, S].

    shared: those of `indices` where nothing was annotated; scenes that have only such patches are
    not counted.
    """
    valid, labelled = _extent(patches, indices, labels)
    counted: dict[str, Any] = {
        "scenes": len({patches.origins[index].scene for index in {*indices}.difference(shared)}),
        "patches": len(indices),
        "valid_pixels": valid,
        "labelled_pixels": labelled,
        "labelled_share": labelled / valid if valid else 0.0,
    }
    if validation:
        own = _extent(
            patches, indices[-validation:], None if labels is None else labels[-validation:]
        )
        counted["validation"] = {"patches": validation, "labelled_pixels": own[1]}
    return counted | {"supervisions": entries}


def _extent(
    patches: PatchSet, indices: Sequence[int], labels: NDArray[np.uint8] | None
) -> tuple[int, int]:
    """Valid pixels and labelled pixels, each counted once, also where patches overlap or two
    supervisions label the same one."""
    size = patches.masks.shape[1]
    extents: dict[str, tuple[int, int]] = {}
    for index in indices:
        origin = patches.origins[index]
        height, width = extents.get(origin.scene, (0, 0))
        extents[origin.scene] = max(height, origin.row + size), max(width, origin.column + size)
    canvases = {scene: np.zeros((2, *extent), np.bool_) for scene, extent in extents.items()}
    for position, index in enumerate(indices):
        origin = patches.origins[index]
        window = canvases[origin.scene][
            :, origin.row : origin.row + size, origin.column : origin.column + size
        ]
        window[0] |= patches.masks[index] != IGNORE
        if labels is not None:
            window[1] |= labels[position] != IGNORE
    valid, labelled = (
        sum(int(canvas[layer].sum()) for canvas in canvases.values()) for layer in (0, 1)
    )
    return valid, labelled
