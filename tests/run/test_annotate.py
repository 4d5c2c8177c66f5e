"""Weak labels of a whole training set: units, the ledger, independence of draws, merging, and
breaches of the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from harness.core.components import Supervision
from harness.core.errors import InputError
from harness.core.values import IGNORE, Provision, Sample, WeakLabel
from harness.records.record import (
    Annotation,
    Ledger,
    ValidationLabels,
    VariationOfProportions,
)
from harness.run.annotate import TrainingLabels, annotate
from harness.run.ledger import count_supervision
from harness.run.patches import PatchSet
from harness_points.full import Full
from harness_points.random_points import PointsPerClass, PointsPerImage

Array = NDArray[Any]
Make = Callable[..., PatchSet]
LABELS: frozenset[Provision] = frozenset({"labels"})


def two_scenes(patch_set: Make) -> PatchSet:
    """8 x 8 pixels each in patches of 4: `a` is class 0 on the left and 1 on the right, `b` class 2
    but for an ignored last patch."""
    left_and_right = np.zeros((8, 8))
    left_and_right[:, 4:] = 1
    partly_ignored = np.full((8, 8), 2)
    partly_ignored[4:, 4:] = IGNORE
    return patch_set({"a": left_and_right, "b": partly_ignored}, 4, 3)


def labels_of(
    patches: PatchSet, indices: Sequence[int], *supervisions: Supervision, seed: int = 0
) -> Array:
    """The labels that supervisions give to patches."""
    weak, _ = annotate(patches, indices, supervisions, seed)
    return labels_in(weak)


def labels_in(weak: TrainingLabels) -> Array:
    assert weak.labels is not None
    return weak.labels


def ledger_of(patches: PatchSet, indices: Sequence[int], *supervisions: Supervision) -> Ledger:
    """The ledger of what supervisions give to patches."""
    _, ledger = annotate(patches, indices, supervisions, 0)
    return ledger


def entry_of(patches: PatchSet, indices: Sequence[int], supervision: Supervision) -> Annotation:
    """What the ledger says of the only supervision."""
    (entry,) = ledger_of(patches, indices, supervision).supervisions
    return entry


def count_labelled(labels: Array) -> list[int]:
    """The labelled pixels of each patch."""
    return [int((patch != IGNORE).sum()) for patch in labels]


def shares_of_classes(sample: Sample) -> NDArray[np.float32]:
    (shares,) = sample.shares().astype(np.float32)
    return np.asarray(shares)


class Corner(Supervision):
    """Labels the first pixel, if it is valid, with one class."""

    name: ClassVar[str] = "corner"
    provides: ClassVar[frozenset[Provision]] = LABELS
    label: int = 0

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        labels = np.full(sample.mask.shape, IGNORE, np.uint8)
        labels[0, 0] = self.label if sample.valid[0, 0] else IGNORE
        return WeakLabel(labels=labels)


class Proportions(Supervision):
    name: ClassVar[str] = "proportions"
    provides: ClassVar[frozenset[Provision]] = frozenset({"proportions"})

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(proportions=shares_of_classes(sample))


class Halves(Supervision):
    """The proportions of the left and the right half of a patch, or what breaks the contract."""

    name: ClassVar[str] = "halves"
    provides: ClassVar[frozenset[Provision]] = frozenset({"proportions"})
    breach: str = "none"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        regions = np.zeros(sample.mask.shape, np.uint8)
        regions[:, sample.mask.shape[1] // 2 :] = 1
        shares = sample.shares(regions, 2).astype(np.float32)
        changes: dict[str, dict[str, Any]] = {
            "vector": {"proportions": shares[0]},
            "no regions": {"regions": None},
            "none at all": {"proportions": shares[:0]},
            "too many": {"proportions": np.repeat(shares, 128, 0)},
            "classes": {"proportions": shares[:, 1:]},
            "type": {"proportions": shares.astype(np.float64)},
            "map": {"regions": regions[1:]},
            "map type": {"regions": regions.astype(np.int64)},
            "outside": {"regions": regions * 2},
            "sum": {"proportions": shares * np.array([[1], [0.5]], np.float32)},
            "empty": {"proportions": shares * np.array([[1], [0]], np.float32)},
        }
        if "@0,0" in sample.key:  # in the first patch of a scene alone
            changes["another number"] = {"proportions": np.repeat(shares, 2, 0)}
            changes["sometimes"] = {"proportions": shares[0], "regions": None}
        whole = WeakLabel(proportions=shares, regions=regions)
        return replace(whole, **changes.get(self.breach, {}))


class Drawn(Supervision):
    """Labels the first pixel of each patch with the number of patches that `refine` sees."""

    name: ClassVar[str] = "drawn"
    provides: ClassVar[frozenset[Provision]] = LABELS

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(labels=np.full(sample.mask.shape, IGNORE, np.uint8))

    def refine(
        self,
        weak_labels: Sequence[WeakLabel],
        samples: Sequence[Sample],
        generator: np.random.Generator,
    ) -> Sequence[WeakLabel]:
        for label, sample in zip(weak_labels, samples, strict=True):
            assert label.labels is not None
            label.labels[0, 0] = len(samples) % 3 if sample.valid[0, 0] else IGNORE
        return weak_labels


class Tags(Supervision):
    name: ClassVar[str] = "tags"
    provides: ClassVar[frozenset[Provision]] = frozenset({"tags"})

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(tags=shares_of_classes(sample) > 0)


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


class Broken(Supervision):
    """Breaks the contract in the way that `breach` says, or keeps it."""

    name: ClassVar[str] = "broken"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels", "proportions", "tags"})
    breach: str

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        k = sample.classes
        labels = np.array(sample.mask)
        kept = WeakLabel(labels, np.full(k, 1 / k, np.float32), np.ones(k, np.bool_))
        match self.breach:
            case "shape":
                return replace(kept, labels=labels[1:])
            case "type":
                return replace(kept, labels=labels.astype(np.int64))
            case "ignored":
                return replace(kept, labels=np.zeros_like(labels))
            case "class":
                return replace(kept, labels=np.where(labels == 2, 3, labels).astype(np.uint8))
            case "no labels":
                return replace(kept, labels=None)
            case "no tags":
                return replace(kept, tags=None)
            case "proportions":
                return replace(kept, proportions=np.ones(k + 1, np.float32))
            case "tags":
                return replace(kept, tags=np.ones((k, 1), np.bool_))
        return kept


class Undeclared(Supervision):
    """Gives tags that it did not announce."""

    name: ClassVar[str] = "undeclared"
    provides: ClassVar[frozenset[Provision]] = LABELS

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(labels=np.array(sample.mask), tags=np.ones(sample.classes, np.bool_))


def test_the_ledger_of_points_per_class_in_each_scene(patch_set: Make) -> None:
    patches = two_scenes(patch_set)
    points = PointsPerClass(count=3, unit="scene")
    labels, ledger = annotate(patches, range(8), [points], 0)
    stored = ledger.as_json()
    pieces = stored["supervisions"][0].pop("pieces")
    assert 3 <= pieces <= 9  # points may touch
    assert stored == {
        "scenes": 2,
        "patches": 8,
        "valid_pixels": 64 + 48,
        "labelled_pixels": 9,
        "labelled_share": 9 / 112,
        "supervisions": [
            {
                "supervision": "points-per-class",
                "unit": "scene",
                "units": 2,
                "labelled_pixels": 9,
                "labelled_pixels_by_class": [3, 3, 3],
                "units_without_labels": 0,
                "present_classes": 3,
                "proportion_vectors": 0,
                "tag_vectors": 0,
                "reveals": ["which classes occur in the unit"],
            }
        ],
    }
    labelled = count_labelled(labels_in(labels))
    in_first_scene = sum(labelled[:4])
    in_second_scene = sum(labelled[4:])
    assert in_first_scene == 3 * 2
    assert in_second_scene == 3


def test_the_ledger_of_points_per_class_in_each_patch(patch_set: Make) -> None:
    patches = two_scenes(patch_set)
    points = PointsPerClass(count=3, unit="patch")
    labels, ledger = annotate(patches, range(8), [points], 0)
    (entry,) = ledger.supervisions
    assert entry.unit == "patch"
    assert entry.units == 8
    assert entry.units_without_labels == 1
    assert entry.labelled_pixels_by_class == [6, 6, 9]
    assert ledger.labelled_pixels == 21
    assert count_labelled(labels_in(labels)) == [3] * 7 + [0]


def test_pieces_are_connected_labels_of_one_class_in_a_unit(patch_set: Make) -> None:
    # Neighbours by a corner connect: 0, 1, 2 are one each.
    mask = np.array([[0, 0, 1, 1], [1, 1, 0, 0], [1, 2, 2, IGNORE], [1, 2, IGNORE, 2]])
    in_scene = entry_of(patch_set({"a": mask}, 4, 3), [0], Full(unit="scene"))
    assert in_scene["present_classes"] == 3
    assert in_scene["pieces"] == 3
    in_patches = entry_of(patch_set({"a": mask}, 2, 3), range(4), Full(unit="patch"))
    assert in_patches["present_classes"] == 2 + 2 + 2 + 1
    assert in_patches["pieces"] == 7


def test_the_ledger_counts_the_training_patches_only(patch_set: Make) -> None:
    ledger = ledger_of(two_scenes(patch_set), [4, 7], Full(), Proportions(), Tags())
    assert ledger.scenes == 1
    assert ledger.patches == 2
    assert ledger.valid_pixels == 16
    assert ledger.labelled_share == 1.0
    entries = ledger.supervisions
    assert [entry.labelled_pixels for entry in entries] == [16, 0, 0]
    assert [entry.proportion_vectors for entry in entries] == [0, 2, 0]
    assert [entry.tag_vectors for entry in entries] == [0, 0, 2]


def test_a_training_set_without_valid_pixels_has_a_share_of_zero(patch_set: Make) -> None:
    ledger = ledger_of(two_scenes(patch_set), [7], PointsPerImage())
    assert ledger.valid_pixels == 0
    assert ledger.labelled_pixels == 0
    assert ledger.labelled_share == 0.0
    assert ledger.supervisions[0].units_without_labels == 1


@pytest.mark.parametrize("unit", ["scene", "patch"])
def test_full_labels_are_the_masks_in_the_order_asked_for(patch_set: Make, unit: Any) -> None:
    patches = two_scenes(patch_set)
    indices = [6, 0, 3, 5]
    assert_array_equal(labels_of(patches, indices, Full(unit=unit)), patches.masks[indices])


def test_labels_of_a_scene_are_cut_as_overlapping_patches_are(patch_set: Make) -> None:
    patches = patch_set({"a": np.arange(64).reshape(8, 8) % 3}, 4, 3, step=2)
    labels = labels_of(patches, range(9), PointsPerClass(count=10))
    whole = np.full((8, 8), IGNORE, np.uint8)
    for origin, patch_labels in zip(patches.origins, labels, strict=True):
        window = whole[origin.row : origin.row + 4, origin.column : origin.column + 4]
        again = window != IGNORE
        assert_array_equal(patch_labels[again], window[again])  # in two patches, but one label
        window[:] = np.where(again, window, patch_labels)
    assert np.bincount(whole.ravel(), minlength=3)[:3].tolist() == [10, 10, 10]


def test_points_of_a_scene_fall_on_its_training_patches_only(patch_set: Make) -> None:
    patches = two_scenes(patch_set)
    labels, ledger = annotate(patches, [0], [PointsPerClass(count=12)], 0)
    counts = np.bincount(labels_in(labels).ravel(), minlength=3)
    assert counts[:3].tolist() == [12, 0, 0]
    assert ledger.supervisions[0].labelled_pixels_by_class == [12, 0, 0]


@pytest.mark.parametrize("unit", ["scene", "patch"])
def test_the_draw_for_one_image_depends_on_no_other_nor_on_order(
    patch_set: Make, unit: Any
) -> None:
    patches = two_scenes(patch_set)
    points = PointsPerImage(count=5, unit=unit)
    together = labels_of(patches, range(8), points)
    reverse = labels_of(patches, range(8)[::-1], points)
    alone = labels_of(patches, range(4, 8), points)
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
    fewer = labels_of(patches, range(4), PointsPerImage(count=5, unit=unit))
    more = labels_of(patches, range(4), PointsPerImage(count=20, unit=unit))
    assert_array_equal(more[fewer != IGNORE], 0)
    assert (more != IGNORE).sum() == 4 * (fewer != IGNORE).sum()


def test_of_two_supervisions_the_first_keeps_its_labels(patch_set: Make) -> None:
    patches = two_scenes(patch_set)
    supervisions = [Corner(label=1), Full(), Proportions(), Tags()]
    labels, ledger = annotate(patches, range(8), supervisions, 0)
    expected = np.array(patches.masks)
    expected[:7, 0, 0] = 1  # the last patch is ignored
    assert_array_equal(labels_in(labels), expected)
    shares = np.zeros((8, 3))
    shares[range(7), [0, 1, 0, 1, 2, 2, 2]] = 1
    assert labels.proportions is not None
    assert_array_equal(labels.proportions, shares)
    assert labels.tags is not None
    assert_array_equal(labels.tags, shares > 0)
    names = [entry.supervision for entry in ledger.supervisions]
    assert names == ["corner", "full", "proportions", "tags"]


def test_labels_of_scenes_and_of_patches_merge(patch_set: Make) -> None:
    patches = two_scenes(patch_set)
    labels = labels_of(patches, range(8), Corner(label=1), Full(unit="scene"))
    assert labels[4, 0, 0] == 1
    assert_array_equal(labels[:, 1:], patches.masks[:, 1:])


@pytest.mark.parametrize(
    ("supervision", "kind"), [(Tags(), "tags"), (Proportions(), "proportions")]
)
def test_two_supervisions_with_the_same_vectors_are_refused(
    patch_set: Make, supervision: Supervision, kind: str
) -> None:
    with pytest.raises(InputError, match=f"both provide {kind}"):
        annotate(two_scenes(patch_set), range(8), [supervision, supervision], 0)


def test_what_is_not_provided_is_absent(patch_set: Make) -> None:
    labels, _ = annotate(two_scenes(patch_set), range(8), [Tags()], 0)
    assert labels.labels is None
    assert labels.proportions is None


def test_refine_sees_the_whole_set_and_is_what_the_ledger_counts(patch_set: Make) -> None:
    labels, ledger = annotate(two_scenes(patch_set), range(8), [Erased()], 0)
    assert count_labelled(labels_in(labels)) == [16] + [0] * 7
    assert ledger.labelled_pixels == 16
    assert ledger.supervisions[0].units_without_labels == 7


@pytest.mark.parametrize(
    ("breach", "message"),
    [
        ("shape", r"must be uint8 \[4, 4\], got uint8 \[3, 4\]"),
        ("type", r"must be uint8 \[4, 4\], got int64"),
        ("ignored", "labelled pixels that are ignored"),
        ("class", r"outside 0\.\.2"),
        ("no labels", "labels is absent"),
        ("no tags", "tags is absent"),
        ("proportions", r"proportions must be float32 \[3\], got float32 \[4\]"),
        ("tags", r"tags must be bool \[3\], got bool \[3, 1\]"),
    ],
)
def test_a_breach_of_the_contract_names_the_supervision_and_the_sample(
    patch_set: Make, breach: str, message: str
) -> None:
    first = {"ignored": "b@4,4", "class": "b@0,0"}.get(breach, "a@0,0")
    with pytest.raises(ValueError, match=f"'broken', {first}: .*{message}"):
        annotate(two_scenes(patch_set), range(8), [Broken(breach=breach)], 0)


def test_a_kept_contract_is_no_breach(patch_set: Make) -> None:
    patches = two_scenes(patch_set)
    assert_array_equal(labels_of(patches, range(8), Broken(breach="none")), patches.masks)


def test_a_label_that_was_not_announced_is_a_breach(patch_set: Make) -> None:
    with pytest.raises(
        ValueError, match=r"'undeclared', a@0,0: declares \['labels'\], but tags was given"
    ):
        annotate(two_scenes(patch_set), range(8), [Undeclared()], 0)


@pytest.mark.parametrize(
    "supervision",
    [Tags(unit="scene"), Proportions(unit="scene")],
    ids=lambda supervision: supervision.name,
)
def test_scenes_can_be_given_labels_only(patch_set: Make, supervision: Supervision) -> None:
    message = f"'{supervision.name}' annotates scenes, so it can give labels only: use unit: patch"
    with pytest.raises(ValueError, match=message):
        annotate(two_scenes(patch_set), range(8), [supervision], 0)


def test_pixels_are_counted_once_where_patches_overlap_or_supervisions_agree(
    patch_set: Make,
) -> None:
    overlapping = patch_set({"a": np.zeros((8, 8))}, 4, 3, step=2)
    ledger = ledger_of(overlapping, range(9), Full(unit="scene"), PointsPerImage(count=5))
    assert ledger.valid_pixels == 64
    assert ledger.labelled_pixels == 64
    assert ledger.labelled_share == 1.0
    assert [entry.labelled_pixels for entry in ledger.supervisions] == [64, 5]


class Odd(Supervision):
    """Breaks a rule that a number can break."""

    name: ClassVar[str] = "odd"
    provides: ClassVar[frozenset[Provision]] = frozenset({"proportions"})

    values: tuple[float, ...]

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(proportions=np.array(self.values, np.float32))


@pytest.mark.parametrize("values", [(0.5, 0.6, 0.0), (1.5, -0.5, 0.0), (0.0, 0.0, 0.0)])
def test_proportions_are_shares_that_sum_to_one(patch_set: Make, values: tuple[float, ...]) -> None:
    message = "'odd', a@0,0: proportions must be at least 0 and sum to 1"
    with pytest.raises(ValueError, match=message):
        annotate(two_scenes(patch_set), range(8), [Odd(values=values)], 0)


class Sparse(Supervision):
    """Announces whole masks and labels one pixel."""

    name: ClassVar[str] = "sparse"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels", "dense"})

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return PointsPerImage(count=1).annotate(sample, generator)

    def refine(
        self,
        weak_labels: Sequence[WeakLabel],
        samples: Sequence[Sample],
        generator: np.random.Generator,
    ) -> Sequence[WeakLabel]:
        return weak_labels[:-1] if len(weak_labels) == 8 else weak_labels


class Copied(Supervision):
    """Gives all patches the same proportions, and says that somebody annotated them in another
    patch."""

    name: ClassVar[str] = "copied"
    provides: ClassVar[frozenset[Provision]] = frozenset({"proportions"})

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        proportions = np.array([0.5, 0.25, 0.25], np.float32)
        return WeakLabel(proportions=proportions, shared=sample.key.startswith("b"))


def test_what_is_shared_must_have_been_annotated_in_another_patch(patch_set: Make) -> None:
    ledger = ledger_of(two_scenes(patch_set), range(8), Copied())
    assert ledger.supervisions[0].proportion_vectors == 4
    assert ledger.scenes == 1  # nobody annotated anything in the other
    message = "'copied', b@0,0: proportions are called shared, but no unit with the same"
    with pytest.raises(ValueError, match=message):
        annotate(two_scenes(patch_set), range(4, 8), [Copied()], 0)


def test_dense_means_every_valid_pixel_and_refine_keeps_the_number(patch_set: Make) -> None:
    with pytest.raises(ValueError, match="declares dense, but left valid pixels unlabelled"):
        annotate(two_scenes(patch_set), range(4), [Sparse()], 0)
    with pytest.raises(ValueError, match="'sparse': refine returned 7 weak labels for 8"):
        annotate(two_scenes(patch_set), range(8), [Sparse()], 0)


def test_shares_of_regions_counted_by_hand() -> None:
    mask = np.array([[0, 1, 1, IGNORE], [0, 0, 2, 2]], np.uint8)
    regions = np.array([[0, 0, 1, 1], [0, IGNORE, 1, 2]], np.uint8)
    sample = Sample("", np.zeros((2, 4, 3), np.uint8), mask, 3)
    assert_allclose(sample.shares(), [[3 / 7, 2 / 7, 2 / 7]])
    expected = np.array(
        [
            [2 / 3, 1 / 3, 0],
            [0, 1 / 2, 1 / 2],
            [0, 0, 1],
            [0, 0, 0],
        ]
    )
    assert_allclose(sample.shares(regions, 4), expected)


def test_proportions_of_regions_are_stacked_and_counted_one_by_one(patch_set: Make) -> None:
    mask = np.zeros((4, 8))
    mask[:, 3], mask[:, 6:] = 1, IGNORE
    patches = patch_set({"a": mask}, 4, 2)
    labels, ledger = annotate(patches, range(2), [Halves(), Full()], 0)
    assert labels.proportions is not None
    assert labels.regions is not None
    assert_array_equal(labels.proportions, [[[1, 0], [0.5, 0.5]], [[1, 0], [0, 0]]])
    assert_array_equal(labels.regions, np.broadcast_to([0, 0, 1, 1], (2, 4, 4)))
    assert ledger.supervisions[0].proportion_vectors == 4
    # Regions stay with the proportions, whichever supervision comes first.
    reverse, _ = annotate(patches, range(2), [Full(), Halves()], 0)
    assert reverse.regions is not None
    assert_array_equal(reverse.regions, labels.regions)
    assert_array_equal(labels_in(reverse), labels_in(labels))


@pytest.mark.parametrize(
    ("breach", "message"),
    [
        (
            "vector",
            r"a@0,0: proportions must be float32 \[R, 3\] with R from 1 to 255, got float32 \[3\]",
        ),
        ("no regions", r"a@0,0: proportions must be float32 \[3\], got float32 \[2, 3\]"),
        ("none at all", r"R from 1 to 255, got float32 \[0, 3\]"),
        ("too many", r"R from 1 to 255, got float32 \[256, 3\]"),
        ("classes", r"got float32 \[2, 2\]"),
        ("type", r"got float64 \[2, 3\]"),
        ("map", r"regions must be uint8 \[4, 4\], got uint8 \[3, 4\]"),
        ("map type", r"regions must be uint8 \[4, 4\], got int64"),
        ("outside", r"gave a region outside 0\.\.1"),
        ("sum", r"at least 0 and sum to 1, got \[0\.5, 0\.0, 0\.0\]"),
        ("empty", r"at least 0 and sum to 1, got \[0\.0, 0\.0, 0\.0\]"),
        (
            "another number",
            r"'halves': proportions must have one shape in all patches, got \[\(2, 3\), \(4, 3\)\]",
        ),
        ("sometimes", r"one shape in all patches, got \[\(2, 3\), \(3,\)\]"),
    ],
)
def test_regions_that_break_the_contract(patch_set: Make, breach: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        annotate(two_scenes(patch_set), range(8), [Halves(breach=breach)], 0)


class Mapped(Supervision):
    """Gives regions of nothing."""

    name: ClassVar[str] = "mapped"
    provides: ClassVar[frozenset[Provision]] = LABELS

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        regions = np.zeros(sample.mask.shape, np.uint8)
        return WeakLabel(labels=np.array(sample.mask), regions=regions)


def test_regions_go_with_proportions_only(patch_set: Make) -> None:
    with pytest.raises(ValueError, match="'mapped', a@0,0: gave regions, but no proportions"):
        annotate(two_scenes(patch_set), range(8), [Mapped()], 0)


THIRDS = Odd(values=(0.5, 0.25, 0.25))
"""Is 1/2 away from a patch of class 0, and 3/4 from one of class 1 or 2."""


@pytest.mark.parametrize(
    ("supervision", "indices", "mean", "median", "maximum"),
    [
        (Proportions(), range(8), 0.0, 0.0, 0.0),
        (Halves(), range(8), 0.0, 0.0, 0.0),
        # Patches of class 0, 1, 0, 1, 2, 2, 2, and one without valid pixels, which is no unit.
        (THIRDS, range(7), round((2 * 0.5 + 5 * 0.75) / 7, 6), 0.75, 0.75),
        (THIRDS, range(8), round((2 * 0.5 + 5 * 0.75) / 7, 6), 0.75, 0.75),
        (THIRDS, [0, 1], 0.625, 0.625, 0.75),
        (Proportions(), [7], 0.0, 0.0, 0.0),
    ],
)
def test_the_total_variation_of_given_to_exact_proportions(
    patch_set: Make,
    supervision: Supervision,
    indices: Sequence[int],
    mean: float,
    median: float,
    maximum: float,
) -> None:
    entry = entry_of(two_scenes(patch_set), indices, supervision)
    variation = VariationOfProportions(mean=mean, median=median, max=maximum)
    assert entry.total_variation == variation


def test_the_total_variation_of_regions_weighs_each_region_alike(patch_set: Make) -> None:
    mask = np.array([[0, 0, 0, 1], [0, 0, IGNORE, IGNORE], [0, 1, 1, 1], [1, 1, 1, 1]], np.uint8)
    image = np.zeros((2, 4, 3), np.uint8)
    samples = [Sample("", image, mask[:2], 2), Sample("", image, mask[2:], 2)]
    label = WeakLabel(
        proportions=np.array([[0.5, 0.5], [0.5, 0.5], [0.25, 0.75]], np.float32),
        regions=np.array([[0] * 4, [1] * 4], np.uint8),
    )
    entry = count_supervision(Halves(), samples, [label, label])
    # Exact: 3/4 and 1; then 1/4 and 0. The third region has no pixels.
    variation = VariationOfProportions(mean=0.375, median=0.375, max=0.5)
    assert entry.total_variation == variation


def test_training_and_validation_are_one_annotation(patch_set: Make) -> None:
    patches = two_scenes(patch_set)
    supervisions = [PointsPerImage(count=5, unit="patch"), Halves()]
    alone, ledger_alone = annotate(patches, [0, 1], supervisions, 0)
    both, ledger = annotate(patches, [0, 1], supervisions, 0, [4, 6, 7])
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


def test_a_scene_in_both_parts_is_annotated_once_and_refine_sees_all(patch_set: Make) -> None:
    patches = two_scenes(patch_set)
    points = PointsPerClass(count=3, unit="scene")
    labels, ledger = annotate(patches, [0, 1, 4], [points], 0, [2, 5])
    _, validation = labels.divided(3)
    assert ledger.supervisions[0].units == 2
    assert ledger.supervisions[0].labelled_pixels_by_class == [3, 3, 3]
    labelled = sum(count_labelled(labels_in(validation)))
    assert ledger.validation is not None
    assert ledger.validation.labelled_pixels == labelled
    assert_array_equal(labels_of(patches, [0, 1], Drawn())[:, 0, 0], 2)
    together, _ = annotate(patches, [0, 1], [Drawn()], 0, [4, 6])
    assert_array_equal(labels_in(together)[:, 0, 0], 1)  # of four patches
