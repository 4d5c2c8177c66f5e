"""Draws the weak labels of a run, once, before training and augmentation. The true mask stops
here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.components import Supervision
from harness.core.randomness import stream
from harness.core.values import Sample, WeakLabel
from harness.run.label_checks import _unfounded, breach
from harness.run.ledger import entry, ledger
from harness.run.patches import PatchSet


@dataclass(frozen=True, slots=True, eq=False)
class TrainingLabels:
    """The weak labels of N patches: labels uint8 [N, S, S], proportions float32 [N, K], tags bool
    [N, K], where provided.

    With regions uint8 [N, S, S], proportions are [N, R, K].
    """

    labels: NDArray[np.uint8] | None
    proportions: NDArray[np.float32] | None
    tags: NDArray[np.bool_] | None
    regions: NDArray[np.uint8] | None = None

    def divided(self, count: int) -> tuple[TrainingLabels, TrainingLabels]:
        """The weak labels of the first `count` patches, and those of the rest."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        first, rest = (
            TrainingLabels(
                **{name: None if values is None else values[rows] for name, values in given.items()}
            )
            for rows in (slice(count), slice(count, None))
        )
        return first, rest


def annotate(
    patches: PatchSet,
    indices: Sequence[int],
    supervisions: Sequence[Supervision],
    seed: int,
    validation: Sequence[int] = (),
) -> tuple[TrainingLabels, dict[str, Any]]:
    """The weak labels of the patches at `indices`, after them those at `validation`, and the ledger
    of what was annotated.

    Both are one annotation, counted together: a scene with patches in both parts is one sample, and
    `refine` sees all of them. The draw for a scene or patch depends on the seed, the supervision's
    name and the sample's key alone: methods that differ in how many points they take share the
    draw. Raises ValueError when a supervision breaks its contract, naming it.
    """
    indices = [*indices, *validation]
    merged: list[WeakLabel] | None = None
    entries = []
    for supervision in supervisions:
        if supervision.unit == "scene":
            weak, counted = _by_scene(patches, indices, supervision, seed)
        else:
            weak, counted = _by_unit([patches.patch(index) for index in indices], supervision, seed)
        merged = (
            weak
            if merged is None
            else [one.merged(other) for one, other in zip(merged, weak, strict=True)]
        )
        entries.append(counted)
    assert merged is not None, "a method has at least one supervision"
    labels = _stacked(merged)
    shared = [index for index, label in zip(indices, merged, strict=True) if not label.annotated]
    return labels, ledger(patches, indices, labels.labels, entries, len(validation), shared)


def whole_masks(patches: PatchSet, indices: Sequence[int]) -> tuple[TrainingLabels, dict[str, Any]]:
    """The whole masks as labels, for floors that name no supervision, and a ledger that says so."""
    labels = TrainingLabels(np.asarray(patches.masks[list(indices)]), None, None)
    return labels, ledger(patches, indices, labels.labels, [])


def _by_unit(
    samples: Sequence[Sample], supervision: Supervision, seed: int
) -> tuple[list[WeakLabel], dict[str, Any]]:
    """The weak label of each sample, checked against the contract, and one ledger entry."""
    weak = [
        supervision.annotate(
            sample, stream(seed, "supervision", f"{supervision.name}|{sample.key}")
        )
        for sample in samples
    ]
    weak = list(
        supervision.refine(weak, samples, stream(seed, "supervision", f"{supervision.name}|refine"))
    )
    if len(weak) != len(samples):
        raise ValueError(
            f"supervision {supervision.name!r}: refine returned {len(weak)} weak labels for"
            f" {len(samples)}"
        )
    for sample, label in zip(samples, weak, strict=True):
        if problem := breach(sample, label, supervision):
            raise ValueError(f"supervision {supervision.name!r}, {sample.key}: {problem}")
    if key := _unfounded(samples, weak):
        raise ValueError(
            f"supervision {supervision.name!r}, {key}: proportions are called shared, but no unit"
            " with the same was annotated"
        )
    shapes = {label.proportions.shape for label in weak if label.proportions is not None}
    if len(shapes) > 1:
        raise ValueError(
            f"supervision {supervision.name!r}: proportions must have one shape in all patches, got"
            f" {sorted(shapes)}"
        )
    return weak, entry(supervision, samples, weak)


def _by_scene(
    patches: PatchSet, indices: Sequence[int], supervision: Supervision, seed: int
) -> tuple[list[WeakLabel], dict[str, Any]]:
    """Annotates whole scenes, then cuts the labels as the patches were cut."""
    members: dict[str, list[int]] = {}
    for position, index in enumerate(indices):
        members.setdefault(patches.origins[index].scene, []).append(position)
    samples = [
        patches.scene([indices[position] for position in positions])
        for positions in members.values()
    ]
    weak, counted = _by_unit(samples, supervision, seed)
    size = patches.masks.shape[1]
    cut: list[WeakLabel] = [WeakLabel()] * len(indices)
    for positions, label in zip(members.values(), weak, strict=True):
        if label.labels is None:
            raise ValueError(
                f"supervision {supervision.name!r} annotates scenes, so it can give labels only:"
                " use unit: patch"
            )
        for position in positions:
            origin = patches.origins[indices[position]]
            window = np.s_[origin.row : origin.row + size, origin.column : origin.column + size]
            cut[position] = WeakLabel(labels=label.labels[window])
    return cut, counted


def _stacked(weak: Iterable[WeakLabel]) -> TrainingLabels:
    weak = list(weak)
    stacked = {}
    for kind in ("labels", "proportions", "tags", "regions"):
        values = [getattr(label, kind) for label in weak]
        stacked[kind] = None if values[0] is None else np.stack(values)
    return TrainingLabels(**stacked)
