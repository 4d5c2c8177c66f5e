"""The headline: which rows and columns it has, counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from demo import board_of, only_table, texts_of
from reported import BOARD, HEADER, POINTS
from scipy.stats import t

from harness.leaderboard.analysis import TrackTable
from harness.pages.headline import (
    ColumnName,
    choose_headline_rows,
    rank_cell,
    seeds_cell,
    tabulate_headline,
    tabulate_unlisted,
)
from harness.pages.table import Table, percent_cell

COLUMNS: tuple[ColumnName, ...] = (
    "method",
    "rank",
    "score",
    "seed plot",
    "difference",
    "ratio",
    "gap",
    "pixels",
    "hours",
    "published",
    "seeds",
)
# Scores 0.625, 1 and 0.625: their half interval, in percent.
HALF = 100 * t.ppf(0.975, 2) * 0.375 / 3**0.5 / 3**0.5


def with_seconds(seconds: float) -> TrackTable:
    """The board, of which the labels of points-5 alone have a known cost."""
    table = only_table(BOARD)
    rows = []
    for row in table.rows:
        spent = seconds if row.method == POINTS[0] else math.nan
        rows.append(replace(row, annotation=replace(row.annotation, seconds=spent)))
    return replace(table, rows=tuple(rows))


def headline_of(table: TrackTable) -> Table:
    headline = tabulate_headline(table, COLUMNS)
    assert headline is not None
    return headline


def test_scores_and_differences_by_hand() -> None:
    full, floor, weak = texts_of(headline_of(with_seconds(5400.0)))
    # full: IoU 6/8 and 2/4, then 1 and 1, then as first; weak: 6/10 and 0 in every seed.
    assert full["mIoU (%)"] == f"75.0 [{75 - HALF:.1f}, {75 + HALF:.1f}]"
    assert full["difference to full (pp)"] == "reference"
    assert weak["mIoU (%)"] == "30.0 [30.0, 30.0]"
    assert weak["every seed"] == "30.0, 30.0, 30.0"
    assert weak["difference to full (pp)"] == f"−45.0 [−{45 + HALF:.1f}, +{HALF - 45:.1f}]"
    assert weak["% of full"] == "40.0"
    assert weak["labelled pixels"] == "5"
    assert weak["annotation (h)"] == "1.5"
    assert weak["published (%)"] == "50.0"
    assert floor["every seed"] == floor["published (%)"] == "–"


def test_ranks_and_seeds_by_hand() -> None:
    rows = only_table(BOARD).rows
    assert [rank_cell(row).text for row in rows] == ["–", "†", "–", "–", "–"]
    assert [seeds_cell(row).text for row in rows] == [
        "3",
        "3",
        "1 (1 failed)",
        "1 (1 missing)",
        "",
    ]


def test_seeds_are_placed_on_the_scale_of_all_methods() -> None:
    headline = headline_of(only_table(BOARD))
    plot = headline.lines[0][headline.columns.index("every seed")].plot
    assert plot is not None
    # 62.5 and 100 % on a scale from 30 to 100 %.
    assert plot.seeds == (46.4, 100.0, 46.4)
    assert (plot.low, plot.high) == (0.0, 100.0)


def test_columns_that_no_row_fills_are_left_out() -> None:
    assert "annotation (h)" not in headline_of(with_seconds(math.nan)).columns
    unpublished = board_of(HEADER | {"published": None}, BOARD.records)
    assert "published (%)" not in headline_of(only_table(unpublished)).columns


def test_a_smoke_test_has_no_ranks_and_all_rows_in_their_order() -> None:
    smoke = only_table(board_of(HEADER | {"profile": "smoke"}, BOARD.records))
    assert "rank" not in headline_of(smoke).columns
    assert choose_headline_rows(smoke) == list(smoke.rows)
    assert tabulate_unlisted(smoke) is None


def test_methods_with_too_few_seeds_stand_apart() -> None:
    table = only_table(BOARD)
    unlisted = tabulate_unlisted(table)
    assert unlisted is not None
    assert unlisted.caption == "Not listed: fewer than 3 seeds"
    more, shares = texts_of(unlisted)
    assert more == {
        "method": POINTS[1],
        "mIoU (%) of each seed": percent_cell((7 / 9 + 1 / 3) / 2).text,
        "seeds": "1 (1 failed)",
    }
    assert shares["seeds"] == "1 (1 missing)"
    listed = {row.method for row in choose_headline_rows(table)}
    assert listed.isdisjoint({more["method"], shares["method"]})


@pytest.mark.parametrize(("seconds", "text"), [(90.0, "0.025"), (5400.0, "1.5"), (4e6, "1,111")])
def test_hours_have_three_digits_and_whole_thousands(seconds: float, text: str) -> None:
    assert texts_of(headline_of(with_seconds(seconds)))[-1]["annotation (h)"] == text
