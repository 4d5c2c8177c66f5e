"""The scores of a finished run, from its confusion counts and details: the one place for them."""

from __future__ import annotations

import math

from harness import metrics
from harness.leaderboard.statistics import mean_of_known
from harness.metrics import Counts
from harness.records.record import (
    BoundaryCounts,
    Calibration,
    FinishedRecord,
    ProportionErrors,
)

DETAIL_ERRORS = ("proportion_error_hard", "proportion_error_soft", "ece", "nll")
"""Names of the scores of which less is better. `nll` is in nats; all other scores are fractions."""

DETAIL_SCORES = ("boundary_iou", "boundary_f1", *DETAIL_ERRORS)
"""Names of the scores that come from a record's details."""

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
    """Compute a score by its name in `scenario.published.SCORE_NAMES`, such as `miou` or `f1:road`.

    Args:
        record: the run, for its classes.
        counts: int64 [K, K], of the record or of a floor in its place.
        name: the score.

    Returns:
        A fraction; NaN where the record has none.

    Raises:
        ValueError: for a name that is not a score.
    """
    kind, _, class_name = name.partition(":")
    if kind in OF_A_CLASS and class_name:
        # A profile may have another data set, without the class that the source scored.
        if class_name not in record.class_names:
            return math.nan
        scores = OF_A_CLASS[kind](counts)
        index = record.class_names.index(class_name)
        return float(scores[index])
    if name == "miou":
        return compute_miou(record, counts)
    if name == "batch_miou":
        # Averages over batches do not follow from the counts of images.
        stated = record.metrics.batch_miou
        return math.nan if stated is None else stated
    if name == "accuracy":
        return float(metrics.accuracy(counts))
    if name == "macro_f1":
        return mean_of_known(metrics.f1(counts)[record.mean_indices])
    raise ValueError(f"{name!r} is not a score")


def compute_detail_scores(record: FinishedRecord) -> dict[str, float]:
    """Compute the scores that a record's details give, by their names in `DETAIL_SCORES`.

    One that the details do not define is NaN, and one that they lack is left out.
    """
    scores: dict[str, float] = {}
    details = record.details
    if details.boundary is not None:
        scores.update(_score_boundaries(details.boundary, record.mean_indices))
    if details.proportions is not None:
        scores.update(_score_proportions(details.proportions))
    if details.calibration is not None:
        scores.update(_score_calibration(details.calibration))
    return scores


def _score_boundaries(counts: BoundaryCounts, mean_indices: list[int]) -> dict[str, float]:
    # Over the classes that mIoU is over, so that both are of the same classes.
    iou = metrics.boundary_iou(counts.intersection, counts.union)[mean_indices]
    f1 = metrics.boundary_f1(
        predicted=counts.predicted,
        predicted_matched=counts.predicted_matched,
        true=counts.true,
        true_matched=counts.true_matched,
    )[mean_indices]
    return {"boundary_iou": mean_of_known(iou), "boundary_f1": mean_of_known(f1)}


def _score_proportions(errors: ProportionErrors) -> dict[str, float]:
    error_of_kind = {"proportion_error_hard": errors.hard, "proportion_error_soft": errors.soft}
    return {name: kind.error for name, kind in error_of_kind.items() if kind is not None}


def _score_calibration(bins: Calibration) -> dict[str, float]:
    error = metrics.expected_calibration_error(bins.pixels, bins.correct, bins.confidence)
    return {"ece": error, "nll": metrics.negative_log_likelihood(bins.nll, bins.pixels)}
