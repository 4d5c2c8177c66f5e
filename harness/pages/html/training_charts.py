"""Charts of training by epoch: the loss, and what was measured on the validation part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.board import Board
from harness.leaderboard.convergence import ValidationScores
from harness.pages.curve import PALETTE
from harness.pages.html.charts import (
    INK,
    Chart,
    PlotlyObject,
    make_axis,
    make_layout,
    make_log_axis,
    series_color,
    show_name,
)
from harness.pages.table import Cell, Table, number_cell
from harness.records.record import Epoch

METHODS_SHOWN = 8
"""Methods that are drawn at first; others wait in the legend."""

EPOCHS_DRAWN = 200
"""Epochs of a line: more are thinner than its width."""

LEAST_LOG_RANGE = 3.0
"""How many times the smallest value the largest must be for a logarithmic axis."""

TABLE_PARTS = 8
"""Parts into which the epochs of the table divide a schedule."""

DASHES = ("solid", "dash", "dot")
"""Tell apart methods that have the same colour."""

HistoryField = Literal["loss", "validation"]

ValuesOfSeeds = Mapping[int, Sequence[float]]
"""A value after each epoch, by seed; NaN where there is none."""

ValuesOfEpochs = Mapping[int, Sequence[float]]
"""The values of the seeds that have one, by epoch from 1."""


@dataclass(frozen=True, slots=True)
class EpochMeasure:
    """What a chart shows for each epoch."""

    name: str
    """The name of the chart."""
    title: str
    axis: str
    """What the axis says."""
    about: str
    """A sentence for the reader."""
    is_percent: bool = False


def draw_training_loss(table: TrackTable) -> Chart | None:
    """Draw the training loss, or return None where nothing was trained."""
    measure = EpochMeasure(
        name="training",
        title="Training loss",
        axis="loss",
        about="Mean over seeds; bands span all seeds. Losses of different kinds are not comparable"
        " in height.",
    )
    return _draw_chart(measure, _read_history(table.board, "loss"), table.board.reference)


def draw_validation(table: TrackTable) -> Chart | None:
    """Draw what was measured on the validation part after each epoch.

    Returns:
        The chart, or None where no run measured anything.
    """
    reference = table.board.reference
    about = "Mean over the seeds that trained that long; bands span them."
    scores_of_method = table.validation_scores
    # The same scores as in the table of convergence. Where there are none, the runs of the track
    # may have measured a loss instead: never both in one chart.
    if scores_of_method:
        measure = EpochMeasure(
            name="validation",
            title="Validation mIoU",
            axis="mIoU (%)",
            about=f"{about} Measured against the whole masks of the validation part.",
            is_percent=True,
        )
        percentages = {}
        for method, scores_of_seed in scores_of_method.items():
            percentages[method] = _to_percent(scores_of_seed)
        return _draw_chart(measure, percentages, reference)
    measure = EpochMeasure(
        name="validation",
        title="Validation loss",
        axis="loss",
        about=f"{about} The objective on the weak labels of the validation part; of different"
        " kinds, not comparable in height.",
    )
    return _draw_chart(measure, _read_history(table.board, "validation"), reference)


def _to_percent(scores_of_seed: ValidationScores) -> ValuesOfSeeds:
    percentages = {}
    for seed, scores in scores_of_seed.items():
        percentages[seed] = [100 * score for score in scores]
    return percentages


def _read_history(board: Board, field: HistoryField) -> dict[str, ValuesOfSeeds]:
    """Read a field of the history of every run, by method and seed.

    Runs that failed have one too, up to where they failed.
    """
    values_of_method: dict[str, dict[int, Sequence[float]]] = {}
    for record in board.ordered:
        values = [_read_value(epoch, field) for epoch in record.history]
        values_of_method.setdefault(record.method, {})[record.seed] = values
    return dict(values_of_method)


def _read_value(epoch: Epoch, field: HistoryField) -> float:
    value = epoch.loss if field == "loss" else epoch.validation
    return math.nan if value is None else value


def _by_epoch(values_of_seed: ValuesOfSeeds) -> ValuesOfEpochs:
    """Turn values by seed into values by epoch. What is not finite cannot be drawn."""
    values_of_epoch: dict[int, list[float]] = {}
    for values in values_of_seed.values():
        for epoch, value in enumerate(values, 1):
            if math.isfinite(value):
                values_of_epoch.setdefault(epoch, []).append(value)
    return dict(sorted(values_of_epoch.items()))


def _draw_chart(
    measure: EpochMeasure, values_of_method: Mapping[str, ValuesOfSeeds], reference: str
) -> Chart | None:
    """Draw a line per method, or return None where there is no finite value.

    Args:
        measure: what the values are.
        values_of_method: the values, by method in the order of the board.
        reference: the method that is drawn in the colour of text.
    """
    drawn: dict[str, ValuesOfEpochs] = {}
    for method, values_of_seed in values_of_method.items():
        values_of_epoch = _by_epoch(values_of_seed)
        if values_of_epoch:
            drawn[method] = values_of_epoch
    if not drawn:
        return None
    bands = []
    lines = []
    for index, (method, values_of_epoch) in enumerate(drawn.items()):
        # As in other charts, the reference has no colour that a method might have.
        color = INK if method == reference else series_color(index)
        line = {
            "width": 2,
            "color": color,
            "dash": DASHES[index // len(PALETTE) % len(DASHES)],
        }
        shared = {
            "type": "scatter",
            "mode": "lines",
            # A click in the legend hides line and band together.
            "legendgroup": str(index),
            "visible": True if index < METHODS_SHOWN else "legendonly",
        }
        band = _draw_band(values_of_epoch, color)
        if band is not None:
            bands.append({**shared, **band})
        lines.append({**shared, **_draw_mean(method, values_of_epoch, measure), "line": line})
    layout = _make_layout_of_epochs(measure, drawn)
    return Chart(
        name=measure.name,
        title=measure.title,
        label=measure.title,
        about=measure.about,
        # All bands below all lines: a band must not tint the line of another method.
        figure={"data": bands + lines, "layout": layout},
        table=_tabulate_epochs(measure, drawn),
    )


def _draw_mean(method: str, values_of_epoch: ValuesOfEpochs, measure: EpochMeasure) -> PlotlyObject:
    epochs = _thin_out(list(values_of_epoch))
    digits = 1 if measure.is_percent else 3
    return {
        "x": epochs,
        "y": [_round_for_drawing(_mean(values_of_epoch[epoch])) for epoch in epochs],
        "name": show_name(method),
        "hovertemplate": f"epoch %{{x}}: %{{y:.{digits}f}}",
    }


def _draw_band(values_of_epoch: ValuesOfEpochs, color: str) -> PlotlyObject | None:
    """Draw the band that seeds span, or return None where there is one seed."""
    if all(len(values) == 1 for values in values_of_epoch.values()):
        return None
    epochs = _thin_out(list(values_of_epoch))
    # A polygon: along the upper edge, and back along the lower one.
    upper = [_round_for_drawing(max(values_of_epoch[epoch])) for epoch in epochs]
    lower = [_round_for_drawing(min(values_of_epoch[epoch])) for epoch in epochs]
    return {
        "x": epochs + epochs[::-1],
        "y": upper + lower[::-1],
        "fill": "toself",
        "fillcolor": color,
        "opacity": 0.15,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _make_layout_of_epochs(
    measure: EpochMeasure, drawn: Mapping[str, ValuesOfEpochs]
) -> PlotlyObject:
    # Plotly would choose ticks between epochs for short schedules.
    epochs_per_tick = math.ceil(_find_last_epoch(drawn) / 10)
    layout = make_layout(
        xaxis={**make_axis("epoch"), "dtick": epochs_per_tick},
        yaxis=_make_axis_of_values(measure, drawn),
    )
    return {**layout, "hovermode": "x unified"}


def _make_axis_of_values(
    measure: EpochMeasure, drawn: Mapping[str, ValuesOfEpochs]
) -> PlotlyObject:
    every_value: list[float] = []
    for values_of_epoch in drawn.values():
        for values in values_of_epoch.values():
            every_value += values
    low, high = min(every_value), max(every_value)
    # A score in percent is read against 100; a loss may fall by orders of magnitude.
    if not measure.is_percent and low > 0 and high > LEAST_LOG_RANGE * low:
        return make_log_axis(measure.axis, low, high)
    return make_axis(measure.axis)


def _tabulate_epochs(measure: EpochMeasure, drawn: Mapping[str, ValuesOfEpochs]) -> Table:
    """Show the same means as the lines, at a few epochs from the first to the last."""
    last = _find_last_epoch(drawn)
    # A short schedule has fewer epochs than parts.
    epochs = sorted({max(1, round(last * part / TABLE_PARTS)) for part in range(TABLE_PARTS + 1)})
    # Losses near their end differ in the third decimal.
    digits = 1 if measure.is_percent else 4
    lines = []
    for method, values_of_epoch in drawn.items():
        cells = [Cell(method)]
        for epoch in epochs:
            cells.append(number_cell(_mean(values_of_epoch.get(epoch, ())), digits))
        lines.append(tuple(cells))
    columns = ("method", *(f"epoch {epoch}" for epoch in epochs))
    return Table(f"{measure.title}, mean over seeds", columns, tuple(lines))


def _find_last_epoch(drawn: Mapping[str, ValuesOfEpochs]) -> int:
    return max(max(values_of_epoch) for values_of_epoch in drawn.values())


def _thin_out(epochs: Sequence[int]) -> list[int]:
    """Keep about as many epochs as a chart can show, with the first and the last."""
    step = math.ceil(len(epochs) / EPOCHS_DRAWN)
    # The last one must be there: what training ends with is what a reader looks for.
    return [*epochs[:-1:step], epochs[-1]]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _round_for_drawing(value: float) -> float:
    """Round to five digits, more than a drawing can show, which take fewer bytes."""
    return float(f"{value:.5g}")
