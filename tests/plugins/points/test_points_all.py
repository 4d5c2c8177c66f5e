"""What all point-like supervisions share: valid pixels only, one generator, nested draws, classes
that do not disturb each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from small_masks import CLASSES, Array, draw_labels, masks

from harness.core.components import Supervision
from harness.core.values import IGNORE
from harness.testing import check_component
from harness_points import harness_supervisions
from harness_points.blocks import Blocks
from harness_points.boundary import PointsBoundary
from harness_points.boxes import Boxes
from harness_points.budgets import PointsBalanced, PointsProportional
from harness_points.clicks import HumanClicks
from harness_points.component_centres import ComponentCentres
from harness_points.disks import Disks
from harness_points.keypoints import Keypoints
from harness_points.scribbles import Scribbles
from harness_points.shared_points import PointsShared
from harness_points.shuffled_stride import PointsShuffledStride
from harness_points.spatial import PointsGrid, PointsPoissonDisk

CHANGED: list[tuple[type[Supervision], dict[str, Any]]] = [
    (Blocks, {"fraction": 0.5, "min_side": 1, "max_side": 4}),
    (Boxes, {"margin": 1, "jitter": 2, "connectivity": 4, "min_area": 3}),
    (ComponentCentres, {"radius": 2, "connectivity": 4, "min_area": 3}),
    (Disks, {"count": 2, "clip": "component"}),
    (Disks, {"count": 2, "clip": "class"}),
    (Disks, {"count": 2, "clip": "none"}),
    (HumanClicks, {"localisation_sd": 2, "label_noise": 0.5, "omission": 0.3, "margin": 1}),
    (HumanClicks, {"per": "image", "area_power": 0, "centre_power": 2}),
    (Keypoints, {"classes": (0, 2), "share": 0.7, "radius": 1}),
    (PointsBalanced, {"count": 7}),
    (PointsBoundary, {"where": "far", "distance": 2}),
    (PointsBoundary, {"where": "near", "distance": 1}),
    (PointsGrid, {"spacing": 2.5, "jitter": 0.5}),
    (PointsGrid, {"count": 9}),
    (PointsPoissonDisk, {"distance": 1.5}),
    (PointsProportional, {"count": 7}),
    (PointsShared, {"fraction": 0.3, "seed": 1}),
    (PointsShuffledStride, {"count": 3}),
    (
        Scribbles,
        {
            "erosion_area": 4,
            "min_erosion": 1,
            "max_erosion": 2,
            "move_area": 9,
            "min_length": 2,
            "rotation": 180,
        },
    ),
    (Scribbles, {"whole": (0, 1), "dilation": 0}),
]
KINDS = sorted({kind for kind, _ in CHANGED}, key=lambda kind: kind.name)
SUPERVISIONS = [kind() for kind in KINDS] + [kind(**fields) for kind, fields in CHANGED]


def is_truthful(supervision: Supervision) -> bool:
    """Whether labels agree with the mask wherever they are."""
    match supervision:
        case Boxes() | Keypoints() | Disks(clip="none"):
            return False
        case HumanClicks():
            return supervision.localisation_sd == 0 and supervision.label_noise == 0
        case _:
            return True


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_plugin_offers_it_and_it_keeps_the_contract(kind: type[Supervision]) -> None:
    assert kind in harness_supervisions()
    check_component(kind)


@pytest.mark.parametrize(("kind", "fields"), CHANGED, ids=repr)
def test_the_contract_is_kept_with_other_settings(
    kind: type[Supervision], fields: dict[str, Any]
) -> None:
    check_component(kind, **fields)


@pytest.mark.slow
@pytest.mark.parametrize("supervision", SUPERVISIONS, ids=repr)
@settings(max_examples=30)
@given(mask=masks, key=st.integers(0, 9))
def test_labels_lie_on_valid_pixels_and_repeat(
    supervision: Supervision, mask: Array, key: int
) -> None:
    before = mask.copy()
    labels = draw_labels(supervision, mask, key)
    labelled = labels != IGNORE
    assert (mask[labelled] != IGNORE).all()
    # A wrong label is that of a class which occurs.
    assert np.isin(labels[labelled], mask).all()
    if is_truthful(supervision):
        assert_array_equal(labels[labelled], mask[labelled])
    assert_array_equal(mask, before)
    assert_array_equal(labels, draw_labels(supervision, mask, key))


def mask_of_squares() -> Array:
    """Return a mask of 6 x 6 squares of 8 x 8 pixels, each of a random class or ignored."""
    classes = np.random.default_rng(3).choice([0, 1, 2, 3, IGNORE], (6, 6))
    return classes.repeat(8, 0).repeat(8, 1)


@pytest.mark.parametrize(
    ("fewer", "more"),
    [
        (Blocks(fraction=0.1), Blocks(fraction=0.7)),
        (Disks(count=1, radius=0), Disks(count=9, radius=0)),
        (
            HumanClicks(count=3, localisation_sd=3, label_noise=0.3),
            HumanClicks(count=30, localisation_sd=3, label_noise=0.3),
        ),
        (HumanClicks(per="image", count=3), HumanClicks(per="image", count=200)),
        (Keypoints(share=1, count=1), Keypoints(share=1, count=7)),
        (PointsBalanced(count=3), PointsBalanced(count=1500)),
        (PointsBoundary(count=3), PointsBoundary(count=50)),
        (PointsPoissonDisk(distance=4, count=3), PointsPoissonDisk(distance=4, count=70)),
        (PointsProportional(count=9), PointsProportional(count=500)),
        (PointsShared(fraction=0.01), PointsShared(fraction=0.5)),
    ],
    ids=repr,
)
def test_a_larger_draw_contains_the_smaller(fewer: Supervision, more: Supervision) -> None:
    mask = mask_of_squares()
    for key in range(20):
        smaller = draw_labels(fewer, mask, key)
        larger = draw_labels(more, mask, key)
        labelled = smaller != IGNORE
        assert 0 < labelled.sum() < (larger != IGNORE).sum()
        assert_array_equal(larger[labelled], smaller[labelled])


@pytest.mark.parametrize("gone", range(CLASSES))
@pytest.mark.parametrize(
    "supervision",
    [
        ComponentCentres(),
        Disks(),
        HumanClicks(),
        Keypoints(share=1),
        PointsShuffledStride(),
        Scribbles(move_area=0),
    ],
    ids=repr,
)
def test_the_draw_of_a_class_does_not_depend_on_the_others(
    supervision: Supervision, gone: int
) -> None:
    mask = mask_of_squares()
    labels = draw_labels(supervision, mask)
    expected = np.where(labels == gone, IGNORE, labels)
    without_class = np.where(mask == gone, IGNORE, mask)
    assert_array_equal(draw_labels(supervision, without_class), expected)


# A centre is where it is, and shared points are the same in every unit.
NOT_RANDOM = (ComponentCentres, PointsShared)


@pytest.mark.slow
@pytest.mark.parametrize(
    "supervision",
    [supervision for supervision in SUPERVISIONS if not isinstance(supervision, NOT_RANDOM)],
    ids=repr,
)
def test_units_are_drawn_differently(supervision: Supervision) -> None:
    mask = mask_of_squares()
    draws = {draw_labels(supervision, mask, key).tobytes() for key in range(40)}
    # Boxes without jitter are what they are.
    assert len(draws) > 1 or supervision == Boxes()
