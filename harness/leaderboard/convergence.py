"""How soon methods learn: the mIoU on the validation part after each epoch.

Losses of different kinds say nothing about that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.leaderboard.board import Board
from harness.leaderboard.statistics import COMPARED_DECIMALS
from harness.records.record import FinishedRecord

ValidationScores = Mapping[int, Sequence[float]]
"""The validation mIoU after each epoch, by seed: fractions, NaN where there is none."""


def validation_scores(board: Board) -> dict[str, ValidationScores]:
    """Return the validation mIoU of every run that was followed by it, by method and seed.

    Few-shot rows are not here: they train on the validation part.
    """
    scores_of_method: dict[str, dict[int, Sequence[float]]] = {}
    for record in board.finished:
        scores = _scores(record)
        if scores:
            scores_of_method.setdefault(record.method, {})[record.seed] = scores
    return dict(scores_of_method)


def first_epoch_at(scores: Sequence[float], target: float) -> int | None:
    """Return the first epoch, from 1, whose score is at least a target; None where none is."""
    for epoch, score in enumerate(scores, 1):
        # No comparison with NaN is true, so an epoch without a score is passed over.
        if round(score, COMPARED_DECIMALS) >= round(target, COMPARED_DECIMALS):
            return epoch
    return None


def _scores(record: FinishedRecord) -> list[float]:
    # A validation loss is of the method's own kind, and says nothing beside those of others.
    if record.settings.training.validation != "miou":
        return []
    scores = []
    for epoch in record.history:
        score = epoch.validation
        scores.append(math.nan if score is None else score)
    if not any(math.isfinite(score) for score in scores):
        return []
    return scores
