"""Results as pandas frames: a line for each run and score, or for each run and epoch.

pandas is imported when a frame is made, and not before: most commands do without it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.leaderboard.annotation_costs import annotation_seconds, pixel_area
from harness.leaderboard.board import Board
from harness.leaderboard.scores import compute_scores
from harness.records.record import Epoch, FinishedRecord, Record

if TYPE_CHECKING:
    import pandas

FOLD = 0
"""The fold of every run: as long as scenarios have one division into training and test."""


@dataclass(frozen=True, slots=True)
class FrameColumn:
    """A column of a frame."""

    name: str
    """What it is called."""
    meaning: str
    """What it holds, for documentation."""
    dtype: str | None = None
    """The type that pandas is told; None for text."""


# Of which run a line is.
RUN_COLUMNS = (
    FrameColumn("board", "Name of the board."),
    FrameColumn("scenario", "Name of the scenario."),
    FrameColumn("profile", "The scenario's profile; nothing where it has none."),
    FrameColumn("method", "Name of the method."),
    FrameColumn("repetition", "Number of the independent draw, one of `seeds`.", "int64"),
    FrameColumn("fold", "Number of the division into training and test; 0 for now.", "int64"),
    FrameColumn("status", "ok, failed, missing, or stale: of other settings than today's."),
)

RESULT_COLUMNS = (
    *RUN_COLUMNS,
    FrameColumn("score", "miou, accuracy, macro_f1, iou:CLASS, boundary_iou, ..., ece, nll."),
    FrameColumn("value", "A fraction, or nats for nll; NaN where there is no result.", "float64"),
    FrameColumn("dataset", "Name of the data set."),
    FrameColumn("model", "Name of the model."),
    FrameColumn("supervision", "Names of the supervisions, with + between them."),
    FrameColumn("loss", "Names of the losses, with + between them."),
    FrameColumn("epochs", "How many epochs were planned.", "Int64"),
    FrameColumn("labelled_pixels", "Pixels with a label, counted by the harness.", "Int64"),
    FrameColumn("annotation_seconds", "What labels would have taken a person.", "float64"),
    FrameColumn("seconds", "How long the run took.", "float64"),
    FrameColumn("initialisation", "Where the weights came from."),
    FrameColumn("device", "What the run was computed on."),
    FrameColumn("precision", "The floating-point type of training."),
    FrameColumn("key", "The run's key."),
)

HISTORY_COLUMNS = (
    *RUN_COLUMNS,
    FrameColumn("epoch", "Number of the epoch, from 1.", "int64"),
    FrameColumn("loss", "The whole loss, its mean over the steps.", "float64"),
    FrameColumn("validation", "The validation value after the epoch, if any.", "float64"),
    FrameColumn("learning_rate", "That of the epoch's last step.", "float64"),
    FrameColumn("seconds", "How long the epoch took.", "float64"),
)
"""A column `loss:NAME` of each loss follows: its term without its weight."""

Line = Mapping[str, Any]
"""The values of a frame's line, by column."""


def make_results(boards: Iterable[Board]) -> pandas.DataFrame:
    """Make a frame with a line for each run and score.

    A run without a result has one line, for `miou`, whose value is NaN. So has a stale one: what it
    scored is of other settings than those that the scenario has today.

    Returns:
        A frame with the columns `RESULT_COLUMNS`.
    """
    lines: list[Line] = []
    for board in boards:
        for record in board.ordered:
            described = {**_describe_run(board, record), **_describe_settings(board, record)}
            for score, value in _scores_of(record).items():
                lines.append({**described, "score": score, "value": value})
    return _make_frame(lines, RESULT_COLUMNS)


def make_history(boards: Iterable[Board]) -> pandas.DataFrame:
    """Make a frame with a line for each run and epoch, also of runs that failed later.

    Returns:
        A frame with the columns `HISTORY_COLUMNS`, and a column `loss:NAME` of each loss that a
        method of these boards has, which is NaN for the other methods.
    """
    lines: list[Line] = []
    terms: dict[str, None] = {}
    for board in boards:
        for record in board.ordered:
            described = _describe_run(board, record)
            for index, epoch in enumerate(record.history):
                # In the order in which they first occur: sorted, the main loss might come last.
                terms.update(dict.fromkeys(epoch.terms))
                measured = _describe_epoch(epoch, record.cost.epoch_seconds[index : index + 1])
                lines.append({**described, **measured})
    columns = [FrameColumn(f"loss:{name}", "A term of the loss.", "float64") for name in terms]
    return _make_frame(lines, (*HISTORY_COLUMNS, *columns))


def _make_frame(lines: list[Line], columns: Iterable[FrameColumn]) -> pandas.DataFrame:
    import pandas

    dtypes = {column.name: column.dtype for column in columns if column.dtype}
    names = [column.name for column in columns]
    # Without lines, or values, pandas could not tell a column of numbers from one of text.
    return pandas.DataFrame(lines, columns=names).astype(dtypes)


def _describe_run(board: Board, record: Record) -> dict[str, Any]:
    """Return what says which run it is. A missing run has a name, since its board planned it."""
    return {
        "board": board.name,
        "scenario": board.header.scenario,
        "profile": board.header.profile,
        "method": record.method,
        "repetition": record.seed,
        "fold": FOLD,
        "status": record.status if record.stale is None else "stale",
    }


def _scores_of(record: Record) -> dict[str, float]:
    if isinstance(record, FinishedRecord) and record.stale is None:
        return compute_scores(record)
    return {"miou": math.nan}


def _describe_settings(board: Board, record: Record) -> dict[str, Any]:
    """Return the settings of a run, and what it took; without what its record does not say."""
    described: dict[str, Any] = {
        "dataset": board.header.dataset.name,
        "initialisation": record.initialisation,
        "seconds": record.cost.seconds,
        "key": record.key,
    }
    settings = record.settings
    if settings is not None:
        described["model"] = settings.model.name
        described["supervision"] = _join(entry.name for entry in settings.supervision)
        described["loss"] = _join(entry.name for entry in settings.loss)
        described["epochs"] = settings.training.epochs
    ledger = record.ledger
    if ledger is not None:
        described["labelled_pixels"] = ledger.labelled_pixels
    # The seconds of a mask are of the image as it came, and settings say how it was reduced.
    if ledger is not None and settings is not None:
        seconds = annotation_seconds(ledger, board.costs, pixel_area(settings))
        described["annotation_seconds"] = seconds
    if record.hardware is not None:
        described["device"] = record.hardware.device
        described["precision"] = record.hardware.precision
    return described


def _describe_epoch(epoch: Epoch, seconds: list[float]) -> dict[str, Any]:
    """Return what was measured in an epoch.

    Args:
        epoch: the epoch.
        seconds: how long it took; empty where the record does not say.
    """
    described: dict[str, Any] = {
        "epoch": epoch.epoch,
        "loss": epoch.loss,
        "validation": epoch.validation,
        "learning_rate": epoch.learning_rate,
        "seconds": seconds[0] if seconds else None,
    }
    for name, value in epoch.terms.items():
        described[f"loss:{name}"] = value
    return described


def _join(names: Iterable[str]) -> str | None:
    """Write the names of components; a floor has none."""
    return " + ".join(names) or None
