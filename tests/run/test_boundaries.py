"""Boundary counts: drawn by hand, against scipy.ndimage, and their algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy import ndimage

from harness.core.values import IGNORE
from harness.metrics import boundary_f1, boundary_iou
from harness.run.boundaries import COUNTED, boundary_counts

Array = NDArray[Any]


def drawn(*rows: str) -> Array:
    """A map of one digit a pixel; a dot is IGNORE."""
    return np.array(
        [[IGNORE if pixel == "." else int(pixel) for pixel in row] for row in rows], np.uint8
    )


def counted(predicted: Array, truth: Array, classes: int, radius: int) -> dict[str, list[int]]:
    maps = [
        torch.from_numpy(each.astype(np.uint8).reshape(-1, *each.shape[-2:]))
        for each in (predicted, truth)
    ]
    return dict(zip(COUNTED, boundary_counts(*maps, classes, radius).tolist(), strict=True))


HALVES = drawn(*["0001111"] * 7)
MOVED = drawn(*["0000111"] * 7)
FAR = drawn(*["0000001"] * 7)
SQUARE = drawn("0000000", "0000000", "0011100", "0011100", "0011100", "0000000", "0000000")
GAP = drawn(*["000.111"] * 7)
CORNER = drawn("0001111", "0001111", "0001111", "0001111", "0001...", "0001...", "0001...")

BY_HAND: dict[str, tuple[Array, Array, int, dict[str, list[int]]]] = {
    "the same halves": (
        HALVES,
        HALVES,
        1,
        {
            "intersection": [7, 7],
            "union": [7, 7],
            "predicted": [7, 7],
            "predicted_matched": [7, 7],
            "true": [7, 7],
            "true_matched": [7, 7],
        },
    ),
    # bands are columns 3 and 4 against 2 and 3: no class shares a column, but contours match
    "moved by one column, radius 1": (
        MOVED,
        HALVES,
        1,
        {
            "intersection": [0, 0],
            "union": [14, 14],
            "predicted": [7, 7],
            "predicted_matched": [7, 7],
            "true": [7, 7],
        },
    ),
    # class 0: columns 2, 3 against 1, 2; class 1: 4, 5 against 3, 4
    "moved by one column, radius 2": (
        MOVED,
        HALVES,
        2,
        {"intersection": [7, 7], "union": [21, 21], "predicted": [7, 7], "true_matched": [7, 7]},
    ),
    "moved by three columns": (
        FAR,
        HALVES,
        2,
        {
            "intersection": [0, 0],
            "union": [28, 21],
            "predicted": [7, 7],
            "predicted_matched": [0, 0],
            "true_matched": [0, 0],
        },
    ),
    # its band is all of it within 2, its contour the ring of 8; outside, the ring of 16 around it
    "a square that was not seen": (
        np.zeros_like(SQUARE),
        SQUARE,
        2,
        {
            "intersection": [0, 0],
            "union": [40, 9],
            "predicted": [0, 0],
            "true": [16, 8],
            "true_matched": [0, 0],
        },
    ),
    "an ignored column between classes is no boundary at 1": (
        HALVES,
        GAP,
        1,
        {"true": [0, 0], "predicted": [0, 0], "union": [0, 0]},
    ),
    "but classes on both sides of it are near at 2": (
        GAP,
        GAP,
        2,
        {"intersection": [7, 7], "union": [7, 7], "true": [0, 0]},
    ),
    # of the predicted class 0, row 4 still touches class 1 in row 3
    "an ignored corner makes no boundary": (
        MOVED,
        CORNER,
        1,
        {"predicted": [5, 4], "predicted_matched": [5, 4], "true": [7, 7], "true_matched": [6, 5]},
    ),
    "all ignored": (HALVES, np.full_like(HALVES, IGNORE), 2, {name: [0, 0] for name in COUNTED}),
}


@pytest.mark.parametrize(
    ("predicted", "truth", "radius", "expected"), BY_HAND.values(), ids=BY_HAND
)
def test_counts_by_hand(
    predicted: Array, truth: Array, radius: int, expected: dict[str, list[int]]
) -> None:
    found = counted(predicted, truth, 2, radius)
    assert {name: found[name] for name in expected} == expected


def band(own: Array, valid: Array, radius: int) -> Array:
    """The pixels that erosion takes from a class, when what is ignored or beyond the edge counts as
    the class."""
    square = np.ones((3, 3), bool)
    eroded: Array = ndimage.binary_erosion(own | ~valid, square, iterations=radius, border_value=1)
    return own & ~eroded


def near(contour: Array, radius: int) -> Array:
    if not contour.any():
        return np.zeros_like(contour)
    distances: Array = ndimage.distance_transform_cdt(~contour, metric="chessboard")
    return distances <= radius


@pytest.mark.parametrize("radius", [1, 2, 4])
@pytest.mark.parametrize(("classes", "ignored"), [(2, 0.0), (4, 0.1), (7, 0.4)])
def test_counts_agree_with_scipy(classes: int, ignored: float, radius: int) -> None:
    generator = np.random.default_rng(classes)
    fields = ndimage.gaussian_filter(
        generator.normal(size=(2, classes, 3, 33, 29)), (0, 0, 0, 2, 2)
    )
    predicted, truth = (fields[0] + fields[1]).argmax(0), fields[0].argmax(0)
    truth[generator.random(truth.shape) < ignored] = IGNORE
    expected = np.zeros((len(COUNTED), classes), int)
    for index in range(classes):
        for one, other in zip(predicted, truth, strict=True):
            valid = other != IGNORE
            own = [(each == index) & valid for each in (one, other)]
            bands = [band(each, valid, radius) for each in own]
            contours = [band(each, valid, 1) for each in own]
            matched = (
                contours[0] & near(contours[1], radius),
                contours[1] & near(contours[0], radius),
            )
            sets = (
                bands[0] & bands[1],
                bands[0] | bands[1],
                contours[0],
                matched[0],
                contours[1],
                matched[1],
            )
            expected[:, index] += [each.sum() for each in sets]
    assert expected.all()
    assert_array_equal(list(counted(predicted, truth, classes, radius).values()), expected)


maps = arrays(np.uint8, (9, 8), elements=st.sampled_from([0, 1, 2, IGNORE]))


@given(maps, maps.map(lambda each: np.where(each == IGNORE, 0, each)), st.integers(1, 4))
def test_counts_keep_their_bounds_and_turn_with_the_maps(
    truth: Array, predicted: Array, radius: int
) -> None:
    found = counted(predicted, truth, 3, radius)
    for part, whole in (
        ("intersection", "union"),
        ("predicted_matched", "predicted"),
        ("true_matched", "true"),
    ):
        assert (np.array(found[part]) <= found[whole]).all()
    assert counted(np.rot90(predicted).copy(), np.rot90(truth).copy(), 3, radius) == found
    perfect = counted(truth, truth, 3, radius)
    assert perfect["intersection"] == perfect["union"]
    assert perfect["true_matched"] == perfect["true"] == perfect["predicted"]


def test_scores_by_hand() -> None:
    counts = {"intersection": [2, 0, 0], "union": [8, 4, 0]}
    counts |= {
        "predicted": [4, 3, 0],
        "predicted_matched": [1, 0, 0],
        "true": [10, 0, 0],
        "true_matched": [5, 0, 0],
    }
    assert_allclose(boundary_iou(counts), [1 / 4, 0, np.nan])
    assert_allclose(boundary_f1(counts), [2 * 0.25 * 0.5 / 0.75, 0, np.nan])
