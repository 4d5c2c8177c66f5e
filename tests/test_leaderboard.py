"""Leaderboards as a pure function of records, checked on a board counted by hand."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from harness.boards import Board, read_board
from harness.data import InputError
from harness.leaderboard import FLOOR, rows
from harness.pages import headline, to_csv, to_markdown

HEADER: dict[str, Any] = {
    "board": "demo.mini",
    "scenario": "demo",
    "about": "A board with <b>markup</b> | pipes.",
    "profile": "mini",
    "overrides": [],
    "dataset": {"name": "d", "source": "here", "licence": "none"},
    "reference": "full",
    "methods": [{"name": "full", "about": ""}, {"name": "points|<i>", "about": ""}],
    "seeds": [0, 1],
    "published": {"source": "Paper, Table 1", "metric": "mIoU", "values": {"points|<i>": 0.5}},
}


def record(method: str, seed: int, counts: list[list[int]], pixels: int, seconds: float) -> dict[str, Any]:
    return {
        "status": "ok",
        "key": f"{method}{seed}",
        "method": method,
        "seed": seed,
        "classes": [{"name": "a", "color": [0, 0, 0]}, {"name": "b", "color": [1, 1, 1]}],
        "mean_over": ["a", "b"],
        "initialisation": "random",
        "confusion": {"images": ["x", "y"], "groups": ["x", "y"], "counts": [counts, [[0, 0], [0, 0]]]},
        "ledger": {"labelled_pixels": pixels, "labelled_share": pixels / 100},
        "cost": {"seconds": seconds},
        "hardware": {"device": "cpu", "name": "c", "precision": "fp32"},
        "packages": {"torch": "2", "numpy": "2"},
        "parameters": 10,
        "split": {part: {"patches": 3} for part in ("train", "validation", "test")},
        "settings": {
            "protocol": 1,
            "dataset": {"name": "d", "content": "c", "version": "1", "source": "s"},
            "patches": {"size": 8, "stride": None},
            "split": {"by": "official"},
            "model": {"name": "m", "version": "1", "source": "s"},
            "training": {"epochs": 1, "augment": []},
        },
    }


FULL = [record("full", seed, counts, 100, 4.0) for seed, counts in enumerate([[[6, 2], [0, 2]], [[8, 0], [0, 2]]])]
WEAK = record("points|<i>", 0, [[6, 2], [2, 0]], 5, 2.0)
FAILED = {"status": "failed", "key": "f", "method": "points|<i>", "seed": 1, "error": {"type": "RuntimeError", "message": "out of luck"}}
BOARD = Board(HEADER, (FULL[0], WEAK, FULL[1], FAILED))


def test_rows_counted_by_hand() -> None:
    full, weak, floor = rows(BOARD)
    # full: seed 0 IoU a = 6/8, b = 2/4; seed 1 both 1. weak: a = 6/10, b = 0.
    assert full.miou == pytest.approx({0: 0.625, 1: 1.0})
    assert full.score.mean == pytest.approx(0.8125)
    assert full.score.sd == pytest.approx(0.375 / 2**0.5)
    assert weak.miou == pytest.approx({0: 0.3})
    assert (weak.planned, weak.failed, weak.missing) == (2, 1, 0)
    assert weak.against.difference.n == 1  # paired: seed 1 has no partner
    assert weak.against.difference.mean == pytest.approx(0.3 - 0.625)
    assert weak.against.ratio == pytest.approx(0.3 / 0.625)
    assert (weak.labelled_pixels, weak.seconds, weak.published) == (5, 2.0, 0.5)
    assert floor.method == FLOOR
    assert floor.miou == pytest.approx({0: 0.4, 1: 0.4})  # class a everywhere: 8/10 and 0


def test_markdown_shows_failures_and_escapes() -> None:
    page = to_markdown(BOARD)
    assert page.startswith("# demo, profile mini\n")
    assert "81.2 ± 26.5" in page
    assert "−32.5" in page
    assert "1 (1 failed)" in page
    assert "- points\\|&lt;i&gt;, seed 1: failed: RuntimeError: out of luck" in page
    assert "<b>" not in page
    assert "&lt;b&gt;markup&lt;/b&gt; \\| pipes" in page
    assert "harness run scenarios/demo.yaml --profile mini" in page
    assert "| **initialisation**" in page


def test_every_table_is_rectangular() -> None:
    page = to_markdown(BOARD).replace("\\|", "")
    for block in page.split("\n\n"):
        widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1


def test_csv_keeps_numbers() -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(BOARD))))
    assert [line["method"] for line in lines] == ["full", "points|<i>", FLOOR]
    assert float(lines[0]["miou"]) == pytest.approx(0.8125)
    assert lines[1]["miou_sd"] == ""
    assert lines[0]["miou_per_seed"] == "0:0.625000 1:1.000000"
    assert lines[1]["iou_b"] == "0.000000"


def test_missing_runs_and_a_board_without_results() -> None:
    missing = {"status": "missing", "key": "k", "method": "full", "seed": 0}
    empty = Board(HEADER, (missing, FAILED))
    assert "full, seed 0: missing: not run yet" in to_markdown(empty)
    assert "nan" not in to_markdown(empty) + headline(empty)
    assert "nan" not in headline(Board(HEADER, (WEAK,)))  # no reference to compare with


def test_it_is_a_function_of_the_records_alone() -> None:
    again = Board(json.loads(json.dumps(HEADER)), tuple(json.loads(json.dumps(BOARD.records))))
    assert to_markdown(again) == to_markdown(BOARD)
    assert to_csv(again) == to_csv(BOARD)


def test_damaged_records_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "demo.jsonl"
    path.write_text(json.dumps(HEADER) + "\n{broken\n")
    with pytest.raises(InputError, match=r"demo\.jsonl:2: is not JSON"):
        read_board(path)
    path.write_text("{}\n")
    with pytest.raises(InputError, match="the first line must describe the board"):
        read_board(path)
    with pytest.raises(InputError, match="Did you mean 'demo'"):
        read_board(tmp_path / "dem.jsonl")


COMMITTED = sorted((Path(__file__).parent.parent / "leaderboards" / "records").glob("*.jsonl"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_boards_are_what_their_records_give(path: Path) -> None:
    board, root = read_board(path), path.parent.parent
    assert (root / f"{path.stem}.md").read_text(encoding="utf-8") == to_markdown(board)
    assert (root / f"{path.stem}.csv").read_text(encoding="utf-8") == to_csv(board)
