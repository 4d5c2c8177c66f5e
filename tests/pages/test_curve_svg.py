"""The SVG beside a Markdown page, read again."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from curves import FULL, ROWS, board_named, make_row, table_of
from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.rows import CONSTANT, Row
from harness.pages.curve_svg import to_svg

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = ["<script>alert(1)</script>", "a & b", 'quo"te', "]]>", "nul\x00 \ud800", "long" * 50]


def svg_of(rows: list[Row]) -> str:
    svg = to_svg(table_of(rows))
    assert svg is not None
    return svg


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 our own text


def texts_in(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in parse(svg).iter(f"{SVG}text")]


def test_coordinates_by_hand() -> None:
    svg = svg_of(ROWS)
    paths = {path.get("d") for path in parse(svg).iter(f"{SVG}path")}
    # x: 3 and 4 on 2.92 to 4.08 in 48 to 588; y: 50 and 70 on 20 to 100 in 262 to 40; the levels
    # are 90 and 20.
    assert "M85.2 178.8L550.8 123.2" in paths
    assert {"M48 67.8H588", "M48 262.0H588"} <= paths
    assert {"1,000", "10,000", "20", "100", "90.0", "20.0"} <= set(texts_in(svg))


def test_one_method_is_no_curve() -> None:
    assert to_svg(table_of([FULL, ROWS[1]])) is None


def test_the_drawing_says_in_words_what_it_shows() -> None:
    rows = [
        FULL,
        make_row("points-1", [0.4, 0.5, 0.6], 1000, published={"miou": 0.45}),
        make_row("points-10", [0.7], 10000),
        make_row("tags", [0.4], 0),
    ]
    svg = svg_of(rows)
    drawing = parse(svg)
    assert drawing.get("role") == "img"
    assert drawing.findtext(f"{SVG}title") == "b: mIoU against labelled pixels"
    assert drawing.findtext(f"{SVG}desc") == (
        "points-1: 50.0 % (95 % interval 25.2 to 74.8, 3 seeds) from 1,000 labelled pixels,"
        " published 45.0 %. points-10: 70.0 % (1 seed) from 10,000 labelled pixels. full: 90.0"
        " %. Not on this axis: tags."
    )
    assert "published" in texts_in(svg)
    assert "labelled pixels, of 1,000,000" in texts_in(svg_of(ROWS))


def test_a_floor_below_the_axis_is_told() -> None:
    svg = svg_of([*ROWS[:-1], make_row(CONSTANT, [0.01])])
    assert f"{CONSTANT} (1.0, below the axis)" in texts_in(svg)


def test_names_are_text() -> None:
    rows = [FULL]
    for place, name in enumerate(HOSTILE):
        rows.append(make_row(name, [0.5], 10.0 * 3**place))
    svg = to_svg(table_of(rows, board_named(["full"], board="<b>")))
    assert svg is not None
    # No part of a pair is left alone, so that it can be written in UTF-8.
    assert svg.encode().decode() == svg
    assert {
        "<script>alert(1)</script>",
        "a & b",
        'quo"te',
        "nul\ufffd \ufffd",
        ("long" * 10)[:39] + "…",
    } <= set(texts_in(svg))
    tags = {element.tag.removeprefix(SVG) for element in parse(svg).iter()}
    assert tags == {"svg", "title", "desc", "style", "rect", "text", "tspan", "path", "g"}


scores = st.lists(st.floats(0, 1), min_size=1, max_size=4)


@pytest.mark.slow
@given(st.lists(st.tuples(scores, st.floats(0.1, 9e5)), min_size=2, max_size=9), scores)
def test_whatever_the_scores_the_drawing_is_whole_and_the_same_again(
    methods: list[tuple[list[float], float]], floor: list[float]
) -> None:
    rows = [FULL]
    for place, (values, pixels) in enumerate(methods):
        rows.append(make_row(f"m-{place}", values, pixels))
    rows.append(make_row(CONSTANT, floor))
    svg = svg_of(rows)
    assert svg == svg_of(rows)
    assert "nan" not in svg
    for path in parse(svg).iter(f"{SVG}path"):
        position = path.get("transform", "")
        if position:
            x, y = position.removeprefix("translate(").removesuffix(")").split()
            assert 0 <= float(x) <= 640
            assert 0 <= float(y) <= 262
