"""The tables of what annotation took, and how much of it reaches a share of full supervision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from harness.leaderboard.annotation_costs import OWN, packaged
from harness.leaderboard.board import Board
from harness.leaderboard.budgets import SHARES, BudgetCurve, Reach, budget_curves
from harness.leaderboard.rows import FLOOR, Row
from harness.pages import formats as cells
from harness.pages.table import NOTHING, Cell, Table, cell, number, percent, within

Column = tuple[str, Callable[[Row], Cell]]


def cost(board: Board, table: Sequence[Row]) -> Table:
    """What annotation and training took. Columns that no row fills are left out."""
    known = [row for row in table if row.method != FLOOR]
    shown = [(name, [entry(row) for row in known]) for name, entry in COLUMNS]
    shown = [
        (name, column)
        for name, column in shown
        if any(entry.text not in ("", cells.DASH) for entry in column)
    ]
    lines = tuple(
        zip(*([Cell(row.method) for row in known], *(column for _, column in shown)), strict=True)
    )
    names = ("method", *(name for name, _ in shown))
    about = [
        "Means over seeds. Of all: the labelled pixels of a seed divided by those that could be;"
        " the mean of these ratios."
    ]
    if "annotation" in names:
        about.append(
            f"Annotation: what was labelled times the seconds of {_model(board)}, masks that select"
            " a network included."
        )
    if "clicks" in names:
        about.append("Clicks: points, strokes and boxes.")
    if "proportions off by (%)" in names:
        about.append(
            "Proportions are off by the share of pixels that would have to change class (total"
            " variation), in the mean."
        )
    if "s / run" in names:
        about.append("s / run: training and test, on the hardware below.")
    return Table("Annotation and cost", names, lines, ("hidden knowledge",), (" ".join(about),))


def _count(value: float) -> Cell:
    return cell(cells.pixels(value), value)


def _time(seconds: float) -> Cell:
    return cell(cells.duration(seconds), seconds)


COLUMNS: tuple[Column, ...] = (
    ("labelled pixels", lambda row: _count(row.annotation.labelled_pixels)),
    (
        "of all (%)",
        lambda row: cell(cells.share(row.annotation.labelled_share), row.annotation.labelled_share),
    ),
    ("images", lambda row: _count(row.annotation.images)),
    ("clicks", lambda row: _count(row.annotation.clicks)),
    ("annotation", lambda row: _time(row.annotation.seconds)),
    (
        "of it, to select",
        lambda row: (
            _time(row.annotation.selection_seconds) if row.annotation.selection_seconds else NOTHING
        ),
    ),
    ("hidden knowledge", lambda row: Cell("; ".join(row.annotation.hidden_knowledge))),
    ("proportions off by (%)", lambda row: percent(row.annotation.total_variation)),
    ("s / run", lambda row: number(row.seconds)),
)


def _model(board: Board) -> str:
    return (
        "the packaged cost model"
        if board.costs == packaged()
        else f"`{OWN}` in the folder of these leaderboards"
    )


def budgets(board: Board) -> Table | None:
    """The budgets that reach shares of full supervision, a line for each family and kind of budget;
    None where none is measured."""
    found = budget_curves(board)
    if not found:
        return None
    reference = board.header["reference"]
    shares = [f"{100 * share:g} % of {reference}" for share in SHARES]
    lines = []
    for curve in found:
        measured = f"{_amount(curve, curve.budgets[0])} to {_amount(curve, curve.budgets[-1])}"
        reaches = [
            (
                cell(_reach(curve, reach), reach.budget)
                if reach.outcome == "reached"
                else Cell(_reach(curve, reach))
            )
            for reach in curve.reach
        ]
        kind = "labelled pixels" if curve.kind == "labelled pixels" else "annotation"
        area = within(curve.area.mean, curve.area.interval)
        lines.append(
            (Cell(curve.name), Cell(kind), Cell(measured), *reaches, area, number(curve.area.n, 0))
        )
    about = (
        f"The budget whose mIoU is that share of {reference} with the same seed, read off between"
        " measured budgets and never beyond them: the geometric mean over seeds, and its 95 % t"
        " interval. Area: the mean mIoU over the measured range of the logarithm of the budget,"
        f" with its t interval. Annotation: by {_model(board)}."
    )
    title = (
        f"Budgets to reach {' and '.join(f'{100 * share:g}' for share in SHARES)} % of {reference}"
    )
    return Table(
        title,
        ("methods", "budget", "measured", *shares, "area (%)", "seeds"),
        tuple(lines),
        ("budget",),
        (about,),
    )


def _reach(curve: BudgetCurve, reach: Reach) -> str:
    """The budget with its interval, or what else the seeds say."""
    if reach.outcome == "not in every seed":
        said = [
            f"{count} of {reach.seeds} {where}"
            for count, where in ((reach.below, "below"), (reach.beyond, "not"))
            if count
        ]
        return f"not in every seed ({', '.join(said)})"
    if reach.outcome != "reached":
        return reach.outcome
    interval = (
        ""
        if math.isnan(reach.low)
        else f" [{_amount(curve, reach.low)}, {_amount(curve, reach.high)}]"
    )
    return f"{_amount(curve, reach.budget)}{interval}"


def _amount(curve: BudgetCurve, value: float) -> str:
    return cells.rounded(value) if curve.kind == "labelled pixels" else cells.duration(value)
