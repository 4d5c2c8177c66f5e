"""Pictures in a page keep what they show, also where they are reduced."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.images import open_without_georeference
from harness.core.values import IGNORE
from harness.pages.html.pictures import (
    MOST_DISCS,
    draw_class_map,
    draw_errors,
    draw_photo,
    draw_proportions,
    draw_weak_label,
)

COLORS = [(1, 2, 3), (4, 5, 6)]
PNG = "data:image/png;base64,"
SVG = "data:image/svg+xml;base64,"


def decode_png(picture: str) -> NDArray[Any]:
    assert picture.startswith(PNG)
    data = base64.b64decode(picture.removeprefix(PNG))
    with open_without_georeference(io.BytesIO(data)) as file:
        bands: NDArray[Any] = file.read()
    return bands


def decode_svg(picture: str) -> str:
    assert picture.startswith(SVG)
    return base64.b64decode(picture.removeprefix(SVG)).decode()


def unlabelled(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width), IGNORE, np.uint8)


def test_a_single_labelled_pixel_survives_reduction() -> None:
    labels = unlabelled(4, 600)
    labels[1, 100] = 1
    (reduced,) = decode_png(draw_class_map(labels, COLORS))
    # Every three pixels become one.
    assert reduced.shape == (2, 200)
    assert np.argwhere(reduced != IGNORE).tolist() == [[0, 33]]


def test_photographs_are_averaged() -> None:
    image = np.tile(np.array([0, 0, 90], np.uint8), (3, 6, 200))
    assert (decode_png(draw_photo(image)) == 30).all()


def test_large_photographs_are_jpeg() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 256, 256), np.uint8)
    assert draw_photo(noise).startswith("data:image/jpeg;base64,")


def test_errors_are_where_scored_pixels_are_wrong() -> None:
    truth = np.array([[0, 1, IGNORE]], np.uint8)
    predicted = np.array([[1, 1, 0]], np.uint8)
    assert decode_png(draw_errors(truth, predicted)).tolist() == [[[0, IGNORE, IGNORE]]]


def test_areas_are_a_map() -> None:
    labels = unlabelled(32, 32)
    labels[20:24, 20:24] = 0
    (area,) = draw_weak_label(labels, COLORS)
    assert decode_png(area).tolist() == [labels.tolist()]


def test_single_pixels_are_discs_over_the_areas() -> None:
    labels = unlabelled(32, 32)
    labels[20:24, 20:24] = 0
    labels[2, 3] = 1
    area, discs = draw_weak_label(labels, COLORS)
    (drawn,) = decode_png(area)
    assert drawn[2, 3] == IGNORE
    # Rim, ring and the disc itself.
    assert decode_svg(discs).count("M3.5 2.5h0") == 3
    assert 'stroke="rgb(4, 5, 6)"' in decode_svg(discs)


def test_single_pixels_alone_need_no_map() -> None:
    labels = unlabelled(32, 32)
    labels[2, 3] = 1
    (discs,) = draw_weak_label(labels, COLORS)
    assert discs.startswith(SVG)


def test_very_many_single_pixels_are_a_map() -> None:
    labels = unlabelled(64, 64)
    labels[::2, ::2] = 1
    assert (labels == 1).sum() > MOST_DISCS
    (only,) = draw_weak_label(labels, COLORS)
    assert only.startswith(PNG)


def test_nothing_labelled_has_no_layer() -> None:
    assert draw_weak_label(unlabelled(4, 4), COLORS) == []


def test_proportions_are_bands_divided_among_classes() -> None:
    drawn = decode_svg(draw_proportions(np.array([[0.25, 0.75], [0.0, 1.0]]), COLORS))
    assert '<rect x="0.00" y="0" width="25.00" height="1" fill="rgb(1, 2, 3)"/>' in drawn
    assert '<rect x="25.00" y="0" width="75.00" height="1" fill="rgb(4, 5, 6)"/>' in drawn
    # Nothing of the first class is in the second region.
    assert drawn.count("<rect") == 3


@pytest.mark.parametrize("side", [1, 255, 256])
def test_small_pictures_are_exact(side: int) -> None:
    labels = np.zeros((side, side), np.uint8)
    assert decode_png(draw_class_map(labels, COLORS)).shape == (1, side, side)
