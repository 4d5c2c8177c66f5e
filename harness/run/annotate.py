"""Draw the weak labels of a run, once, before training and augmentation.

The true mask stops here. Shapes: N patches of S x S pixels, K classes, R regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.components import Supervision
from harness.core.randomness import stream
from harness.core.values import Pixels, Sample, WeakLabel
from harness.records.record import Annotation, Ledger
from harness.run.label_checks import breach, find_unfounded
from harness.run.ledger import LabelledPatches, count_annotation, count_supervision
from harness.run.patches import PatchSet, patch_window


@dataclass(frozen=True, slots=True, eq=False)
class TrainingLabels:
    """The weak labels of N patches; None for what no supervision provides."""

    labels: Pixels | None
    """uint8 [N, S, S]: the class of each pixel, IGNORE where it has no label."""
    proportions: NDArray[np.float32] | None
    """float32 [N, K], or [N, R, K] with regions."""
    tags: NDArray[np.bool_] | None
    """bool [N, K]."""
    regions: Pixels | None = None
    """uint8 [N, S, S]: the region of each pixel, IGNORE where it is in none."""

    def divided(self, count: int) -> tuple[TrainingLabels, TrainingLabels]:
        """Divide into the weak labels of the first `count` patches and those of the rest."""
        first = self._rows(slice(count))
        rest = self._rows(slice(count, None))
        return first, rest

    def _rows(self, rows: slice) -> TrainingLabels:
        chosen: dict[str, Any] = {}
        for field in fields(self):
            values = getattr(self, field.name)
            if values is not None:
                values = values[rows]
            chosen[field.name] = values
        return TrainingLabels(**chosen)


def annotate(
    patches: PatchSet,
    indices: Sequence[int],
    supervisions: Sequence[Supervision],
    seed: int,
    validation: Sequence[int] = (),
) -> tuple[TrainingLabels, Ledger]:
    """Annotate training patches and, if they are labelled weakly, validation patches.

    The draw for a scene or patch depends on the seed, the supervision's name and the sample's key
    alone, so methods that differ in how many points they take share the draw.

    Args:
        patches: all patches of the data set.
        indices: the training patches.
        supervisions: what annotates them; of two labels for a pixel the earlier one's counts.
        seed: decides the draws.
        validation: the validation patches.

    Returns:
        The weak labels of the training patches and after them those of the validation patches,
        and the ledger of what was annotated.

    Raises:
        ValueError: when a supervision breaks its contract, naming it.
    """
    # One annotation for both parts: a scene with patches in both is one sample that is paid for
    # once, and `refine` sees all of them, so that K-means and the like cluster training and
    # validation together.
    annotated = [*indices, *validation]
    merged: list[WeakLabel] = []
    annotations: list[Annotation] = []
    for supervision in supervisions:
        if supervision.unit == "scene":
            weak_labels, annotation = _annotate_scenes(patches, annotated, supervision, seed)
        else:
            samples = [patches.patch(index) for index in annotated]
            weak_labels, annotation = _annotate_samples(samples, supervision, seed)
        merged = _merge(merged, weak_labels)
        annotations.append(annotation)
    labels = _stack(merged)
    labelled = LabelledPatches(
        patches=patches,
        indices=annotated,
        labels=labels.labels,
        validation=len(validation),
        unannotated=_find_unannotated(annotated, merged),
    )
    return labels, count_annotation(labelled, annotations)


def whole_masks(patches: PatchSet, indices: Sequence[int]) -> tuple[TrainingLabels, Ledger]:
    """Take whole masks as labels, for floors without a supervision.

    Returns:
        The labels, and a ledger that counts their pixels and names no supervision.
    """
    masks = np.asarray(patches.masks[list(indices)])
    labels = TrainingLabels(masks, None, None)
    labelled = LabelledPatches(patches, indices, masks)
    return labels, count_annotation(labelled, [])


def _annotate_samples(
    samples: Sequence[Sample], supervision: Supervision, seed: int
) -> tuple[list[WeakLabel], Annotation]:
    """Return the checked weak label of each sample, and the supervision's entry in the ledger."""
    drawn: list[WeakLabel] = []
    for sample in samples:
        # A stream for each sample: its draw depends neither on the others nor on their order.
        generator = stream(seed, "supervision", f"{supervision.name}|{sample.key}")
        weak_label = supervision.annotate(sample, generator)
        drawn.append(weak_label)
    generator = stream(seed, "supervision", f"{supervision.name}|refine")
    # Refined before anything is checked or counted: the ledger tells what training gets.
    weak_labels = list(supervision.refine(drawn, samples, generator))
    _check_contract(samples, weak_labels, supervision)
    return weak_labels, count_supervision(supervision, samples, weak_labels)


def _check_contract(
    samples: Sequence[Sample], weak_labels: Sequence[WeakLabel], supervision: Supervision
) -> None:
    """Raise ValueError where weak labels break the contract of their supervision."""
    culprit = f"supervision {supervision.name!r}"
    if len(weak_labels) != len(samples):
        raise ValueError(
            f"{culprit}: refine returned {len(weak_labels)} weak labels for {len(samples)}"
        )
    for sample, label in zip(samples, weak_labels, strict=True):
        problem = breach(sample, label, supervision)
        if problem:
            raise ValueError(f"{culprit}, {sample.key}: {problem}")
    unfounded = find_unfounded(samples, weak_labels)
    if unfounded:
        raise ValueError(
            f"{culprit}, {unfounded}: proportions are called shared, but no unit with the same was"
            " annotated"
        )
    # Each label may keep the contract alone, and still not stack with the others to one array.
    shapes: set[tuple[int, ...]] = set()
    for label in weak_labels:
        if label.proportions is not None:
            shapes.add(label.proportions.shape)
    if len(shapes) > 1:
        raise ValueError(
            f"{culprit}: proportions must have one shape in all patches, got {sorted(shapes)}"
        )


def _annotate_scenes(
    patches: PatchSet, indices: Sequence[int], supervision: Supervision, seed: int
) -> tuple[list[WeakLabel], Annotation]:
    """Annotate whole scenes, and cut their labels as the patches at `indices` were cut."""
    positions_by_scene: dict[str, list[int]] = {}
    for position, index in enumerate(indices):
        scene = patches.origins[index].scene
        positions_by_scene.setdefault(scene, []).append(position)
    samples: list[Sample] = []
    for positions in positions_by_scene.values():
        # Only of the patches that are annotated: the rest of the scene may belong to the test part.
        scene_indices = [indices[position] for position in positions]
        samples.append(patches.assemble_scene(scene_indices))
    scene_labels, annotation = _annotate_samples(samples, supervision, seed)
    size = patches.masks.shape[1]
    weak_labels = [WeakLabel()] * len(indices)
    for positions, label in zip(positions_by_scene.values(), scene_labels, strict=True):
        if label.labels is None:
            raise ValueError(
                f"supervision {supervision.name!r} annotates scenes, so it can give labels only:"
                " use unit: patch"
            )
        for position in positions:
            origin = patches.origins[indices[position]]
            window = patch_window(origin, size)
            weak_labels[position] = WeakLabel(labels=label.labels[window])
    return weak_labels, annotation


def _merge(earlier: list[WeakLabel], later: list[WeakLabel]) -> list[WeakLabel]:
    """Complete the weak labels of earlier supervisions, if any, by those of a later one."""
    if not earlier:
        return later
    merged: list[WeakLabel] = []
    for first, second in zip(earlier, later, strict=True):
        merged.append(first.merged(second))
    return merged


def _find_unannotated(indices: Sequence[int], weak_labels: Sequence[WeakLabel]) -> list[int]:
    """Return those of the patches for which nobody annotated anything."""
    unannotated: list[int] = []
    for index, label in zip(indices, weak_labels, strict=True):
        if not label.annotated:
            unannotated.append(index)
    return unannotated


def _stack(weak_labels: Sequence[WeakLabel]) -> TrainingLabels:
    """Stack the weak labels of patches, which all hold the same kinds."""
    stacked: dict[str, Any] = {}
    for field in fields(TrainingLabels):
        values = [getattr(label, field.name) for label in weak_labels]
        # What one label lacks, all lack: `_check_contract` has held each to its promise.
        is_given = values[0] is not None
        stacked[field.name] = np.stack(values) if is_given else None
    return TrainingLabels(**stacked)
