"""The scores of a record, from its confusion counts and details."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import metrics
from harness.leaderboard.statistics import spread
from harness.metrics import Counts

Record = Mapping[str, Any]


def _details(record: Record, listed: Sequence[int]) -> dict[str, float]:
    """The scores that a record's details give; NaN for one that they do not define."""
    found, details = {}, record.get("details", {})
    if "boundary" in details:
        found["boundary_iou"] = _mean(metrics.boundary_iou(details["boundary"])[listed])
        found["boundary_f1"] = _mean(metrics.boundary_f1(details["boundary"])[listed])
    for kind in ("hard", "soft"):
        if kind in details.get("proportions", ()):
            found[f"proportion_error_{kind}"] = float(details["proportions"][kind]["error"])
    if "calibration" in details:
        found["ece"] = metrics.expected_calibration_error(details["calibration"])
        found["nll"] = metrics.negative_log_likelihood(details["calibration"])
    return found


def measured(record: Record, counts: Counts, score: str) -> float:
    """A score by its name in `published.SCORES`, of the record's confusion counts; NaN where it has
    none."""
    names = [entry["name"] for entry in record["classes"]]
    kind, _, name = score.partition(":")
    if name:
        of_class = {
            "iou": metrics.iou,
            "f1": metrics.f1,
            "precision": metrics.precision,
            "recall": metrics.recall,
        }[kind]
        return float(of_class(counts)[names.index(name)]) if name in names else math.nan
    if kind == "batch_miou":
        return float(record["metrics"].get(kind, math.nan))
    if kind == "accuracy":
        return float(metrics.accuracy(counts))
    if kind == "macro_f1":
        return _mean(metrics.f1(counts)[[names.index(listed) for listed in record["mean_over"]]])
    return miou(record, counts)


def counted(record: Record) -> Counts:
    """int64 [K, K]: the confusion counts of the whole test set, true classes by predicted ones."""
    total: Counts = np.array(record["confusion"]["counts"], np.int64).sum(0)
    return total


def miou(record: Record, counts: Counts) -> float:
    """The mIoU of confusion counts over the classes that a record takes the mean of."""
    names = [entry["name"] for entry in record["classes"]]
    return metrics.mean_iou(counts, [names.index(name) for name in record["mean_over"]])


def _known(values: Sequence[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _whole(values: Sequence[float | None]) -> float:
    """The mean; NaN where one of the values is not known."""
    return spread([math.nan if value is None else float(value) for value in values]).mean


def _mean(values: Sequence[float] | NDArray[np.float64]) -> float:
    """The mean of the values that are known; NaN where none is."""
    return spread(_known(list(values))).mean
