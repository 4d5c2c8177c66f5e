"""What `harness compare` and `harness reproduce` call the scores of a run."""

from __future__ import annotations

from harness.leaderboard.scores import compute_scores
from harness.records.record import FinishedRecord

MIOU = "mIoU"
PROPORTIONS_HARD = "proportions off, hard"
PROPORTIONS_SOFT = "proportions off, soft"
CALIBRATION_ERROR = "calibration error"
NLL = "NLL (nats)"
"""The one score that is no fraction."""

LABELS = {
    "miou": MIOU,
    "accuracy": "accuracy",
    "macro_f1": "mean F1",
    "iou": "IoU",
    "boundary_iou": "boundary IoU",
    "boundary_f1": "boundary F1",
    "proportion_error_hard": PROPORTIONS_HARD,
    "proportion_error_soft": PROPORTIONS_SOFT,
    "ece": CALIBRATION_ERROR,
    "nll": NLL,
}
"""The labels of scores by their names in `leaderboard.scores`; that of a class follows its own."""

LESS_IS_BETTER = (
    PROPORTIONS_HARD,
    PROPORTIONS_SOFT,
    CALIBRATION_ERROR,
    NLL,
)
"""The labels of scores that are errors."""


def label_scores(record: FinishedRecord) -> dict[str, float]:
    """Return the scores of a run by their labels, mIoU first.

    All are fractions but `NLL`; NaN where nothing was counted.
    """
    labelled = {}
    for name, score in compute_scores(record).items():
        label = _label(name, record)
        labelled[label] = score
    return labelled


def _label(name: str, record: FinishedRecord) -> str:
    kind, _, class_name = name.partition(":")
    label = LABELS[kind]
    if class_name:
        return f"{label} {class_name}"
    boundary = record.details.boundary
    is_of_boundary = kind in ("boundary_iou", "boundary_f1")
    if boundary is not None and is_of_boundary:
        # Runs whose boundaries are of another width have no such score in common.
        return f"{label}, {boundary.radius} px"
    return label
