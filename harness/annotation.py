"""The folded tables of what annotation took, and how much of it reaches a share of full supervision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from harness import cells
from harness.boards import Board
from harness.budgets import SHARES, Curve, Reach, curves
from harness.costs import OWN, packaged
from harness.leaderboard import FLOOR, Row

Column = tuple[str, Callable[[Row], str]]


def cost(board: Board, table: Sequence[Row]) -> str:
    """What annotation and training took. Columns that no row fills are left out."""
    known = [row for row in table if row.method != FLOOR]
    shown = [(name, [cell(row) for row in known]) for name, cell in COLUMNS]
    shown = [(name, column) for name, column in shown if any(text not in ("", cells.DASH) for text in column)]
    lines = [list(line) for line in zip(*([cells.text(row.method) for row in known], *(column for _, column in shown)), strict=True)]
    names = ["method", *(name for name, _ in shown)]
    about = ["Means over seeds. Of all: the labelled pixels of a seed divided by those that could be; the mean of these ratios."]
    if "annotation" in names:
        about.append(f"Annotation: what was labelled times the seconds of {_model(board)}, masks that select a network included.")
    if "clicks" in names:
        about.append("Clicks: points, strokes and boxes.")
    if "proportions off by (%)" in names:
        about.append("Proportions are off by the share of pixels that would have to change class (total variation), in the mean.")
    if "s / run" in names:
        about.append("s / run: training and test, on the hardware below.")
    return cells.folded("Annotation and cost", cells.table(lines, names), " ".join(about))


COLUMNS: tuple[Column, ...] = (
    ("labelled pixels", lambda row: cells.pixels(row.labelled_pixels)),
    ("of all (%)", lambda row: cells.share(row.labelled_share)),
    ("images", lambda row: cells.pixels(row.annotated_images)),
    ("clicks", lambda row: cells.pixels(row.clicks)),
    ("annotation", lambda row: cells.duration(row.annotation_seconds)),
    ("of it, to select", lambda row: cells.duration(row.selection_seconds) if row.selection_seconds else ""),
    ("hidden knowledge", lambda row: cells.text("; ".join(row.hidden_knowledge))),
    ("proportions off by (%)", lambda row: cells.percent(row.total_variation)),
    ("s / run", lambda row: cells.number(row.seconds)),
)


def _model(board: Board) -> str:
    return "the packaged cost model" if board.costs == packaged() else f"`{OWN}` in the folder of these leaderboards"


def budgets(board: Board) -> list[str]:
    """The budgets that reach shares of full supervision, a line for each family and kind of budget; nothing where none is measured."""
    found = curves(board)
    if not found:
        return []
    reference = cells.text(board.header["reference"])
    shares = [f"{100 * share:g} % of {reference}" for share in SHARES]
    lines = []
    for curve in found:
        measured = f"{_amount(curve, curve.budgets[0])} to {_amount(curve, curve.budgets[-1])}"
        reaches = [_reach(curve, reach) for reach in curve.reach]
        area = cells.within(cells.percent(curve.area.mean), curve.area.interval)
        kind = "labelled pixels" if curve.kind == "labelled pixels" else "annotation"
        lines.append([cells.text(curve.name), kind, measured, *reaches, area, str(curve.area.n)])
    table = cells.table(lines, ["methods", "budget", "measured", *shares, "area (%)", "seeds"], left=2)
    about = (
        f"The budget whose mIoU is that share of {reference} with the same seed, read off between measured budgets and never beyond them:"
        " the geometric mean over seeds, and its 95 % t interval. Area: the mean mIoU over the measured range of the logarithm of the"
        f" budget, with its t interval. Annotation: by {_model(board)}."
    )
    title = f"Budgets to reach {' and '.join(f'{100 * share:g}' for share in SHARES)} % of {board.header['reference']}"
    return [cells.folded(title, table, about)]


def _reach(curve: Curve, reach: Reach) -> str:
    """The budget with its interval, or what else the seeds say."""
    if reach.outcome == "not in every seed":
        said = [f"{count} of {reach.seeds} {where}" for count, where in ((reach.below, "below"), (reach.beyond, "not")) if count]
        return f"not in every seed ({', '.join(said)})"
    if reach.outcome != "reached":
        return reach.outcome
    interval = "" if math.isnan(reach.low) else f" [{_amount(curve, reach.low)}, {_amount(curve, reach.high)}]"
    return f"{_amount(curve, reach.budget)}{interval}"


def _amount(curve: Curve, value: float) -> str:
    return cells.rounded(value) if curve.kind == "labelled pixels" else cells.duration(value)
