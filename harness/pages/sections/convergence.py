"""How soon methods learn: the mIoU on the validation part after each epoch. Losses of different
kinds say nothing about that."""

from __future__ import annotations

from collections.abc import Mapping

from harness.leaderboard.board import Board
from harness.leaderboard.convergence import ValidationScores, first_epoch_at, validation_scores
from harness.leaderboard.statistics import spread as over_seeds
from harness.pages import formats as cells
from harness.pages.table import NOTHING, Cell, Table, cell, spread

SHARES = (0.75, 0.90)


PARTS = (0.25, 0.5, 0.75, 1.0)
"""Where in a schedule the score is shown."""


def convergence(board: Board) -> Table | None:
    """The validation mIoU along the schedule, and the epochs to shares of what full supervision
    ends with; None where no run has it."""
    found, reference = validation_scores(board), board.header["reference"]
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


def _epochs(own: ValidationScores, full: Mapping[int, float], share: float) -> Cell:
    """The epochs to a share of full, for the seeds that full has as well."""
    found = [
        first_epoch_at(scores, share * full[seed]) for seed, scores in own.items() if seed in full
    ]
    known = [epoch for epoch in found if epoch is not None]
    if not found:
        return NOTHING
    if len(known) < len(found):
        return Cell(f"{len(known)} of {cells.counted(len(found), 'seed')}")
    value = over_seeds(known).mean
    return cell(f"{value:.1f}", value)
