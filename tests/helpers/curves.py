"""Rows of a few methods with labelled pixels, as a drawing needs them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from demo import board_of, numbered_record

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.board import Board
from harness.leaderboard.rows import (
    CONSTANT,
    AnnotationUse,
    PlannedRuns,
    Reproduction,
    Row,
    ScoresOfSeeds,
)
from harness.leaderboard.selection_tracks import NONE
from harness.leaderboard.statistics import compare_with_reference, ratio, spread

TOTAL = 1e6
"""Pixels of the data set."""


def make_row(
    method: str,
    scores: Sequence[float],
    pixels: float = math.nan,
    seconds: float = math.nan,
    published: Mapping[str, float] | None = None,
) -> Row:
    """Make a row with these mIoU, seed by seed, labelled pixels, and seconds of annotation."""
    unknown = spread([])
    return Row(
        method=method,
        role="method",
        runs=PlannedRuns(len(scores), 0),
        scores=ScoresOfSeeds(dict(enumerate(scores)), unknown, unknown, {}, {}),
        annotation=AnnotationUse(
            labelled_pixels=pixels,
            labelled_share=pixels / TOTAL,
            seconds=seconds,
            selection_seconds=math.nan,
            clicks=math.nan,
            images=math.nan,
            hidden_knowledge=(),
            total_variation=math.nan,
        ),
        reproduction=Reproduction(published or {}, {}),
        seconds=math.nan,
        against=compare_with_reference({}, {}),
        gap_closed=ratio({}, {}),
        collapsed=math.nan,
    )


def board_named(methods: Sequence[str], **header: Any) -> Board:
    """Make a board of these methods, with the supervisions that their names say."""
    about = [{"name": method, "about": ""} for method in methods]
    fields = {"board": "b", "reference": "full", "methods": about, "published": None}
    return board_of(fields | header, [numbered_record(method) for method in methods])


FULL = make_row("full", [0.9], TOTAL)

ROWS = [
    FULL,
    make_row("points-1", [0.5], 1000),
    make_row("points-10", [0.7], 10000),
    make_row(CONSTANT, [0.2]),
]

BOARD = board_named(["full", "points-1", "points-10"])


def table_of(rows: Sequence[Row], board: Board = BOARD) -> TrackTable:
    """Make a table of rows; those that the board does not have belong to no family."""
    return TrackTable(NONE, board, tuple(rows))
