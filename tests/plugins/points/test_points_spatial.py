"""Points on a jittered grid, and blue noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import assert_plausible
from numpy.testing import assert_array_equal
from scipy.spatial.distance import cdist, pdist
from scipy.stats import chisquare
from small_masks import Array, count_draws, draw_labels, masks

from harness.core.values import IGNORE
from harness.testing import check_component
from harness_points.spatial import PointsGrid, PointsPoissonDisk


def places_of(labels: Array) -> Array:
    """Return the positions [N, 2] of labelled pixels."""
    return np.argwhere(labels != IGNORE)


def test_a_grid_without_jitter_labels_the_centres_of_its_cells() -> None:
    grid = PointsGrid(spacing=4, jitter=0)
    mask = np.zeros((8, 12))
    places = places_of(draw_labels(grid, mask))
    assert places.tolist() == [[2, 2], [2, 6], [2, 10], [6, 2], [6, 6], [6, 10]]

    # Points on ignored pixels are dropped, not moved.
    mask[2, 2] = mask[6, 10] = IGNORE
    places = places_of(draw_labels(grid, mask))
    assert places.tolist() == [[2, 6], [2, 10], [6, 2], [6, 6]]


@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    side=st.integers(1, 7),
    jitter=st.floats(0, 1),
    key=st.integers(0, 99),
)
def test_each_cell_has_one_point_within_the_jitter(
    rows: int, columns: int, side: int, jitter: float, key: int
) -> None:
    mask = np.zeros((rows * side, columns * side))
    labels = draw_labels(PointsGrid(spacing=side, jitter=jitter), mask, key)
    cells = (labels == 0).reshape(rows, side, columns, side)
    assert_array_equal(cells.sum(axis=(1, 3)), 1)
    offsets_from_centre = places_of(labels) % side + 0.5 - side / 2
    # The half in addition, because a place is rounded to a pixel.
    assert abs(offsets_from_centre).max() <= jitter * side / 2 + 0.5


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    count=st.integers(1, 60),
    key=st.integers(0, 9),
)
def test_a_count_gives_about_as_many_cells(height: int, width: int, count: int, key: int) -> None:
    spacing = np.sqrt(height * width / count)
    rows = max(1, int(np.floor(height / spacing + 0.5)))
    columns = max(1, int(np.floor(width / spacing + 0.5)))
    labels = draw_labels(PointsGrid(count=count), np.zeros((height, width)), key)
    # A cell is no smaller than a pixel.
    assert len(places_of(labels)) == min(height, rows) * min(width, columns)


def test_every_pixel_of_a_cell_is_drawn_equally_often() -> None:
    times = count_draws(PointsGrid(spacing=3), np.zeros((6, 6)), 1500)
    # Four cells of nine pixels.
    cells = times.reshape(2, 3, 2, 3).swapaxes(1, 2).reshape(4, 9)
    assert_plausible(chisquare(cells, axis=1))


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 9, "spacing": 4},
        {"count": None},
        {"count": None, "spacing": None},
    ],
    ids=repr,
)
def test_a_grid_takes_exactly_one_of_count_and_spacing(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="count or spacing, and not both"):
        PointsGrid(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"count": 7},
        {"spacing": 7},
        {"spacing": None},
    ],
    ids=repr,
)
def test_one_of_count_and_spacing_is_enough_and_survives_storage(fields: dict[str, Any]) -> None:
    check_component(PointsGrid, **fields)


@given(
    mask=masks,
    count=st.integers(1, 40),
    distance=st.floats(0.5, 6),
    key=st.integers(0, 9),
)
def test_blue_noise_keeps_its_distance_and_leaves_no_room(
    mask: Array, count: int, distance: float, key: int
) -> None:
    labels = draw_labels(PointsPoissonDisk(count=count, distance=distance), mask, key)
    places = places_of(labels)
    assert len(places) <= count
    if len(places) >= 2:
        assert pdist(places).min() >= distance
    valid = np.argwhere(mask != IGNORE)
    if len(places) < min(count, len(valid)):
        # Then no other pixel could have been taken.
        assert (cdist(valid, places).min(axis=1) < distance).all()


@pytest.mark.parametrize("count", [1, 10, 50, 300])
def test_the_derived_distance_has_room_for_all_points(count: int) -> None:
    mask = np.zeros((50, 60))
    mask[:, :20] = IGNORE
    valid_pixels = 2000
    for key in range(10):
        places = places_of(draw_labels(PointsPoissonDisk(count=count), mask, key))
        assert len(places) == count
        if count > 1:
            assert pdist(places).min() >= 0.7 * np.sqrt(valid_pixels / count)


def test_the_first_point_is_uniform() -> None:
    times = count_draws(PointsPoissonDisk(count=1), np.zeros((3, 4)), 1500)
    assert_plausible(chisquare(times.ravel()))
