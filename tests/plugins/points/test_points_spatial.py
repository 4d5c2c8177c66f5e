"""Points on a jittered grid, and blue noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from point_masks import draw_labels, masks
from scipy.spatial.distance import cdist, pdist
from scipy.stats import chisquare

from harness.core.values import IGNORE
from harness.testing import check_component
from harness_points.spatial import PointsGrid, PointsPoissonDisk


def places(labels: Any) -> Any:
    return np.argwhere(labels != IGNORE)


def test_a_grid_without_jitter_labels_the_centres_of_its_cells() -> None:
    mask = np.zeros((8, 12))
    assert places(draw_labels(PointsGrid(spacing=4, jitter=0), mask)).tolist() == [
        [r, c] for r in (2, 6) for c in (2, 6, 10)
    ]
    mask[2, 2] = mask[6, 10] = IGNORE  # their points are dropped, not moved
    assert places(draw_labels(PointsGrid(spacing=4, jitter=0), mask)).tolist() == [
        [2, 6],
        [2, 10],
        [6, 2],
        [6, 6],
    ]


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 7), st.floats(0, 1), st.integers(0, 99))
def test_each_cell_has_one_point_within_the_jitter(
    rows: int, columns: int, side: int, jitter: float, key: int
) -> None:
    labels = draw_labels(
        PointsGrid(spacing=side, jitter=jitter), np.zeros((rows * side, columns * side)), key
    )
    cells = (labels == 0).reshape(rows, side, columns, side).sum(axis=(1, 3))
    assert_array_equal(cells, 1)
    offsets = places(labels) % side + 0.5 - side / 2
    assert abs(offsets).max() <= jitter * side / 2 + 0.5


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60), st.integers(0, 9))
def test_a_count_gives_about_as_many_cells(height: int, width: int, count: int, key: int) -> None:
    spacing = np.sqrt(height * width / count)
    expected = [
        min(length, max(1, int(np.floor(length / spacing + 0.5)))) for length in (height, width)
    ]
    assert len(
        places(draw_labels(PointsGrid(count=count), np.zeros((height, width)), key))
    ) == np.prod(expected)


def test_every_pixel_of_a_cell_is_drawn_equally_often() -> None:
    draws = np.array(
        [draw_labels(PointsGrid(spacing=3), np.zeros((6, 6)), key) == 0 for key in range(1500)]
    )
    cells = draws.sum(0).reshape(2, 3, 2, 3).swapaxes(1, 2).reshape(4, 9)
    assert chisquare(cells, axis=1).pvalue.min() > 1e-3


@pytest.mark.parametrize(
    "fields",
    [{"count": 9, "spacing": 4}, {"count": None}, {"count": None, "spacing": None}],
    ids=repr,
)
def test_a_grid_takes_exactly_one_of_count_and_spacing(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="count or spacing, and not both"):
        PointsGrid(**fields)


@pytest.mark.parametrize("fields", [{}, {"count": 7}, {"spacing": 7}, {"spacing": None}], ids=repr)
def test_one_of_count_and_spacing_is_enough_and_survives_storage(fields: dict[str, Any]) -> None:
    check_component(PointsGrid, **fields)


@given(masks, st.integers(1, 40), st.floats(0.5, 6), st.integers(0, 9))
def test_blue_noise_keeps_its_distance_and_leaves_no_room(
    mask: Any, count: int, distance: float, key: int
) -> None:
    labels = draw_labels(PointsPoissonDisk(count=count, distance=distance), mask, key)
    points = places(labels)
    assert len(points) <= count
    assert len(points) < 2 or pdist(points).min() >= distance
    valid = np.argwhere(mask != IGNORE)
    if len(points) < min(count, len(valid)):  # then no other pixel could have been taken
        assert (cdist(valid, points).min(axis=1) < distance).all()


@pytest.mark.parametrize("count", [1, 10, 50, 300])
def test_the_derived_distance_has_room_for_all_points(count: int) -> None:
    mask = np.where(np.arange(60) < 20, IGNORE, np.zeros((50, 60)))  # 2000 valid pixels
    for key in range(10):
        points = places(draw_labels(PointsPoissonDisk(count=count), mask, key))
        assert len(points) == count
        assert count == 1 or pdist(points).min() >= 0.7 * np.sqrt(2000 / count)


def test_the_first_point_is_uniform() -> None:
    times = sum(
        (draw_labels(PointsPoissonDisk(count=1), np.zeros((3, 4)), key) == 0).astype(int)
        for key in range(1500)
    )
    assert chisquare(times.ravel()).pvalue > 1e-3
