"""What a ledger counts of an annotation, and how far proportions are from the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from maps import draw_map
from simple_supervisions import (
    Constant,
    Halves,
    Proportions,
    Tags,
    count_labelled,
    labels_in,
    ledger_of,
)

from harness.core.components import Supervision
from harness.core.values import Sample, WeakLabel
from harness.records.record import Annotation, VariationOfProportions
from harness.run.annotate import annotate
from harness.run.ledger import count_supervision
from harness.run.patches import PatchSet
from harness_points.full import Full
from harness_points.random_points import PointsPerClass, PointsPerImage

Make = Callable[..., PatchSet]


def entry_of(patches: PatchSet, indices: Sequence[int], supervision: Supervision) -> Annotation:
    """What the ledger says of the only supervision."""
    (entry,) = ledger_of(patches, indices, supervision).annotations
    return entry


def test_points_per_class_in_each_scene(two_scenes: PatchSet) -> None:
    points = PointsPerClass(count=3, unit="scene")
    labels, ledger = annotate(two_scenes, range(8), [points], 0)
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


def test_points_per_class_in_each_patch(two_scenes: PatchSet) -> None:
    points = PointsPerClass(count=3, unit="patch")
    labels, ledger = annotate(two_scenes, range(8), [points], 0)
    (entry,) = ledger.annotations
    assert entry.unit == "patch"
    assert entry.units == 8
    assert entry.units_without_labels == 1
    assert entry.labelled_pixels_by_class == [6, 6, 9]
    assert ledger.labelled_pixels == 21
    assert count_labelled(labels_in(labels)) == [3] * 7 + [0]


def test_pieces_are_connected_labels_of_one_class_in_a_unit(patch_set: Make) -> None:
    # Neighbours by a corner connect: 0, 1 and 2 are one each.
    mask = draw_map(
        "0011",
        "1100",
        "122.",
        "12.2",
    )
    whole = patch_set({"a": mask}, 4, 3)
    in_scene = entry_of(whole, [0], Full(unit="scene"))
    assert in_scene.present_classes == 3
    assert in_scene.pieces == 3

    quarters = patch_set({"a": mask}, 2, 3)
    in_patches = entry_of(quarters, range(4), Full(unit="patch"))
    assert in_patches.present_classes == 2 + 2 + 2 + 1
    assert in_patches.pieces == 7


def test_the_training_patches_only_are_counted(two_scenes: PatchSet) -> None:
    ledger = ledger_of(two_scenes, [4, 7], Full(), Proportions(), Tags())
    assert ledger.scenes == 1
    assert ledger.patches == 2
    assert ledger.valid_pixels == 16
    assert ledger.labelled_share == 1.0
    entries = ledger.annotations
    assert [entry.labelled_pixels for entry in entries] == [16, 0, 0]
    assert [entry.proportion_vectors for entry in entries] == [0, 2, 0]
    assert [entry.tag_vectors for entry in entries] == [0, 0, 2]


def test_a_training_set_without_valid_pixels_has_a_share_of_zero(two_scenes: PatchSet) -> None:
    ledger = ledger_of(two_scenes, [7], PointsPerImage())
    assert ledger.valid_pixels == 0
    assert ledger.labelled_pixels == 0
    assert ledger.labelled_share == 0.0
    assert ledger.annotations[0].units_without_labels == 1


def test_pixels_are_counted_once_where_patches_overlap_or_supervisions_agree(
    patch_set: Make,
) -> None:
    overlapping = patch_set({"a": np.zeros((8, 8))}, 4, 3, step=2)
    ledger = ledger_of(overlapping, range(9), Full(unit="scene"), PointsPerImage(count=5))
    assert ledger.valid_pixels == 64
    assert ledger.labelled_pixels == 64
    assert ledger.labelled_share == 1.0
    assert [entry.labelled_pixels for entry in ledger.annotations] == [64, 5]


def variation(mean: float, median: float, maximum: float) -> VariationOfProportions:
    return VariationOfProportions(mean=mean, median=median, max=maximum)


WRONG = Constant(values=(0.5, 0.25, 0.25))
"""Is 1/2 away from a patch of class 0, and 3/4 from one of class 1 or 2."""

# The patches are of class 0, 1, 0, 1, 2, 2, 2; the last has no valid pixels and is no unit.
MEAN = round((2 * 0.5 + 5 * 0.75) / 7, 6)
EXACT = variation(0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("supervision", "indices", "expected"),
    [
        (Proportions(), range(8), EXACT),
        (Halves(), range(8), EXACT),
        (WRONG, range(7), variation(MEAN, 0.75, 0.75)),
        (WRONG, range(8), variation(MEAN, 0.75, 0.75)),
        (WRONG, [0, 1], variation(0.625, 0.625, 0.75)),
        (Proportions(), [7], EXACT),
    ],
)
def test_the_total_variation_of_given_to_exact_proportions(
    two_scenes: PatchSet,
    supervision: Supervision,
    indices: Sequence[int],
    expected: VariationOfProportions,
) -> None:
    entry = entry_of(two_scenes, indices, supervision)
    assert entry.total_variation == expected


def test_labels_alone_have_no_errors(two_scenes: PatchSet) -> None:
    entry = entry_of(two_scenes, range(8), Full())
    errors = {"total_variation", "kl_divergence", "same_largest"}
    assert not errors & set(entry.as_json())


def test_the_total_variation_of_regions_weighs_each_region_alike() -> None:
    first = draw_map("0001", "00..")
    second = draw_map("0111", "1111")
    regions = draw_map("0000", "1111")
    image = np.zeros((2, 4, 3), np.uint8)
    samples = [Sample("", image, mask, 2) for mask in (first, second)]
    # Exact: 3/4 and 1; then 1/4 and 0. The third region has no pixels.
    given = np.array([[0.5, 0.5], [0.5, 0.5], [0.25, 0.75]], np.float32)
    label = WeakLabel(proportions=given, regions=regions)
    entry = count_supervision(Halves(), samples, [label, label])
    assert entry.total_variation == variation(0.375, 0.375, 0.5)
