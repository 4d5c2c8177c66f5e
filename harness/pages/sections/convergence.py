"""How soon methods learn: the mIoU on the validation part after each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.convergence import ValidationScores, first_epoch_at
from harness.leaderboard.statistics import spread
from harness.pages.formats import count_nouns
from harness.pages.table import NOTHING, Cell, Table, sorted_cell, spread_cell

TARGETS = (0.75, 0.90)
"""Shares of what full supervision ends with."""

PLACES = (0.25, 0.5, 0.75, 1.0)
"""Where in a schedule the score is shown."""


def tabulate_convergence(table: TrackTable) -> Table | None:
    """Show the validation mIoU along the schedule, and the epochs to shares of what full
    supervision ends with; None where no run has it."""
    scores_of_method = table.validation_scores
    if not scores_of_method:
        return None
    reference = table.board.reference
    epochs = _choose_epochs(scores_of_method)
    # Not the best score: a network is tested after its last epoch.
    final = {seed: scores[-1] for seed, scores in scores_of_method.get(reference, {}).items()}
    columns = ["method"]
    columns += [f"epoch {epoch} (%)" for epoch in epochs]
    columns += [f"epochs to {100 * share:g} % of {reference}" for share in TARGETS]
    lines = []
    for method, scores_of_seed in scores_of_method.items():
        cells = [Cell(method)]
        for epoch in epochs:
            cells.append(_score_cell(scores_of_seed, epoch))
        for share in TARGETS:
            cells.append(_epochs_cell(scores_of_seed, final, share))
        lines.append(tuple(cells))
    about = (
        "The mIoU against the whole masks of the validation part, which no method trains on: mean"
        " ± standard deviation over the seeds that trained that long. Epochs: the first after"
        f" which it is that share of what {reference} has after its last epoch with the same seed,"
        " the mean over seeds; where some seeds never get there, how many do."
    )
    title = "Convergence: validation mIoU by epoch"
    return Table(title, tuple(columns), tuple(lines), about=(about,))


def _choose_epochs(scores_of_method: Mapping[str, ValidationScores]) -> Sequence[int]:
    last = 0
    for scores_of_seed in scores_of_method.values():
        last = max(last, *map(len, scores_of_seed.values()))
    # A short schedule has fewer epochs than places.
    return sorted({max(1, round(place * last)) for place in PLACES})


def _score_cell(scores_of_seed: ValidationScores, epoch: int) -> Cell:
    scores = []
    for scores_by_epoch in scores_of_seed.values():
        # A run that was stopped early has none of later epochs.
        if len(scores_by_epoch) >= epoch:
            scores.append(scores_by_epoch[epoch - 1])
    return spread_cell(spread(scores))


def _epochs_cell(
    scores_of_seed: ValidationScores, final: Mapping[int, float], share: float
) -> Cell:
    """Show how many epochs it takes to a share of the reference's final score.

    Args:
        scores_of_seed: the scores of the method.
        final: the reference's last score of each seed; seeds that it lacks do not count.
        share: the share to reach.
    """
    seeds = [seed for seed in scores_of_seed if seed in final]
    if not seeds:
        return NOTHING
    epochs = []
    for seed in seeds:
        epoch = first_epoch_at(scores_of_seed[seed], share * final[seed])
        if epoch is not None:
            epochs.append(epoch)
    # A mean over the seeds that got there would call a method fast that mostly fails.
    if len(epochs) < len(seeds):
        return Cell(f"{len(epochs)} of {count_nouns(len(seeds), 'seed')}")
    mean = spread(epochs).mean
    return sorted_cell(f"{mean:.1f}", mean)
