"""What is drawn of a board, whatever draws it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from curves import BOARD, FULL, ROWS, board_named, make_row, table_of

from harness.leaderboard.rows import CONSTANT, Row
from harness.pages.curve import (
    DrawnCurve,
    choose_log_ticks,
    choose_score_range,
    format_tick,
    make_curve,
    shorten,
)


def curve_of(rows: list[Row]) -> DrawnCurve:
    """Return the curve of rows whose board has all of them."""
    curve = make_curve(table_of(rows, board_named([row.method for row in rows])))
    assert curve is not None
    return curve


def methods_of(curve: DrawnCurve) -> list[str]:
    return [point.method for point in curve.points]


def asides_of(curve: DrawnCurve) -> dict[str, float]:
    return {point.method: point.aside for point in curve.points}


def test_a_curve_is_of_methods_with_some_labelled_pixels() -> None:
    tags = make_row("tags", [0.4], 0)
    curve = curve_of(
        [*ROWS, tags, make_row("full-focal", [0.8], 1e6), make_row("failed-5", [], 5000)]
    )
    assert methods_of(curve) == ["points-1", "points-10"]
    assert curve.omitted == ("tags", "full-focal")
    assert curve.reference is not None
    assert (curve.reference.mean, curve.reference.budget) == (0.9, 1e6)
    assert curve.constant is not None
    assert curve.constant.mean == 0.2
    assert make_curve(table_of([FULL, ROWS[1], tags])) is None


def test_annotation_seconds_can_be_the_budget() -> None:
    rows = [
        FULL,
        make_row("points-1", [0.5], 1000, seconds=7),
        make_row("points-10", [0.7], 10000, seconds=3),
    ]
    curve = make_curve(table_of(rows), "annotation_seconds")
    assert curve is not None
    assert methods_of(curve) == ["points-10", "points-1"]
    cheap, costly = curve.points
    assert (cheap.budget, costly.budget) == (3, 7)


def test_points_that_would_cover_one_another_stand_side_by_side() -> None:
    curve = curve_of([*ROWS, make_row("grid", [0.6], 1001), make_row("scribbles", [0.6], 990)])
    assert asides_of(curve) == {
        "points-1": 0,
        "points-10": 0,
        "grid": 1,
        "scribbles": -1,
    }


def test_equal_budgets_have_different_places() -> None:
    curve = curve_of([FULL, make_row("a", [0.5], 10), make_row("b", [0.6], 10)])
    assert asides_of(curve) == {"a": -0.5, "b": 0.5}


def test_a_line_needs_two_budgets() -> None:
    curve = curve_of([*ROWS, make_row("mix-w1", [0.6], 1000), make_row("mix-w2", [0.6], 1000)])
    assert {family.name: family.is_line for family in curve.families} == {
        "points-*": True,
        "mix-w*": False,
    }


def test_twelve_families_look_different() -> None:
    rows = [FULL]
    for letter in "abcdefghijkl":
        rows.append(make_row(letter, [0.5], 10))
    looks = {(family.color, family.marker) for family in curve_of(rows).families}
    assert len(looks) == 12


def test_of_published_scores_the_miou_is_drawn() -> None:
    both = make_row("a", [0.5], 10, published={"miou": 0.55, "accuracy": 0.9})
    other = make_row("b", [0.5], 20, published={"accuracy": 0.9})
    curve = curve_of([FULL, both, other])
    reported, unreported = curve.points
    assert (reported.published, unreported.published) == (0.55, None)
    assert curve.has_published
    assert not curve_of([FULL, other, make_row("c", [0.5], 10)]).has_published


def test_intervals_are_those_of_student() -> None:
    scores = [0.4, 0.5, 0.7]
    curve = curve_of([FULL, make_row("a", scores, 10), make_row("b", [0.5], 20)])
    point, alone = curve.points
    interval = scipy.stats.t.interval(0.95, 2, np.mean(scores), scipy.stats.sem(scores))
    assert (point.low, point.high) == pytest.approx(interval)
    assert math.isnan(alone.low)


def test_a_floor_far_below_is_left_off_the_axis() -> None:
    assert choose_score_range([0.8, 0.9, math.nan], 0.75) == (0.75, 0.9)
    assert choose_score_range([0.8, 0.9], 0.65) == (0.8, 0.9)
    assert choose_score_range([-0.2, 1.3], math.nan) == (0, 1)


def test_a_board_without_a_reference_has_its_floor_alone() -> None:
    curve = make_curve(table_of(ROWS[1:], BOARD))
    assert curve is not None
    assert curve.reference is None
    assert [level.name for level in curve.levels] == [CONSTANT]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (50, 5e6, ["100", "1,000", "10,000", "100,000", "1 M"]),
        (1.2, 30, ["2", "5", "10", "20"]),
        (0.5, 0.95, ["0.5", "0.6", "0.7", "0.8", "0.9"]),
        (0.01, 1, ["0.01", "0.1", "1"]),
    ],
)
def test_a_log_axis_has_round_ticks(low: float, high: float, ticks: list[str]) -> None:
    assert [format_tick(tick) for tick in choose_log_ticks(low, high)] == ticks


def test_names_are_cut_to_a_line() -> None:
    assert shorten("a\n b", 10) == "a b"
    assert shorten("0123456789", 10) == "0123456789"
    assert shorten("0123456789+", 10) == "012345678…"
