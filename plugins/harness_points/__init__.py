"""Point supervisions, full supervision, and the cross-entropies that train on either."""

from harness.api import Loss, Supervision, hookimpl
from harness_points.losses import CrossEntropy, PartialCrossEntropy
from harness_points.supervisions import Full, PointsFraction, PointsPerClass, PointsPerImage


@hookimpl
def harness_supervisions() -> list[type[Supervision]]:
    """Full masks and random points."""
    return [Full, PointsFraction, PointsPerClass, PointsPerImage]


@hookimpl
def harness_losses() -> list[type[Loss]]:
    """Dense and partial cross-entropy."""
    return [CrossEntropy, PartialCrossEntropy]
