"""Figures for papers, drawn from a committed board."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from demo import board_of, rows_of
from places import ROOT
from reported import POINTS, tracked

from harness.cli import main as cli
from harness.core.errors import InputError
from harness.leaderboard.board import Board, read_board
from harness.leaderboard.rows import FLOOR
from harness.pages.figures import write_figures

RECORDS = ROOT / "leaderboards" / "records"


def board(name: str = "dubai-points.mini") -> Board:
    return read_board(RECORDS / f"{name}.jsonl")


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_every_figure_comes_in_every_format_with_its_numbers(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    written = write_figures(board(), tmp_path / "new" / "folder")
    assert [path.name for path in written] == [
        f"{name}.{suffix}"
        for name in ("curve", "curve-seconds", "scores", "classes")
        for suffix in ("pdf", "svg", "png", "csv")
    ]
    for path in written:
        content = path.read_bytes()
        if path.suffix == ".pdf":
            assert content.startswith(b"%PDF")
            assert b"/FontFile2" in content  # TrueType
            assert b"CreationDate" not in content
        elif path.suffix == ".png":
            assert content.startswith(b"\x89PNG")
            assert abs(int.from_bytes(content[16:20]) - 3.5 * 300) <= 1
        elif path.suffix == ".svg":
            assert ElementTree.fromstring(content).tag.endswith("svg")  # noqa: S314 our own text
    again = write_figures(board(), tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written]

    by_name = {row.method: row for row in rows_of(board())}
    for line in [*table(written[3]), *table(written[7]), *table(written[11])]:
        assert float(line["miou"]) == pytest.approx(
            100 * by_name[line["method"]].score.mean, abs=1e-5
        )
    assert [(line["family"], line["method"]) for line in table(written[3])][:3] == [
        ("points-*", f"points-{n}") for n in (5, 20, 50)
    ]
    first = table(written[15])[0]
    assert float(first["iou_road"]) == pytest.approx(
        100 * by_name["full"].iou["road"].mean, abs=1e-5
    )


def test_names_are_no_formulas_and_no_markup(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    text = json.dumps([board().header, *board().records])
    for name, other in {
        "points-5": "_$\\frac{",
        "points-20": "<b>\\n&",
        "road": "method",
        "water": "$x_1",
    }.items():
        text = text.replace(f'"{name}"', f'"{other}"' if "\\n" in other else json.dumps(other))
    header, *records = json.loads(text)
    written = write_figures(board_of(header, tuple(records)), tmp_path)
    for path in written:
        if path.suffix == ".svg":
            ElementTree.fromstring(path.read_bytes())  # noqa: S314 our own text
    assert {"_$\\frac{", "<b>\n&"} <= {line["method"] for line in table(tmp_path / "scores.csv")}
    assert {"iou_method", "iou_$x_1"} <= set(table(tmp_path / "classes.csv")[0])


def test_without_two_budgets_there_is_no_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(RECORDS.parent))
    assert cli.main(["figures", "smoke", "--out", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == {"scores", "classes"}
    assert str(tmp_path / "scores.pdf") in capsys.readouterr().out


def test_each_selection_track_has_figures_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_figures(tracked(), tmp_path)
    both = {f"{name}-{track}" for name in ("scores", "classes") for track in ("none", "weak-val")}
    assert {path.stem for path in tmp_path.iterdir()} == both | {"curve-seconds-weak-val"}
    assert {line["method"] for line in table(tmp_path / "scores-weak-val.csv")} == {
        POINTS[1],
        "shares",
        FLOOR,
    }


def test_what_cannot_be_drawn_or_written_is_said(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(
        InputError, match=r"dubai-points\.mini has no finished run to draw: harness run"
    ):
        write_figures(board_of(board().header, ()), tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="give another folder with --out"):
        write_figures(board(), tmp_path / "file")


def test_matplotlib_is_asked_for_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'weakseg-harness\[figures\]'"):
        write_figures(board(), tmp_path)
