"""Supervisions that follow shapes: boundaries, components, disks, boxes, blocks, key points."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import assert_plausible
from numpy.testing import assert_array_equal
from scipy import ndimage
from scipy.spatial.distance import cdist
from scipy.stats import binomtest
from small_masks import CLASSES, Array, count_labels, draw_labels, masks

from harness.api import InputError
from harness.core.values import IGNORE
from harness_points.blocks import Blocks
from harness_points.boundary import PointsBoundary
from harness_points.boxes import Boxes
from harness_points.component_centres import ComponentCentres
from harness_points.disks import Disks
from harness_points.keypoints import Keypoints
from harness_points.shapes import components, depth

IGNORED = "."


def mask_of(*rows: str) -> Array:
    """Return a mask of digits; a dot is an ignored pixel."""
    digits = np.array([list(row) for row in rows])
    classes = np.where(digits == IGNORED, str(IGNORE), digits)
    return classes.astype(int)


def picture_of(labels: Array) -> list[str]:
    """Return labels as digits; a dot is a pixel without a label."""
    digits = np.where(labels == IGNORE, IGNORED, labels.astype(str))
    return ["".join(row) for row in digits]


@given(mask=masks, connectivity=st.sampled_from([4, 8]))
def test_components_are_numbered_by_class_and_connect_what_they_say(
    mask: Array, connectivity: int
) -> None:
    numbers, owners = components(mask, CLASSES, connectivity)
    assert_array_equal(owners[numbers], mask)
    # Number 0 is that of ignored pixels, whether there are any or not.
    all_numbers = set(numbers.ravel()) | {0}
    assert all_numbers == set(range(len(owners)))

    structure = ndimage.generate_binary_structure(2, connectivity // 4)
    expected_count = 0
    for index in range(CLASSES):
        _, count = ndimage.label(mask == index, structure)
        expected_count += count
    assert len(owners) - 1 == expected_count
    for number in range(1, len(owners)):
        _, pieces = ndimage.label(numbers == number, structure)
        assert pieces == 1


@given(mask=masks)
def test_depth_is_the_distance_to_what_lies_outside(mask: Array) -> None:
    depths = depth(mask, CLASSES)
    # What lies beyond the edge is outside too.
    framed = np.pad(mask, 1, constant_values=IGNORE)
    for (row, column), value in np.ndenumerate(mask):
        expected = 0
        if value != IGNORE:
            outside = np.argwhere(framed != value)
            expected = cdist([[row + 1, column + 1]], outside).min()
        assert depths[row, column] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("where", "distance", "columns"),
    [
        ("near", 2, [6, 7, 8, 9]),
        ("near", 1, [7, 8]),
        ("far", 4, [*range(5), *range(11, 16)]),
    ],
)
def test_points_lie_near_a_boundary_or_far_from_it(
    where: Literal["near", "far"], distance: float, columns: list[int]
) -> None:
    mask = np.repeat([[0] * 8 + [1] * 8], 6, 0)
    # More than there are pixels, so that all candidates are labelled.
    supervision = PointsBoundary(where=where, distance=distance, count=1000)
    expected = np.full(mask.shape, IGNORE)
    expected[:, columns] = mask[:, columns]
    assert_array_equal(draw_labels(supervision, mask), expected)


def test_ignored_pixels_and_the_edge_are_no_boundary_and_no_candidates_means_all() -> None:
    # It is 3 columns from class 0 to class 1.
    mask = mask_of("000..11", "000..11")
    far = PointsBoundary(where="far", distance=3, count=99)
    assert_array_equal(draw_labels(far, mask), mask)
    near = PointsBoundary(where="near", distance=3, count=99)
    assert picture_of(draw_labels(near, mask)) == ["..0..1.", "..0..1."]

    # No pixel is so near, so all of them may be drawn.
    nearer = PointsBoundary(where="near", distance=2, count=99)
    assert_array_equal(draw_labels(nearer, mask), mask)
    three_nearer = PointsBoundary(where="near", distance=2, count=3)
    assert count_labels(draw_labels(three_nearer, mask)) == [3, 3, 0, 0]


@given(
    mask=masks,
    where=st.sampled_from(["near", "far"]),
    distance=st.floats(1, 6),
    count=st.integers(1, 9),
)
def test_boundary_points_keep_their_distance(
    mask: Array, where: Literal["near", "far"], distance: float, count: int
) -> None:
    labels = draw_labels(PointsBoundary(where=where, distance=distance, count=count), mask)
    for index in range(CLASSES):
        pixels = np.argwhere(mask == index)
        other_pixels = np.argwhere((mask != index) & (mask != IGNORE))
        # Where there is no other class, its boundary is infinitely far.
        distances = np.full(len(pixels), np.inf)
        if len(pixels) and len(other_pixels):
            distances = cdist(pixels, other_pixels).min(axis=1)
        fits = distances <= distance if where == "near" else distances >= distance
        candidates = fits.sum() or len(pixels)
        labelled = labels[tuple(pixels.T)] == index
        assert labelled.sum() == min(count, candidates)
        if fits.any():
            assert fits[labelled].all()


def test_a_centre_lies_inside_however_bent_the_component_is() -> None:
    ring = mask_of("0000000", "0111110", "0100010", "0100010", "0100010", "0111110", "0000000")
    labels = draw_labels(ComponentCentres(), ring)
    labelled = labels != IGNORE
    assert_array_equal(ring[labelled], labels[labelled])
    assert count_labels(labels) == [2, 1, 0, 0]
    # The middle of the hole is of class 0; the centre of mass of the ring lies there too.
    assert labels[3, 3] == 0


def test_a_centre_is_where_the_component_is_widest_and_its_disk_ends_with_it() -> None:
    mask = mask_of(
        "00000000000",
        "01111111110",
        "01111100010",
        "01111101110",
        "01111101000",
        "01111100000",
        "00000000000",
    )
    centres = draw_labels(ComponentCentres(), mask)
    assert centres[3, 3] == 1
    small_disks = draw_labels(ComponentCentres(radius=1, min_area=20), mask)
    assert picture_of(np.where(small_disks == 1, 1, IGNORE)) == [
        "...........",
        "...........",
        "...1.......",
        "..111......",
        "...1.......",
        "...........",
        "...........",
    ]
    # Every disk is cut where its component ends.
    huge_disks = draw_labels(ComponentCentres(radius=99), mask)
    assert_array_equal(huge_disks, mask)


def test_components_that_touch_at_a_corner_are_one_or_two() -> None:
    mask = mask_of("00.", "00.", "..0")
    one_component = draw_labels(ComponentCentres(connectivity=8), mask)
    assert count_labels(one_component)[0] == 1
    two_components = draw_labels(ComponentCentres(connectivity=4), mask)
    assert count_labels(two_components)[0] == 2
    large_component = draw_labels(ComponentCentres(connectivity=4, min_area=4), mask)
    assert picture_of(large_component) == ["0..", "...", "..."]


@given(
    mask=masks,
    connectivity=st.sampled_from([4, 8]),
    area=st.integers(1, 6),
)
def test_every_large_component_has_one_centre_at_its_greatest_depth(
    mask: Array, connectivity: Literal[4, 8], area: int
) -> None:
    labels = draw_labels(ComponentCentres(connectivity=connectivity, min_area=area), mask)
    numbers, _ = components(mask, CLASSES, connectivity)
    depths = depth(mask, CLASSES)
    for number in range(1, numbers.max(initial=0) + 1):
        component = numbers == number
        centre = component & (labels != IGNORE)
        is_large = component.sum() >= area
        assert centre.sum() == is_large
        assert (depths[centre] == depths[component].max()).all()


@given(
    mask=masks,
    count=st.integers(1, 4),
    radius=st.integers(0, 4),
    key=st.integers(0, 9),
)
def test_disks_are_the_dilation_of_their_points_within_what_they_are_clipped_to(
    mask: Array, count: int, radius: int, key: int
) -> None:
    points = draw_labels(Disks(count=count, radius=0), mask, key)
    anywhere = draw_labels(Disks(count=count, radius=radius, clip="none"), mask, key)
    in_class = draw_labels(Disks(count=count, radius=radius, clip="class"), mask, key)
    in_component = draw_labels(Disks(count=count, radius=radius, clip="component"), mask, key)
    numbers, _ = components(mask, CLASSES)
    centres = np.argwhere(points != IGNORE)
    for pixel, value in np.ndenumerate(mask):
        distances = np.zeros(0)
        if len(centres):
            distances = cdist([pixel], centres)[0]
        near_centres = tuple(centres[distances <= radius].T)
        near_classes = mask[near_centres]
        if value == IGNORE or len(near_classes) == 0:
            assert anywhere[pixel] == in_class[pixel] == in_component[pixel] == IGNORE
            continue
        # Of overlapping disks, the one with the nearest centre wins; several may be equally near.
        nearest_centres = tuple(centres[distances == distances.min()].T)
        assert anywhere[pixel] in mask[nearest_centres]
        same_class = value in near_classes
        assert in_class[pixel] == (value if same_class else IGNORE)
        same_component = numbers[pixel] in numbers[near_centres]
        assert in_component[pixel] == (value if same_component else IGNORE)


def test_a_disk_crosses_to_another_component_only_where_it_may() -> None:
    mask = mask_of("010.2", "010.2")
    in_component = draw_labels(Disks(count=1, radius=9, clip="component"), mask)
    # One of the two components of class 0, and all of classes 1 and 2.
    assert (in_component != IGNORE).sum() == 6
    in_class = draw_labels(Disks(count=1, radius=9, clip="class"), mask)
    assert_array_equal(in_class, mask)
    anywhere = draw_labels(Disks(count=1, radius=9, clip="none"), mask)
    assert_array_equal(anywhere == IGNORE, mask == IGNORE)
    # Labels run over into other classes.
    assert (anywhere != mask).any()


def test_keypoints_are_of_chosen_classes_in_a_share_of_the_units() -> None:
    units = 1000
    mask = np.repeat(np.arange(4), 12).reshape(8, 6)
    small_share = Keypoints(classes=(1, 3), count=2, share=0.2)
    large_share = Keypoints(classes=(1, 3), count=2, share=0.5)
    fewer = [draw_labels(small_share, mask, key) for key in range(units)]
    more = [draw_labels(large_share, mask, key) for key in range(units)]
    for share, unit_labels in ((0.2, fewer), (0.5, more)):
        annotated = 0
        for labels in unit_labels:
            if (labels == IGNORE).all():
                continue
            annotated += 1
            assert count_labels(labels) == [0, 2, 0, 2]
        standard_deviation = np.sqrt(units * share * (1 - share))
        assert abs(annotated - units * share) < 3.5 * standard_deviation

    # The units of the smaller share are among those of the larger, and annotated alike.
    for fewer_labels, more_labels in zip(fewer, more, strict=True):
        if (fewer_labels != IGNORE).any():
            assert_array_equal(fewer_labels, more_labels)


def test_keypoints_are_dilated_plainly() -> None:
    mask = np.zeros((9, 9))
    mask[4, 4] = 1
    labels = draw_labels(Keypoints(classes=(1,), share=1, radius=2), mask)
    rows, columns = np.mgrid[:9, :9] - 4
    disk = rows**2 + columns**2 <= 2**2
    assert_array_equal(labels, np.where(disk, 1, IGNORE))


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
    mask = mask_of("000000.", "010020.", "010220.", "011000.", "000000.")
    assert picture_of(draw_labels(Boxes(**fields), mask)) == expected


def test_of_equal_boxes_the_first_class_wins_and_connectivity_decides_what_has_one() -> None:
    mask = mask_of("12", "21")
    assert picture_of(draw_labels(Boxes(), mask)) == ["11", "11"]
    assert picture_of(draw_labels(Boxes(connectivity=4), mask)) == ["12", "21"]


def test_every_side_of_a_box_moves_within_the_jitter() -> None:
    mask = np.full((20, 20), 3)
    mask[5:15, 5:15] = 2
    moves = set()
    for key in range(60):
        labels = draw_labels(Boxes(jitter=2), mask, key)
        rows, columns = np.nonzero(labels == 2)
        height = np.ptp(rows) + 1
        width = np.ptp(columns) + 1
        # A full rectangle.
        assert len(rows) == height * width
        moves.add(("top", rows.min() - 5))
        moves.add(("bottom", rows.max() - 14))
        moves.add(("left", columns.min() - 5))
        moves.add(("right", columns.max() - 14))
    sides = ("top", "bottom", "left", "right")
    assert moves == set(itertools.product(sides, (-2, -1, 0, 1, 2)))


def test_a_box_keeps_a_pixel_however_its_sides_move() -> None:
    mask = np.full((9, 9), 3)
    mask[4, 4] = 2
    for key in range(60):
        labels = draw_labels(Boxes(jitter=4), mask, key)
        assert (labels == 2).any()


@given(
    mask=masks,
    percent=st.integers(1, 100),
    side=st.integers(1, 6),
    key=st.integers(0, 9),
)
def test_blocks_cover_exactly_their_fraction(
    mask: Array, percent: int, side: int, key: int
) -> None:
    labels = draw_labels(Blocks(fraction=percent / 100, min_side=side, max_side=6), mask, key)
    valid = (mask != IGNORE).sum()
    assert (labels != IGNORE).sum() == percent * valid // 100


def test_a_block_is_a_square_filled_densely() -> None:
    # One block of 8 x 8 pixels, since 0.64 % of 100 x 100 are 64.
    supervision = Blocks(fraction=0.0064, min_side=8, max_side=8)
    squares = 0
    for key in range(30):
        labelled = draw_labels(supervision, np.zeros((100, 100)), key) == 0
        assert labelled.sum() == 64
        rows, columns = np.nonzero(labelled)
        squares += np.ptp(rows) == np.ptp(columns) == 7
    # All but the few that the edge cuts, where a second one begins.
    assert squares > 20


def count_outside_squares(labelled: Array, side: int) -> int:
    """Count the labelled pixels that no labelled square of this side covers.

    A square may reach over the edge, because the edge cuts blocks.
    """
    framed = np.pad(labelled, 8, constant_values=True)
    covered = ndimage.binary_opening(framed, np.ones((side, side)))
    outside = (framed & ~covered)[8:-8, 8:-8]
    return int(outside.sum())


@pytest.mark.parametrize("key", range(10))
def test_blocks_have_sides_from_the_smallest_on(key: int) -> None:
    supervision = Blocks(fraction=0.3, min_side=3, max_side=8)
    labelled = draw_labels(supervision, np.zeros((100, 100)), key) == 0
    # Every block holds squares of 3 x 3 pixels, but for the last one, which is cut short.
    assert count_outside_squares(labelled, 3) < 64
    # Some hold no larger ones.
    assert count_outside_squares(labelled, 4) > 64


def test_a_block_is_placed_around_a_pixel_that_is_not_covered_yet() -> None:
    supervision = Blocks(fraction=0.667, min_side=3, max_side=3)
    draws = 5000
    both_ends = 0
    for key in range(draws):
        labels = draw_labels(supervision, np.zeros((1, 6)), key)
        both_ends += picture_of(labels) == ["00..00"]
    # Four of six pixels, in blocks of three: first the left end, then the last pixel of four; or
    # first the right end, then 0 or 1 of four.
    expected = 1 / 6 / 4 + 2 / 6 / 4
    assert_plausible(binomtest(both_ends, draws, expected))


def test_sides_of_blocks_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="min_side 9 is above max_side 8"):
        Blocks(min_side=9, max_side=8)
