"""Every score, from the counts of a record alone.

Scores are of the whole data set: counts are summed over images first, then divided, as
mmsegmentation does. A mean over images would be another number. `counts` is always a confusion
matrix, int64 [..., K, K], with rows for the truth and columns for the prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
"""Confusion counts [..., K, K]: rows are the truth, columns the prediction."""

ClassScores = NDArray[np.float64]
"""A score of each class [..., K]; NaN where it is not defined."""

Shares = NDArray[np.floating[Any]]
"""Shares of the classes, [N, K]; each row sums to 1."""

PixelCounts = Sequence[int] | NDArray[np.int64]
"""Numbers of pixels, by class or by bin of confidence."""

ScoreSummary = dict[str, float | dict[str, float | None]]
"""Scores by name, as records state them: a number, or a number of each class by its name."""

NAN = float("nan")

DECIMALS = 6
"""Stored scores have so many. The next ones may differ between machines."""


# Scores of each class. Of class k, TP counts the pixels that are k and predicted as k, FP those
# that are only predicted as k, and FN those that only are k.


def iou(counts: Counts) -> ClassScores:
    """Return the intersection over union of each class: TP / (TP + FP + FN), float64 [..., K].

    It is NaN for a class that is neither present nor predicted. (Jaccard 1912; as a score of
    segmentation, Everingham et al. 2010.)
    """
    tp = _count_true_positives(counts)
    union = _count_present(counts) + _count_predicted(counts) - tp
    return _ratio(tp, union)


def f1(counts: Counts) -> ClassScores:
    """Return the F1 score of each class: 2 TP / (2 TP + FP + FN), float64 [..., K].

    It is NaN for a class that is neither present nor predicted. (Dice 1945; Sørensen 1948.)
    """
    tp = _count_true_positives(counts)
    # TP counts twice here too: once in what is present, once in what is predicted.
    pixels = _count_present(counts) + _count_predicted(counts)
    return _ratio(2 * tp, pixels)


def precision(counts: Counts) -> ClassScores:
    """Return TP / (TP + FP) of each class, float64 [..., K]; NaN for a class never predicted."""
    return _ratio(_count_true_positives(counts), _count_predicted(counts))


def recall(counts: Counts) -> ClassScores:
    """Return TP / (TP + FN) of each class, float64 [..., K]; NaN for a class never present."""
    return _ratio(_count_true_positives(counts), _count_present(counts))


# Scores over all classes.


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """Return the share of pixels that are right, float64 [...]; NaN where no pixel was scored."""
    right = _count_true_positives(counts).sum(-1)
    pixels = counts.sum((-2, -1))
    return _ratio(right, pixels)


def mean_iou(counts: Counts, classes: Sequence[int] | None = None) -> float:
    """Return the mean of the IoU of the classes that occur.

    Args:
        counts: Confusion counts [K, K].
        classes: The classes to take the mean over; by default all.

    Returns:
        The mean over those classes whose union is not empty; NaN where there are none.
    """
    scores = iou(counts)
    if classes is not None:
        scores = scores[list(classes)]
    # A class without pixels has no IoU. Counted as 0, it would lower the score of a right answer.
    scores = scores[~np.isnan(scores)]
    if scores.size == 0:
        return NAN
    return float(scores.mean())


def summary(counts: Counts, classes: list[str], mean_over: Sequence[str]) -> ScoreSummary:
    """Return the scores that a record shows; leaderboards compute theirs from the counts.

    Args:
        counts: Confusion counts [K, K].
        classes: The names of all classes, in the order of the counts.
        mean_over: The names of the classes that the mean IoU is over.
    """
    listed = [classes.index(name) for name in mean_over]
    return {
        "miou": round(mean_iou(counts, listed), DECIMALS),
        "accuracy": round(float(accuracy(counts)), DECIMALS),
        "iou": _by_name(iou(counts), classes),
        "f1": _by_name(f1(counts), classes),
        "precision": _by_name(precision(counts), classes),
        "recall": _by_name(recall(counts), classes),
    }


def batch_mean_iou(counts: Counts, batch_size: int, smoothing: float = 1e-6) -> float:
    """Return the mean IoU averaged over batches, as the code of S000 (Hyder) has it.

    In each batch the IoU of a class is (TP + s) / (TP + FP + FN + s), left out where the truth of
    the batch has none of the class. The mean over classes is then averaged over batches. It depends
    on the order and the batch size, so it cannot be compared with `mean_iou`.

    Args:
        counts: Confusion counts [N, K, K] of patches, in the order of the test.
        batch_size: The patches in a batch; the last batch may be smaller.
        smoothing: s.
    """
    means: list[float] = []
    for start in range(0, len(counts), batch_size):
        batch = counts[start : start + batch_size].sum(0)
        tp = _count_true_positives(batch)
        present = _count_present(batch)
        union = present + _count_predicted(batch) - tp
        scores = (tp + smoothing) / (union + smoothing)
        is_present = present > 0
        if is_present.any():
            mean = scores[is_present].mean()
            means.append(float(mean))
    if not means:
        return NAN
    return float(np.mean(means))


def most_frequent_class(counts: Counts) -> Counts:
    """Return the counts [K, K] of a prediction that is the most frequent true class everywhere.

    A method that scores less is of no use. Of equally frequent classes the first counts.
    """
    present = _count_present(counts)
    most_frequent = int(present.argmax())
    constant = np.zeros_like(counts)
    constant[:, most_frequent] = present
    return constant


# Scores along boundaries, from counts of pixels by class.


def boundary_iou(intersection: PixelCounts, union: PixelCounts) -> ClassScores:
    """Return the intersection over union of the bands along boundaries, float64 [K].

    It is NaN for a class without any. (Cheng et al. 2021, Boundary IoU.)

    Args:
        intersection: Pixels in both the true and the predicted band, [K].
        union: Pixels in either of the two bands, [K].
    """
    return _ratio(np.asarray(intersection, np.int64), np.asarray(union, np.int64))


def boundary_f1(
    *,
    predicted: PixelCounts,
    predicted_matched: PixelCounts,
    true: PixelCounts,
    true_matched: PixelCounts,
) -> ClassScores:
    """Return the harmonic mean of boundary precision and recall, float64 [K].

    Precision is the share of the predicted contour that has a true one near, recall the share of
    the true contour that has a predicted one near. (Csurka et al. 2013.) It is 0 for a class with a
    contour on one side alone, and NaN for one without any.

    Args:
        predicted: Pixels of the predicted contour, [K].
        predicted_matched: Those of them with a pixel of the true contour near, [K].
        true: Pixels of the true contour, [K].
        true_matched: Those of them with a pixel of the predicted contour near, [K].
    """
    predicted_pixels = np.asarray(predicted, np.int64)
    true_pixels = np.asarray(true, np.int64)
    # Nothing of an empty contour is matched; whether both are empty is asked below.
    p = np.nan_to_num(_ratio(np.asarray(predicted_matched, np.int64), predicted_pixels))
    r = np.nan_to_num(_ratio(np.asarray(true_matched, np.int64), true_pixels))
    f = np.divide(2 * p * r, p + r, out=np.zeros(len(p)), where=p + r > 0)
    return np.where(predicted_pixels + true_pixels > 0, f, np.nan)


# Scores of probabilities, from counts of pixels by bin of confidence.


def expected_calibration_error(
    pixels: PixelCounts, correct: PixelCounts, confidence: Sequence[float] | NDArray[np.float64]
) -> float:
    """Return the mean over pixels of |share right - mean confidence| in the pixel's bin.

    ECE = sum_b (n_b / n) |acc_b - conf_b| for bins b of n_b of n pixels. (Guo et al. 2017, where
    n_b counts images.) It is NaN where no pixel was scored.

    Args:
        pixels: Pixels of each bin, n_b.
        correct: Those of them whose prediction is right.
        confidence: The confidence of the predictions, summed over the pixels of each bin.
    """
    n = sum(pixels)
    if not n:
        return NAN
    # The counts of a bin are n_b acc_b and n_b conf_b: n_b cancels out.
    gaps = np.abs(np.asarray(correct) - np.asarray(confidence))
    return float(gaps.sum() / n)


def negative_log_likelihood(nll: float, pixels: PixelCounts) -> float:
    """Return the mean over pixels of -log(probability of the true class), in nats.

    Args:
        nll: The sum over all pixels.
        pixels: Pixels of each bin of confidence.

    Returns:
        The mean; NaN where no pixel was scored.
    """
    n = sum(pixels)
    if not n:
        return NAN
    return float(nll / n)


# Distances between shares: how far the proportions that an annotator gave are from the exact ones.


def total_variation(exact: Shares, given: Shares) -> NDArray[np.float64]:
    """Return TV = 1/2 sum_k |p_k - q_k| of each row, float64 [N].

    It is the share of the pixels that would have to change their class.
    """
    differences = np.abs(np.subtract(exact, given, dtype=np.float64))
    tv: NDArray[np.float64] = differences.sum(1) / 2
    return tv


def kl_divergence(exact: Shares, given: Shares, eps: float = 1e-8) -> NDArray[np.float64]:
    """Return KL = sum_k p_k log(p_k / (q_k + eps)) of each row, float64 [N], in nats.

    p is exact, q is given. Where q lacks a class that p has, the value depends on eps. (Kullback
    and Leibler 1951, where eps is 0.)
    """
    p = np.asarray(exact, np.float64)
    q = np.asarray(given, np.float64)
    # p log p is 0 where p is 0, by continuity; any number in its place does, since p times it is 0.
    numerator = np.where(p > 0, p, 1)
    logarithms = np.log(numerator / (q + eps))
    kl: NDArray[np.float64] = (p * logarithms).sum(1)
    return kl


def same_largest(exact: Shares, given: Shares) -> NDArray[np.bool_]:
    """Return whether both rows have the same largest class, bool [N].

    Of equal shares the first class counts.
    """
    same: NDArray[np.bool_] = exact.argmax(1) == given.argmax(1)
    return same


# What the scores above are made of.


def _count_true_positives(counts: Counts) -> Counts:
    """Return TP of each class."""
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _count_present(counts: Counts) -> Counts:
    """Return TP + FN of each class: the pixels that are of it."""
    present: Counts = counts.sum(-1)
    return present


def _count_predicted(counts: Counts) -> Counts:
    """Return TP + FP of each class: the pixels that are predicted as it."""
    predicted: Counts = counts.sum(-2)
    return predicted


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide, with NaN where nothing was counted."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    ratio = np.full(shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio


def _by_name(scores: ClassScores, classes: Sequence[str]) -> dict[str, float | None]:
    """Return the scores of classes by their names, rounded; None for NaN, which JSON lacks."""
    by_name: dict[str, float | None] = {}
    for name, score in zip(classes, scores, strict=True):
        is_defined = not np.isnan(score)
        by_name[name] = round(float(score), DECIMALS) if is_defined else None
    return by_name
