"""Confusion matrices, counted by hand."""

from __future__ import annotations

from demo import board_of
from reported import BOARD, FULL, HEADER, POINTS, SCRIPT

from harness.pages.html.report_tables import tabulate_confusions


def test_confusions_are_summed_over_seeds() -> None:
    matrix = tabulate_confusions(BOARD)["full"]
    assert matrix.caption.endswith("over 3 seeds")
    # [[6, 2], [0, 2]] twice, and [[8, 0], [0, 2]].
    assert [[cell.text for cell in line] for line in matrix.lines] == [
        [SCRIPT, "83.3", "16.7", "24"],
        ["b", "0.0", "100.0", "6"],
    ]


def test_a_class_without_pixels_went_nowhere() -> None:
    absent = FULL[0] | {
        "confusion": {"images": ["x"], "groups": ["x"], "counts": [[[6, 2], [0, 0]]]}
    }
    matrix = tabulate_confusions(board_of(HEADER, [absent]))["full"]
    assert [cell.text for cell in matrix.lines[1]] == ["b", "–", "–", "0"]


def test_methods_without_a_result_have_no_matrix() -> None:
    assert list(tabulate_confusions(board_of(HEADER, FULL))) == ["full"]
    assert list(tabulate_confusions(BOARD)) == ["full", *POINTS, "shares"]
