"""Prepare a run: open its patches, divide them, and draw the weak labels of its method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from harness.core.hashing import digest
from harness.core.paths import cache_root
from harness.plan.runs import Run
from harness.records.record import Ledger, RecordedParts, SplitPart
from harness.run.annotate import TrainingLabels, annotate, whole_masks
from harness.run.patches import PatchSet, open_patches
from harness.run.samples import Draw
from harness.run.splits import Parts, divide


@dataclass(frozen=True, slots=True, eq=False)
class DividedPatches:
    """The patches of a data set, and what part each is in."""

    patches: PatchSet
    """All patches of the data set."""
    split: Parts
    """Indices of the patches of each part."""
    recorded: RecordedParts
    """What the record says of the split."""


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedPart:
    """The weak labels of the part that a method trains on."""

    labels: TrainingLabels
    """Of the training patches, and after them of the validation patches, where those are followed
    by weak labels."""
    ledger: Ledger
    """What the annotation cost."""
    draw: Draw
    """Annotates other patches in the same way."""


def divide_patches(run: Run) -> DividedPatches:
    """Open the patches of a run, cut now if the cache has none, and divide them.

    Raises:
        InputError: for data that cannot be used, naming the scene; or where the split leaves
            nothing to train on or to test.
    """
    scenario = run.scenario
    patches = open_patches(scenario.dataset, run.data, scenario.patches, cache_root())
    split = divide(patches.origins, scenario.split, scenario.patches.size, run.seed)
    return DividedPatches(patches, split, _record_parts(run, patches, split))


def annotate_training_part(run: Run, data: DividedPatches) -> AnnotatedPart:
    """Draw the weak labels of a run's method.

    With a validation loss, the validation part is annotated together with the training part: an
    annotator has one budget, and what looks at all labels sees both.

    Raises:
        ValueError: where a supervision breaks its contract, naming it.
    """
    method = run.method
    patches = data.patches
    indices = data.split.of(method.part)
    if not method.supervisions:
        # Such a method is a floor: it is fitted to the masks themselves.
        labels, ledger = whole_masks(patches, indices)
        return AnnotatedPart(labels, ledger, whole_masks)
    held_out: Sequence[int] = ()
    if _is_followed_by_weak_labels(run):
        held_out = data.split.validation
    labels, ledger = annotate(patches, indices, method.supervisions, run.seed, held_out)
    draw = partial(annotate, supervisions=method.supervisions, seed=run.seed)
    return AnnotatedPart(labels, ledger, draw)


def _is_followed_by_weak_labels(run: Run) -> bool:
    """Tell whether the losses on the validation part decide when training ends, or what is tested.

    Floors are not trained, and what trains on the validation part cannot be followed on it.
    """
    method = run.method
    if method.floor or method.trains_on != "training":
        return False
    return run.scenario.training.validation == "loss"


def _record_parts(run: Run, patches: PatchSet, split: Parts) -> RecordedParts:
    """Describe the parts of a split as a record has them."""
    # Where single scenes or patches are drawn, groups say nothing of how they were divided.
    has_groups = run.scenario.split.by not in ("scene", "patch")
    train = _describe_part(patches, split.train, has_groups)
    absent_classes = _find_absent_classes(run, patches, split.train)
    return RecordedParts(
        train=train.changed(absent_classes=absent_classes),
        validation=_describe_part(patches, split.validation, has_groups),
        test=_describe_part(patches, split.test, has_groups),
    )


def _describe_part(patches: PatchSet, indices: Sequence[int], has_groups: bool) -> SplitPart:
    scenes: set[str] = set()
    groups: set[str] = set()
    keys: list[str] = []
    for index in indices:
        origin = patches.origins[index]
        scenes.add(origin.scene)
        if has_groups:
            groups.add(origin.group)
        keys.append(patches.patch(index).key)
    return SplitPart(
        patches=len(indices),
        scenes=len(scenes),
        groups=sorted(groups),
        # Sorted, so that two records can be compared whatever the order of their data sets.
        digest=digest(sorted(keys)),
    )


def _find_absent_classes(run: Run, patches: PatchSet, training: Sequence[int]) -> list[str]:
    """Return the classes that no pixel of the training part has."""
    counts = patches.class_counts(training)
    absent: list[str] = []
    for segmentation_class, count in zip(run.scenario.dataset.classes, counts, strict=True):
        if not count:
            absent.append(segmentation_class.name)
    return absent
