"""Draws the weak labels of a run, once, before training and augmentation, and counts what they cost. The true mask stops here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.components import Supervision
from harness.data import IGNORE, Sample, WeakLabel, stream
from harness.patches import PatchSet


@dataclass(frozen=True, slots=True, eq=False)
class TrainingLabels:
    """The weak labels of N training patches: labels uint8 [N, S, S], proportions float32 [N, K], tags bool [N, K], where provided."""

    labels: NDArray[np.uint8] | None
    proportions: NDArray[np.float32] | None
    tags: NDArray[np.bool_] | None


def annotate(
    patches: PatchSet, indices: Sequence[int], supervisions: Sequence[Supervision], seed: int
) -> tuple[TrainingLabels, dict[str, Any]]:
    """The weak labels of the patches at `indices`, and the ledger of what was annotated.

    The draw for a scene or patch depends on the seed, the supervision's name and the sample's key alone: methods that differ in how
    many points they take share the draw. Raises ValueError when a supervision breaks its contract, naming it.
    """
    merged: list[WeakLabel] | None = None
    entries = []
    for supervision in supervisions:
        if supervision.unit == "scene":
            weak, entry = _by_scene(patches, indices, supervision, seed)
        else:
            weak, entry = _by_unit([patches.patch(index) for index in indices], supervision, seed)
        merged = weak if merged is None else [one.merged(other) for one, other in zip(merged, weak, strict=True)]
        entries.append(entry)
    assert merged is not None, "a method has at least one supervision"
    labels = _stacked(merged)
    return labels, _ledger(patches, indices, labels, entries)


def whole_masks(patches: PatchSet, indices: Sequence[int]) -> tuple[TrainingLabels, dict[str, Any]]:
    """The whole masks as labels, for floors that name no supervision, and a ledger that says so."""
    labels = TrainingLabels(np.asarray(patches.masks[list(indices)]), None, None)
    return labels, _ledger(patches, indices, labels, [])


def _by_unit(samples: Sequence[Sample], supervision: Supervision, seed: int) -> tuple[list[WeakLabel], dict[str, Any]]:
    """The weak label of each sample, checked against the contract, and one ledger entry."""
    weak = [supervision.annotate(sample, stream(seed, "supervision", f"{supervision.name}|{sample.key}")) for sample in samples]
    weak = list(supervision.refine(weak, samples, stream(seed, "supervision", f"{supervision.name}|refine")))
    if len(weak) != len(samples):
        raise ValueError(f"supervision {supervision.name!r}: refine returned {len(weak)} weak labels for {len(samples)}")
    counts = np.zeros(samples[0].classes, np.int64)
    unlabelled = 0
    for sample, label in zip(samples, weak, strict=True):
        _check(sample, label, supervision)
        if label.labels is not None:
            counted = np.bincount(label.labels.ravel(), minlength=256)
            counts += counted[: sample.classes]
            unlabelled += not counted[: sample.classes].any()
    return weak, {
        "supervision": supervision.name,
        "unit": supervision.unit,
        "units": len(samples),
        "labelled_pixels": int(counts.sum()),
        "labelled_pixels_by_class": counts.tolist(),
        "units_without_labels": int(unlabelled),
        "proportion_vectors": sum(label.proportions is not None for label in weak),
        "tag_vectors": sum(label.tags is not None for label in weak),
        "reveals": list(supervision.reveals),
    }


def _by_scene(patches: PatchSet, indices: Sequence[int], supervision: Supervision, seed: int) -> tuple[list[WeakLabel], dict[str, Any]]:
    """Annotates whole scenes, then cuts the labels as the patches were cut."""
    members: dict[str, list[int]] = {}
    for position, index in enumerate(indices):
        members.setdefault(patches.origins[index].scene, []).append(position)
    samples = [patches.scene([indices[position] for position in positions]) for positions in members.values()]
    weak, entry = _by_unit(samples, supervision, seed)
    size = patches.masks.shape[1]
    cut: list[WeakLabel] = [WeakLabel()] * len(indices)
    for positions, label in zip(members.values(), weak, strict=True):
        if label.labels is None:
            raise ValueError(f"supervision {supervision.name!r} annotates scenes, so it can give labels only: use unit: patch")
        for position in positions:
            origin = patches.origins[indices[position]]
            window = np.s_[origin.row : origin.row + size, origin.column : origin.column + size]
            cut[position] = WeakLabel(labels=label.labels[window])
    return cut, entry


def _check(sample: Sample, label: WeakLabel, supervision: Supervision) -> None:
    """Raises ValueError, naming the supervision and the sample, for a weak label that breaks the contract."""
    problem = breach(sample, label, supervision)
    if problem:
        raise ValueError(f"supervision {supervision.name!r}, {sample.key}: {problem}")


def breach(sample: Sample, label: WeakLabel, supervision: Supervision) -> str | None:
    """How a weak label breaks the contract of its supervision; None where it keeps it."""
    for kind in ("labels", "proportions", "tags"):
        given = getattr(label, kind) is not None
        if given != (kind in supervision.provides):
            return f"declares {sorted(supervision.provides)}, but {kind} {'was given' if given else 'is absent'}"
    for kind, vector, dtype in (("proportions", label.proportions, np.float32), ("tags", label.tags, np.bool_)):
        if vector is not None and (vector.shape != (sample.classes,) or vector.dtype != dtype):
            return f"{kind} must be {np.dtype(dtype)} [{sample.classes}], got {vector.dtype} {list(vector.shape)}"
    if label.proportions is not None and not _is_distribution(label.proportions, empty=not sample.valid.any()):
        return f"proportions must be at least 0 and sum to 1, got {label.proportions.tolist()}"
    return None if label.labels is None else _breach_of_labels(sample, label.labels, dense="dense" in supervision.provides)


def _breach_of_labels(sample: Sample, labels: NDArray[np.uint8], dense: bool) -> str | None:
    if labels.shape != sample.mask.shape or labels.dtype != np.uint8:
        return f"labels must be uint8 {list(sample.mask.shape)}, got {labels.dtype} {list(labels.shape)}"
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


def _stacked(weak: Iterable[WeakLabel]) -> TrainingLabels:
    weak = list(weak)
    fields = {}
    for kind in ("labels", "proportions", "tags"):
        values = [getattr(label, kind) for label in weak]
        fields[kind] = None if values[0] is None else np.stack(values)
    return TrainingLabels(**fields)


def _ledger(patches: PatchSet, indices: Sequence[int], labels: TrainingLabels, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """What was annotated. Pixels are counted once each, also where patches overlap or two supervisions label the same one."""
    size = patches.masks.shape[1]
    extents: dict[str, tuple[int, int]] = {}
    for index in indices:
        origin = patches.origins[index]
        height, width = extents.get(origin.scene, (0, 0))
        extents[origin.scene] = max(height, origin.row + size), max(width, origin.column + size)
    canvases = {scene: np.zeros((2, *extent), np.bool_) for scene, extent in extents.items()}
    for position, index in enumerate(indices):
        origin = patches.origins[index]
        window = canvases[origin.scene][:, origin.row : origin.row + size, origin.column : origin.column + size]
        window[0] |= patches.masks[index] != IGNORE
        if labels.labels is not None:
            window[1] |= labels.labels[position] != IGNORE
    valid, labelled = (sum(int(canvas[layer].sum()) for canvas in canvases.values()) for layer in (0, 1))
    return {
        "scenes": len(canvases),
        "patches": len(indices),
        "valid_pixels": valid,
        "labelled_pixels": labelled,
        "labelled_share": labelled / valid if valid else 0.0,
        "supervisions": entries,
    }
