"""Errors of proportions on the real Dubai patches: the total variations that were worked out for
S001's noise and clusters.

The stated figures come from 1317 of the 1647 patches, one draw for each value of a parameter, five
runs of K-means; which patches and which draws is not known. Each of ours is a mean over all patches
and several draws, so the two differ at random. The tolerance is three standard errors of that
difference, worked out from the spread of our own values, plus half a unit of the last stated digit.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.randomness import stream
from harness.core.values import Sample, WeakLabel
from harness.metrics import total_variation
from harness.run.patches import cut
from harness.scenario.settings import Patches
from harness_imagery.aerial_dubai import AerialDubai
from harness_proportions.clustered import ClusteredProportions
from harness_proportions.exact import Proportions
from harness_proportions.gauss import GaussianProportions
from harness_proportions.quantised import QuantisedProportions
from harness_proportions.resampled import DirichletProportions, MultinomialProportions

REAL = Path(os.environ.get("HARNESS_DATA") or "data") / "aerial-dubai"
pytestmark = pytest.mark.skipif(
    not REAL.is_dir(),
    reason=f"the aerial-dubai data is not there: no folder {REAL} (set HARNESS_DATA)",
)

Array = NDArray[Any]
STATED_PATCHES, ROUNDING = 1317, 0.0005
SIGMAS = (0.05, 0.10, 0.15, 0.20, 0.30, 0.40, 0.50)
CLUSTERS = (100, 50, 30, 20, 10, 5)


@dataclass(frozen=True)
class Annotated:
    """The 1647 floor crops of 224 x 224: exact proportions float32 [N, 6], and the patches
    themselves."""

    exact: Array
    samples: list[Sample]


@pytest.fixture(scope="module")
def dubai() -> Annotated:
    dataset = AerialDubai(folder=str(REAL.resolve()), unlabeled="class", black="unlabeled")
    exact, samples = [], []
    for scene in dataset.scenes():
        for origin, image, mask in cut(scene, *scene.read(), Patches(size=224)):
            sample = Sample(
                f"{scene.key}@{origin.row},{origin.column}", image, mask, len(dataset.classes)
            )
            exact.append(Proportions().annotate(sample, stream(0, "supervision")).proportions)
            samples.append(sample)
    return Annotated(np.array(exact), samples)


def drawn(supervision: Any, exact: Array, seed: int) -> Array:
    """The annotation of every patch, [N, K]."""
    rows = exact.astype(np.float64)
    rows /= rows.sum(1, keepdims=True)
    return np.array(
        [
            supervision.disturbed(row, stream(seed, "supervision", f"{key}"))
            for key, row in enumerate(rows)
        ]
    )


def clustered(
    supervision: ClusteredProportions, exact: Array, samples: list[Sample], seed: int
) -> Array:
    labels = [WeakLabel(proportions=row) for row in exact]
    return np.array(
        [
            label.proportions
            for label in supervision.refine(labels, samples, stream(seed, "supervision", "refine"))
        ]
    )


def test_the_patches_are_those_of_s001(dubai: Annotated) -> None:
    assert dubai.exact.shape == (1647, 6)
    assert ((dubai.exact > 0).sum(1) == 1).mean() == pytest.approx(0.17, abs=0.005)
    assert (dubai.exact.max(1) > 0.9).mean() == pytest.approx(0.30, abs=0.005)


CLIPPED, PROJECTED = (
    (0.090, 0.164, 0.224, 0.280, 0.358, 0.421, 0.465),
    (0.067, 0.127, 0.180, 0.230, 0.316, 0.379, 0.441),
)
ERRORS = [
    (GaussianProportions(sigma=0, normaliser="softmax"), 0.496),
    (GaussianProportions(sigma=0.05, normaliser="softmax"), 0.497),
    (GaussianProportions(sigma=0.50, normaliser="softmax"), 0.517),
    *(
        (GaussianProportions(sigma=sigma, normaliser="clip"), value)
        for sigma, value in zip(SIGMAS, CLIPPED, strict=True)
    ),
    *(
        (GaussianProportions(sigma=sigma, normaliser="simplex"), value)
        for sigma, value in zip(SIGMAS, PROJECTED, strict=True)
    ),
    *(
        (DirichletProportions(concentration=k), value)
        for k, value in ((5, 0.156), (10, 0.118), (20, 0.082), (50, 0.053), (100, 0.039))
    ),
    *(
        (MultinomialProportions(lookups=n), value)
        for n, value in ((10, 0.117), (25, 0.077), (50, 0.056), (100, 0.038))
    ),
    *(
        (QuantisedProportions(step=q), value)
        for q, value in ((0.05, 0.017), (0.10, 0.034), (0.25, 0.089))
    ),
]


@pytest.mark.parametrize(
    ("supervision", "stated"),
    ERRORS,
    ids=lambda value: "-".join(map(str, getattr(value, "settings", dict)().values())),
)
def test_errors_have_the_size_that_was_worked_out(
    dubai: Annotated, supervision: Any, stated: float
) -> None:
    draws = 2
    errors = np.array(
        [
            total_variation(dubai.exact, drawn(supervision, dubai.exact, seed))
            for seed in range(draws)
        ]
    )
    by_patch, by_draw = errors.mean(0).var(), errors.var(0, ddof=1).mean()
    count = errors.shape[1]
    variance = by_patch * (1 / STATED_PATCHES - 1 / count) + by_draw * (
        1 / STATED_PATCHES + 1 / (draws * count)
    )
    assert errors.mean() == pytest.approx(stated, abs=3 * np.sqrt(variance) + ROUNDING)


def test_softmax_is_farther_from_the_truth_than_one_mean_for_all(dubai: Annotated) -> None:
    errors = total_variation(dubai.exact, dubai.exact.mean(0, keepdims=True))
    tolerance = 3 * errors.std() * np.sqrt(1 / STATED_PATCHES - 1 / len(errors)) + ROUNDING
    assert errors.mean() == pytest.approx(0.437, abs=tolerance)
    flat = total_variation(
        dubai.exact, drawn(GaussianProportions(sigma=0, normaliser="softmax"), dubai.exact, 0)
    )
    assert flat.mean() > errors.mean()


@pytest.mark.parametrize(
    ("representative", "clusters", "stated"),
    [
        *(
            ("random", k, v)
            for k, v in zip(CLUSTERS, (0.061, 0.082, 0.110, 0.126, 0.164, 0.227), strict=True)
        ),
        *(
            ("centroid", k, v)
            for k, v in zip(CLUSTERS, (0.048, 0.066, 0.081, 0.095, 0.130, 0.178), strict=True)
        ),
    ],
)
def test_clusters_have_the_error_that_was_worked_out(
    dubai: Annotated, representative: Any, clusters: int, stated: float
) -> None:
    supervision = ClusteredProportions(clusters=clusters, representative=representative, restarts=1)
    means = []
    for seed in range(12):
        # Fewer patches make tighter clusters, so each run takes as many as the stated ones, and
        # others every time.
        taken = dubai.exact[stream(seed, "data").permutation(len(dubai.exact))[:STATED_PATCHES]]
        found = clustered(supervision, taken, [], seed)
        means.append(total_variation(taken, found).mean())
    # The five stated runs may share their patches, which is what moves centroids, so these count as
    # one; random representatives are
    # drawn anew in each run, and outweigh the patches.
    runs = 5 if representative == "random" else 1
    tolerance = 3 * np.std(means, ddof=1) * np.sqrt(1 / runs + 1 / len(means)) + ROUNDING
    assert np.mean(means) == pytest.approx(stated, abs=tolerance)


def test_colours_tell_little_about_proportions(dubai: Annotated) -> None:
    """Clusters that cost an annotation each are far worse than S001's oracle, and still better than
    one mean for all."""
    for clusters in (100, 20):
        by_features, by_proportions = (
            total_variation(
                dubai.exact,
                clustered(
                    ClusteredProportions(clusters=clusters, by=by, restarts=1),
                    dubai.exact,
                    dubai.samples,
                    0,
                ),
            ).mean()
            for by in ("features", "proportions")
        )
        assert 2 * by_proportions < by_features < 0.437
