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

from harness.core.components import Supervision
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
pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(
        not REAL.is_dir(),
        reason=f"the aerial-dubai data is not there: no folder {REAL} (set HARNESS_DATA)",
    ),
]

Array = NDArray[Any]

STATED_PATCHES = 1317
ROUNDING = 0.0005
"""Half a unit of the last stated digit."""


@dataclass(frozen=True)
class AnnotatedPatches:
    """The 1647 floor crops of 224 x 224 pixels."""

    exact: Array
    """Exact proportions, float32 [N, 6]."""
    samples: list[Sample]
    """The patches themselves."""


@pytest.fixture(scope="module")
def dubai() -> AnnotatedPatches:
    dataset = AerialDubai(folder=str(REAL.resolve()), unlabeled="class", black="unlabeled")
    exact = []
    samples = []
    for scene in dataset.scenes():
        for origin, image, mask in cut(scene, *scene.read(), Patches(size=224)):
            key = f"{scene.key}@{origin.row},{origin.column}"
            sample = Sample(key, image, mask, len(dataset.classes))
            label = Proportions().annotate(sample, stream(0, "supervision"))
            exact.append(label.proportions)
            samples.append(sample)
    return AnnotatedPatches(np.array(exact), samples)


def disturb_all(supervision: Any, exact: Array, seed: int) -> Array:
    """Return the noisy proportions [N, K] of every patch."""
    shares = exact.astype(np.float64)
    # Rounded to float32, they do not quite add up to 1.
    shares /= shares.sum(1, keepdims=True)
    noisy = []
    for key, shares_of_patch in enumerate(shares):
        generator = stream(seed, "supervision", str(key))
        noisy.append(supervision.disturbed(shares_of_patch, generator))
    return np.array(noisy)


def cluster(
    supervision: ClusteredProportions, exact: Array, samples: list[Sample], seed: int
) -> Array:
    """Return the proportions [N, K] that every patch has from its cluster."""
    labels = [WeakLabel(proportions=shares) for shares in exact]
    refined = supervision.refine(labels, samples, stream(seed, "supervision", "refine"))
    return np.array([label.proportions for label in refined])


def test_the_patches_are_those_of_s001(dubai: AnnotatedPatches) -> None:
    assert dubai.exact.shape == (1647, 6)
    classes_present = (dubai.exact > 0).sum(1)
    assert (classes_present == 1).mean() == pytest.approx(0.17, abs=0.005)
    largest_share = dubai.exact.max(1)
    assert (largest_share > 0.9).mean() == pytest.approx(0.30, abs=0.005)


ERRORS: list[tuple[Supervision, float]] = [
    (GaussianProportions(sigma=0, normaliser="softmax"), 0.496),
    (GaussianProportions(sigma=0.05, normaliser="softmax"), 0.497),
    (GaussianProportions(sigma=0.50, normaliser="softmax"), 0.517),
    (GaussianProportions(sigma=0.05, normaliser="clip"), 0.090),
    (GaussianProportions(sigma=0.10, normaliser="clip"), 0.164),
    (GaussianProportions(sigma=0.15, normaliser="clip"), 0.224),
    (GaussianProportions(sigma=0.20, normaliser="clip"), 0.280),
    (GaussianProportions(sigma=0.30, normaliser="clip"), 0.358),
    (GaussianProportions(sigma=0.40, normaliser="clip"), 0.421),
    (GaussianProportions(sigma=0.50, normaliser="clip"), 0.465),
    (GaussianProportions(sigma=0.05, normaliser="simplex"), 0.067),
    (GaussianProportions(sigma=0.10, normaliser="simplex"), 0.127),
    (GaussianProportions(sigma=0.15, normaliser="simplex"), 0.180),
    (GaussianProportions(sigma=0.20, normaliser="simplex"), 0.230),
    (GaussianProportions(sigma=0.30, normaliser="simplex"), 0.316),
    (GaussianProportions(sigma=0.40, normaliser="simplex"), 0.379),
    (GaussianProportions(sigma=0.50, normaliser="simplex"), 0.441),
    (DirichletProportions(concentration=5), 0.156),
    (DirichletProportions(concentration=10), 0.118),
    (DirichletProportions(concentration=20), 0.082),
    (DirichletProportions(concentration=50), 0.053),
    (DirichletProportions(concentration=100), 0.039),
    (MultinomialProportions(lookups=10), 0.117),
    (MultinomialProportions(lookups=25), 0.077),
    (MultinomialProportions(lookups=50), 0.056),
    (MultinomialProportions(lookups=100), 0.038),
    (QuantisedProportions(step=0.05), 0.017),
    (QuantisedProportions(step=0.10), 0.034),
    (QuantisedProportions(step=0.25), 0.089),
]


def setting_id(value: object) -> str:
    """Return what tells a supervision from others in the name of a test."""
    if isinstance(value, Supervision):
        return "-".join(str(setting) for setting in value.settings().values())
    return ""


@pytest.mark.parametrize(("supervision", "stated"), ERRORS, ids=setting_id)
def test_errors_have_the_size_that_was_worked_out(
    dubai: AnnotatedPatches, supervision: Supervision, stated: float
) -> None:
    draws = 2
    patches = len(dubai.exact)
    errors = np.zeros((draws, patches))
    for seed in range(draws):
        noisy = disturb_all(supervision, dubai.exact, seed)
        errors[seed] = total_variation(dubai.exact, noisy)

    # The stated patches are some of ours, so what they have in common does not count; the stated
    # draw is not one of ours.
    variance_of_patches = errors.mean(0).var() * (1 / STATED_PATCHES - 1 / patches)
    variance_of_a_draw = errors.var(0, ddof=1).mean()
    variance_of_draws = variance_of_a_draw * (1 / STATED_PATCHES + 1 / (draws * patches))
    tolerance = 3 * np.sqrt(variance_of_patches + variance_of_draws) + ROUNDING
    assert errors.mean() == pytest.approx(stated, abs=tolerance)


def test_softmax_is_farther_from_the_truth_than_one_mean_for_all(dubai: AnnotatedPatches) -> None:
    mean = dubai.exact.mean(0, keepdims=True)
    errors_of_mean = total_variation(dubai.exact, mean)
    standard_error = errors_of_mean.std() * np.sqrt(1 / STATED_PATCHES - 1 / len(errors_of_mean))
    tolerance = 3 * standard_error + ROUNDING
    assert errors_of_mean.mean() == pytest.approx(0.437, abs=tolerance)

    softmax = GaussianProportions(sigma=0, normaliser="softmax")
    errors_of_softmax = total_variation(dubai.exact, disturb_all(softmax, dubai.exact, 0))
    assert errors_of_softmax.mean() > errors_of_mean.mean()


@pytest.mark.parametrize(
    ("representative", "clusters", "stated"),
    [
        ("random", 100, 0.061),
        ("random", 50, 0.082),
        ("random", 30, 0.110),
        ("random", 20, 0.126),
        ("random", 10, 0.164),
        ("random", 5, 0.227),
        ("centroid", 100, 0.048),
        ("centroid", 50, 0.066),
        ("centroid", 30, 0.081),
        ("centroid", 20, 0.095),
        ("centroid", 10, 0.130),
        ("centroid", 5, 0.178),
    ],
)
def test_clusters_have_the_error_that_was_worked_out(
    dubai: AnnotatedPatches, representative: Any, clusters: int, stated: float
) -> None:
    supervision = ClusteredProportions(clusters=clusters, representative=representative, restarts=1)
    errors = []
    for seed in range(12):
        # Fewer patches make tighter clusters, so each run takes as many as the stated ones, and
        # others every time.
        order = stream(seed, "data").permutation(len(dubai.exact))
        exact = dubai.exact[order[:STATED_PATCHES]]
        clustered = cluster(supervision, exact, [], seed)
        errors.append(total_variation(exact, clustered).mean())
    # The five stated runs may share their patches, which is what moves centroids, so these count as
    # one; random representatives are drawn anew in each run, and outweigh the patches.
    stated_runs = 5 if representative == "random" else 1
    standard_error = np.std(errors, ddof=1) * np.sqrt(1 / stated_runs + 1 / len(errors))
    assert np.mean(errors) == pytest.approx(stated, abs=3 * standard_error + ROUNDING)


@pytest.mark.parametrize("clusters", [100, 20])
def test_colours_tell_little_about_proportions(dubai: AnnotatedPatches, clusters: int) -> None:
    """Clusters that cost an annotation each are far worse than S001's oracle, and still better than
    one mean for all."""
    errors = {}
    for by in ("features", "proportions"):
        supervision = ClusteredProportions(clusters=clusters, by=by, restarts=1)
        clustered = cluster(supervision, dubai.exact, dubai.samples, 0)
        errors[by] = total_variation(dubai.exact, clustered).mean()
    # 0.437 is the error of one mean for all.
    assert 2 * errors["proportions"] < errors["features"] < 0.437
