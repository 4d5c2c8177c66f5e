"""The tables of what annotation took, and how much of it reaches a share of full supervision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.annotation_costs import OWN, packaged
from harness.leaderboard.board import Board
from harness.leaderboard.budgets import SHARES, BudgetCurve, Reach
from harness.leaderboard.rows import CONSTANT, Row
from harness.leaderboard.statistics import DASH
from harness.pages import formats
from harness.pages.table import (
    NOTHING,
    Cell,
    Table,
    interval_cell,
    number_cell,
    percent_cell,
    sorted_cell,
)


def tabulate_costs(table: TrackTable) -> Table:
    """Show what annotation and training took. Columns that no row fills are left out."""
    # Nothing was annotated for the constant.
    rows = [row for row in table.rows if row.method != CONSTANT]
    names = ["method"]
    columns = [[Cell(row.method) for row in rows]]
    for name, entry in COST_COLUMNS:
        cells = list(map(entry, rows))
        texts = {cell.text for cell in cells}
        if texts - {"", DASH}:
            names.append(name)
            columns.append(cells)
    return Table(
        "Annotation and cost",
        tuple(names),
        tuple(zip(*columns, strict=True)),
        words=("hidden knowledge",),
        about=(_explain_costs(names, table.board),),
    )


def tabulate_budgets(table: TrackTable) -> Table | None:
    """Show the budgets that reach shares of full supervision, a line for each family of methods
    and kind of budget; None where none is measured."""
    if not table.budgets:
        return None
    reference = table.board.reference
    columns = ["methods", "budget", "measured"]
    percentages = []
    for share in SHARES:
        percentage = f"{100 * share:g}"
        percentages.append(percentage)
        columns.append(f"{percentage} % of {reference}")
    columns += ["area (%)", "seeds"]
    about = (
        f"The budget whose mIoU is that share of {reference} with the same seed, read off between"
        " measured budgets and never beyond them: the geometric mean over seeds, and its 95 % t"
        " interval. Area: the mean mIoU over the measured range of the logarithm of the budget,"
        f" with its t interval. Annotation: by {_name_cost_model(table.board)}."
    )
    return Table(
        f"Budgets to reach {' and '.join(percentages)} % of {reference}",
        tuple(columns),
        tuple(map(_budget_line, table.budgets)),
        words=("budget",),
        about=(about,),
    )


def _count_cell(value: float) -> Cell:
    return sorted_cell(formats.format_count(value), value)


def _share_cell(share: float) -> Cell:
    return sorted_cell(formats.format_share(share), share)


def _duration_cell(seconds: float) -> Cell:
    return sorted_cell(formats.format_duration(seconds), seconds)


def _selection_cell(row: Row) -> Cell:
    # Most boards select with no masks at all, and then need no column for them.
    seconds = row.annotation.selection_seconds
    return _duration_cell(seconds) if seconds else NOTHING


COST_COLUMNS: tuple[tuple[str, Callable[[Row], Cell]], ...] = (
    ("labelled pixels", lambda row: _count_cell(row.annotation.labelled_pixels)),
    ("of all (%)", lambda row: _share_cell(row.annotation.labelled_share)),
    ("images", lambda row: _count_cell(row.annotation.images)),
    ("clicks", lambda row: _count_cell(row.annotation.clicks)),
    ("annotation", lambda row: _duration_cell(row.annotation.seconds)),
    ("of it, to select", _selection_cell),
    ("hidden knowledge", lambda row: Cell("; ".join(row.annotation.hidden_knowledge))),
    ("proportions off by (%)", lambda row: percent_cell(row.annotation.total_variation)),
    ("s / run", lambda row: number_cell(row.seconds)),
)


def _explain_costs(columns: Sequence[str], board: Board) -> str:
    explanations = {
        "annotation": (
            f"Annotation: what was labelled times the seconds of {_name_cost_model(board)}, masks"
            " that select a network included."
        ),
        "clicks": "Clicks: points, strokes and boxes.",
        "proportions off by (%)": (
            "Proportions are off by the share of pixels that would have to change class (total"
            " variation), in the mean."
        ),
        "s / run": "s / run: training and test, on the hardware below.",
    }
    sentences = [
        "Means over seeds. Of all: the labelled pixels of a seed divided by those that could be;"
        " the mean of these ratios."
    ]
    for column, explanation in explanations.items():
        if column in columns:
            sentences.append(explanation)
    return " ".join(sentences)


def _name_cost_model(board: Board) -> str:
    if board.costs == packaged():
        return "the packaged cost model"
    return f"`{OWN}` in the folder of these leaderboards"


def _budget_line(curve: BudgetCurve) -> tuple[Cell, ...]:
    smallest = _format_budget(curve, curve.budgets[0])
    largest = _format_budget(curve, curve.budgets[-1])
    kind = "labelled pixels" if curve.kind == "labelled_pixels" else "annotation"
    # A number that is read off between budgets is worth little without the ends it is read between.
    return (
        Cell(curve.name),
        Cell(kind),
        Cell(f"{smallest} to {largest}"),
        *(_reach_cell(curve, reach) for reach in curve.reach),
        interval_cell(curve.area.mean, curve.area.interval),
        number_cell(curve.area.n, 0),
    )


def _reach_cell(curve: BudgetCurve, reach: Reach) -> Cell:
    """Show the budget with its interval, or why there is none."""
    if reach.outcome == "not in every seed":
        seeds = []
        if reach.below:
            seeds.append(f"{reach.below} of {reach.seeds} below")
        if reach.beyond:
            seeds.append(f"{reach.beyond} of {reach.seeds} not")
        return Cell(f"not in every seed ({', '.join(seeds)})")
    if reach.outcome != "reached":
        return Cell(reach.outcome)
    text = _format_budget(curve, reach.budget)
    # One seed has no interval.
    if not math.isnan(reach.low):
        low, high = _format_budget(curve, reach.low), _format_budget(curve, reach.high)
        text += f" [{low}, {high}]"
    return sorted_cell(text, reach.budget)


def _format_budget(curve: BudgetCurve, budget: float) -> str:
    if curve.kind == "labelled_pixels":
        return formats.format_amount(budget)
    return formats.format_duration(budget)
