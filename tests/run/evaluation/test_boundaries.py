"""Boundary counts: drawn by hand, against scipy.ndimage, and their algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from maps import draw_map
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy import ndimage

from harness.core.values import IGNORE
from harness.metrics import boundary_f1, boundary_iou
from harness.run.evaluation.boundaries import COUNTED, count_boundaries

Array = NDArray[Any]


def stacked(maps: Array) -> torch.Tensor:
    """One map [H, W], or several, as bytes [B, H, W]."""
    return torch.from_numpy(maps.astype(np.uint8).reshape(-1, *maps.shape[-2:]))


def count(predicted: Array, truth: Array, classes: int, radius: int) -> dict[str, list[int]]:
    """Count the boundaries of one map [H, W], or of several [B, H, W]."""
    counts = count_boundaries(stacked(predicted), stacked(truth), classes, radius)
    return dict(zip(COUNTED, counts.tolist(), strict=True))


HALVES = draw_map(*["0001111"] * 7)
MOVED = draw_map(*["0000111"] * 7)
FAR = draw_map(*["0000001"] * 7)
SQUARE = draw_map("0000000", "0000000", "0011100", "0011100", "0011100", "0000000", "0000000")
GAP = draw_map(*["000.111"] * 7)
CORNER = draw_map("0001111", "0001111", "0001111", "0001111", "0001...", "0001...", "0001...")

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
    # Bands are columns 3 and 4 against 2 and 3: no class shares a column, but contours match
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
    # Class 0: columns 2, 3 against 1, 2; class 1: 4, 5 against 3, 4
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
    # Its band is all of it within 2, its contour the ring of 8; outside, the ring of 16 around it
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
    # Of the predicted class 0, row 4 still touches class 1 in row 3
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
    counts = count(predicted, truth, 2, radius)
    for name, values in expected.items():
        assert counts[name] == values, name


def band(is_class: Array, valid: Array, radius: int) -> Array:
    """The pixels that erosion takes from a class, when what is ignored or beyond the edge counts as
    the class."""
    square = np.ones((3, 3), bool)
    eroded: Array = ndimage.binary_erosion(
        is_class | ~valid, square, iterations=radius, border_value=1
    )
    return is_class & ~eroded


def near(contour: Array, radius: int) -> Array:
    if not contour.any():
        return np.zeros_like(contour)
    distances: Array = ndimage.distance_transform_cdt(~contour, metric="chessboard")
    return distances <= radius


def count_by_scipy(predicted: Array, truth: Array, class_index: int, radius: int) -> list[int]:
    """Count the boundaries of one class in maps [H, W], in the order of COUNTED."""
    valid = truth != IGNORE
    in_predicted = (predicted == class_index) & valid
    in_truth = truth == class_index
    predicted_band = band(in_predicted, valid, radius)
    true_band = band(in_truth, valid, radius)
    predicted_contour = band(in_predicted, valid, 1)
    true_contour = band(in_truth, valid, 1)
    sets = [
        predicted_band & true_band,
        predicted_band | true_band,
        predicted_contour,
        predicted_contour & near(true_contour, radius),
        true_contour,
        true_contour & near(predicted_contour, radius),
    ]
    return [int(pixels.sum()) for pixels in sets]


@pytest.mark.parametrize("radius", [1, 2, 4])
@pytest.mark.parametrize(("classes", "ignored"), [(2, 0.0), (4, 0.1), (7, 0.4)])
def test_counts_agree_with_scipy(classes: int, ignored: float, radius: int) -> None:
    generator = np.random.default_rng(classes)
    noise = generator.normal(size=(2, classes, 3, 33, 29))
    fields = ndimage.gaussian_filter(noise, (0, 0, 0, 2, 2))
    predicted = (fields[0] + fields[1]).argmax(0)
    truth = fields[0].argmax(0)
    truth[generator.random(truth.shape) < ignored] = IGNORE
    expected = np.zeros((len(COUNTED), classes), int)
    for class_index in range(classes):
        for predicted_map, true_map in zip(predicted, truth, strict=True):
            expected[:, class_index] += count_by_scipy(predicted_map, true_map, class_index, radius)
    assert expected.all()
    counts = count(predicted, truth, classes, radius)
    assert_array_equal(list(counts.values()), expected)


maps = arrays(np.uint8, (9, 8), elements=st.sampled_from([0, 1, 2, IGNORE]))
dense_maps = arrays(np.uint8, (9, 8), elements=st.sampled_from([0, 1, 2]))


@pytest.mark.slow
@given(maps, dense_maps, st.integers(1, 4))
def test_counts_keep_their_bounds_and_turn_with_the_maps(
    truth: Array, predicted: Array, radius: int
) -> None:
    counts = count(predicted, truth, 3, radius)
    assert (np.array(counts["intersection"]) <= counts["union"]).all()
    assert (np.array(counts["predicted_matched"]) <= counts["predicted"]).all()
    assert (np.array(counts["true_matched"]) <= counts["true"]).all()
    turned = count(np.rot90(predicted).copy(), np.rot90(truth).copy(), 3, radius)
    assert turned == counts
    perfect = count(truth, truth, 3, radius)
    assert perfect["intersection"] == perfect["union"]
    assert perfect["true_matched"] == perfect["true"] == perfect["predicted"]


def test_scores_by_hand() -> None:
    iou = boundary_iou(intersection=[2, 0, 0], union=[8, 4, 0])
    assert_allclose(iou, [1 / 4, 0, np.nan])
    precision = 1 / 4
    recall = 5 / 10
    expected = 2 * precision * recall / (precision + recall)
    f1 = boundary_f1(
        predicted=[4, 3, 0],
        predicted_matched=[1, 0, 0],
        true=[10, 0, 0],
        true_matched=[5, 0, 0],
    )
    assert_allclose(f1, [expected, 0, np.nan])
