"""Records and boards made by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.leaderboard.analysis import TrackTable, analyse
from harness.leaderboard.board import Board
from harness.leaderboard.header import Header
from harness.leaderboard.rows import Row
from harness.leaderboard.sweeps import NUMBER_IN_NAME
from harness.metrics import summary
from harness.pages.csv_file import to_csv
from harness.pages.leaderboard_page import to_markdown, to_terminal
from harness.pages.table import Table
from harness.records.record import Fields, parse_record

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


def record(
    method: str,
    seed: int,
    counts: list[list[int]],
    pixels: int,
    seconds: float,
    mean_over: Sequence[str] = "ab",
) -> dict[str, Any]:
    """A record with the confusion counts of one test image; a second one is empty."""
    return {
        "status": "ok",
        "key": f"{method}{seed}",
        "method": method,
        "seed": seed,
        "classes": [{"name": "a", "color": [0, 0, 0]}, {"name": "b", "color": [1, 1, 1]}],
        "mean_over": list(mean_over),
        "metrics": summary(np.array(counts), ["a", "b"], mean_over),
        "initialisation": "random",
        "confusion": {
            "images": ["x", "y"],
            "groups": ["x", "y"],
            "counts": [counts, [[0, 0], [0, 0]]],
        },
        "ledger": {
            "scenes": 2,
            "patches": 2,
            "labelled_pixels": pixels,
            "labelled_share": pixels / 100,
        },
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


def numbered_record(method: str) -> dict[str, Any]:
    """A record whose supervision has the numbers in its method's name."""
    supervision: dict[str, Any] = {"name": NUMBER_IN_NAME.sub("", method)}
    for place, number in enumerate(NUMBER_IN_NAME.findall(method)):
        supervision[f"number {place}"] = float(number)
    made = record(method, 0, [[1, 1], [1, 1]], 5, 1.0)
    made["key"] = "a name may have what a key may not"
    made["settings"]["supervision"] = [supervision]
    return made


def board_of(header: Header | Mapping[str, Any], records: Iterable[Any]) -> Board:
    """Make a board of JSON, or of parts of other boards, and fill in what a test leaves out.

    Args:
        header: fields of the header.
        records: the records, as JSON or as values.
    """
    parsed = [parse_record({"key": "unknown"} | _as_json(record)) for record in records]
    fields = HEADER | _as_json(header)
    if not fields["methods"]:
        names = dict.fromkeys([fields["reference"], *(record.method for record in parsed)])
        fields["methods"] = [{"name": name, "about": ""} for name in names]
    return Board(Header.model_validate(fields), tuple(parsed))


def _as_json(value: Fields | Mapping[str, Any]) -> dict[str, Any]:
    return value.as_json() if isinstance(value, Fields) else dict(value)


def rewrite_records(board: Board, rewrite: Callable[[dict[str, Any]], dict[str, Any]]) -> Board:
    """Make a board of the records of another one, each rewritten as JSON."""
    return board_of(board.header, [rewrite(record.as_json()) for record in board.records])


def rows_of(board: Board) -> list[Row]:
    """Return the rows of all tracks of a board."""
    return analyse(board).rows


def only_table(board: Board) -> TrackTable:
    """Return the table of a board that has a single selection track."""
    (table,) = analyse(board).tables
    return table


def page_of(board: Board, has_drawing: bool = False) -> str:
    """Return the Markdown page of a board."""
    return to_markdown(analyse(board), has_drawing)


def terminal_of(board: Board) -> str:
    """Return what a terminal shows of a board."""
    return to_terminal(analyse(board))


def csv_of(board: Board) -> str:
    """Return the CSV of a board."""
    return to_csv(analyse(board))


def csv_lines(board: Board) -> list[dict[str, str]]:
    """Return the lines of a board's CSV, each by the names of its columns."""
    return list(csv.DictReader(io.StringIO(csv_of(board))))


def texts_of(table: Table) -> list[dict[str, str]]:
    """Return the lines of a table of a page, each as text by the names of its columns."""
    lines = []
    for line in table.lines:
        texts = [cell.text for cell in line]
        lines.append(dict(zip(table.columns, texts, strict=True)))
    return lines


def scored(
    scores: Mapping[str, Sequence[int]], floors: Mapping[str, str] | None = None, **header: Any
) -> Board:
    """A board of methods with these mIoU in thousandths, seed by seed; the first one is the
    reference.

    floors: the floor that a method is. The most frequent class, b, is not in the mean, so it scores
    0 everywhere.
    """
    methods = list(scores)
    records = []
    for method, values in scores.items():
        for seed, score in enumerate(values):
            one = record(
                method,
                seed,
                [[score, 1000 - score], [0, 3000]],
                100 if method == methods[0] else 5,
                1.0,
                "a",
            )
            one["settings"] = (
                one["settings"] | {"floor": floors[method]}
                if floors and method in floors
                else one["settings"]
            )
            records.append(one)
    count = max(map(len, scores.values()))
    own = {
        "methods": [{"name": name, "about": ""} for name in methods],
        "reference": methods[0],
        "seeds": list(range(count)),
    }
    return board_of(HEADER | {"published": None} | own | header, records)


FULL = [
    record("full", seed, counts, 100, 4.0)
    for seed, counts in enumerate([[[6, 2], [0, 2]], [[8, 0], [0, 2]]])
]
WEAK = record("points|<i>", 0, [[6, 2], [2, 0]], 5, 2.0)

LEDGER_ENTRY = {
    "units": 2,
    "units_without_labels": 0,
    "labelled_pixels": 5,
    "labelled_pixels_by_class": [5, 0],
    "proportion_vectors": 0,
    "tag_vectors": 0,
}
"""What one supervision gave, but for its name."""
