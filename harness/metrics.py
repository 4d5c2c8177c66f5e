"""Every score, from the counts of a record alone. counts: confusion int64 [..., K, K], rows the
truth, columns the prediction.

Scores are of the whole data set: counts are summed over images first, then divided (as
mmsegmentation does; not a mean over images). Boundary scores and calibration come from the parts
`boundary` and `calibration` of a record's `details`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


Scores = NDArray[np.float64]


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> Scores:
    """NaN where nothing was counted."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out


def _correct(counts: Counts) -> Counts:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def iou(counts: Counts) -> Scores:
    """Intersection over union, float64 [..., K]: TP / (TP + FP + FN); NaN for a class neither
    present nor predicted."""
    correct = _correct(counts)
    return _ratio(correct, counts.sum(-1) + counts.sum(-2) - correct)


def f1(counts: Counts) -> Scores:
    """F1 (Dice), float64 [..., K]: 2 TP / (2 TP + FP + FN); NaN for a class neither present nor
    predicted."""
    return _ratio(2 * _correct(counts), counts.sum(-1) + counts.sum(-2))


def precision(counts: Counts) -> Scores:
    """TP / (TP + FP), float64 [..., K]; NaN for a class never predicted."""
    return _ratio(_correct(counts), counts.sum(-2))


def recall(counts: Counts) -> Scores:
    """TP / (TP + FN), float64 [..., K]; NaN for a class never present."""
    return _ratio(_correct(counts), counts.sum(-1))


def accuracy(counts: Counts) -> Scores:
    """Share of correct pixels, float64 [...]; NaN where no pixel was scored."""
    return _ratio(_correct(counts).sum(-1), counts.sum((-2, -1)))


def mean_iou(counts: Counts, classes: Sequence[int] | None = None) -> float:
    """Mean of the per-class IoU of counts [K, K] over the listed classes (default all); classes
    with an empty union are left out.

    NaN where no listed class occurs.
    """
    scores = iou(counts)[list(classes) if classes is not None else slice(None)]
    scores = scores[~np.isnan(scores)]
    return float(scores.mean()) if scores.size else float("nan")


def summary(counts: Counts, classes: list[str], mean_over: Sequence[str]) -> dict[str, Any]:
    """The scores of counts [K, K] for a person to read in a record; leaderboards compute theirs
    from the counts."""

    def listed(values: Scores) -> dict[str, float | None]:
        return {
            name: None if np.isnan(v) else round(float(v), 6)
            for name, v in zip(classes, values, strict=True)
        }

    return {
        "miou": round(mean_iou(counts, [classes.index(name) for name in mean_over]), 6),
        "accuracy": round(float(accuracy(counts)), 6),
        "iou": listed(iou(counts)),
        "f1": listed(f1(counts)),
        "precision": listed(precision(counts)),
        "recall": listed(recall(counts)),
    }


def batch_mean_iou(counts: Counts, batch_size: int, smoothing: float = 1e-6) -> float:
    """Mean IoU averaged over batches, as S000's code has it, of counts [N, K, K] of patches in test
    order.

    In each batch a class's IoU is (TP + s) / (TP + FP + FN + s), left out where the batch's truth
    has none of the class; the mean over classes is averaged over batches, of which the last may be
    smaller. Depends on order and batch size: not comparable with `mean_iou`.
    """
    values = []
    for start in range(0, len(counts), batch_size):
        batch = counts[start : start + batch_size].sum(0)
        correct, present = _correct(batch), batch.sum(-1)
        union = present + batch.sum(-2) - correct
        scores = (correct + smoothing) / (union + smoothing)
        if present.any():
            values.append(float(scores[present > 0].mean()))
    return float(np.mean(values)) if values else float("nan")


def most_frequent_class(counts: Counts) -> Counts:
    """The counts [K, K] of a prediction of the most frequent true class everywhere: what a score is
    worth nothing below."""
    present = counts.sum(-1)
    predicted = np.zeros_like(counts)
    predicted[:, int(present.argmax())] = present
    return predicted


def boundary_iou(boundary: Mapping[str, Any]) -> Scores:
    """Intersection over union of the bands along boundaries, float64 [K] (Cheng et al. 2021); NaN
    for a class without any."""
    return _ratio(
        np.array(boundary["intersection"], np.int64), np.array(boundary["union"], np.int64)
    )


def boundary_f1(boundary: Mapping[str, Any]) -> Scores:
    """Harmonic mean of the matched shares of predicted and of true contour pixels, float64 [K]
    (Csurka et al. 2013).

    0 for a class with a contour on one side alone, NaN for one without any.
    """
    predicted, true = (np.array(boundary[side], np.int64) for side in ("predicted", "true"))
    found, hit = (np.array(boundary[f"{side}_matched"], np.int64) for side in ("predicted", "true"))
    shares = np.nan_to_num(_ratio(found, predicted)), np.nan_to_num(_ratio(hit, true))
    total = shares[0] + shares[1]
    scores = np.divide(2 * shares[0] * shares[1], total, out=np.zeros(len(true)), where=total > 0)
    return np.where(predicted + true > 0, scores, np.nan)


def expected_calibration_error(calibration: Mapping[str, Any]) -> float:
    """Mean over pixels of |share correct - mean confidence| in the pixel's bin (Guo et al. 2017);
    NaN where no pixel was scored."""
    pixels = sum(calibration["pixels"])
    gaps = abs(np.array(calibration["correct"]) - np.array(calibration["confidence"]))
    return float(gaps.sum() / pixels) if pixels else float("nan")


def negative_log_likelihood(calibration: Mapping[str, Any]) -> float:
    """Mean of -log(probability of the true class) over pixels, in nats; NaN where no pixel was
    scored."""
    pixels = sum(calibration["pixels"])
    return float(calibration["nll"] / pixels) if pixels else float("nan")


Shares = NDArray[np.floating[Any]]


def total_variation(exact: Shares, given: Shares) -> NDArray[np.float64]:
    """Half the summed absolute difference of each row, float64 [N]: the share of pixels that would
    have to change class."""
    halves: NDArray[np.float64] = np.abs(np.subtract(exact, given, dtype=np.float64)).sum(1) / 2
    return halves


def kl_divergence(exact: Shares, given: Shares, eps: float = 1e-8) -> NDArray[np.float64]:
    """sum exact log(exact / (given + eps)) of each row, float64 [N], in nats. Where `given` lacks a
    class, the value depends on eps."""
    p, q = np.asarray(exact, np.float64), np.asarray(given, np.float64)
    nats: NDArray[np.float64] = (p * np.log(np.where(p > 0, p, 1) / (q + eps))).sum(1)
    return nats


def same_largest(exact: Shares, given: Shares) -> NDArray[np.bool_]:
    """Whether both rows have the same largest class, bool [N]; of equal shares the first class
    counts."""
    same: NDArray[np.bool_] = exact.argmax(1) == given.argmax(1)
    return same
