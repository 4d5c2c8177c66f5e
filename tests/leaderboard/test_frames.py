"""Frames of results and of training, from boards made by hand."""

from __future__ import annotations

import math
from typing import Any

import demo
import pandas
import pytest

from harness.leaderboard.board import Board
from harness.leaderboard.frames import (
    HISTORY_COLUMNS,
    RESULT_COLUMNS,
    RESULT_TYPES,
    make_history,
    make_results,
)

METHODS = [{"name": name, "about": ""} for name in ("full", "points")]
HEADER = {"methods": METHODS, "seeds": [0, 1], "published": None}


def record(method: str, seed: int, **fields: Any) -> dict[str, Any]:
    """Make a record whose IoU is 6/8 for class a and 2/4 for class b."""
    made = demo.record(method, seed, [[6, 2], [0, 2]], pixels=40, seconds=1.5)
    made["settings"]["supervision"] = [{"name": "points-per-class", "count": 5}]
    made["settings"]["loss"] = [{"name": "cross-entropy"}, {"name": "entropy"}]
    return made | fields


def board(*records: dict[str, Any]) -> Board:
    return demo.board_of(HEADER, records)


def test_a_line_for_each_run_and_score() -> None:
    frame = make_results([board(record("full", 0), record("full", 1))])
    assert list(frame["repetition"]) == [0] * 5 + [1] * 5
    first = frame[frame["repetition"] == 0]
    scores = dict(zip(first["score"], first["value"], strict=True))
    assert scores == pytest.approx(
        {
            "miou": 0.625,
            "accuracy": 0.8,
            "macro_f1": (12 / 14 + 4 / 6) / 2,
            "iou:a": 0.75,
            "iou:b": 0.5,
        }
    )


def test_scores_of_details_have_lines_where_a_record_has_them() -> None:
    calibration = {"pixels": [4], "correct": [3], "confidence": [3.5], "nll": 1.0}
    frame = make_results([board(record("full", 0, details={"calibration": calibration}))])
    value_of_score = frame.set_index("score")["value"]
    assert value_of_score["ece"] == pytest.approx(0.125)
    assert value_of_score["nll"] == pytest.approx(0.25)


def test_columns_say_how_a_run_was_made() -> None:
    line = make_results([board(record("full", 0))]).to_dict("records")[0]
    assert list(line) == list(RESULT_COLUMNS)
    expected = {
        "board": "demo.mini",
        "scenario": "demo",
        "profile": "mini",
        "fold": 0,
        "status": "ok",
        "dataset": "d",
        "model": "m",
        "supervision": "points-per-class",
        "loss": "cross-entropy + entropy",
        "epochs": 1,
        "labelled_pixels": 40,
        "seconds": 1.5,
        "initialisation": "random",
        "device": "cpu",
        "precision": "fp32",
        "key": "full0",
    }
    assert {name: line[name] for name in expected} == expected


def test_runs_without_a_result_have_a_line_with_their_status() -> None:
    failure = {"status": "failed", "error": {"type": "ValueError", "message": "no"}}
    failed = {"method": "points", "seed": 0, "key": "f", **failure}
    missing = {"method": "points", "seed": 1, "key": "m", "status": "missing"}
    frame = make_results([board(record("full", 0), failed, missing)])
    without_result = frame[frame["status"] != "ok"]
    assert list(without_result["status"]) == ["failed", "missing"]
    assert list(without_result["score"]) == ["miou"] * 2
    assert all(map(math.isnan, without_result["value"]))
    assert without_result.iloc[1]["dataset"] == "d"
    assert pandas.isna(without_result.iloc[1]["labelled_pixels"])


def test_a_stale_result_has_values_where_pages_show_it() -> None:
    stale = record("full", 1, stale="recorded with an earlier version of full")
    settings = stale["settings"] | {"dataset": {"name": "d", "source": "old"}}
    frame = make_results([board(record("full", 0), stale)])
    frame_of_unfit = make_results([board(record("full", 0), stale | {"settings": settings})])
    values = frame[(frame["status"] == "stale") & (frame["score"] == "miou")]["value"]
    assert not values.isna().any()
    unfit = frame_of_unfit[frame_of_unfit["status"] == "stale"]
    assert list(unfit["score"]) == ["miou"]
    assert unfit["value"].isna().all()
    # What the record says of how the run was made is still true.
    assert list(unfit["labelled_pixels"]) == [40]


def test_numbers_are_numbers_also_where_no_run_has_one() -> None:
    missing = {"method": "full", "seed": 0, "key": "m", "status": "missing"}
    for boards in ([], [board(missing)]):
        dtypes = make_results(boards).dtypes.astype(str)
        for column, dtype in RESULT_TYPES.items():
            assert dtypes[column] == dtype


def test_history_has_a_line_for_each_epoch_and_a_column_for_each_loss() -> None:
    epochs = [
        {"epoch": 1, "loss": 2.0, "terms": {"cross-entropy": 1.5}, "learning_rate": 0.1},
        {"epoch": 2, "loss": 1.0, "terms": {"cross-entropy": 0.5}, "validation": 0.4},
    ]
    timed = {"seconds": 5.0, "epoch_seconds": [2.0, 3.0]}
    other = [{"epoch": 1, "loss": 3.0, "terms": {"entropy": 0.25}}]
    frame = make_history(
        [board(record("full", 0, history=epochs, cost=timed), record("points", 0, history=other))]
    )
    assert list(frame.columns) == [*HISTORY_COLUMNS, "loss:cross-entropy", "loss:entropy"]
    assert list(frame["epoch"]) == [1, 2, 1]
    assert list(frame["loss"]) == [2.0, 1.0, 3.0]
    assert list(frame["loss:cross-entropy"].dropna()) == [1.5, 0.5]
    assert list(frame["loss:entropy"].dropna()) == [0.25]
    assert list(frame["validation"].dropna()) == [0.4]
    assert list(frame["learning_rate"].dropna()) == [0.1]
    # The second run does not say how long its epochs took.
    assert list(frame["seconds"].dropna()) == [2.0, 3.0]


def test_a_board_without_training_has_a_history_without_lines() -> None:
    frame = make_history([board(record("full", 0))])
    assert frame.empty
    assert list(frame.columns) == list(HISTORY_COLUMNS)
