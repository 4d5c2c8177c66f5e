"""Rows as a pure function of records, checked on a board counted by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from demo import FULL, HEADER, LEDGER_ENTRY, WEAK, board_of, rows_of, scored
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.leaderboard.board import Board
from harness.leaderboard.rows import CONSTANT, Row, find_gap_floor

FAILED = {
    "status": "failed",
    "key": "f",
    "method": "points|<i>",
    "seed": 1,
    "error": {"type": "RuntimeError", "message": "out of luck"},
}
BOARD = board_of(HEADER, [FULL[0], WEAK, FULL[1], FAILED])


def row_of(board: Board, method: str) -> Row:
    """Return the row of a method."""
    rows = {row.method: row for row in rows_of(board)}
    return rows[method]


def test_scores_counted_by_hand() -> None:
    full, weak, floor = rows_of(BOARD)
    # Seed 0: IoU a = 6/8, b = 2/4. Seed 1: both 1.
    assert full.scores.miou == pytest.approx({0: 0.625, 1: 1.0})
    assert full.scores.mean_miou.mean == pytest.approx(0.8125)
    assert full.scores.mean_miou.sd == pytest.approx(0.375 / 2**0.5)
    # IoU a = 6/10, b = 0.
    assert weak.scores.miou == pytest.approx({0: 0.3})
    # Class a everywhere: IoU a = 8/10, b = 0.
    assert floor.method == CONSTANT
    assert floor.scores.miou == pytest.approx({0: 0.4, 1: 0.4})


def test_runs_are_counted() -> None:
    full, weak, floor = rows_of(BOARD)
    assert (full.runs.planned, full.runs.failed, full.missing) == (2, 0, 0)
    assert (weak.runs.planned, weak.runs.failed, weak.missing) == (2, 1, 0)
    assert (floor.runs.planned, floor.runs.failed, floor.missing) == (2, 0, 0)


def test_a_row_is_compared_with_the_reference_seed_by_seed() -> None:
    weak = row_of(BOARD, "points|<i>")
    # Seed 1 of the method failed, so that of the reference has no partner.
    assert weak.against.difference.n == 1
    assert weak.against.difference.mean == pytest.approx(0.3 - 0.625)
    assert weak.against.ratio == pytest.approx(0.3 / 0.625)


def test_annotation_and_time_are_means_over_seeds() -> None:
    full, weak, floor = rows_of(BOARD)
    assert (full.annotation.labelled_pixels, full.seconds) == (100, 4.0)
    assert (weak.annotation.labelled_pixels, weak.seconds) == (5, 2.0)
    # They belong to the runs whose truth is borrowed, and not to the constant.
    assert math.isnan(floor.annotation.labelled_pixels)
    assert math.isnan(floor.seconds)


def test_a_board_without_results_has_no_floor() -> None:
    missing = {"status": "missing", "key": "k", "method": "full", "seed": 0}
    full, weak = rows_of(board_of(HEADER, [missing, FAILED]))
    assert (full.missing, weak.missing) == (1, 0)
    assert math.isnan(full.scores.mean_miou.mean)
    assert math.isnan(weak.against.ratio)


def test_methods_are_ranked_from_five_seeds_listed_from_three_and_apart_below() -> None:
    board = scored(
        {
            "full": [900] * 5,
            "two": [500, 510],
            "four": [600, 610, 620, 630],
            "good": [800, 801, 802, 803, 804],
            "same": [801, 800, 802, 804, 803],
            "bad": [400, 411, 402, 403, 404],
        }
    )
    standings = {row.method: (row.standing, row.rank) for row in rows_of(board)}
    assert standings == {
        "full": ("reference", None),
        "two": ("unlisted", None),
        "four": ("unranked", None),
        "good": ("ranked", 1),
        "same": ("ranked", 1),
        "bad": ("ranked", 3),
        CONSTANT: ("floor", None),
    }


SCORES = {"full": [800, 800], "points": [600, 600], "constant": [100, 100], "pixels": [200, 200]}


@pytest.mark.parametrize(
    ("floors", "named", "gap"),
    [
        ({"constant": "majority", "pixels": "qda"}, "pixels", (0.6 - 0.2) / (0.8 - 0.2)),
        ({"constant": "majority"}, "constant", (0.6 - 0.1) / (0.8 - 0.1)),
        ({}, CONSTANT, 0.6 / 0.8),
    ],
)
def test_the_gap_is_closed_from_qda_or_the_majority_or_the_most_frequent_class(
    floors: dict[str, str], named: str, gap: float
) -> None:
    board = scored(SCORES, floors)
    assert find_gap_floor(board) == named
    assert row_of(board, "points").gap_closed.value == pytest.approx(gap)


def test_floors_are_no_methods() -> None:
    board = scored(SCORES, {"constant": "majority", "pixels": "qda"})
    roles = [row.role for row in rows_of(board)]
    assert roles == ["reference", "method", "floor", "floor", "floor"]


def test_a_run_has_collapsed_where_it_is_no_better_than_the_commonest_class() -> None:
    board = scored({"full": [800] * 4, "points": [10, 11, 0, 500]})
    # The most frequent class has 0, so a score up to 0.01 is no better.
    assert row_of(board, "points").collapsed == 0.5
    assert math.isnan(row_of(board, CONSTANT).collapsed)


def test_a_smoke_test_has_no_ranks() -> None:
    scores = {"full": [900] * 5, "points": [800, 801, 802, 803, 804]}
    assert row_of(scored(scores), "points").rank == 1
    for board in (scored(scores, scenario="smoke"), scored(scores, profile="smoke")):
        assert [row.rank for row in rows_of(board)] == [None, None, None]


BOUNDARY = {
    "radius": 3,
    "intersection": [1, 0],
    "union": [4, 0],
    "predicted": [2, 0],
    "predicted_matched": [1, 0],
    "true": [2, 0],
    "true_matched": [1, 0],
}
CALIBRATION = {"pixels": [1, 3], "correct": [1, 1], "confidence": [0.5, 2.5], "nll": 2.0}


def test_details_by_hand() -> None:
    details = {
        "boundary": BOUNDARY,
        "proportions": {"hard": {"error": 0.125}},
        "calibration": CALIBRATION,
    }
    full, points = scored({"full": [800], "points": [700]}).records
    board = board_of(HEADER | {"methods": []}, [full.changed(details=details), points])
    measured = row_of(board, "full").scores.details
    assert {name: score.mean for name, score in measured.items()} == pytest.approx(
        {
            "boundary_iou": 0.25,
            "boundary_f1": 0.5,
            "proportion_error_hard": 0.125,
            "ece": 0.5,
            "nll": 0.5,
        }
    )
    assert row_of(board, "points").scores.details == {}


def test_the_error_of_proportions_is_of_the_supervisions_that_give_some() -> None:
    full = LEDGER_ENTRY | {"supervision": "full"}
    noisy = LEDGER_ENTRY | {"supervision": "noisy", "total_variation": {"mean": 0.25}}
    ledger = WEAK["ledger"] | {"supervisions": [full, noisy]}
    rows = rows_of(board_of(HEADER, [*FULL, WEAK | {"ledger": ledger}]))
    errors = [row.annotation.total_variation for row in rows]
    assert errors == pytest.approx([math.nan, 0.25, math.nan], nan_ok=True)


def published(values: dict[str, Any]) -> Board:
    """Return the board with these numbers of a source."""
    section = HEADER["published"] | {"values": values}
    return board_of(HEADER | {"published": section}, BOARD.records)


def test_a_number_alone_is_the_score_that_the_source_compares() -> None:
    full, weak, floor = rows_of(published({"points|<i>": 0.5}))
    assert weak.reproduction.published == {"miou": 0.5}
    assert weak.reproduction.ours["miou"].mean == pytest.approx(0.3)
    assert full.reproduction.published == {}
    assert floor.reproduction.published == {}


def test_every_score_of_a_source_stands_beside_ours() -> None:
    names = ("accuracy", "macro_f1", "f1:b", "precision:a", "recall:a", "precision:b")
    board = published({"full": dict.fromkeys(names, 0.5)})
    ours = row_of(board, "full").reproduction.ours
    # Seed 0: of a, TP 6, FP 0, FN 2; of b, TP 2, FP 2, FN 0. Seed 1: all right.
    assert {name: score.mean for name, score in ours.items()} == pytest.approx(
        {
            "accuracy": 0.9,
            "macro_f1": (12 / 14 + 4 / 6 + 2) / 4,
            "f1:b": 5 / 6,
            "precision:a": 1.0,
            "recall:a": 0.875,
            "precision:b": 0.75,
        }
    )


def test_a_class_that_a_board_lacks_has_no_score() -> None:
    board = published({"full": {"iou:elsewhere": 0.5, "batch_miou": 0.5}})
    ours = row_of(board, "full").reproduction.ours
    assert [score.n for score in ours.values()] == [0, 0]


def scores_of(board: Board) -> list[tuple[str, float, int | None]]:
    """Return what can be compared of rows, since NaN is not equal to itself."""
    return [(row.method, row.scores.mean_miou.mean, row.rank) for row in rows_of(board)]


@pytest.mark.slow
@settings(max_examples=20)
@given(st.permutations(range(12)))
def test_the_order_of_records_does_not_matter(order: list[int]) -> None:
    full = [900, 890, 880, 870, 860, 850]
    points = [700, 720, 740, 730, 710, 750]
    board = scored({"full": full, "points": points})
    shuffled = board_of(board.header.as_json(), [board.records[index] for index in order])
    assert scores_of(shuffled) == scores_of(board)


def test_rows_are_a_function_of_the_records_alone() -> None:
    texts = [json.dumps(record.as_json()) for record in BOARD.records]
    again = board_of(HEADER, [json.loads(text) for text in texts])
    assert scores_of(again) == scores_of(BOARD)
