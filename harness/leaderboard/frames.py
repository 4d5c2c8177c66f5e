"""Results as pandas frames: a line for each run and score, or for each run and epoch.

pandas is imported when a frame is made, and not before: most commands do without it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from harness.leaderboard.annotation_costs import annotation_seconds, pixel_area
from harness.leaderboard.board import Board
from harness.leaderboard.comparability import usable_records
from harness.leaderboard.scores import compute_scores
from harness.records.record import Epoch, FinishedRecord, Record

if TYPE_CHECKING:
    import pandas

FOLD = 0
"""The fold of every run: as long as scenarios have one division into training and test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine:
    """A line of the frame of results; its fields are the columns."""

    board: str
    """Name of the board."""
    scenario: str
    """Name of the scenario."""
    profile: str | None
    """The scenario's profile; None where it has none."""
    method: str
    """Name of the method."""
    repetition: int
    """Number of the independent draw, one of `seeds`."""
    fold: int
    """Number of the division into training and test; 0 for now."""
    status: str
    """ok, failed, missing, or stale: of other settings than today's."""
    score: str
    """miou, accuracy, macro_f1, iou:CLASS, boundary_iou, ..., ece, nll."""
    value: float
    """A fraction, or nats for nll; NaN where there is no result."""
    dataset: str
    """Name of the data set."""
    model: str | None = None
    """Name of the model."""
    supervision: str | None = None
    """Names of the supervisions, with + between them."""
    loss: str | None = None
    """Names of the losses, with + between them."""
    epochs: int | None = None
    """How many epochs were planned."""
    labelled_pixels: int | None = None
    """Pixels with a label, counted by the harness."""
    annotation_seconds: float | None = None
    """What labels would have taken a person."""
    seconds: float | None
    """How long the run took."""
    initialisation: str | None
    """Where the weights came from."""
    device: str | None = None
    """What the run was computed on."""
    precision: str | None = None
    """The floating-point type of training."""
    key: str
    """The run's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochLine:
    """A line of the frame of training; its fields but the last are the columns."""

    board: str
    """Name of the board."""
    scenario: str
    """Name of the scenario."""
    profile: str | None
    """The scenario's profile; None where it has none."""
    method: str
    """Name of the method."""
    repetition: int
    """Number of the independent draw, one of `seeds`."""
    fold: int
    """Number of the division into training and test; 0 for now."""
    status: str
    """ok, failed, missing, or stale: of other settings than today's."""
    epoch: int
    """Number of the epoch, from 1."""
    loss: float
    """The whole loss, its mean over the steps."""
    validation: float | None
    """The validation value after the epoch, if any."""
    learning_rate: float | None
    """That of the epoch's last step."""
    seconds: float | None
    """How long the epoch took."""
    terms: Mapping[str, float]
    """The term of each loss without its weight: a column `loss:NAME` for each name."""


RESULT_COLUMNS = tuple(field.name for field in fields(ResultLine))
"""The columns of the frame of results."""

HISTORY_COLUMNS = tuple(field.name for field in fields(EpochLine) if field.name != "terms")
"""The columns that every frame of training has."""

# Without lines, or values, pandas could not tell a column of numbers from one of text.

RESULT_TYPES = {
    "repetition": "int64",
    "fold": "int64",
    "value": "float64",
    "epochs": "Int64",
    "labelled_pixels": "Int64",
    "annotation_seconds": "float64",
    "seconds": "float64",
}
"""The type of each column of numbers in the frame of results, as pandas names it."""

HISTORY_TYPES = {
    "repetition": "int64",
    "fold": "int64",
    "epoch": "int64",
    "loss": "float64",
    "validation": "float64",
    "learning_rate": "float64",
    "seconds": "float64",
}
"""The same of the frame of training."""


def make_results(boards: Iterable[Board]) -> pandas.DataFrame:
    """Make a frame with a line for each run and score.

    A run without a result has one line, for `miou`, whose value is NaN. A stale result has its
    values where pages show it: then a mean over the lines is the mean on the page. Those that no
    longer fit beside the others have none; leave out the status "stale" to be rid of all.

    Returns:
        A frame with the columns `RESULT_COLUMNS`.
    """
    import pandas

    lines: list[ResultLine] = []
    for board in boards:
        usable = replace(board, records=usable_records(board))
        for record, shown in zip(board.ordered, usable.ordered, strict=True):
            lines += _list_results(board, record, shown)
    return pandas.DataFrame(lines, columns=RESULT_COLUMNS).astype(RESULT_TYPES)


def make_history(boards: Iterable[Board]) -> pandas.DataFrame:
    """Make a frame with a line for each run and epoch, also of runs that failed later.

    Returns:
        A frame with the columns `HISTORY_COLUMNS`, and a column `loss:NAME` of each loss that a
        method of these boards has, which is NaN for the other methods.
    """
    import pandas

    lines: list[EpochLine] = []
    for board in boards:
        for record in board.ordered:
            lines += _list_epochs(board, record)
    frame = pandas.DataFrame(lines, columns=HISTORY_COLUMNS).astype(HISTORY_TYPES)
    # In the order in which they first occur: sorted, the main loss might come last.
    names: dict[str, None] = {}
    for line in lines:
        names.update(dict.fromkeys(line.terms))
    for name in names:
        values = [line.terms.get(name, math.nan) for line in lines]
        frame[f"loss:{name}"] = pandas.Series(values, dtype="float64")
    return frame


def _list_results(board: Board, record: Record, shown: Record) -> list[ResultLine]:
    """Describe a run once, and give it a line for each score.

    Args:
        board: the board.
        record: what the board has of the run.
        shown: what its pages show of it, see `usable_records`.
    """
    description = _make_result_line(board, record)
    if not isinstance(shown, FinishedRecord):
        return [description]
    lines = []
    for score, value in compute_scores(shown).items():
        lines.append(replace(description, score=score, value=value))
    return lines


def _make_result_line(board: Board, record: Record) -> ResultLine:
    """Return a line that says how a run was made and that it has no result.

    A missing run has a name too, since its board planned it. What a record does not say is None.
    """
    line = ResultLine(
        board=board.name,
        scenario=board.header.scenario,
        profile=board.header.profile,
        method=record.method,
        repetition=record.seed,
        fold=FOLD,
        status=_name_status(record),
        score="miou",
        value=math.nan,
        dataset=board.header.dataset.name,
        seconds=record.cost.seconds,
        initialisation=record.initialisation,
        key=record.key,
    )
    settings = record.settings
    if settings is not None:
        line = replace(
            line,
            model=settings.model.name,
            supervision=_join([entry.name for entry in settings.supervision]),
            loss=_join([entry.name for entry in settings.loss]),
            epochs=settings.training.epochs,
        )
    ledger = record.ledger
    if ledger is not None:
        line = replace(line, labelled_pixels=ledger.labelled_pixels)
    # The seconds of a mask are of the image as it came, and settings say how it was reduced.
    if ledger is not None and settings is not None:
        seconds = annotation_seconds(ledger, board.costs, pixel_area(settings))
        line = replace(line, annotation_seconds=seconds)
    hardware = record.hardware
    if hardware is not None:
        line = replace(line, device=hardware.device, precision=hardware.precision)
    return line


def _list_epochs(board: Board, record: Record) -> list[EpochLine]:
    seconds_of_epoch = record.cost.epoch_seconds
    lines = []
    for index, epoch in enumerate(record.history):
        # Older records do not say how long their epochs took.
        seconds = seconds_of_epoch[index] if index < len(seconds_of_epoch) else None
        lines.append(_make_epoch_line(board, record, epoch, seconds))
    return lines


def _make_epoch_line(
    board: Board, record: Record, epoch: Epoch, seconds: float | None
) -> EpochLine:
    """Return what was measured in an epoch.

    Args:
        board: the board of the run.
        record: the run.
        epoch: the epoch.
        seconds: how long it took; None where the record does not say.
    """
    return EpochLine(
        board=board.name,
        scenario=board.header.scenario,
        profile=board.header.profile,
        method=record.method,
        repetition=record.seed,
        fold=FOLD,
        status=_name_status(record),
        epoch=epoch.epoch,
        loss=epoch.loss,
        validation=epoch.validation,
        learning_rate=epoch.learning_rate,
        seconds=seconds,
        terms=epoch.terms,
    )


def _name_status(record: Record) -> str:
    return record.status if record.stale is None else "stale"


def _join(names: Sequence[str]) -> str | None:
    """Write the names of components; a floor has none."""
    return " + ".join(names) or None
