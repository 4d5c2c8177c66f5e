"""Figures for papers, drawn from a committed board."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from demo import board_of, rows_of
from places import ROOT
from reported import POINTS, tracked

from harness.cli import main as cli
from harness.core.errors import InputError
from harness.leaderboard.analysis import Leaderboard, analyse
from harness.leaderboard.board import Board, read_board_file
from harness.leaderboard.rows import CONSTANT
from harness.pages.figures import write_figures

RECORDS = ROOT / "leaderboards" / "records"
NAMES = ("curve", "curve-seconds", "scores", "classes")


def read_committed(name: str = "dubai-points.mini") -> Board:
    return read_board_file(RECORDS / f"{name}.jsonl")


def committed() -> Leaderboard:
    return analyse(read_committed())


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the figures of the committed board."""
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("figures")
    write_figures(committed(), folder)
    return folder


def check_svg(path: Path) -> None:
    root = ElementTree.fromstring(path.read_bytes())  # noqa: S314 our own text
    assert root.tag.endswith("svg")


@pytest.mark.slow
def test_every_figure_comes_in_every_format_and_is_the_same_again(
    figures: Path, tmp_path: Path
) -> None:
    written = write_figures(committed(), tmp_path / "new" / "folder")
    names = []
    for name in NAMES:
        names += [f"{name}.pdf", f"{name}.svg", f"{name}.png", f"{name}.csv"]
    assert [path.name for path in written] == names
    for path in written:
        assert path.read_bytes() == (figures / path.name).read_bytes()


@pytest.mark.slow
def test_files_are_what_publishers_ask_for(figures: Path) -> None:
    for name in NAMES:
        check_svg(figures / f"{name}.svg")
        pdf = (figures / f"{name}.pdf").read_bytes()
        assert pdf.startswith(b"%PDF")
        assert b"/FontFile2" in pdf  # TrueType
        assert b"CreationDate" not in pdf
        png = (figures / f"{name}.png").read_bytes()
        assert png.startswith(b"\x89PNG")
        # 3.5 inches of 300 dots.
        assert abs(int.from_bytes(png[16:20]) - 1050) <= 1


def test_the_numbers_of_a_figure_are_those_of_the_rows(figures: Path) -> None:
    rows = {row.method: row for row in rows_of(read_committed())}
    for name in ("curve", "curve-seconds", "scores"):
        for line in read_csv(figures / f"{name}.csv"):
            mean = rows[line["method"]].scores.mean_miou.mean
            assert float(line["miou"]) == pytest.approx(100 * mean, abs=1e-5)
    points = read_csv(figures / "curve.csv")[:3]
    assert [line["family"] for line in points] == ["points-*"] * 3
    assert [line["method"] for line in points] == ["points-5", "points-20", "points-50"]
    first = read_csv(figures / "classes.csv")[0]
    road = rows["full"].scores.iou["road"].mean
    assert float(first["iou_road"]) == pytest.approx(100 * road, abs=1e-5)


@pytest.mark.slow
def test_names_are_no_formulas_and_no_markup(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    names = {
        "points-5": "_$\\frac{",
        "points-20": "<b>\n&",
        "road": "method",
        "water": "$x_1",
    }
    board = read_committed()
    text = json.dumps([board.header.as_json(), *(record.as_json() for record in board.records)])
    for name, hostile in names.items():
        text = text.replace(json.dumps(name), json.dumps(hostile))
    header, *records = json.loads(text)
    write_figures(analyse(board_of(header, records)), tmp_path)
    for path in tmp_path.glob("*.svg"):
        check_svg(path)
    methods = {line["method"] for line in read_csv(tmp_path / "scores.csv")}
    assert {"_$\\frac{", "<b>\n&"} <= methods
    assert {"iou_method", "iou_$x_1"} <= set(read_csv(tmp_path / "classes.csv")[0])


@pytest.mark.slow
def test_without_two_budgets_there_is_no_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(RECORDS.parent))
    assert cli.main(["figures", "smoke", "--out", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == {"scores", "classes"}
    assert str(tmp_path / "scores.pdf") in capsys.readouterr().out


@pytest.mark.slow
def test_each_selection_track_has_figures_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_figures(analyse(tracked()), tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {
        "scores-none",
        "classes-none",
        "scores-weak-val",
        "classes-weak-val",
        "curve-seconds-weak-val",
    }
    selected = {line["method"] for line in read_csv(tmp_path / "scores-weak-val.csv")}
    assert selected == {POINTS[1], "shares", CONSTANT}


def test_what_cannot_be_drawn_or_written_is_said(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    empty = analyse(board_of(read_committed().header, ()))
    with pytest.raises(
        InputError, match=r"dubai-points\.mini has no finished run to draw: harness run"
    ):
        write_figures(empty, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="give another folder with --out"):
        write_figures(committed(), tmp_path / "file")


def test_matplotlib_is_asked_for_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if it were not installed.
    monkeypatch.setitem(cast(dict[str, Any], sys.modules), "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'weakseg-harness\[figures\]'"):
        write_figures(committed(), tmp_path)
