"""The scores of a finished run, from its confusion counts and details: the one place for them."""

from __future__ import annotations

import math

from harness import metrics
from harness.leaderboard.statistics import mean_of_known
from harness.metrics import Counts
from harness.records.record import FinishedRecord

DETAIL_SCORES = (
    "boundary_iou",
    "boundary_f1",
    "proportion_error_hard",
    "proportion_error_soft",
    "ece",
    "nll",
)
"""Names of the scores that come from a record's details. Of the last four, less is better, and
`nll` is in nats; all others are fractions."""

OF_A_CLASS = {
    "iou": metrics.iou,
    "f1": metrics.f1,
    "precision": metrics.precision,
    "recall": metrics.recall,
}


def compute_scores(record: FinishedRecord) -> dict[str, float]:
    """Compute the scores of a run by their machine names, as all that show single runs name them.

    Returns:
        `miou`, `accuracy`, `macro_f1`, `iou:CLASS` of each class in mask order, and those of
        `DETAIL_SCORES` that the record has; NaN where nothing was counted.
    """
    counts = record.confusion.total
    scores = {
        name: compute_score(record, counts, name) for name in ("miou", "accuracy", "macro_f1")
    }
    for class_name, iou in zip(record.class_names, metrics.iou(counts), strict=True):
        scores[f"iou:{class_name}"] = float(iou)
    scores.update(compute_detail_scores(record))
    return scores


def compute_miou(record: FinishedRecord, counts: Counts) -> float:
    """Return the mean IoU of confusion counts, over the classes that a record averages over."""
    return metrics.mean_iou(counts, record.mean_indices)


def compute_score(record: FinishedRecord, counts: Counts, name: str) -> float:
    """Compute a score by its name in `settings.SCORES`, such as `miou` or `f1:road`.

    Args:
        record: the run, for its classes.
        counts: int64 [K, K], of the record or of a floor in its place.
        name: the score.

    Returns:
        A fraction; NaN where the record has none.
    """
    kind, _, class_name = name.partition(":")
    if class_name:
        if class_name not in record.class_names:
            return math.nan
        return float(OF_A_CLASS[kind](counts)[record.class_names.index(class_name)])
    if kind == "batch_miou":
        # Averages over batches do not follow from the counts of images.
        stated = record.metrics.batch_miou
        return math.nan if stated is None else stated
    if kind == "accuracy":
        return float(metrics.accuracy(counts))
    if kind == "macro_f1":
        return mean_of_known(metrics.f1(counts)[record.mean_indices])
    return compute_miou(record, counts)


def compute_detail_scores(record: FinishedRecord) -> dict[str, float]:
    """Compute the scores that a record's details give, by their names in `DETAIL_SCORES`.

    One that the details do not define is NaN, and one that they lack is left out.
    """
    scores = {}
    details = record.details
    if details.boundary is not None:
        counts = details.boundary.as_json()
        scores["boundary_iou"] = mean_of_known(metrics.boundary_iou(counts)[record.mean_indices])
        scores["boundary_f1"] = mean_of_known(metrics.boundary_f1(counts)[record.mean_indices])
    if details.proportions is not None:
        if details.proportions.hard is not None:
            scores["proportion_error_hard"] = details.proportions.hard.error
        if details.proportions.soft is not None:
            scores["proportion_error_soft"] = details.proportions.soft.error
    if details.calibration is not None:
        bins = details.calibration.as_json()
        scores["ece"] = metrics.expected_calibration_error(bins)
        scores["nll"] = metrics.negative_log_likelihood(bins)
    return scores
