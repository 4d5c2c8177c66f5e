"""Charts of training: means and bands over seeds, counted by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from demo import board_of, only_table
from reported import BOARD, FULL, HEADER, POINTS, tracked

from harness.leaderboard.analysis import TrackTable, analyse
from harness.leaderboard.board import Board
from harness.pages.html.charts import Chart
from harness.pages.html.training_charts import (
    EPOCHS_DRAWN,
    METHODS_SHOWN,
    draw_training_loss,
    draw_validation,
)
from harness.pages.sections.convergence import tabulate_convergence


def loss_of(board: Board) -> Chart:
    chart = draw_training_loss(only_table(board))
    assert chart is not None
    return chart


def lines_of(chart: Chart) -> list[dict[str, Any]]:
    """Return the lines of a chart; bands have no name."""
    return [trace for trace in chart.figure["data"] if "name" in trace]


def selected_track() -> TrackTable:
    """Return the track whose runs are selected by a validation loss."""
    # Tracks are in the order of their names.
    _, table = analyse(tracked()).tables
    assert str(table.track) == "weak-val"
    return table


def followed_by_miou() -> TrackTable:
    """Return a board whose runs were followed by their validation mIoU."""
    records = []
    for run in FULL:
        settings = run["settings"] | {"training": {"epochs": 3, "validation": "miou"}}
        history = [epoch | {"validation": 0.2 * epoch["epoch"]} for epoch in run["history"]]
        records.append(run | {"settings": settings, "history": history})
    return only_table(board_of(HEADER, records))


def test_lines_are_means_over_seeds() -> None:
    line = lines_of(loss_of(BOARD))[0]
    # Losses of the seeds are 1, 2 and 3, divided by the epoch.
    assert line["x"] == [1, 2, 3]
    assert line["y"] == pytest.approx([2, 1, 2 / 3], rel=1e-4)


def test_bands_span_the_seeds() -> None:
    band, *_ = loss_of(BOARD).figure["data"]
    assert band["x"] == [1, 2, 3, 3, 2, 1]
    assert band["y"] == pytest.approx([3, 1.5, 1, 1 / 3, 0.5, 1], rel=1e-4)


def test_bands_are_below_all_lines() -> None:
    kinds = ["fill" in trace for trace in loss_of(BOARD).figure["data"]]
    # Of full and points-5; the other methods have one seed each.
    assert kinds == [True, True, False, False, False, False]


def test_a_single_seed_has_no_band() -> None:
    (line,) = loss_of(board_of(HEADER, FULL[:1])).figure["data"]
    assert "fill" not in line


def test_what_trains_nothing_has_no_chart() -> None:
    floors = [run | {"history": []} for run in FULL]
    assert draw_training_loss(only_table(board_of(HEADER, floors))) is None


def test_the_table_has_the_means_of_the_lines() -> None:
    full, *_ = loss_of(BOARD).table.lines
    assert [cell.text for cell in full] == ["full", "2.0000", "1.0000", "0.6667"]


def test_losses_of_many_sizes_have_a_log_axis() -> None:
    assert loss_of(BOARD).figure["layout"]["yaxis"]["type"] == "log"
    constant = json.loads(json.dumps(FULL))
    for run in constant:
        for epoch in run["history"]:
            epoch["loss"] = 1.0
    assert "type" not in loss_of(board_of(HEADER, constant)).figure["layout"]["yaxis"]


def test_long_training_is_thinned() -> None:
    history = [{"epoch": epoch, "loss": 1.0 / epoch} for epoch in range(1, 1002)]
    (line,) = loss_of(board_of(HEADER, (FULL[0] | {"history": history},))).figure["data"]
    assert (line["x"][0], line["x"][-1]) == (1, 1001)
    assert len(line["x"]) <= EPOCHS_DRAWN + 1


def test_many_methods_wait_in_the_legend() -> None:
    names = [f"m{number}" for number in range(METHODS_SHOWN + 1)]
    records = [FULL[0] | {"method": name, "key": name} for name in names]
    header = HEADER | {"methods": [], "reference": "m0"}
    traces = loss_of(board_of(header, records)).figure["data"]
    assert [trace["visible"] for trace in traces] == [True] * METHODS_SHOWN + ["legendonly"]


def test_validation_is_drawn_where_it_is_finite() -> None:
    chart = draw_validation(selected_track())
    assert chart is not None
    assert chart.title == "Validation loss"
    values = [trace["y"] for trace in chart.figure["data"]]
    # The fourth epoch has none.
    assert values == [[2.0, 1.0, 0.66667], [2.0, 1.0, 0.66667]]
    assert [line[0].text for line in chart.table.lines] == [POINTS[1], "shares"]


def test_runs_without_validation_have_no_chart_of_it() -> None:
    assert draw_validation(only_table(BOARD)) is None


def test_validation_miou_is_that_of_the_table_of_convergence() -> None:
    table = followed_by_miou()
    chart = draw_validation(table)
    convergence = tabulate_convergence(table)
    assert chart is not None
    assert convergence is not None
    assert chart.title == "Validation mIoU"
    (line,) = lines_of(chart)
    assert line["y"] == pytest.approx([20.0, 40.0, 60.0])
    last = convergence.columns.index("epoch 3 (%)")
    assert convergence.lines[0][last].text == "60.0 ± 0.0"
