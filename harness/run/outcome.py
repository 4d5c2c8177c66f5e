"""What a tested network, or floor, comes to: confusion counts of each image, the scores a person
reads, and details."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import metrics
from harness.run.boundaries import COUNTED
from harness.run.evaluate import TestResult, by_scene
from harness.run.patches import PatchSet
from harness.scenario.scenario import Scenario


def outcome(
    counts: NDArray[np.int64], patches: PatchSet, indices: Sequence[int], scenario: Scenario
) -> dict[str, Any]:
    """The parts `confusion` and `metrics` of a record, from the counts int64 [N, K, K] of the
    patches at `indices`."""
    scenes, groups, counted = by_scene(counts, patches, indices)
    scores = metrics.summary(
        counted.sum(0), [each.name for each in scenario.dataset.classes], scenario.mean_over
    )
    if scenario.evaluation.batch_average:
        scores["batch_miou"] = round(
            metrics.batch_mean_iou(counts, scenario.evaluation.batch_average), 6
        )
    return {
        "confusion": {"images": scenes, "groups": groups, "counts": counted.tolist()},
        "metrics": scores,
    }


def details(tested: TestResult, radius: int) -> dict[str, Any]:
    """The part `details` of a record: what confusion counts do not tell, as counts that `metrics`
    makes scores of.

    boundary: the radius in pixels, and counts per class. proportions: how far the class shares
    predicted for a patch are from the true ones, over its valid pixels. error: half the sum of
    absolute differences (total variation), averaged over patches; bias: predicted minus true share
    of each class, averaged likewise. hard: shares of predicted classes; soft: mean probabilities.
    calibration: per bin of confidence the pixels, the correct ones and the summed confidence, and
    the summed negative log likelihood in nats.
    """
    assert tested.boundaries is not None, "a test looks at boundaries"
    boundary = {"radius": radius, **dict(zip(COUNTED, tested.boundaries.tolist(), strict=True))}
    found = {"boundary": boundary, "proportions": _proportions(tested)}
    if tested.probabilities is None:
        return found
    bins = tested.probabilities
    calibration = {
        "pixels": bins.pixels.astype(int).tolist(),
        "correct": bins.correct.astype(int).tolist(),
    }
    calibration |= {
        "confidence": bins.confidence.round(4).tolist(),
        "nll": round(float(bins.nll), 4),
    }
    return found | {"calibration": calibration}


def _proportions(tested: TestResult) -> dict[str, Any]:
    truth = tested.counts.sum(2)
    scored = truth.any(1)
    pixels = truth[scored].sum(1, keepdims=True)
    shares = {"hard": tested.counts.sum(1)[scored] / pixels}
    if tested.probabilities:
        shares["soft"] = tested.probabilities.shares[scored]
    found: dict[str, Any] = {"patch_size": tested.predictions.shape[1], "patches": len(pixels)}
    for kind, predicted in shares.items() if scored.any() else ():
        difference = predicted - truth[scored] / pixels
        found[kind] = {
            "error": round(float(abs(difference).sum(1).mean() / 2), 6),
            "bias": difference.mean(0).round(6).tolist(),
        }
    return found
