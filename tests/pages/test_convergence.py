"""How soon methods learn, against counts by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from demo import HEADER, board_of, record

from harness.leaderboard.board import Board
from harness.pages.sections.convergence import convergence, curves, reached


def followed(
    method: str, seed: int, scores: Sequence[float], measure: str = "miou"
) -> dict[str, Any]:
    made = record(method, seed, [[1, 1], [1, 1]], 5, 1.0)
    made["settings"] = made["settings"] | {
        "training": {"epochs": 8, "augment": [], "validation": measure}
    }
    history = [
        {"epoch": epoch, "loss": 1.0, "validation": score} for epoch, score in enumerate(scores, 1)
    ]
    return made | {"history": history}


def board(*records: dict[str, Any]) -> Board:
    return board_of(
        HEADER | {"methods": [{"name": name, "about": ""} for name in ("full", "points")]}, records
    )


def test_the_first_epoch_at_the_target_counts() -> None:
    assert reached([0.1, 0.5, 0.3, 0.6], 0.5) == 2
    assert reached([0.1], 0.5) is None
    assert reached([math.nan, 0.6], 0.5) == 2
    assert reached([], 0.0) is None
    assert reached([0.6], 0.75 * 0.8) == 1  # 0.75 * 0.8 is a little above 0.6 in floating point


def test_scores_along_the_schedule_and_epochs_by_hand() -> None:
    full = [followed("full", 0, [0.2, 0.4, 0.7, 0.8]), followed("full", 1, [0.5, 0.6, 0.6, 0.6])]
    points = [
        followed("points", 0, [0.1, 0.6, 0.7, 0.8]),
        followed("points", 1, [0.4, 0.5, 0.5, 0.5]),
    ]
    found = convergence(board(*full, *points))
    assert found is not None
    assert found.columns == (
        "method",
        "epoch 1 (%)",
        "epoch 2 (%)",
        "epoch 3 (%)",
        "epoch 4 (%)",
        "epochs to 75 % of full",
        "epochs to 90 % of full",
    )
    # 75 % of 0.8 and 0.6 are 0.6 and 0.45; 90 % are 0.72 and 0.54.
    assert [cell.text for cell in found.lines[0][5:]] == ["2.0", "3.0"]
    assert [cell.text for cell in found.lines[1][5:]] == ["2.0", "1 of 2 seeds"]
    assert found.lines[0][1].text == "35.0 ± 21.2"
    assert found.lines[1][4].value == 0.65


def test_a_run_that_stopped_early_is_not_in_later_epochs() -> None:
    runs = [
        followed("full", 0, [0.5] * 8),
        followed("points", 0, [0.2] * 8),
        followed("points", 1, [0.4, 0.4]),
    ]
    found = convergence(board(*runs))
    assert found is not None
    assert found.columns[1:5] == ("epoch 2 (%)", "epoch 4 (%)", "epoch 6 (%)", "epoch 8 (%)")
    assert [cell.value for cell in found.lines[1][1:5]] == pytest.approx([0.3, 0.2, 0.2, 0.2])
    assert found.lines[1][5].text == "0 of 1 seed"  # seed 1 has no full to be held against


def test_losses_and_runs_without_validation_do_not_converge_here() -> None:
    plain = record("points", 1, [[1, 1], [1, 1]], 5, 1.0)
    runs = [followed("full", 0, [0.5, 0.6], "loss"), plain]
    assert curves(board(*runs)) == {}
    assert convergence(board(*runs)) is None


def test_few_shot_rows_have_nothing_to_be_measured_on() -> None:
    few = followed("points", 0, [0.5, 0.6])
    few["history"] = [{"epoch": epoch, "loss": 1.0} for epoch in (1, 2)]
    assert list(curves(board(followed("full", 0, [0.5, 0.6]), few))) == ["full"]


def test_without_the_reference_there_is_no_target() -> None:
    found = convergence(board(followed("points", 0, [0.2, 0.3])))
    assert found is not None
    assert [cell.text for cell in found.lines[0]] == ["points", "20.0", "30.0", "–", "–"]
