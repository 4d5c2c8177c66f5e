"""Skeletons and the strokes along them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal
from point_masks import count_labels, draw_labels, masks
from scipy import ndimage

from harness.core.values import IGNORE
from harness_points.scribbles import STRUCTURE, Scribbles, stroke
from harness_points.thinning import thinned

regions = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=16))
STILL = {"shift": 0, "rotation": 0}


def smooth(key: int, size: int = 40) -> Any:
    """A region with smooth outlines, some components and holes."""
    return ndimage.gaussian_filter(np.random.default_rng(key).normal(size=(size, size)), 2) > 0


def topology(region: Any) -> tuple[int, int]:
    """How many components (8 neighbours) a region has, and how many (4 neighbours) the rest, with a
    frame around it."""
    wide = np.pad(region, 1)
    return ndimage.label(wide, STRUCTURE)[1], ndimage.label(~wide)[1]


@given(st.one_of(regions, st.integers(0, 10**6).map(smooth)))
def test_a_skeleton_lies_in_its_region_has_its_topology_and_stays(region: Any) -> None:
    before = region.copy()
    skeleton = thinned(region)
    assert not (skeleton & ~region).any()
    assert topology(skeleton) == topology(region)
    assert_array_equal(thinned(skeleton), skeleton)
    assert_array_equal(region, before)


def guo_hall(region: Any) -> Any:
    """The published algorithm word for word: passes over all pixels until two in a row change
    nothing. p[1] is north, on clockwise."""
    image, idle, odd = np.pad(region, 1).astype(int), 0, True
    while idle < 2:
        gone = []
        for r, c in np.argwhere(image):
            ring = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
            p = [1, *(int(image[r + i, c + j]) for i, j in ring)]
            crossings = sum((not p[i]) and (p[i + 1] or p[(i + 1) % 8 + 1]) for i in (1, 3, 5, 7))
            first = sum(p[i] or p[i % 8 + 1] for i in (8, 2, 4, 6))
            second = sum(p[i] or p[i + 1] for i in (1, 3, 5, 7))
            kept = (
                (p[1] or p[2] or not p[4]) and p[3] if odd else (p[5] or p[6] or not p[8]) and p[7]
            )
            if crossings == 1 and 2 <= min(first, second) <= 3 and not kept:
                gone.append((r, c))
        for place in gone:
            image[place] = 0
        idle, odd = (0 if gone else idle + 1), not odd
    return image[1:-1, 1:-1] == 1


@given(st.one_of(regions, st.integers(0, 10**6).map(lambda key: smooth(key, 16))))
def test_a_skeleton_is_that_of_the_published_passes(region: Any) -> None:
    assert_array_equal(thinned(region), guo_hall(region))


@given(st.integers(0, 10**6))
def test_the_skeleton_of_a_smooth_region_is_one_pixel_wide(key: int) -> None:
    skeleton = thinned(smooth(key))
    squares = skeleton[1:, 1:] & skeleton[:-1, :-1] & skeleton[1:, :-1] & skeleton[:-1, 1:]
    assert squares.sum() <= 3  # junctions may hold one


def test_the_skeleton_of_a_bar_is_its_middle_line() -> None:
    bar = np.zeros((9, 30), bool)
    bar[2:7, 3:27] = True
    skeleton = thinned(bar)
    assert_array_equal(np.flatnonzero(skeleton.any(1)), [4])
    assert skeleton[4, 6:24].all()


@pytest.mark.parametrize(
    "region",
    [np.ones((2, 2), bool), np.eye(9, dtype=bool) | np.eye(9, k=1, dtype=bool)],
    ids=["square", "slanted"],
)
def test_what_zhang_and_suen_would_lose_stays(region: Any) -> None:
    skeleton = thinned(region)
    assert topology(skeleton) == (1, 1)
    assert skeleton.sum() >= min(region.shape) // 2


def pixels(*rows: str) -> Any:
    return np.argwhere(np.array([[pixel == "#" for pixel in row] for row in rows]))


def walk(places: Any, key: int = 0) -> Any:
    return stroke(np.random.default_rng(key), places)


def test_a_stroke_along_a_line_is_the_line() -> None:
    line = pixels("##...", "..##.", "....#")
    for key in range(9):
        way = walk(line, key).tolist()
        assert sorted(way) == sorted(line.tolist())
        assert {tuple(way[0]), tuple(way[-1])} == {(0, 0), (2, 4)}
    assert walk(pixels("#")).tolist() == [[0, 0]]


def test_a_stroke_joins_any_two_ends() -> None:
    fork = pixels("#...#", ".#.#.", "..#..", "..#..", "..#..")
    ends = {
        frozenset((tuple(way[0]), tuple(way[-1])))
        for way in (walk(fork, key).tolist() for key in range(40))
    }
    assert ends == {
        frozenset(pair) for pair in [((0, 0), (0, 4)), ((0, 0), (4, 2)), ((0, 4), (4, 2))]
    }
    assert {len(walk(fork, key)) for key in range(40)} == {5}


def test_a_stroke_around_a_ring_goes_halfway() -> None:
    ring = pixels(".##.", "#..#", "#..#", ".##.")
    assert {len(walk(ring, key)) for key in range(20)} == {5}
    assert len({tuple(walk(ring, key)[0]) for key in range(60)}) == len(ring)  # from anywhere


@given(st.integers(0, 10**6))
def test_a_stroke_is_a_chain_of_neighbours_without_return(key: int) -> None:
    numbers, count = ndimage.label(thinned(smooth(key)), STRUCTURE)
    for number in range(1, count + 1):
        places = np.argwhere(numbers == number)
        way = walk(places, key)
        assert {tuple(place) for place in way.tolist()} <= {
            tuple(place) for place in places.tolist()
        }
        assert len({tuple(place) for place in way.tolist()}) == len(way)
        assert (
            (abs(np.diff(way, axis=0)).max(axis=1) == 1).all() if len(way) > 1 else len(places) == 1
        )


@given(masks, st.integers(0, 9), st.booleans())
def test_every_class_present_gets_a_scribble_on_its_own_pixels(
    mask: Any, key: int, small: bool
) -> None:
    supervision = (
        Scribbles(erosion_area=0, move_area=0, shift=9, rotation=180) if small else Scribbles()
    )
    labels = draw_labels(supervision, mask, key)
    assert [count > 0 for count in count_labels(labels)] == [
        count > 0 for count in count_labels(mask)
    ]
    assert (labels[labels != IGNORE] == mask[labels != IGNORE]).all()


def test_a_stroke_runs_along_the_region_and_is_widened() -> None:
    mask = np.ones((31, 120), int)
    mask[5:26, 5:115] = 0  # 21 x 110 pixels: eroded by 4 to 10 on every side
    thin, wide = (
        draw_labels(Scribbles(dilation=dilation, **STILL), mask) == 0 for dilation in (0, 2)
    )
    assert (np.ptp(np.argwhere(thin), axis=0)[1]) > 70
    assert thin.sum(axis=0).max() <= 3
    assert abs(np.argwhere(thin)[:, 0] - 15).max() <= 7
    assert_array_equal(wide, ndimage.binary_dilation(thin, STRUCTURE, 2) & (mask == 0))


@pytest.mark.parametrize(("area", "eroded"), [(21 * 41 + 3, False), (21 * 41 + 2, True)])
def test_only_a_large_region_is_eroded(area: int, eroded: bool) -> None:
    mask = np.full((25, 49), IGNORE)
    mask[2:23, 2:43] = 0
    mask[12, 43:46] = 0  # a tail, which erosion removes
    fields: dict[str, Any] = {
        "min_erosion": 3,
        "max_erosion": 3,
        "erosion_area": area,
        "whole": (0,),
    }
    expected = ndimage.binary_erosion(mask == 0, STRUCTURE, 3) if eroded else mask == 0
    assert_array_equal(draw_labels(Scribbles(**fields), mask) == 0, thinned(expected))


def test_a_region_that_erosion_removes_is_taken_uneroded() -> None:
    mask = np.full((9, 400), IGNORE)
    mask[3:6] = 0  # 1200 pixels, 3 wide
    labels = draw_labels(Scribbles(dilation=0, **STILL), mask)
    assert_array_equal(np.flatnonzero((labels == 0).any(1)), [4])
    assert (labels == 0).sum() > 390


def test_strokes_move_within_their_limits_and_only_in_large_classes() -> None:
    mask = np.zeros((101, 101), int)
    path = {"dilation": 0, "rotation": 0, "erosion_area": 10**6, "min_length": 10**6}
    unmoved = [draw_labels(Scribbles(**path, move_area=10**6), mask, key) == 0 for key in range(40)]
    moved = [draw_labels(Scribbles(**path, shift=5), mask, key) == 0 for key in range(40)]
    shifts = [
        np.argwhere(after).min(0) - np.argwhere(before).min(0)
        for before, after in zip(unmoved, moved, strict=True)
    ]
    assert abs(np.array(shifts)).max() <= 5
    assert len(np.unique(shifts, axis=0)) > 20


def test_a_turned_stroke_turns_about_its_middle_and_has_no_gap() -> None:
    rows, columns = np.mgrid[:121, :121]
    # a slanted band: its stroke steps from corner to corner
    mask = np.where(abs(rows - columns) <= 40, 0, IGNORE)
    labels = [
        draw_labels(Scribbles(dilation=0, shift=0, rotation=40, min_length=10**6), mask, key) == 0
        for key in range(30)
    ]
    assert all(ndimage.label(each, STRUCTURE)[1] == 1 for each in labels)
    tilts = [np.polyfit(*np.argwhere(each).T[::-1], 1)[0] for each in labels]
    assert np.ptp(tilts) > 0.5


def test_short_pieces_give_no_stroke_but_the_longest_always_does() -> None:
    mask = np.full((9, 60), IGNORE)
    mask[4, :30] = 0
    mask[4, 32:40] = 0
    mask[4, 42:60] = 0
    columns = np.flatnonzero((draw_labels(Scribbles(min_length=15), mask) == 0).any(0))
    assert_array_equal(columns, [*range(30), *range(42, 60)])
    assert_array_equal(
        np.flatnonzero((draw_labels(Scribbles(min_length=99), mask) == 0).any(0)), range(30)
    )


def test_erosions_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="min_erosion 9 is above max_erosion 8"):
        Scribbles(min_erosion=9, max_erosion=8)
