"""Supervisions that follow shapes: boundaries, components, disks, boxes, blocks, key points."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from point_masks import CLASSES, count_labels, draw_labels, masks
from scipy import ndimage
from scipy.spatial.distance import cdist
from scipy.stats import binomtest

from harness.api import InputError
from harness.core.values import IGNORE
from harness_points.blocks import Blocks
from harness_points.boundary import PointsBoundary
from harness_points.boxes import Boxes
from harness_points.component_centres import ComponentCentres
from harness_points.disks import Disks
from harness_points.keypoints import Keypoints
from harness_points.shapes import components, depth

Array = NDArray[Any]


def picture(*rows: str) -> Array:
    """A mask of digits; a dot is an ignored pixel."""
    return np.array([[IGNORE if pixel == "." else int(pixel) for pixel in row] for row in rows])


def shown(labels: Array) -> list[str]:
    return ["".join("." if pixel == IGNORE else str(pixel) for pixel in row) for row in labels]


@given(masks, st.sampled_from([4, 8]))
def test_components_are_numbered_by_class_and_connect_what_they_say(
    mask: Array, connectivity: int
) -> None:
    numbers, owners = components(mask, CLASSES, connectivity)
    assert_array_equal(owners[numbers], mask)
    assert sorted(set(numbers.ravel()) | {0}) == list(range(len(owners)))
    structure = ndimage.generate_binary_structure(2, connectivity // 4)
    assert len(owners) - 1 == sum(
        ndimage.label(mask == index, structure)[1] for index in range(CLASSES)
    )
    for number in range(1, len(owners)):
        assert ndimage.label(numbers == number, structure)[1] == 1


@given(masks)
def test_depth_is_the_distance_to_what_lies_outside(mask: Array) -> None:
    wide = np.pad(mask, 1, constant_values=IGNORE)
    for (row, column), value in np.ndenumerate(mask):
        expected = (
            cdist([[row + 1, column + 1]], np.argwhere(wide != value)).min()
            if value != IGNORE
            else 0
        )
        assert depth(mask, CLASSES)[row, column] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("where", "distance", "columns"),
    [("near", 2, [6, 7, 8, 9]), ("near", 1, [7, 8]), ("far", 4, [*range(5), *range(11, 16)])],
)
def test_points_lie_near_a_boundary_or_far_from_it(
    where: Literal["near", "far"], distance: float, columns: list[int]
) -> None:
    mask = np.repeat([[0] * 8 + [1] * 8], 6, 0)
    # all candidates
    labels = draw_labels(PointsBoundary(where=where, distance=distance, count=1000), mask)
    assert_array_equal(labels, np.where(np.isin(np.arange(16), columns), mask, IGNORE))


def test_ignored_pixels_and_the_edge_are_no_boundary_and_no_candidates_means_all() -> None:
    mask = picture("000..11", "000..11")
    # 3 columns from 0 to 1
    assert_array_equal(draw_labels(PointsBoundary(where="far", distance=3, count=99), mask), mask)
    assert shown(draw_labels(PointsBoundary(where="near", distance=3, count=99), mask)) == [
        "..0..1.",
        "..0..1.",
    ]
    # none so near: all pixels
    assert_array_equal(draw_labels(PointsBoundary(where="near", distance=2, count=99), mask), mask)
    assert count_labels(draw_labels(PointsBoundary(where="near", distance=2, count=3), mask)) == [
        3,
        3,
        0,
        0,
    ]


@given(masks, st.sampled_from(["near", "far"]), st.floats(1, 6), st.integers(1, 9))
def test_boundary_points_keep_their_distance(
    mask: Array, where: Literal["near", "far"], distance: float, count: int
) -> None:
    labels = draw_labels(PointsBoundary(where=where, distance=distance, count=count), mask)
    for index in range(CLASSES):
        own, others = np.argwhere(mask == index), np.argwhere((mask != index) & (mask != IGNORE))
        away = (
            cdist(own, others).min(axis=1)
            if len(own) and len(others)
            else np.full(len(own), np.inf)
        )
        fits = away <= distance if where == "near" else away >= distance
        chosen = labels[tuple(own.T)] == index
        assert chosen.sum() == min(count, fits.sum() or len(own))
        assert not fits.any() or fits[chosen].all()


def test_a_centre_lies_inside_however_bent_the_component_is() -> None:
    ring = picture("0000000", "0111110", "0100010", "0100010", "0100010", "0111110", "0000000")
    labels = draw_labels(ComponentCentres(), ring)
    assert ring[labels != IGNORE].tolist() == labels[labels != IGNORE].tolist()
    assert count_labels(labels) == [2, 1, 0, 0]
    # the middle of the hole; the centre of mass of the ring lies there too
    assert labels[3, 3] == 0


def test_a_centre_is_where_the_component_is_widest_and_its_disk_ends_with_it() -> None:
    mask = picture(
        "00000000000",
        "01111111110",
        "01111100010",
        "01111101110",
        "01111101000",
        "01111100000",
        "00000000000",
    )
    assert draw_labels(ComponentCentres(), mask)[3, 3] == 1
    small = draw_labels(ComponentCentres(radius=1, min_area=20), mask)
    assert np.argwhere(small == 1).tolist() == [[2, 3], [3, 2], [3, 3], [3, 4], [4, 3]]
    whole = draw_labels(ComponentCentres(radius=99), mask)
    assert_array_equal(whole, mask)  # every disk is cut where its component ends


def test_components_that_touch_at_a_corner_are_one_or_two() -> None:
    mask = picture("00.", "00.", "..0")
    assert count_labels(draw_labels(ComponentCentres(connectivity=8), mask))[0] == 1
    assert count_labels(draw_labels(ComponentCentres(connectivity=4), mask))[0] == 2
    assert shown(draw_labels(ComponentCentres(connectivity=4, min_area=4), mask)) == [
        "0..",
        "...",
        "...",
    ]


@given(masks, st.sampled_from([4, 8]), st.integers(1, 6))
def test_every_large_component_has_one_centre_at_its_greatest_depth(
    mask: Array, connectivity: Literal[4, 8], area: int
) -> None:
    labels = draw_labels(ComponentCentres(connectivity=connectivity, min_area=area), mask)
    numbers, _ = components(mask, CLASSES, connectivity)
    depths = depth(mask, CLASSES)
    for number in range(1, numbers.max(initial=0) + 1):
        component = numbers == number
        point = component & (labels != IGNORE)
        assert point.sum() == (component.sum() >= area)
        assert (depths[point] == depths[component].max()).all()


@given(masks, st.integers(1, 4), st.integers(0, 4), st.integers(0, 9))
def test_disks_are_the_dilation_of_their_points_within_what_they_are_clipped_to(
    mask: Array, count: int, radius: int, key: int
) -> None:
    points = draw_labels(Disks(count=count, radius=0), mask, key)
    numbers, _ = components(mask, CLASSES)
    none, within_class, within_component = (
        draw_labels(Disks(count=count, radius=radius, clip=clip), mask, key)
        for clip in ("none", "class", "component")
    )
    centres = np.argwhere(points != IGNORE)
    for place, value in np.ndenumerate(mask):
        away = cdist([place], centres)[0] if len(centres) else np.zeros(0)
        near = centres[away <= radius]
        if value == IGNORE or not len(near):
            assert none[place] == within_class[place] == within_component[place] == IGNORE
            continue
        nearest = centres[away == away.min()]
        assert none[place] in mask[tuple(nearest.T)]
        assert within_class[place] == (value if value in mask[tuple(near.T)] else IGNORE)
        assert within_component[place] == (
            value if numbers[place] in numbers[tuple(near.T)] else IGNORE
        )


def test_a_disk_crosses_to_another_component_only_where_it_may() -> None:
    mask = picture("010.2", "010.2")
    seen = {
        clip: draw_labels(Disks(count=1, radius=9, clip=clip), mask)
        for clip in ("component", "class", "none")
    }
    # one of the two components of class 0, and all of 1 and 2
    assert (seen["component"] != IGNORE).sum() == 6
    assert_array_equal(seen["class"], mask)
    assert ((seen["none"] == IGNORE) == (mask == IGNORE)).all()
    assert (seen["none"] != mask).any()  # labels run over into other classes


def test_keypoints_are_of_chosen_classes_in_a_share_of_the_units() -> None:
    mask = np.repeat(np.arange(4), 12).reshape(8, 6)
    units = {
        share: [
            draw_labels(Keypoints(classes=(1, 3), count=2, share=share), mask, key)
            for key in range(1000)
        ]
        for share in (0.2, 0.5)
    }
    for share, drawns in units.items():
        annotated = [count_labels(unit) for unit in drawns if (unit != IGNORE).any()]
        assert {tuple(counts) for counts in annotated} == {(0, 2, 0, 2)}
        assert abs(len(annotated) - 1000 * share) < 3.5 * np.sqrt(1000 * share * (1 - share))
    # the units of the smaller share are among those of the larger
    for less, more in zip(*units.values(), strict=True):
        assert (less == IGNORE).all() or (less == more).all()


def test_keypoints_are_dilated_plainly() -> None:
    mask = np.zeros((9, 9))
    mask[4, 4] = 1
    labels = draw_labels(Keypoints(classes=(1,), share=1, radius=2), mask)
    rows, columns = np.mgrid[:9, :9] - 4
    assert_array_equal(labels, np.where(rows**2 + columns**2 <= 4, 1, IGNORE))


def test_keypoints_of_a_class_that_is_not_there_are_refused() -> None:
    with pytest.raises(InputError, match="no class 4: the last one is 3"):
        draw_labels(Keypoints(classes=(1, 4)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="at least 1 item"):
        Keypoints(classes=())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["000000.", "011220.", "011220.", "011000.", "000000."]),
        ({"margin": 1}, ["112222.", "112222.", "112222.", "112222.", "111100."]),
        ({"min_area": 4}, ["000000.", "011000.", "011000.", "011000.", "000000."]),
    ],
    ids=repr,
)
def test_boxes_are_filled_and_the_smaller_wins(fields: dict[str, Any], expected: list[str]) -> None:
    mask = picture("000000.", "010020.", "010220.", "011000.", "000000.")
    assert shown(draw_labels(Boxes(**fields), mask)) == expected


def test_of_equal_boxes_the_first_class_wins_and_connectivity_decides_what_has_one() -> None:
    assert shown(draw_labels(Boxes(), picture("12", "21"))) == ["11", "11"]
    assert shown(draw_labels(Boxes(connectivity=4), picture("12", "21"))) == ["12", "21"]


def test_every_side_of_a_box_moves_within_the_jitter() -> None:
    mask = np.full((20, 20), 3)
    mask[5:15, 5:15] = 2
    sides = set()
    for key in range(60):
        rows, columns = np.nonzero(draw_labels(Boxes(jitter=2), mask, key) == 2)
        assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)  # a full rectangle
        sides |= {
            ("top", rows.min() - 5),
            ("bottom", rows.max() - 14),
            ("left", columns.min() - 5),
            ("right", columns.max() - 14),
        }
    assert sides == {
        (side, move) for side in ("top", "bottom", "left", "right") for move in range(-2, 3)
    }


def test_a_box_keeps_a_pixel_however_its_sides_move() -> None:
    mask = np.full((9, 9), 3)
    mask[4, 4] = 2
    assert all((draw_labels(Boxes(jitter=4), mask, key) == 2).any() for key in range(60))


@given(masks, st.integers(1, 100), st.integers(1, 6), st.integers(0, 9))
def test_blocks_cover_exactly_their_fraction(
    mask: Array, percent: int, side: int, key: int
) -> None:
    labels = draw_labels(Blocks(fraction=percent / 100, min_side=side, max_side=6), mask, key)
    assert (labels != IGNORE).sum() == percent * (mask != IGNORE).sum() // 100


def test_blocks_are_rectangles_filled_densely() -> None:
    squares = [
        draw_labels(Blocks(fraction=0.0064, min_side=8, max_side=8), np.zeros((100, 100)), key) == 0
        for key in range(30)
    ]
    whole = [square[ndimage.find_objects(square.astype(int))[0]] for square in squares]
    assert all(square.sum() == 64 for square in squares)
    # all but the few that the edge cuts, where a second one begins
    assert sum(square.shape == (8, 8) for square in whole) > 20
    for key in range(10):
        union = np.pad(
            draw_labels(Blocks(fraction=0.3, min_side=3, max_side=8), np.zeros((100, 100)), key)
            == 0,
            8,
            constant_values=True,
        )
        left = {
            side: (union & ~ndimage.binary_opening(union, np.ones((side, side))))[8:-8, 8:-8].sum()
            for side in (3, 4)
        }
        assert left[3] < 64  # every block holds 3 x 3 squares, but for the last one
        assert left[4] > 64  # and some no larger ones


def test_a_block_is_placed_around_a_pixel_that_is_not_covered_yet() -> None:
    # Four of six pixels, in blocks of three: first the left end, then the last pixel of four; or
    # first the right end, then 0 or 1 of four.
    ends, draws = [0, 0, IGNORE, IGNORE, 0, 0], 5000
    seen = sum(
        draw_labels(Blocks(fraction=0.667, min_side=3, max_side=3), np.zeros((1, 6)), key)[
            0
        ].tolist()
        == ends
        for key in range(draws)
    )
    assert binomtest(seen, draws, 1 / 6 / 4 + 2 / 6 / 4).pvalue > 1e-3


def test_sides_of_blocks_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="min_side 9 is above max_side 8"):
        Blocks(min_side=9, max_side=8)
