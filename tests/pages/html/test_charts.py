"""The chart of mIoU against annotation, counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from demo import board_of, only_table
from reported import BOARD, HEADER, POINTS

from harness.leaderboard.board import Board
from harness.leaderboard.budgets import BudgetCurve, Reach, ReachOutcome
from harness.leaderboard.statistics import spread
from harness.pages.html.charts import (
    CHART_NAME_LENGTH,
    Chart,
    draw_curve,
    make_log_axis,
    plain,
    show_name,
)

NAN = math.nan


def chart_of(board: Board) -> Chart:
    chart = draw_curve(only_table(board), "labelled_pixels")
    assert chart is not None
    return chart


def shapes_of(kind: str) -> list[dict[str, Any]]:
    """Return the lines, or the bands (rect), behind the points of the board's chart."""
    shapes = chart_of(BOARD).figure["layout"]["shapes"]
    return [shape for shape in shapes if shape["type"] == kind]


def test_points_are_drawn_by_family() -> None:
    full, points, published = chart_of(BOARD).figure["data"]
    assert (full["x"], full["y"]) == ([100], pytest.approx([75.0]))
    assert points["name"] == 'points-*"&gt;&lt;img src=x onerror=alert(2)&gt;'
    assert points["x"] == [5, 20]
    # points-20: IoU 7/9 and 1/3.
    assert points["y"] == pytest.approx([30.0, 100 * (7 / 9 + 1 / 3) / 2])
    assert (published["x"], published["y"]) == ([5], [50.0])


def test_the_reference_has_a_marker_of_its_own() -> None:
    full, points, published = chart_of(BOARD).figure["data"]
    symbols = {trace["marker"]["symbol"] for trace in (full, points, published)}
    assert len(symbols) == 3


def test_reference_and_floor_are_lines() -> None:
    reference, floor = shapes_of("line")
    assert (reference["y0"], floor["y0"]) == pytest.approx((75.0, 40.0))
    first, second = chart_of(BOARD).figure["layout"]["annotations"]
    assert (first["text"], second["text"]) == ("full 75.0 %", "most frequent class 40.0 %")


def test_intervals_end_where_scores_end() -> None:
    full, *_ = chart_of(BOARD).figure["data"]
    # 75 % ± 53.8: no score is above 100 %.
    assert full["error_y"]["array"] == pytest.approx([25.0])
    (band,) = shapes_of("rect")
    assert band["y1"] == 100.0


def test_methods_without_a_place_are_named() -> None:
    expected = "Without labelled pixels, or with labels everywhere, so not on this chart: shares."
    assert expected in chart_of(BOARD).about


def test_a_chart_takes_two_methods() -> None:
    others = [run for run in BOARD.records if run.method != POINTS[1]]
    assert draw_curve(only_table(board_of(HEADER, others)), "labelled_pixels") is None


def test_scores_in_another_measure_are_not_drawn_beside_miou() -> None:
    published = HEADER["published"] | {"compare": "accuracy"}
    chart = chart_of(board_of(HEADER | {"published": published}, BOARD.records))
    assert "published" not in [trace["name"] for trace in chart.figure["data"]]


def test_the_table_has_the_numbers_of_the_chart() -> None:
    table = chart_of(BOARD).table
    assert table.columns == (
        "method",
        "labelled pixels",
        "mIoU (%)",
        "interval from",
        "to",
        "published (%)",
    )
    texts = [[cell.text for cell in line] for line in table.lines]
    assert texts[0] == [POINTS[0], "5", "30.0", "30.0", "30.0", "50.0"]
    assert [line[0] for line in texts] == [*POINTS, "full"]


REACHED = Reach(0.9, "reached", 2057.4, 1403.0, 3016.0, 3, 0, 0)
SENTENCES = [
    (REACHED, "90 % of full takes 2,057 labelled pixels (95 % interval 1,403 to 3,016)."),
    (
        replace(REACHED, share=0.95, budget=7.0, low=NAN, high=NAN),
        "95 % of full takes 7 labelled pixels.",
    ),
]
NOT_READ_OFF: list[tuple[ReachOutcome, str]] = [
    (
        "below the smallest budget",
        "90 % of full is reached with the smallest budget already, 5 labelled pixels.",
    ),
    ("not reached", "90 % of full is not reached with the largest budget, 20 labelled pixels."),
    (
        "not in every seed",
        "90 % of full is reached between the measured budgets in some seeds alone.",
    ),
]
for outcome, sentence in NOT_READ_OFF:
    SENTENCES.append((replace(REACHED, outcome=outcome, budget=NAN, low=NAN, high=NAN), sentence))


@pytest.mark.parametrize(("reach", "sentence"), SENTENCES)
def test_how_much_to_annotate_is_said_in_words(reach: Reach, sentence: str) -> None:
    measured = BudgetCurve(
        name="p*",
        field="supervision.0.count",
        kind="labelled_pixels",
        methods=("p5", "p20"),
        budgets=(5.0, 20.0),
        scores=(0.1, 0.2),
        reach=(reach,),
        area=spread([0.1]),
    )
    table = only_table(BOARD)
    # In place of what the property would compute.
    vars(table)["budgets"] = (measured, replace(measured, kind="annotation_seconds"))
    chart = draw_curve(table, "labelled_pixels")
    assert chart is not None
    assert chart.findings == (f"p*: {sentence}",)


@pytest.mark.parametrize(("low", "high"), [(50, 5e6), (1.2, 30), (0.5, 0.9), (7, 7)])
def test_a_log_axis_has_room_and_three_ticks(low: float, high: float) -> None:
    axis = make_log_axis("budget", low, high)
    start, end = (10**exponent for exponent in axis["range"])
    assert start < low <= high < end
    assert end / start > 3.9
    inside = [tick for tick in axis["tickvals"] if start <= tick <= end]
    assert len(inside) == len(axis["ticktext"]) > 2


def test_names_are_shortened_before_they_are_escaped() -> None:
    name = show_name("<" * 100)
    assert name == "&lt;" * (CHART_NAME_LENGTH - 1) + "…"


def test_plotly_shows_quotes_as_they_are() -> None:
    assert plain("a \"b\" & 'c'") == "a \"b\" &amp; 'c'"
