"""Point supervisions, full supervision, and the losses that train on either."""

from harness.api import Loss, Supervision, hookimpl
from harness_points.blocks import Blocks
from harness_points.boundary import PointsBoundary
from harness_points.boxes import Boxes
from harness_points.budgets import PointsBalanced, PointsProportional
from harness_points.clicks import HumanClicks
from harness_points.component_centres import ComponentCentres
from harness_points.cross_entropy import CrossEntropy, PartialCrossEntropy
from harness_points.dice import PartialDice
from harness_points.disks import Disks
from harness_points.focal import PartialFocal
from harness_points.fraction import PointsFraction
from harness_points.full import Full
from harness_points.keypoints import Keypoints
from harness_points.random_points import PointsPerClass, PointsPerImage
from harness_points.scribbles import Scribbles
from harness_points.shared_points import PointsShared
from harness_points.shuffled_stride import PointsShuffledStride
from harness_points.spatial import PointsGrid, PointsPoissonDisk


@hookimpl
def harness_supervisions() -> list[type[Supervision]]:
    """Full masks, points, and what people draw instead of masks: clicks, disks, scribbles, blocks,
    boxes."""
    return [
        Blocks,
        Boxes,
        ComponentCentres,
        Disks,
        Full,
        HumanClicks,
        Keypoints,
        PointsBalanced,
        PointsBoundary,
        PointsFraction,
        PointsGrid,
        PointsPerClass,
        PointsPerImage,
        PointsPoissonDisk,
        PointsProportional,
        PointsShared,
        PointsShuffledStride,
        Scribbles,
    ]


@hookimpl
def harness_losses() -> list[type[Loss]]:
    """Dense and partial cross-entropy, partial Dice and partial focal loss."""
    return [CrossEntropy, PartialCrossEntropy, PartialDice, PartialFocal]
