"""What happened during training, by epoch: the loss of each method, and what was measured on the
validation part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.leaderboard.board import Board
from harness.pages.html.charts import SERIES, Chart, colour, layout, log_axis, plain
from harness.pages.table import Cell, Table, number_cell

SHOWN = 8
"""Methods drawn at first; others wait in the legend."""


DRAWN = 200
"""Epochs of a line: more are thinner than its width."""


LOGARITHMIC = 3.0
"""How many times the smallest value the largest must be for a logarithmic axis."""


Values = Mapping[str, Mapping[int, Sequence[float]]]


def training(board: Board) -> Chart | None:
    """The training loss. None where nothing was trained."""
    found = _values(board, "loss")
    about = (
        "Mean over seeds; bands span all seeds. Losses of different kinds are not comparable in"
        " height."
    )
    return _chart("training", "Training loss", "loss", about, found, board) if found else None


def validation(board: Board) -> Chart | None:
    """The measure of the validation part after each epoch. None where no run has one."""
    found = _values(board, "validation")
    if not found:
        return None
    measure = next(
        record["settings"]["training"]["validation"]
        for record in board.records
        if any("validation" in each for each in _history(record))
    )
    about = "Mean over the seeds that trained that long; bands span them. "
    if measure == "miou":
        percent = {
            name: {epoch: [100 * value for value in own] for epoch, own in each.items()}
            for name, each in found.items()
        }
        about += "Measured against the whole masks of the validation part."
        return _chart("validation", "Validation mIoU", "mIoU (%)", about, percent, board)
    about += (
        "The objective on the weak labels of the validation part; of different kinds, not"
        " comparable in height."
    )
    return _chart("validation", "Validation loss", "loss", about, found, board)


def _history(record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = record.get("history", ())
    return found


def _values(board: Board, field: str) -> Values:
    """The finite values of a field of the history, by method in the board's order, and epoch: one
    for each seed that has it."""
    found: dict[str, dict[int, list[float]]] = {
        entry["name"]: {} for entry in board.header["methods"]
    }
    for record in board.records:
        for epoch in _history(record):
            if math.isfinite(epoch.get(field, math.nan)):
                found[record["method"]].setdefault(epoch["epoch"], []).append(epoch[field])
    return {name: own for name, own in found.items() if own}


def _chart(name: str, title: str, measure: str, about: str, values: Values, board: Board) -> Chart:
    traces: list[dict[str, Any]] = []
    for index, (method, own) in enumerate(values.items()):
        hue = "ink" if method == board.header["reference"] else colour(index)
        dash = ("solid", "dash", "dot")[index // SERIES % 3]
        common = {
            "type": "scatter",
            "legendgroup": str(index),
            "visible": True if index < SHOWN else "legendonly",
            "mode": "lines",
        }
        traces += [
            common | trace
            for trace in _traces(
                method, own, measure, {"width": 2, "color": f"var(--{hue})", "dash": dash}
            )
        ]
    last = max(max(own) for own in values.values())
    surroundings = layout("epoch", measure) | {"hovermode": "x unified"}
    surroundings["xaxis"] |= {"dtick": -(-last // 10)}
    every = [value for own in values.values() for each in own.values() for value in each]
    if min(every) > 0 and max(every) > LOGARITHMIC * min(every) and "%" not in measure:
        surroundings["yaxis"] |= log_axis(every) | {"title": {"text": f"{measure} (log scale)"}}
    listed = sorted({max(1, round(last * part / 8)) for part in range(9)})
    digits = 1 if "%" in measure else 4
    lines = (
        (Cell(method), *(number_cell(_mean(own.get(epoch, ())), digits) for epoch in listed))
        for method, own in values.items()
    )
    table = Table(
        f"{title}, mean over seeds",
        ("method", *(f"epoch {epoch}" for epoch in listed)),
        tuple(lines),
    )
    return Chart(name, title, about, {"data": traces, "layout": surroundings}, table)


def _traces(
    method: str, own: Mapping[int, Sequence[float]], measure: str, line: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The band that seeds span, where there are more than one, and their mean."""
    epochs = sorted(own)
    epochs = [*epochs[: -1 : -(-len(epochs) // DRAWN)], epochs[-1]]
    mean: dict[str, Any] = {
        "x": epochs,
        "y": [_short(_mean(own[epoch])) for epoch in epochs],
        "name": plain(method),
        "line": line,
    }
    mean |= {"hovertemplate": f"epoch %{{x}}: %{{y:.{1 if '%' in measure else 3}f}}"}
    if all(len(values) == 1 for values in own.values()):
        return [mean]
    edge = [_short(max(own[epoch])) for epoch in epochs] + [
        _short(min(own[epoch])) for epoch in reversed(epochs)
    ]
    band = {
        "x": [*epochs, *reversed(epochs)],
        "y": edge,
        "fill": "toself",
        "fillcolor": line["color"],
        "opacity": 0.15,
    }
    return [band | {"line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}, mean]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _short(value: float) -> float:
    """Five digits, more than a drawing can show, in fewer bytes."""
    return float(f"{value:.5g}")
