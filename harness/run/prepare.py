"""What a run is trained and tested on: patches, their split, and the weak labels of its method."""

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
    draw: Draw
    """Annotates other patches in the same way."""


def divide_patches(run: Run) -> DividedPatches:
    """Open the patches of a run, cut now if the cache has none, and divide them.

    Raises:
        InputError: naming the scene, for data that cannot be used.
    """
    scenario = run.scenario
    patches = open_patches(scenario.dataset, run.data, scenario.patches, cache_root())
    split = divide(patches.origins, scenario.split, scenario.patches.size, run.seed)
    # Single scenes and patches have no group to name.
    has_groups = scenario.split.by not in ("scene", "patch")
    recorded = RecordedParts(
        train=_describe_part(patches, split["train"], has_groups),
        validation=_describe_part(patches, split["validation"], has_groups),
        test=_describe_part(patches, split["test"], has_groups),
    )
    absent = _absent_classes(run, patches, split["train"])
    train = recorded.train.changed(absent_classes=absent)
    return DividedPatches(patches, split, recorded.changed(train=train.as_json()))


def annotate_training_part(run: Run, data: DividedPatches) -> AnnotatedPart:
    """Draw the weak labels of a run's method.

    With a validation loss, the validation part is annotated together with the training part: an
    annotator has one budget, and what looks at all labels sees both.
    """
    method, patches = run.method, data.patches
    indices = data.split[method.part]
    if not method.supervisions:
        labels, counted = whole_masks(patches, indices)
        return AnnotatedPart(labels, Ledger.model_validate(counted), whole_masks)
    held_out: Sequence[int] = data.split["validation"] if _follows_weak_labels(run) else ()
    labels, counted = annotate(patches, indices, method.supervisions, run.seed, held_out)
    draw = partial(annotate, supervisions=method.supervisions, seed=run.seed)
    return AnnotatedPart(labels, Ledger.model_validate(counted), draw)


def _follows_weak_labels(run: Run) -> bool:
    method = run.method
    follows = run.scenario.training.validation == "loss"
    return follows and method.trains_on == "training" and not method.floor


def _describe_part(patches: PatchSet, indices: Sequence[int], has_groups: bool) -> SplitPart:
    origins = [patches.origins[index] for index in indices]
    groups = sorted({origin.group for origin in origins}) if has_groups else []
    return SplitPart(
        patches=len(indices),
        scenes=len({origin.scene for origin in origins}),
        groups=groups,
        digest=digest(sorted(patches.patch(index).key for index in indices)),
    )


def _absent_classes(run: Run, patches: PatchSet, training: Sequence[int]) -> list[str]:
    """Return the classes that no pixel of the training part has."""
    counts = patches.class_counts(training)
    classes = run.scenario.dataset.classes
    return [
        segmentation_class.name
        for segmentation_class, count in zip(classes, counts, strict=True)
        if not count
    ]
