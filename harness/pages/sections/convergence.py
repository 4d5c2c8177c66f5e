"""How soon methods learn: the mIoU on the validation part after each epoch. Losses of different
kinds say nothing about that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.leaderboard.board import Board
from harness.leaderboard.rows import finished
from harness.leaderboard.statistics import DIGITS
from harness.leaderboard.statistics import spread as over_seeds
from harness.pages import formats as cells
from harness.pages.table import NOTHING, Cell, Table, cell, spread

SHARES = (0.75, 0.90)


PARTS = (0.25, 0.5, 0.75, 1.0)
"""Where in a schedule the score is shown."""


Scores = Mapping[int, Sequence[float]]
"""The validation mIoU after each epoch, by seed."""


def reached(scores: Sequence[float], target: float) -> int | None:
    """The first epoch, counted from 1, whose score is at least the target; None where none is."""
    return next(
        (
            epoch
            for epoch, score in enumerate(scores, 1)
            if round(score, DIGITS) >= round(target, DIGITS)
        ),
        None,
    )


def curves(board: Board) -> Mapping[str, Scores]:
    """The validation mIoU of every run that was followed by it, by method and seed: fractions, NaN
    where there is none.

    Few-shot rows are not here: they train on the validation part.
    """
    found: dict[str, dict[int, list[float]]] = {}
    for record in finished(board):
        scores = _scores(record)
        if scores:
            found.setdefault(record["method"], {})[record["seed"]] = scores
    return found


def convergence(board: Board) -> Table | None:
    """The validation mIoU along the schedule, and the epochs to shares of what full supervision
    ends with; None where no run has it."""
    found, reference = curves(board), board.header["reference"]
    if not found:
        return None
    last = max(len(scores) for own in found.values() for scores in own.values())
    shown = sorted({max(1, round(part * last)) for part in PARTS})
    full = {seed: scores[-1] for seed, scores in found.get(reference, {}).items()}
    lines = []
    for method, own in found.items():
        along = [
            [scores[epoch - 1] for scores in own.values() if len(scores) >= epoch]
            for epoch in shown
        ]
        lines.append(
            (
                Cell(method),
                *(spread(over_seeds(values)) for values in along),
                *(_epochs(own, full, share) for share in SHARES),
            )
        )
    columns = (
        "method",
        *(f"epoch {epoch} (%)" for epoch in shown),
        *(f"epochs to {100 * share:g} % of {reference}" for share in SHARES),
    )
    about = (
        "The mIoU against the whole masks of the validation part, which no method trains on: mean"
        " ± standard deviation over the seeds that trained that long. Epochs: the first after"
        f" which it is that share of what {reference} has after its last epoch with the same seed,"
        " the mean over seeds; where some seeds never get there, how many do."
    )
    return Table("Convergence: validation mIoU by epoch", columns, tuple(lines), about=(about,))


def _scores(record: Mapping[str, Any]) -> list[float]:
    if record["settings"]["training"].get("validation") != "miou":
        return []
    scores = [epoch.get("validation", math.nan) for epoch in record.get("history", ())]
    return scores if any(map(math.isfinite, scores)) else []


def _epochs(own: Scores, full: Mapping[int, float], share: float) -> Cell:
    """The epochs to a share of full, for the seeds that full has as well."""
    found = [reached(scores, share * full[seed]) for seed, scores in own.items() if seed in full]
    known = [epoch for epoch in found if epoch is not None]
    if not found:
        return NOTHING
    if len(known) < len(found):
        return Cell(f"{len(known)} of {cells.counted(len(found), 'seed')}")
    value = over_seeds(known).mean
    return cell(f"{value:.1f}", value)
