"""Count what annotation cost, and measure how far it is from the truth.

Shapes: N patches of S x S pixels, K classes, R regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.components import Supervision
from harness.core.values import IGNORE, Pixels, Sample, WeakLabel
from harness.metrics import kl_divergence, same_largest, total_variation
from harness.records.record import Annotation, Ledger, ValidationLabels, VariationOfProportions
from harness.run.patches import PatchSet, count_classes, patch_window

ERROR_DECIMALS = 6
"""Decimals of the errors in a ledger."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPatches:
    """The patches that were annotated, and their labels."""

    patches: PatchSet
    """All patches of the data set."""
    indices: Sequence[int]
    """The annotated patches: those for training, then those for validation."""
    labels: Pixels | None
    """uint8 [N, S, S], of the patches at `indices`; None where there are no pixel labels."""
    validation: int = 0
    """How many of `indices`, the last ones, are for validation."""
    unannotated: Sequence[int] = ()
    """Those of `indices` that nobody annotated: all they have was taken from another unit."""


def count_supervision(
    supervision: Supervision, samples: Sequence[Sample], weak_labels: Sequence[WeakLabel]
) -> Annotation:
    """Count what one supervision gave.

    Args:
        supervision: what annotated.
        samples: the units that it annotated.
        weak_labels: the weak label of each.

    Returns:
        Its entry in the ledger, with the errors of the proportions where it gives any.
    """
    pixels = _count_pixels(weak_labels, samples[0].classes)
    tag_vectors = 0
    for label in weak_labels:
        if label.tags is not None:
            tag_vectors += 1
    annotation = Annotation(
        supervision=supervision.name,
        unit=supervision.unit,
        units=len(samples),
        labelled_pixels=sum(pixels.by_class),
        labelled_pixels_by_class=pixels.by_class,
        units_without_labels=pixels.units_without_labels,
        present_classes=pixels.present_classes,
        pieces=pixels.pieces,
        proportion_vectors=_count_proportions(weak_labels),
        tag_vectors=tag_vectors,
        reveals=list(supervision.reveals),
    )
    if any(label.proportions is not None for label in weak_labels):
        return _add_errors(annotation, samples, weak_labels)
    return annotation


def count_annotation(labelled: LabelledPatches, annotations: Sequence[Annotation]) -> Ledger:
    """Count what was annotated in a run.

    Args:
        labelled: the patches and their labels.
        annotations: what each supervision gave (`count_supervision`).
    """
    patches = labelled.patches
    indices = labelled.indices
    # A scene is paid for if anything in it was annotated; shared proportions cost nothing.
    paid_for = set(indices) - set(labelled.unannotated)
    scenes = {patches.origins[index].scene for index in paid_for}
    valid_pixels, labelled_pixels = _count_extent(patches, indices, labelled.labels)
    share = 0.0
    if valid_pixels:
        share = labelled_pixels / valid_pixels
    ledger = Ledger(
        scenes=len(scenes),
        patches=len(indices),
        valid_pixels=valid_pixels,
        labelled_pixels=labelled_pixels,
        labelled_share=share,
        supervisions=list(annotations),
    )
    if labelled.validation:
        # Not passed as None where it is absent: a record either has the field or lacks it.
        return ledger.changed(validation=_count_validation(labelled))
    return ledger


def _count_validation(labelled: LabelledPatches) -> ValidationLabels:
    """Count what of the labels is for the validation part."""
    count = labelled.validation
    labels = None
    if labelled.labels is not None:
        labels = labelled.labels[-count:]
    _, labelled_pixels = _count_extent(labelled.patches, labelled.indices[-count:], labels)
    return ValidationLabels(patches=count, labelled_pixels=labelled_pixels)


@dataclass(frozen=True, slots=True)
class _PixelCounts:
    """What the labels of the units of one supervision come to."""

    by_class: list[int]
    """[K]: the labelled pixels of each class."""
    units_without_labels: int
    present_classes: int
    """Pairs of a unit and a class that has a label in it."""
    pieces: int
    """Connected sets of labels of one class in a unit, which is what a hand draws: a disk, a
    stroke, a box, an outline. Pieces of a class that touch are one."""


def _count_pixels(weak_labels: Sequence[WeakLabel], classes: int) -> _PixelCounts:
    """Count labelled pixels by class, units without labels, present classes and pieces."""
    totals = np.zeros(classes, np.int64)
    units_without_labels = 0
    present_classes = 0
    pieces = 0
    for label in weak_labels:
        if label.labels is None:
            continue
        counts = count_classes(label.labels, classes)
        totals += counts
        if not counts.any():
            units_without_labels += 1
        for class_index in np.flatnonzero(counts):
            present_classes += 1
            pieces += _count_pieces(label.labels == class_index)
    return _PixelCounts(
        by_class=totals.tolist(),
        units_without_labels=units_without_labels,
        present_classes=present_classes,
        pieces=pieces,
    )


def _count_pieces(labelled: NDArray[np.bool_]) -> int:
    """Count the connected sets of labelled pixels; a corner connects."""
    # Imported here: SciPy is slow to load, and a run without labels of pixels needs none of it.
    from scipy import ndimage

    neighbours = np.ones((3, 3))
    _, count = ndimage.label(labelled, neighbours)
    return int(count)


def _count_proportions(weak_labels: Sequence[WeakLabel]) -> int:
    """Count the annotated vectors of proportions: one for each region, or one for the unit."""
    vectors = 0
    for label in weak_labels:
        if label.proportions is not None and not label.shared:
            vectors += len(np.atleast_2d(label.proportions))
    return vectors


def _add_errors(
    annotation: Annotation, samples: Sequence[Sample], weak_labels: Sequence[WeakLabel]
) -> Annotation:
    """Add how far given proportions are from exact ones; zeros where no unit has valid pixels."""
    exact, given = _pair_proportions(samples, weak_labels)
    if not len(exact):
        return annotation.changed(
            total_variation=VariationOfProportions(mean=0.0, median=0.0, max=0.0),
            kl_divergence=0.0,
            same_largest=0.0,
        )
    distances = total_variation(exact, given)
    divergences = kl_divergence(exact, given)
    agreements = same_largest(exact, given)
    variation = VariationOfProportions(
        mean=_rounded(distances.mean()),
        median=_rounded(np.median(distances)),
        max=_rounded(distances.max()),
    )
    return annotation.changed(
        total_variation=variation,
        kl_divergence=_rounded(divergences.mean()),
        same_largest=_rounded(agreements.mean()),
    )


def _pair_proportions(
    samples: Sequence[Sample], weak_labels: Sequence[WeakLabel]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exact and the given proportions of all units, or regions, that have valid pixels.

    Both are float64 [vectors, K].
    """
    nothing = np.zeros((0, samples[0].classes))
    exact = [nothing]
    given = [nothing]
    for sample, label in zip(samples, weak_labels, strict=True):
        if label.proportions is None:
            continue
        vectors = np.atleast_2d(label.proportions).astype(np.float64)
        shares = sample.shares(label.regions, len(vectors))
        # Where there is no valid pixel, no proportions are right or wrong.
        has_pixels = shares.any(1)
        exact.append(shares[has_pixels])
        given.append(vectors[has_pixels])
    return np.concatenate(exact), np.concatenate(given)


def _rounded(value: float | np.floating) -> float:
    return round(float(value), ERROR_DECIMALS)


def _count_extent(
    patches: PatchSet, indices: Sequence[int], labels: Pixels | None
) -> tuple[int, int]:
    """Count valid and labelled pixels.

    A pixel counts once, also where patches overlap, or where two supervisions label it.

    Args:
        patches: all patches of the data set.
        indices: those to count.
        labels: uint8 [N, S, S], their labels; None where there are none.
    """
    size = patches.masks.shape[1]
    # Overlapping patches are laid over each other in their scene: a sum over patches would count a
    # pixel as often as the stride repeats it.
    canvases = _blank_canvases(patches, indices)
    for position, index in enumerate(indices):
        origin = patches.origins[index]
        rows, columns = patch_window(origin, size)
        # Views: what is marked in them is marked on the canvas.
        valid, labelled = canvases[origin.scene][:, rows, columns]
        valid |= patches.masks[index] != IGNORE
        if labels is not None:
            labelled |= labels[position] != IGNORE
    valid_pixels = 0
    labelled_pixels = 0
    for valid, labelled in canvases.values():
        valid_pixels += int(valid.sum())
        labelled_pixels += int(labelled.sum())
    return valid_pixels, labelled_pixels


def _blank_canvases(patches: PatchSet, indices: Sequence[int]) -> dict[str, NDArray[np.bool_]]:
    """Return bool [2, H, W] for each scene, as large as its patches at `indices` reach."""
    size = patches.masks.shape[1]
    extents: dict[str, tuple[int, int]] = {}
    for index in indices:
        origin = patches.origins[index]
        height, width = extents.get(origin.scene, (0, 0))
        height = max(height, origin.row + size)
        width = max(width, origin.column + size)
        extents[origin.scene] = (height, width)
    canvases = {}
    for scene, extent in extents.items():
        canvases[scene] = np.zeros((2, *extent), np.bool_)
    return canvases
