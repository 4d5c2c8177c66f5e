"""How soon methods learn, against counts by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from demo import HEADER, board_of, only_table, record

from harness.leaderboard.board import Board
from harness.leaderboard.convergence import first_epoch_at, validation_scores
from harness.pages.sections.convergence import tabulate_convergence
from harness.pages.table import Cell, Table


def follow(
    method: str, seed: int, scores: Sequence[float], measure: str = "miou"
) -> dict[str, Any]:
    """Make a run with these values of the validation part, epoch by epoch."""
    run = record(method, seed, [[1, 1], [1, 1]], 5, 1.0)
    training = {"epochs": 8, "augment": [], "validation": measure}
    history = []
    for epoch, score in enumerate(scores, 1):
        history.append({"epoch": epoch, "loss": 1.0, "validation": score})
    return run | {"settings": run["settings"] | {"training": training}, "history": history}


def board_with(*runs: dict[str, Any]) -> Board:
    methods = [{"name": name, "about": ""} for name in ("full", "points")]
    return board_of(HEADER | {"methods": methods}, runs)


def tabulate(*runs: dict[str, Any]) -> Table:
    table = tabulate_convergence(only_table(board_with(*runs)))
    assert table is not None
    return table


def texts_of(cells: Sequence[Cell]) -> list[str]:
    return [cell.text for cell in cells]


def test_the_first_epoch_at_the_target_counts() -> None:
    assert first_epoch_at([0.1, 0.5, 0.3, 0.6], 0.5) == 2
    assert first_epoch_at([0.1], 0.5) is None
    assert first_epoch_at([math.nan, 0.6], 0.5) == 2
    assert first_epoch_at([], 0.0) is None
    # 0.75 * 0.8 is a little above 0.6 in floating point.
    assert first_epoch_at([0.6], 0.75 * 0.8) == 1


def test_scores_along_the_schedule_and_epochs_by_hand() -> None:
    table = tabulate(
        follow("full", 0, [0.2, 0.4, 0.7, 0.8]),
        follow("full", 1, [0.5, 0.6, 0.6, 0.6]),
        follow("points", 0, [0.1, 0.6, 0.7, 0.8]),
        follow("points", 1, [0.4, 0.5, 0.5, 0.5]),
    )
    assert table.columns == (
        "method",
        "epoch 1 (%)",
        "epoch 2 (%)",
        "epoch 3 (%)",
        "epoch 4 (%)",
        "epochs to 75 % of full",
        "epochs to 90 % of full",
    )
    full, points = table.lines
    # 75 % of 0.8 and 0.6 are 0.6 and 0.45; 90 % are 0.72 and 0.54.
    assert texts_of(full[5:]) == ["2.0", "3.0"]
    assert texts_of(points[5:]) == ["2.0", "1 of 2 seeds"]
    assert full[1].text == "35.0 ± 21.2"
    assert points[4].value == 0.65


def test_a_run_that_stopped_early_is_not_in_later_epochs() -> None:
    table = tabulate(
        follow("full", 0, [0.5] * 8),
        follow("points", 0, [0.2] * 8),
        follow("points", 1, [0.4, 0.4]),
    )
    assert table.columns[1:5] == ("epoch 2 (%)", "epoch 4 (%)", "epoch 6 (%)", "epoch 8 (%)")
    points = table.lines[1]
    assert [cell.value for cell in points[1:5]] == pytest.approx([0.3, 0.2, 0.2, 0.2])
    # Seed 1 has no full to be held against.
    assert points[5].text == "0 of 1 seed"


def test_losses_and_runs_without_validation_do_not_converge_here() -> None:
    unwatched = record("points", 1, [[1, 1], [1, 1]], 5, 1.0)
    board = board_with(follow("full", 0, [0.5, 0.6], "loss"), unwatched)
    assert validation_scores(board) == {}
    assert tabulate_convergence(only_table(board)) is None


def test_few_shot_rows_have_nothing_to_be_measured_on() -> None:
    few = follow("points", 0, [0.5, 0.6])
    few["history"] = [{"epoch": epoch, "loss": 1.0} for epoch in (1, 2)]
    full = follow("full", 0, [0.5, 0.6])
    assert list(validation_scores(board_with(full, few))) == ["full"]


def test_without_the_reference_there_is_no_target() -> None:
    table = tabulate(follow("points", 0, [0.2, 0.3]))
    assert texts_of(table.lines[0]) == ["points", "20.0", "30.0", "–", "–"]
