"""What is drawn of a board, and the SVG beside a Markdown board."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
import pytest
import scipy.stats
from demo import board_of
from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.board import Board
from harness.leaderboard.rows import FLOOR, Row
from harness.leaderboard.statistics import spread
from harness.leaderboard.sweeps import NUMBER, Sweep, choose_lines, find_sweeps
from harness.pages.curve import Curve, amount, curve, log_ticks, span
from harness.pages.curve_svg import curve_svg

SVG = "{http://www.w3.org/2000/svg}"


def row(method: str, scores: list[float], pixels: float = math.nan, **published: float) -> Row:
    """A row of a data set of a million pixels."""
    share = pixels / 1e6
    fields = SimpleNamespace(
        method=method,
        score=spread(scores),
        labelled_pixels=pixels,
        labelled_share=share,
        published=published,
    )
    return cast(Row, fields)


def board(names: list[str], **more: Any) -> Board:
    """A board whose methods are what their names say: numbers in a name are numbers of its
    supervision."""
    records = []
    for name in names:
        kind, *numbers = NUMBER.sub("", name), *map(float, NUMBER.findall(name))
        supervision = {"name": kind} | {
            f"number {place}": number for place, number in enumerate(numbers)
        }
        records.append(
            {"status": "ok", "method": name, "seed": 0, "settings": {"supervision": [supervision]}}
        )
    header = {
        "board": "b",
        "reference": "full",
        "methods": [{"name": name, "about": ""} for name in names],
        "published": None,
    }
    return board_of(header | more, tuple(records))


FULL = row("full", [0.9], 1e6)
TABLE = [FULL, row("points-1", [0.5], 1000), row("points-10", [0.7], 10000), row(FLOOR, [0.2])]
BOARD = board(["full", "points-1", "points-10"])


def chosen(table: list[Row], **more: Any) -> Curve:
    drawn = curve(table, board([row.method for row in table], **more))
    assert drawn is not None
    return drawn


def groups(*methods: tuple[str, float]) -> list[tuple[str, tuple[str, ...]]]:
    found = choose_lines(find_sweeps(board([name for name, _ in methods]).records), dict(methods))
    return [(one.name, one.methods) for one in found]


def test_a_sweep_is_a_family() -> None:
    assert groups(("points-0.01", 1), ("points-0.1", 10), ("qda", 1)) == [
        ("points-*", ("points-0.01", "points-0.1")),
        ("qda", ("qda",)),
    ]
    assert groups(("noise-1e-05", 3), ("noise-0.5", 3)) == [
        ("noise-*", ("noise-1e-05", "noise-0.5"))
    ]


def test_a_method_alone_keeps_its_name() -> None:
    assert groups(("focal-20", 1), ("points-20", 1)) == [
        ("focal-20", ("focal-20",)),
        ("points-20", ("points-20",)),
    ]


def test_names_that_do_not_tell_what_differs_are_all_named() -> None:
    assert Sweep("supervision.0.count", ("few", "many-20")).name == "few, many-20"
    assert Sweep("supervision.0.count", ("p5-w1", "p20-w1")).name == "p*-w1"


def test_of_two_swept_numbers_the_one_that_changes_the_budget_is_along_the_line() -> None:
    found = groups(("p5-w1", 5), ("p5-w2", 5), ("p20-w1", 20), ("p20-w2", 20))
    assert found == [("p*-w1", ("p5-w1", "p20-w1")), ("p*-w2", ("p5-w2", "p20-w2"))]
    assert groups(("unet18-5", 5), ("unet18-20", 20), ("unet34-5", 5)) == [
        ("unet18-*", ("unet18-5", "unet18-20")),
        ("unet34-5", ("unet34-5",)),
    ]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), unique=True), st.data())
def test_every_method_is_in_one_family(numbers: list[tuple[int, int]], data: st.DataObject) -> None:
    names = [f"a{one}-b{other}" for one, other in numbers]
    found = groups(*((name, data.draw(st.integers(1, 3))) for name in names))
    assert sorted(name for _, members in found for name in members) == sorted(names)


def test_a_curve_is_of_methods_with_some_labelled_pixels() -> None:
    drawn = chosen(
        [*TABLE, row("tags", [0.4], 0), row("full-focal", [0.8], 1e6), row("failed-5", [], 5000)]
    )
    assert [point.method for point in drawn.points] == ["points-1", "points-10"]
    assert drawn.omitted == ("tags", "full-focal")
    assert drawn.reference is not None
    assert (drawn.reference.mean, drawn.reference.budget) == (0.9, 1e6)
    assert drawn.floor is not None
    assert drawn.floor.mean == 0.2
    assert curve([FULL, TABLE[1], row("tags", [0.4], 0)], BOARD) is None
    assert curve_svg([FULL, TABLE[1]], BOARD) is None


def test_any_field_of_a_row_can_be_the_budget() -> None:
    rows = [
        SimpleNamespace(**vars(one), clicks=clicks)
        for one, clicks in zip(TABLE, (math.nan, 7, 3, math.nan), strict=True)
    ]
    drawn = curve(cast(list[Row], rows), BOARD, "clicks")
    assert drawn is not None
    assert [(point.method, point.budget) for point in drawn.points] == [
        ("points-10", 3),
        ("points-1", 7),
    ]


def test_points_that_would_cover_one_another_stand_side_by_side() -> None:
    drawn = chosen([*TABLE, row("grid", [0.6], 1001), row("scribbles", [0.6], 990)])
    assert {point.method: point.aside for point in drawn.points} == {
        "points-1": 0,
        "points-10": 0,
        "grid": 1,
        "scribbles": -1,
    }


def test_a_line_needs_two_budgets() -> None:
    drawn = chosen([*TABLE, row("mix-w1", [0.6], 1000), row("mix-w2", [0.6], 1000)])
    assert {family.name: family.joined for family in drawn.families} == {
        "points-*": True,
        "mix-w*": False,
    }


def test_of_published_scores_the_miou_is_drawn() -> None:
    drawn = chosen(
        [FULL, row("a", [0.5], 10, miou=0.55, accuracy=0.9), row("b", [0.5], 20, accuracy=0.9)]
    )
    assert [point.published for point in drawn.points] == [0.55, None]


def test_intervals_are_those_of_student() -> None:
    values = [0.4, 0.5, 0.7]
    point, alone = chosen([FULL, row("a", values, 10), row("b", [0.5], 20)]).points
    assert (point.low, point.high) == pytest.approx(
        scipy.stats.t.interval(0.95, 2, np.mean(values), scipy.stats.sem(values))
    )
    assert math.isnan(alone.low)


def test_a_floor_far_below_is_left_off_the_axis() -> None:
    assert span([0.8, 0.9, math.nan], 0.75) == (0.75, 0.9)
    assert span([0.8, 0.9], 0.65) == (0.8, 0.9)
    assert span([-0.2, 1.3], math.nan) == (0, 1)


def parsed(svg: str | None) -> ElementTree.Element:
    assert svg is not None
    return ElementTree.fromstring(svg)  # noqa: S314 our own text


def texts(svg: str | None) -> list[str]:
    return ["".join(text.itertext()) for text in parsed(svg).iter(f"{SVG}text")]


def test_coordinates_by_hand() -> None:
    paths = [path.get("d") for path in parsed(curve_svg(TABLE, BOARD)).iter(f"{SVG}path")]
    # x: 3 and 4 on 2.92 to 4.08 in 48 to 588; y: 50 and 70 on 20 to 100 in 262 to 40; the levels
    # are 90 and 20.
    assert "M85.2 178.8L550.8 123.2" in paths
    assert {"M48 67.8H588", "M48 262.0H588"} <= set(paths)
    assert {"1,000", "10,000", "20", "100", "90.0", "20.0"} <= set(texts(curve_svg(TABLE, BOARD)))


def test_the_drawing_says_in_words_what_it_shows() -> None:
    table = [
        FULL,
        row("points-1", [0.4, 0.5, 0.6], 1000, miou=0.45),
        row("points-10", [0.7], 10000),
        row("tags", [0.4], 0),
    ]
    published = board(["full", "points-1", "points-10"], published={"values": {}})
    svg = parsed(curve_svg(table, published))
    assert svg.get("role") == "img"
    words = svg.findtext(f"{SVG}desc")
    assert (
        words
        == "points-1: 50.0 % (95 % interval 25.2 to 74.8, 3 seeds) from 1,000 labelled pixels,"
        " published 45.0 %. points-10: 70.0 % (1 seed) from 10,000 labelled pixels. full: 90.0"
        " %. Not on this axis: tags."
    )
    assert "published" in texts(curve_svg(table, published))
    assert "labelled pixels, of 1,000,000" in texts(curve_svg(table, BOARD))


def test_a_floor_below_the_axis_is_told() -> None:
    assert f"{FLOOR} (1.0, below the axis)" in texts(
        curve_svg([*TABLE[:-1], row(FLOOR, [0.01])], BOARD)
    )


HOSTILE = ["<script>alert(1)</script>", "a & b", 'quo"te', "]]>", "nul\x00 \ud800", "long" * 50]


def test_names_are_text() -> None:
    table = [FULL, *(row(name, [0.5], 10.0 * 3**place) for place, name in enumerate(HOSTILE))]
    svg = curve_svg(table, board([one.method for one in table], board="<b>"))
    assert svg is not None
    assert svg.encode().decode() == svg
    shown = texts(svg)
    assert {
        "<script>alert(1)</script>",
        "a & b",
        'quo"te',
        "nul\ufffd \ufffd",
        ("long" * 10)[:39] + "…",
    } <= set(shown)
    assert {element.tag.removeprefix(SVG) for element in parsed(svg).iter()} == {
        *("svg", "title", "desc", "style", "rect", "text", "tspan", "path", "g")
    }


scores = st.lists(st.floats(0, 1), min_size=1, max_size=4)


@given(st.lists(st.tuples(scores, st.floats(0.1, 9e5)), min_size=2, max_size=9), scores)
def test_whatever_the_scores_the_drawing_is_whole_and_the_same_again(
    methods: list[tuple[list[float], float]], floor: list[float]
) -> None:
    table = [
        FULL,
        *(row(f"m-{place}", values, pixels) for place, (values, pixels) in enumerate(methods)),
        row(FLOOR, floor),
    ]
    svg = curve_svg(table, BOARD)
    assert svg == curve_svg(table, BOARD)
    assert "nan" not in svg.replace("nano", "")  # type: ignore[union-attr]
    marks = [
        element
        for element in parsed(svg).iter(f"{SVG}path")
        if "translate" in element.get("transform", "")
    ]
    for mark in marks:
        x, y = map(
            float, mark.get("transform", "").removeprefix("translate(").removesuffix(")").split()
        )
        assert 0 <= x <= 640
        assert 0 <= y <= 262


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
    assert [*map(amount, log_ticks(low, high))] == ticks
