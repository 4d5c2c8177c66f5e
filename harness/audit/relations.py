"""What scores of the same confusion matrix say about each other, for numbers that are known as
ranges.

With tp, fp, fn the counts of a class: precision p = tp/(tp+fp), recall r = tp/(tp+fn), F1 =
2tp/(2tp+fp+fn), IoU = tp/(tp+fp+fn). A mean over runs, images or classes need not obey a curved
relation exactly. `sd` says how far the averaged values may be apart: the range then reaches from
the curve (Jensen's inequality) to the second-order term of Taylor's expansion, with `SAFETY` for
higher ones and for a ± that is a standard error of up to four runs. An infinite sd leaves what
holds for means of any values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SAFETY = 4.0


@dataclass(frozen=True, slots=True)
class Range:
    """A score from `low` to `high`, as fractions; the standard deviation of the values of which it
    is the mean, 0 for a single one."""

    low: float
    high: float
    sd: float = 0.0


ANYTHING = Range(0.0, 1.0)


def iou_of_f1(f1: Range) -> Range:
    """IoU = F1 / (2 - F1), convex, with a second derivative of at most 4. A mean of it is at most
    the mean F1."""
    low, high = (value / (2 - value) for value in (f1.low, f1.high))
    return Range(low, min(f1.high, high + 2 * SAFETY * f1.sd**2), 2 * f1.sd)


def f1_of_iou(iou: Range) -> Range:
    """F1 = 2 IoU / (1 + IoU), concave, with a second derivative of at least -4. A mean F1 is at
    least the mean IoU."""
    low, high = (2 * value / (1 + value) for value in (iou.low, iou.high))
    return Range(max(iou.low, low - 2 * SAFETY * iou.sd**2), high, 2 * iou.sd)


def f1_of(precision: Range, recall: Range) -> Range:
    """F1 = 2 p r / (p + r), their harmonic mean."""
    low, high = _harmonic(precision, recall)
    return Range(low, high, 2 * (precision.sd + recall.sd))


def iou_of(precision: Range, recall: Range) -> Range:
    """1 / IoU = 1 / p + 1 / r - 1. A mean IoU is at least p + r - 1, and at most the smaller of p
    and r."""
    found = iou_of_f1(f1_of(precision, recall))
    floor = precision.low + recall.low - 1
    return Range(max(floor, found.low), min(found.high, precision.high, recall.high), found.sd)


def accuracy_of_two(first: Range, second: Range) -> Range:
    """The accuracy, with two classes, from their F1: 1 - accuracy is the harmonic mean of 1 - F1 of
    both.

    With e = fp + fn, which the classes share, 2 tp = e F1 / (1 - F1) for each, and accuracy = 1 - e
    / (tp + tp' + e).
    """
    low, high = _harmonic(
        Range(1 - first.high, 1 - first.low, first.sd),
        Range(1 - second.high, 1 - second.low, second.sd),
    )
    return Range(1 - high, 1 - low)


def share_of_second(first: Range, second: Range) -> Range:
    """The share of the second of two classes in the truth, from their F1: from tp' = F1' (1 - F1) /
    (2 - F1 - F1') to tp' + fp + fn."""
    (least, most), (low, high) = ((1 - each.high, 1 - each.low) for each in (first, second))
    return Range(
        least * (1 - high) / (least + high) if high else 0.0,
        most * (1 + low) / (most + low) if most else 1.0,
    )


def accuracy_between(f1: Sequence[Range]) -> Range:
    """The accuracy from the F1 of all classes: their harmonic mean, weighted by true positives, so
    between the extremes."""
    slack = sum(each.sd for each in f1)
    return Range(
        max(0.0, min(each.low for each in f1) - slack),
        min(1.0, max(each.high for each in f1) + slack),
    )


def weighted(values: Sequence[Range], shares: Sequence[Range]) -> Range:
    """The accuracy from recalls and class shares: the sum of their products. Shares are of the
    truth, so they do not vary with the run."""
    pairs = list(zip(values, shares, strict=True))
    return Range(
        sum(v.low * s.low for v, s in pairs), min(1.0, sum(v.high * s.high for v, s in pairs))
    )


def mean_of(values: Sequence[Range], classes: int | None = None) -> Range:
    """The mean over classes. Those of `classes` that are not among the values may have any
    score."""
    count = max(classes or 0, len(values))
    return Range(
        sum(value.low for value in values) / count,
        (sum(value.high for value in values) + count - len(values)) / count,
    )


def at_least(value: Range) -> Range:
    """Everything that is not below a value."""
    return Range(value.low, 1.0)


def meet(one: Range, other: Range, slack: float = 1e-9) -> bool:
    """Whether two ranges have a value in common."""
    return one.low <= other.high + slack and other.low <= one.high + slack


def _harmonic(x: Range, y: Range) -> tuple[float, float]:
    """Harmonic mean of two scores: concave, so a mean is at most that of the means; and at least x
    + y - 1, wherever the values lie."""

    def at(a: float, b: float) -> float:
        return 2 * a * b / (a + b) if a + b > 0 else 0.0

    low, high = at(x.low, y.low), at(x.high, y.high)
    if math.isinf(x.sd + y.sd):
        return max(0.0, x.low + y.low - 1), high
    bend = (
        2 * SAFETY * (y.low * x.sd + x.low * y.sd) ** 2 / (x.low + y.low) ** 3
        if x.low + y.low > 0
        else 0.0
    )
    return max(0.0, low - bend, x.low + y.low - 1), high
