"""A leaderboard as a value: what becomes of results that are stale."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from demo import FULL, HEADER, WEAK, board_of

from harness.core.errors import InputError
from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import Board

STALE = "recorded with an earlier version of d"


def with_source(record: dict[str, Any], source: str, **fields: Any) -> dict[str, Any]:
    """Return a record of a run on this version of the data set's source."""
    changed = copy.deepcopy(record) | fields
    changed["settings"]["dataset"]["source"] = source
    return changed


def board_after_a_change(**fields: Any) -> Board:
    """Return a board after the data set changed and the weak method alone was run again.

    Args:
        fields: what stands in the records of the reference, which was not.
    """
    records = [with_source(record, "old", **fields) for record in FULL]
    return board_of(HEADER, [*records, with_source(WEAK, "new")])


def scores_of(board: Board) -> dict[str, Mapping[int, float]]:
    """Return the mIoU of each row, by seed."""
    return {row.method: row.scores.miou for row in analyse(board).rows}


def test_stale_results_that_do_not_fit_are_missing_in_the_table() -> None:
    leaderboard = analyse(board_after_a_change(stale=STALE))
    (table,) = leaderboard.tables
    full, weak, floor = table.rows
    assert (full.finished, full.missing, full.runs.planned) == (0, 2, 2)
    assert (weak.finished, weak.missing) == (1, 0)
    assert weak.against.difference.n == 0
    # Also the floor is counted from the current runs alone.
    assert floor.finished == 1
    assert list(table.image_intervals) == [weak.method]


def test_the_reason_stands_where_the_result_was() -> None:
    leaderboard = analyse(board_after_a_change(stale=STALE))
    reason = f"{STALE}, and left out: it differs from points|<i>, seed 0, in dataset.source"
    for record in leaderboard.board.runs_of("full"):
        assert record.status == "missing"
        assert record.stale == reason


def test_current_results_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"differ in dataset\.source"):
        analyse(board_after_a_change())


def test_a_board_of_stale_results_is_shown_as_it_is() -> None:
    records = [with_source(record, "old", stale=STALE) for record in (*FULL, WEAK)]
    stale = board_of(HEADER, records)
    current = board_of(HEADER, [*FULL, WEAK])
    assert analyse(stale).board == stale
    assert scores_of(stale) == scores_of(current)
