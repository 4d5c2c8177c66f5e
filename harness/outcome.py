"""What a tested network, or floor, comes to: confusion counts of each image and the scores a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import metrics
from harness.evaluate import by_scene
from harness.patches import PatchSet
from harness.scenario import Scenario


def outcome(counts: NDArray[np.int64], patches: PatchSet, indices: Sequence[int], scenario: Scenario) -> dict[str, Any]:
    """The parts `confusion` and `metrics` of a record, from the counts int64 [N, K, K] of the patches at `indices`."""
    scenes, groups, counted = by_scene(counts, patches, indices)
    scores = summary(counted.sum(0), [each.name for each in scenario.dataset.classes], scenario.mean_over)
    if scenario.evaluation.batch_average:
        scores["batch_miou"] = round(metrics.batch_mean_iou(counts, scenario.evaluation.batch_average), 6)
    return {"confusion": {"images": scenes, "groups": groups, "counts": counted.tolist()}, "metrics": scores}


def summary(counts: NDArray[np.int64], classes: list[str], mean_over: tuple[str, ...]) -> dict[str, Any]:
    """The scores of counts [K, K] for a person to read in a record; leaderboards compute theirs from the counts."""

    def listed(values: NDArray[np.float64]) -> dict[str, float | None]:
        return {name: None if np.isnan(v) else round(float(v), 6) for name, v in zip(classes, values, strict=True)}

    return {
        "miou": round(metrics.mean_iou(counts, [classes.index(name) for name in mean_over]), 6),
        "accuracy": round(float(metrics.accuracy(counts)), 6),
        "iou": listed(metrics.iou(counts)),
        "f1": listed(metrics.f1(counts)),
        "precision": listed(metrics.precision(counts)),
        "recall": listed(metrics.recall(counts)),
    }
