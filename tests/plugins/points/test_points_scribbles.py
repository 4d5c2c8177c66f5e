"""Skeletons and the strokes along them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal
from scipy import ndimage
from small_masks import Array, draw_labels, masks

from harness.core.values import IGNORE
from harness_points.scribbles import STRUCTURE, Scribbles, stroke
from harness_points.thinning import thinned

Pixel = tuple[int, int]

regions = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=16))
STILL = {"shift": 0, "rotation": 0}
"""Strokes stay on the skeleton."""
NEVER = 10**6
"""An area or a length that no region here reaches."""


def smooth(key: int, size: int = 40) -> Array:
    """Return a region with smooth outlines, some components and holes."""
    noise = np.random.default_rng(key).normal(size=(size, size))
    region: Array = ndimage.gaussian_filter(noise, 2) > 0
    return region


def smooth_and_small(key: int) -> Array:
    return smooth(key, 16)


keys = st.integers(0, 10**6)
any_regions = st.one_of(regions, keys.map(smooth))
any_small_regions = st.one_of(regions, keys.map(smooth_and_small))


def topology(region: Array) -> tuple[int, int]:
    """Count the components (8 neighbours) of a region, and those (4 neighbours) of the rest.

    There is a frame around the region, so the rest that reaches the edge is one component.
    """
    framed = np.pad(region, 1)
    _, components = ndimage.label(framed, STRUCTURE)
    _, components_of_rest = ndimage.label(~framed)
    return components, components_of_rest


@given(region=any_regions)
def test_a_skeleton_lies_in_its_region_has_its_topology_and_stays(region: Array) -> None:
    before = region.copy()
    skeleton = thinned(region)
    assert not (skeleton & ~region).any()
    assert topology(skeleton) == topology(region)
    assert_array_equal(thinned(skeleton), skeleton)
    assert_array_equal(region, before)


def is_removed(neighbours: Array, odd_pass: bool) -> bool:
    """Decide by Guo and Hall (1989) whether a pass removes a pixel.

    `neighbours` [3, 3] has the pixel in its middle; p1 is north of it, and on clockwise.
    """
    (p8, p1, p2), (p7, _, p3), (p6, p5, p4) = neighbours.tolist()
    crossings = (
        (not p1 and (p2 or p3))
        + (not p3 and (p4 or p5))
        + (not p5 and (p6 or p7))
        + (not p7 and (p8 or p1))
    )
    n1 = (p8 or p1) + (p2 or p3) + (p4 or p5) + (p6 or p7)
    n2 = (p1 or p2) + (p3 or p4) + (p5 or p6) + (p7 or p8)
    kept_by_odd_passes = (p1 or p2 or not p4) and p3
    kept_by_even_passes = (p5 or p6 or not p8) and p7
    kept = kept_by_odd_passes if odd_pass else kept_by_even_passes
    return crossings == 1 and 2 <= min(n1, n2) <= 3 and not kept


def thin_by_passes(region: Array) -> Array:
    """Thin word for word as published: passes over all pixels until two in a row change nothing."""
    image = np.pad(region, 1)
    idle_passes = 0
    odd_pass = True
    while idle_passes < 2:
        removed = []
        for row, column in np.argwhere(image):
            neighbours = image[row - 1 : row + 2, column - 1 : column + 2]
            if is_removed(neighbours, odd_pass):
                removed.append((row, column))
        # At the end of the pass: all pixels are judged by the same image.
        for pixel in removed:
            image[pixel] = False
        idle_passes = 0 if removed else idle_passes + 1
        odd_pass = not odd_pass
    return image[1:-1, 1:-1]


@given(region=any_small_regions)
def test_a_skeleton_is_that_of_the_published_passes(region: Array) -> None:
    assert_array_equal(thinned(region), thin_by_passes(region))


@given(key=st.integers(0, 10**6))
def test_the_skeleton_of_a_smooth_region_is_one_pixel_wide(key: int) -> None:
    skeleton = thinned(smooth(key))
    pairs = skeleton[:, :-1] & skeleton[:, 1:]
    squares = pairs[:-1] & pairs[1:]
    # Junctions may hold a square of 2 x 2 pixels.
    assert squares.sum() <= 3


def test_the_skeleton_of_a_bar_is_its_middle_line() -> None:
    bar = np.zeros((9, 30), bool)
    bar[2:7, 3:27] = True
    skeleton = thinned(bar)
    assert_array_equal(np.flatnonzero(skeleton.any(1)), [4])
    assert skeleton[4, 6:24].all()


@pytest.mark.parametrize(
    "region",
    [
        np.ones((2, 2), bool),
        np.eye(9, dtype=bool) | np.eye(9, k=1, dtype=bool),
    ],
    ids=["square", "slanted"],
)
def test_what_zhang_and_suen_would_lose_stays(region: Array) -> None:
    skeleton = thinned(region)
    assert topology(skeleton) == (1, 1)
    assert skeleton.sum() >= min(region.shape) // 2


def pixels_of(*rows: str) -> Array:
    """Return the positions [N, 2] of the # in a picture."""
    picture = np.array([list(row) for row in rows])
    return np.argwhere(picture == "#")


def draw_stroke(pixels: Array, key: int = 0) -> list[Pixel]:
    """Draw a stroke along some pixels, and return those that it passes."""
    path = stroke(np.random.default_rng(key), pixels)
    return [(int(row), int(column)) for row, column in path]


def test_a_stroke_along_a_line_is_the_line() -> None:
    line = pixels_of("##...", "..##.", "....#")
    expected = sorted(tuple(pixel) for pixel in line.tolist())
    for key in range(9):
        path = draw_stroke(line, key)
        assert sorted(path) == expected
        ends = {path[0], path[-1]}
        assert ends == {(0, 0), (2, 4)}
    assert draw_stroke(pixels_of("#")) == [(0, 0)]


def test_a_stroke_joins_any_two_ends() -> None:
    fork = pixels_of("#...#", ".#.#.", "..#..", "..#..", "..#..")
    left = (0, 0)
    right = (0, 4)
    bottom = (4, 2)
    ends = set()
    for key in range(40):
        path = draw_stroke(fork, key)
        assert len(path) == 5
        ends.add(frozenset([path[0], path[-1]]))
    assert ends == {
        frozenset([left, right]),
        frozenset([left, bottom]),
        frozenset([right, bottom]),
    }


def test_a_stroke_around_a_ring_goes_halfway() -> None:
    ring = pixels_of(".##.", "#..#", "#..#", ".##.")
    starts = set()
    for key in range(60):
        path = draw_stroke(ring, key)
        assert len(path) == 5
        starts.add(path[0])
    # From anywhere.
    assert len(starts) == len(ring)


@given(key=st.integers(0, 10**6))
def test_a_stroke_is_a_chain_of_neighbours_without_return(key: int) -> None:
    numbers, count = ndimage.label(thinned(smooth(key)), STRUCTURE)
    for number in range(1, count + 1):
        piece = np.argwhere(numbers == number)
        path = draw_stroke(piece, key)
        assert set(path) <= {tuple(pixel) for pixel in piece.tolist()}
        assert len(set(path)) == len(path)
        if len(path) == 1:
            assert len(piece) == 1
        else:
            steps = abs(np.diff(path, axis=0)).max(axis=1)
            assert (steps == 1).all()


@given(
    mask=masks,
    key=st.integers(0, 9),
    small=st.booleans(),
)
def test_every_class_present_gets_a_scribble_on_its_own_pixels(
    mask: Array, key: int, small: bool
) -> None:
    supervision = Scribbles()
    if small:
        # All that is done to large regions is done to the smallest ones.
        supervision = Scribbles(erosion_area=0, move_area=0, shift=9, rotation=180)
    labels = draw_labels(supervision, mask, key)
    labelled = labels != IGNORE
    valid = mask != IGNORE
    assert_array_equal(np.unique(labels[labelled]), np.unique(mask[valid]))
    assert_array_equal(labels[labelled], mask[labelled])


def test_a_stroke_runs_along_the_region_and_is_widened() -> None:
    mask = np.ones((31, 120), int)
    # 21 x 110 pixels, eroded by 4 to 10 on every side.
    mask[5:26, 5:115] = 0
    thin = draw_labels(Scribbles(dilation=0, **STILL), mask) == 0
    wide = draw_labels(Scribbles(dilation=2, **STILL), mask) == 0
    pixels = np.argwhere(thin)
    assert np.ptp(pixels[:, 1]) > 70
    assert thin.sum(axis=0).max() <= 3
    assert abs(pixels[:, 0] - 15).max() <= 7
    dilated = ndimage.binary_dilation(thin, STRUCTURE, 2)
    assert_array_equal(wide, dilated & (mask == 0))


@pytest.mark.parametrize(("area", "eroded"), [(21 * 41 + 3, False), (21 * 41 + 2, True)])
def test_only_a_large_region_is_eroded(area: int, eroded: bool) -> None:
    mask = np.full((25, 49), IGNORE)
    mask[2:23, 2:43] = 0
    # A tail of three pixels, which erosion removes.
    mask[12, 43:46] = 0
    supervision = Scribbles(min_erosion=3, max_erosion=3, erosion_area=area, whole=(0,))
    region = mask == 0
    if eroded:
        region = ndimage.binary_erosion(region, STRUCTURE, 3)
    assert_array_equal(draw_labels(supervision, mask) == 0, thinned(region))


def test_a_region_that_erosion_removes_is_taken_uneroded() -> None:
    mask = np.full((9, 400), IGNORE)
    # 1200 pixels, which is large; 3 wide, which erosion by 4 removes.
    mask[3:6] = 0
    labelled = draw_labels(Scribbles(dilation=0, **STILL), mask) == 0
    assert_array_equal(np.flatnonzero(labelled.any(1)), [4])
    assert labelled.sum() > 390


def first_pixel(labels: Array) -> Array:
    """Return the smallest row and the smallest column of class 0."""
    corner: Array = np.argwhere(labels == 0).min(0)
    return corner


@pytest.mark.slow
def test_strokes_move_within_their_limits_and_only_in_large_classes() -> None:
    mask = np.zeros((101, 101), int)
    fields: dict[str, Any] = {
        "dilation": 0,
        "rotation": 0,
        "erosion_area": NEVER,
        "min_length": NEVER,
    }
    shifts = []
    for key in range(40):
        unmoved = draw_labels(Scribbles(**fields, move_area=NEVER), mask, key)
        moved = draw_labels(Scribbles(**fields, shift=5), mask, key)
        shifts.append(first_pixel(moved) - first_pixel(unmoved))
    assert abs(np.array(shifts)).max() <= 5
    assert len(np.unique(shifts, axis=0)) > 20


def test_a_turned_stroke_turns_about_its_middle_and_has_no_gap() -> None:
    rows, columns = np.mgrid[:121, :121]
    # A slanted band: its stroke steps from corner to corner.
    mask = np.where(abs(rows - columns) <= 40, 0, IGNORE)
    supervision = Scribbles(dilation=0, shift=0, rotation=40, min_length=NEVER)
    tilts = []
    for key in range(30):
        labelled = draw_labels(supervision, mask, key) == 0
        _, pieces = ndimage.label(labelled, STRUCTURE)
        assert pieces == 1
        y, x = np.nonzero(labelled)
        slope, _ = np.polyfit(x, y, 1)
        tilts.append(slope)
    assert np.ptp(tilts) > 0.5


def test_short_pieces_give_no_stroke_but_the_longest_always_does() -> None:
    mask = np.full((9, 60), IGNORE)
    mask[4, :30] = 0
    mask[4, 32:40] = 0
    mask[4, 42:60] = 0
    labelled = draw_labels(Scribbles(min_length=15), mask) == 0
    columns = np.flatnonzero(labelled.any(0))
    assert_array_equal(columns, [*range(30), *range(42, 60)])

    labelled = draw_labels(Scribbles(min_length=99), mask) == 0
    columns = np.flatnonzero(labelled.any(0))
    assert_array_equal(columns, range(30))


def test_erosions_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="min_erosion 9 is above max_erosion 8"):
        Scribbles(min_erosion=9, max_erosion=8)
