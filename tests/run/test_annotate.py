"""Weak labels of a whole training set: scenes and patches, independent draws, and merging."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from maps import draw_map
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from simple_supervisions import LABELS, Halves, Proportions, Tags, count_labelled, labels_in

from harness.core.components import Supervision
from harness.core.errors import InputError
from harness.core.values import IGNORE, Provision, Sample, WeakLabel
from harness.records.record import ValidationLabels
from harness.run.annotate import annotate
from harness.run.patches import PatchSet, patch_window
from harness_points.full import Full
from harness_points.random_points import PointsPerClass, PointsPerImage

Array = NDArray[Any]
Make = Callable[..., PatchSet]


def labels_of(
    patches: PatchSet, indices: Sequence[int], *supervisions: Supervision, seed: int = 0
) -> Array:
    """The labels that supervisions give to patches."""
    weak, _ = annotate(patches, indices, supervisions, seed)
    return labels_in(weak)


def nothing_labelled(sample: Sample) -> NDArray[np.uint8]:
    return np.full(sample.mask.shape, IGNORE, np.uint8)


class Corner(Supervision):
    """Labels the first pixel, if it is valid, with one class."""

    name: ClassVar[str] = "corner"
    provides: ClassVar[frozenset[Provision]] = LABELS
    label: int = 0

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        labels = nothing_labelled(sample)
        if sample.valid[0, 0]:
            labels[0, 0] = self.label
        return WeakLabel(labels=labels)


class Drawn(Supervision):
    """Labels the first pixel of each patch with the number of patches that `refine` sees."""

    name: ClassVar[str] = "drawn"
    provides: ClassVar[frozenset[Provision]] = LABELS

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(labels=nothing_labelled(sample))

    def refine(
        self,
        weak_labels: Sequence[WeakLabel],
        samples: Sequence[Sample],
        generator: np.random.Generator,
    ) -> Sequence[WeakLabel]:
        for label, sample in zip(weak_labels, samples, strict=True):
            assert label.labels is not None
            if sample.valid[0, 0]:
                label.labels[0, 0] = len(samples) % 3
        return weak_labels


class Erased(Supervision):
    """The mask, of which `refine` leaves nothing but the first patch."""

    name: ClassVar[str] = "erased"
    provides: ClassVar[frozenset[Provision]] = LABELS

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(labels=np.array(sample.mask))

    def refine(
        self,
        weak_labels: Sequence[WeakLabel],
        samples: Sequence[Sample],
        generator: np.random.Generator,
    ) -> Sequence[WeakLabel]:
        first, *others = weak_labels
        assert first.labels is not None
        nothing = WeakLabel(labels=np.full_like(first.labels, IGNORE))
        return [first] + [nothing] * len(others)


@pytest.mark.parametrize("unit", ["scene", "patch"])
def test_full_labels_are_the_masks_in_the_order_asked_for(two_scenes: PatchSet, unit: Any) -> None:
    indices = [6, 0, 3, 5]
    assert_array_equal(labels_of(two_scenes, indices, Full(unit=unit)), two_scenes.masks[indices])


def test_labels_of_a_scene_are_cut_as_overlapping_patches_are(patch_set: Make) -> None:
    mask = np.arange(64).reshape(8, 8) % 3
    patches = patch_set({"a": mask}, 4, 3, step=2)
    labels = labels_of(patches, range(9), PointsPerClass(count=10))
    whole = np.full((8, 8), IGNORE, np.uint8)
    for origin, patch_labels in zip(patches.origins, labels, strict=True):
        window = whole[patch_window(origin, 4)]
        # A pixel in two patches has one label.
        again = window != IGNORE
        assert_array_equal(patch_labels[again], window[again])
        window[:] = np.where(again, window, patch_labels)
    zeros, ones, twos, *_ = np.bincount(whole.ravel())
    assert zeros == ones == twos == 10


def test_points_of_a_scene_fall_on_its_training_patches_only(two_scenes: PatchSet) -> None:
    labels, ledger = annotate(two_scenes, [0], [PointsPerClass(count=12)], 0)
    (labelled,) = count_labelled(labels_in(labels))
    assert labelled == 12
    assert ledger.annotations[0].labelled_pixels_by_class == [12, 0, 0]


@pytest.mark.parametrize("unit", ["scene", "patch"])
def test_the_draw_for_one_image_depends_on_no_other_nor_on_order(
    two_scenes: PatchSet, unit: Any
) -> None:
    points = PointsPerImage(count=5, unit=unit)
    together = labels_of(two_scenes, range(8), points)
    reverse = labels_of(two_scenes, range(8)[::-1], points)
    alone = labels_of(two_scenes, range(4, 8), points)
    assert_array_equal(reverse[::-1], together)
    assert_array_equal(alone, together[4:])


@pytest.mark.parametrize("unit", ["scene", "patch"])
def test_seed_and_image_decide_the_draw(patch_set: Make, unit: Any) -> None:
    mask = np.zeros((8, 8))
    patches = patch_set({"a": mask, "b": mask}, 8, 2)
    points = PointsPerImage(count=5, unit=unit)
    first = labels_of(patches, range(2), points, seed=0)
    same = labels_of(patches, range(2), points, seed=0)
    other = labels_of(patches, range(2), points, seed=1)
    assert_array_equal(first, same)
    assert (first[0] != other[0]).any()
    assert (first[0] != first[1]).any()


@pytest.mark.parametrize("unit", ["scene", "patch"])
def test_methods_that_differ_in_their_number_of_points_share_the_draw(
    patch_set: Make, unit: Any
) -> None:
    patches = patch_set({"a": np.zeros((32, 32))}, 16, 2)
    fewer = labels_of(patches, range(4), PointsPerImage(count=5, unit=unit)) != IGNORE
    more = labels_of(patches, range(4), PointsPerImage(count=20, unit=unit)) != IGNORE
    assert more[fewer].all()
    assert more.sum() == 4 * fewer.sum()


def test_of_two_supervisions_the_first_keeps_its_labels(two_scenes: PatchSet) -> None:
    supervisions = [Corner(label=1), Full(), Proportions(), Tags()]
    labels, ledger = annotate(two_scenes, range(8), supervisions, 0)
    expected = np.array(two_scenes.masks)
    expected[:7, 0, 0] = 1  # the last patch is ignored
    assert_array_equal(labels_in(labels), expected)
    # Each patch is of one class, and the last of none.
    shares = np.zeros((8, 3))
    shares[range(7), [0, 1, 0, 1, 2, 2, 2]] = 1
    assert labels.proportions is not None
    assert_array_equal(labels.proportions, shares)
    assert labels.tags is not None
    assert_array_equal(labels.tags, shares > 0)
    names = [entry.supervision for entry in ledger.annotations]
    assert names == ["corner", "full", "proportions", "tags"]


def test_labels_of_scenes_and_of_patches_merge(two_scenes: PatchSet) -> None:
    labels = labels_of(two_scenes, range(8), Corner(label=1), Full(unit="scene"))
    assert labels[4, 0, 0] == 1
    assert_array_equal(labels[:, 1:], two_scenes.masks[:, 1:])


@pytest.mark.parametrize(
    ("supervision", "kind"), [(Tags(), "tags"), (Proportions(), "proportions")]
)
def test_two_supervisions_with_the_same_vectors_are_refused(
    two_scenes: PatchSet, supervision: Supervision, kind: str
) -> None:
    with pytest.raises(InputError, match=f"both provide {kind}"):
        annotate(two_scenes, range(8), [supervision, supervision], 0)


def test_what_is_not_provided_is_absent(two_scenes: PatchSet) -> None:
    labels, _ = annotate(two_scenes, range(8), [Tags()], 0)
    assert labels.labels is None
    assert labels.proportions is None


def test_refine_sees_the_whole_set_and_is_what_the_ledger_counts(two_scenes: PatchSet) -> None:
    labels, ledger = annotate(two_scenes, range(8), [Erased()], 0)
    assert count_labelled(labels_in(labels)) == [16] + [0] * 7
    assert ledger.labelled_pixels == 16
    assert ledger.annotations[0].units_without_labels == 7


@pytest.mark.parametrize(
    "supervision",
    [Tags(unit="scene"), Proportions(unit="scene")],
    ids=lambda supervision: supervision.name,
)
def test_scenes_can_be_given_labels_only(two_scenes: PatchSet, supervision: Supervision) -> None:
    message = f"'{supervision.name}' annotates scenes, so it can give labels only: use unit: patch"
    with pytest.raises(ValueError, match=message):
        annotate(two_scenes, range(8), [supervision], 0)


def test_proportions_of_regions_are_stacked_and_counted_one_by_one(patch_set: Make) -> None:
    mask = draw_map(*["0001 00.."] * 4)
    patches = patch_set({"a": mask}, 4, 2)
    labels, ledger = annotate(patches, range(2), [Halves(), Full()], 0)
    assert labels.proportions is not None
    assert labels.regions is not None
    first, second = labels.proportions
    assert first.tolist() == [[1, 0], [0.5, 0.5]]
    # The right half has no valid pixel.
    assert second.tolist() == [[1, 0], [0, 0]]
    halves = draw_map(*["0011"] * 4)
    for regions in labels.regions:
        assert_array_equal(regions, halves)
    assert ledger.annotations[0].proportion_vectors == 4
    # Regions stay with the proportions, whichever supervision comes first.
    reverse, _ = annotate(patches, range(2), [Full(), Halves()], 0)
    assert reverse.regions is not None
    assert_array_equal(reverse.regions, labels.regions)
    assert_array_equal(labels_in(reverse), labels_in(labels))


def test_training_and_validation_are_one_annotation(two_scenes: PatchSet) -> None:
    supervisions = [PointsPerImage(count=5, unit="patch"), Halves()]
    alone, ledger_alone = annotate(two_scenes, [0, 1], supervisions, 0)
    both, ledger = annotate(two_scenes, [0, 1], supervisions, 0, [4, 6, 7])
    train, validation = both.divided(2)
    # Each patch is a unit of its own.
    for kind in ("labels", "proportions", "regions"):
        assert_array_equal(getattr(train, kind), getattr(alone, kind))
    assert train.tags is validation.tags is None
    assert count_labelled(labels_in(validation)) == [5, 5, 0]
    assert ledger.patches == 5
    assert ledger.valid_pixels == 64
    assert ledger.labelled_pixels == 20
    assert ledger.validation == ValidationLabels(patches=3, labelled_pixels=10)
    assert "validation" not in ledger_alone.as_json()


def test_a_scene_in_both_parts_is_annotated_once(two_scenes: PatchSet) -> None:
    points = PointsPerClass(count=3, unit="scene")
    labels, ledger = annotate(two_scenes, [0, 1, 4], [points], 0, [2, 5])
    _, validation = labels.divided(3)
    assert ledger.annotations[0].units == 2
    assert ledger.annotations[0].labelled_pixels_by_class == [3, 3, 3]
    labelled = sum(count_labelled(labels_in(validation)))
    assert ledger.validation is not None
    assert ledger.validation.labelled_pixels == labelled


def test_refine_sees_training_and_validation_together(two_scenes: PatchSet) -> None:
    alone = labels_of(two_scenes, [0, 1], Drawn())
    together, _ = annotate(two_scenes, [0, 1], [Drawn()], 0, [4, 6])
    assert_array_equal(alone[:, 0, 0], 2)
    # Four patches, modulo three classes.
    assert_array_equal(labels_in(together)[:, 0, 0], 1)
