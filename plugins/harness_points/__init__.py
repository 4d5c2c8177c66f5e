"""Point supervisions, full supervision, and the cross-entropies that train on either."""

from harness.api import Loss, Supervision, hookimpl
from harness_points.cross_entropy import CrossEntropy, PartialCrossEntropy
from harness_points.fraction import PointsFraction
from harness_points.full import Full
from harness_points.random_points import PointsPerClass, PointsPerImage


@hookimpl
def harness_supervisions() -> list[type[Supervision]]:
    """Full masks and random points."""
    return [Full, PointsFraction, PointsPerClass, PointsPerImage]


@hookimpl
def harness_losses() -> list[type[Loss]]:
    """Dense and partial cross-entropy."""
    return [CrossEntropy, PartialCrossEntropy]
