"""Class proportions of each patch, or of parts of it, as the annotation, exact or not, and the
losses that train on them."""

from __future__ import annotations

from harness.api import Loss, Supervision, hookimpl
from harness_proportions.clustered import ClusteredProportions
from harness_proportions.exact import Proportions
from harness_proportions.gauss import GaussianProportions
from harness_proportions.grid import GridProportions
from harness_proportions.keypoint_bce import KeypointBCE
from harness_proportions.matching import ProportionKL, ProportionL1, ProportionL2
from harness_proportions.quantised import QuantisedProportions
from harness_proportions.resampled import DirichletProportions, MultinomialProportions
from harness_proportions.size_bounds import SizeBounds


@hookimpl
def harness_supervisions() -> list[type[Supervision]]:
    """Exact proportions of patches or grid cells, and proportions with five kinds of error."""
    return [
        ClusteredProportions,
        DirichletProportions,
        GaussianProportions,
        GridProportions,
        MultinomialProportions,
        Proportions,
        QuantisedProportions,
    ]


@hookimpl
def harness_losses() -> list[type[Loss]]:
    """Distances of predicted proportions to given ones, and S001's loss on keypoints."""
    return [KeypointBCE, ProportionKL, ProportionL1, ProportionL2, SizeBounds]
