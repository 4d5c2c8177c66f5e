"""Relate the scores of one confusion matrix to each other, where each is known as a range.

With tp, fp and fn the counts of a class:

    precision p = tp / (tp + fp)             F1  = 2 tp / (2 tp + fp + fn)
    recall    r = tp / (tp + fn)             IoU = tp / (tp + fp + fn)

A mean over runs, images or classes need not obey a curved relation exactly. The `sd` of a range
says how far the averaged values may lie apart. The range that follows then reaches from the curve
(Jensen's inequality) to the second-order term of Taylor's expansion, multiplied by `SAFETY`. An
infinite sd leaves what holds for means of any values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SAFETY = 4.0
"""Factor on the second-order term, for the terms of higher order, and for a ± that is a standard
error of up to four runs: its square is then a quarter of the variance."""


@dataclass(frozen=True, slots=True)
class Range:
    """A score that is known only to lie between two bounds, both included."""

    low: float
    """Lower bound, as a fraction of 1."""

    high: float
    """Upper bound, as a fraction of 1."""

    sd: float = 0.0
    """Standard deviation of the values of which the score is the mean; 0 for a single value."""


ANYTHING = Range(0.0, 1.0)


def iou_of_f1(f1: Range) -> Range:
    """Map the F1 of a class to its IoU = F1 / (2 - F1)."""
    low = f1.low / (2 - f1.low)
    high = f1.high / (2 - f1.high)
    # The curve is convex, so a mean IoU is at least the IoU of the mean F1 (Jensen). It is above
    # by at most half the second derivative times the variance (Taylor). The second derivative of
    # the curve, 4 / (2 - F1)³, is 4 at most, where F1 = 1.
    bend = 2 * SAFETY * f1.sd**2
    # IoU <= F1 holds in each run, so it also holds for the means.
    high = min(f1.high, high + bend)
    # The slope of the curve is at most 2.
    return Range(low, high, 2 * f1.sd)


def f1_of_iou(iou: Range) -> Range:
    """Map the IoU of a class to its F1 = 2 IoU / (1 + IoU)."""
    low = 2 * iou.low / (1 + iou.low)
    high = 2 * iou.high / (1 + iou.high)
    # The curve is concave, so a mean F1 is at most the F1 of the mean IoU (Jensen). The second
    # derivative of the curve, -4 / (1 + IoU)³, is -4 at least, where IoU = 0.
    bend = 2 * SAFETY * iou.sd**2
    # F1 >= IoU holds in each run, so it also holds for the means.
    low = max(iou.low, low - bend)
    # The slope of the curve is at most 2.
    return Range(low, high, 2 * iou.sd)


def f1_of(precision: Range, recall: Range) -> Range:
    """Map precision and recall to F1 = 2 p r / (p + r), their harmonic mean."""
    low, high = _harmonic_mean(precision, recall)
    return Range(low, high, 2 * (precision.sd + recall.sd))


def iou_of(precision: Range, recall: Range) -> Range:
    """Map precision and recall to IoU, by 1 / IoU = 1 / p + 1 / r - 1."""
    iou = iou_of_f1(f1_of(precision, recall))
    # IoU >= p + r - 1 and IoU <= min(p, r) hold in each run. Both are linear or concave, so they
    # also hold for the means, whatever values were averaged.
    low = max(precision.low + recall.low - 1, iou.low)
    high = min(iou.high, precision.high, recall.high)
    return Range(low, high, iou.sd)


def accuracy_of_two(first: Range, second: Range) -> Range:
    """Map the F1 of both of two classes to the accuracy.

    The two classes share their errors e = fp + fn. For each class 2 tp = e F1 / (1 - F1), and

        accuracy = 1 - e / (tp + tp' + e)

    so 1 - accuracy is the harmonic mean of 1 - F1 and 1 - F1'.
    """
    first_error = Range(1 - first.high, 1 - first.low, first.sd)
    second_error = Range(1 - second.high, 1 - second.low, second.sd)
    low, high = _harmonic_mean(first_error, second_error)
    return Range(1 - high, 1 - low)


def share_of_second(first: Range, second: Range) -> Range:
    """Map the F1 of both of two classes to the share of the second class in the truth.

    With u = 1 - F1 of the first class and v = 1 - F1 of the second, the true pixels of the second
    class are at least those found, and at most those found and all errors:

        tp'           = u (1 - v) / (u + v)
        tp' + fp + fn = u (1 + v) / (u + v)
    """
    u_low = 1 - first.high
    u_high = 1 - first.low
    v_low = 1 - second.high
    v_high = 1 - second.low
    # Both bounds grow with u and fall with v, so each end needs only one corner. A denominator of 0
    # means that nothing was wrong, and then the share may be anything.
    low, high = 0.0, 1.0
    if v_high:
        low = u_low * (1 - v_high) / (u_low + v_high)
    if u_high:
        high = u_high * (1 + v_low) / (u_high + v_low)
    return Range(low, high)


def accuracy_between(f1: Sequence[Range]) -> Range:
    """Map the F1 of all classes to the accuracy.

    Accuracy is the harmonic mean of the F1 of all classes, weighted by true positives, so it lies
    between the smallest and the largest.
    """
    slack = sum(score.sd for score in f1)
    low = min(score.low for score in f1)
    high = max(score.high for score in f1)
    return clip(Range(low - slack, high + slack))


def weighted(recalls: Sequence[Range], shares: Sequence[Range]) -> Range:
    """Map the recall and the share of each class to the accuracy, the sum of their products."""
    # Shares are of the truth, so they do not vary between runs, and the relation is linear: no
    # bend, whatever the sd.
    pairs = list(zip(recalls, shares, strict=True))
    low = sum(recall.low * share.low for recall, share in pairs)
    high = sum(recall.high * share.high for recall, share in pairs)
    return Range(low, min(1.0, high))


def mean_of(values: Sequence[Range], classes: int | None = None) -> Range:
    """Average over classes; of `classes`, those without a value may have any score."""
    count = max(classes or 0, len(values))
    low = sum(value.low for value in values)
    # Each class that is not listed adds 1 at most, and 0 at least.
    high = sum(value.high for value in values) + count - len(values)
    return Range(low / count, high / count)


def at_least(value: Range) -> Range:
    """Allow everything that is not below a value."""
    return Range(value.low, 1.0)


def clip(score: Range) -> Range:
    """Cut a range to what a share can be."""
    low = max(0.0, score.low)
    high = min(1.0, score.high)
    return Range(low, high, score.sd)


def meet(one: Range, other: Range, slack: float = 1e-9) -> bool:
    """Tell whether two ranges have a value in common."""
    return one.low <= other.high + slack and other.low <= one.high + slack


def _harmonic_mean(x: Range, y: Range) -> tuple[float, float]:
    """Bound the harmonic mean h(x, y) = 2 x y / (x + y) of two scores."""
    high = _harmonic(x.high, y.high)
    # h is concave, so the mean of h is at most h of the means (Jensen): `high` needs no bend. And
    # h >= x + y - 1 for all fractions; that is linear, so it holds for means of any values.
    floor = max(0.0, x.low + y.low - 1)
    if math.isinf(x.sd + y.sd):
        return floor, high
    total = x.low + y.low
    if total <= 0:
        return floor, high
    # The second-order term of h at (x, y) is -2 (y dx - x dy)^2 / (x + y)^3.
    largest_change = y.low * x.sd + x.low * y.sd
    bend = 2 * SAFETY * largest_change**2 / total**3
    low = _harmonic(x.low, y.low) - bend
    return max(floor, low), high


def _harmonic(x: float, y: float) -> float:
    if x + y <= 0:
        return 0.0
    return 2 * x * y / (x + y)
