"""Score a test: confusion counts of each image, the scores a person reads, and details."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import metrics
from harness.plan.runs import Run
from harness.records.record import (
    BoundaryCounts,
    Calibration,
    Confusion,
    Details,
    NetworkScores,
    ProportionErrors,
    Selection,
    ShareError,
    StatedScores,
)
from harness.run.evaluation.boundaries import COUNTED
from harness.run.evaluation.calibration import Probabilities
from harness.run.evaluation.evaluate import PatchResults, by_scene, score
from harness.run.floors import predictions
from harness.run.prepare import AnnotatedPart, DividedPatches


@dataclass(frozen=True, slots=True, eq=False)
class ReportedTest:
    """The test that a run reports."""

    result: PatchResults
    """What was found on each patch."""
    outcome: NetworkScores
    """Its confusion counts and scores."""
    evaluations: Mapping[str, int]
    """How often each network saw the test part."""
    selection: Selection | None = None
    """Which of a run's networks it is; a floor has none."""


def evaluate_floor(run: Run, data: DividedPatches, annotated: AnnotatedPart) -> ReportedTest:
    """Fit a floor to the weak labels of the part that it learns from, and test it.

    Args:
        run: says which floor, and what is scored.
        data: the patches and their split.
        annotated: the weak labels.

    Raises:
        ValueError: where there is too little to fit it to.
    """
    floor = run.method.floor
    labels = annotated.labels.labels
    assert floor is not None
    assert labels is not None, "checked when the scenario was read"
    patches = data.patches
    tested = data.split.test
    # Generators, so that no more than one image is in memory at a time.
    images = (patches.images[index] for index in data.split.of(run.method.part))
    tested_images = (patches.images[index] for index in tested)
    labelled = zip(images, labels, strict=True)
    predicted_maps = predictions(floor, labelled, tested_images, patches.classes)
    radius = run.scenario.evaluation.boundary_radius
    result = score(predicted_maps, patches, tested, radius)
    return ReportedTest(result, summarise(result, data, run), {"floor": 1})


def summarise(result: PatchResults, data: DividedPatches, run: Run) -> NetworkScores:
    """Sum the counts of a test over the patches of each image, and compute the scores.

    Args:
        result: the test.
        data: the patches and their split.
        run: says which classes count.
    """
    scenario = run.scenario
    images, groups, counts = by_scene(result.counts, data.patches, data.split.test)
    names = [segmentation_class.name for segmentation_class in scenario.dataset.classes]
    scores = metrics.summary(counts.sum(0), names, scenario.mean_over)
    batch_size = scenario.evaluation.batch_average
    if batch_size:
        # Of patches, in the order of the test: images would make other batches.
        batch_miou = metrics.batch_mean_iou(result.counts, batch_size)
        scores.update(batch_miou=round(batch_miou, 6))
    return NetworkScores(
        confusion=Confusion(images=images, groups=groups, counts=counts.tolist()),
        metrics=StatedScores.model_validate(scores),
    )


def describe_details(result: PatchResults, radius: int) -> Details:
    """Describe what confusion counts do not tell of a test.

    Args:
        result: the test.
        radius: of boundaries, in pixels.
    """
    assert result.boundaries is not None, "a test looks at boundaries"
    counts = dict(zip(COUNTED, result.boundaries.tolist(), strict=True))
    details = Details(
        boundary=BoundaryCounts(radius=radius, **counts),
        proportions=_describe_proportions(result),
    )
    if result.probabilities is None:
        # Not None but absent: a floor has no probabilities that could be calibrated.
        return details
    return details.changed(calibration=_describe_calibration(result.probabilities))


def _describe_calibration(bins: Probabilities) -> Calibration:
    return Calibration(
        # Whole numbers, summed as floats.
        pixels=bins.pixels.astype(int).tolist(),
        correct=bins.correct.astype(int).tolist(),
        confidence=bins.confidence.round(4).tolist(),
        nll=round(float(bins.nll), 4),
    )


def _describe_proportions(result: PatchResults) -> ProportionErrors:
    """Compare the class shares of each patch with the true ones, over its valid pixels."""
    true_pixels = result.counts.sum(2)
    predicted_pixels = result.counts.sum(1)
    # A patch whose pixels are all ignored has no shares, neither true nor predicted.
    has_valid = true_pixels.any(1)
    pixels = true_pixels[has_valid].sum(1, keepdims=True)
    errors = ProportionErrors(patch_size=result.predictions.shape[1], patches=len(pixels))
    if not len(pixels):
        return errors
    true_shares = true_pixels[has_valid] / pixels
    hard_shares = predicted_pixels[has_valid] / pixels
    errors = errors.changed(hard=_compare_shares(hard_shares, true_shares))
    if result.probabilities is None:
        return errors
    soft_shares = result.probabilities.shares[has_valid]
    return errors.changed(soft=_compare_shares(soft_shares, true_shares))


def _compare_shares(
    predicted: NDArray[np.floating[Any]], true: NDArray[np.floating[Any]]
) -> ShareError:
    """Compare shares of classes, [N, K]: their total variation distance, and their bias."""
    difference = predicted - true
    distances = abs(difference).sum(1) / 2
    # Unlike the distance, the bias keeps its sign: a class may be found too often everywhere.
    bias = difference.mean(0)
    return ShareError(
        error=round(float(distances.mean()), 6),
        bias=bias.round(6).tolist(),
    )
