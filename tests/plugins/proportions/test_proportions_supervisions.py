"""Supervisions of class proportions: hand-counted cases, the laws of the random ones, and the
divergences that measure them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from laws import assert_plausible
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from scipy.optimize import brentq
from scipy.special import rel_entr, softmax
from scipy.stats import beta, binom, chisquare, kstest, norm
from sklearn.metrics import adjusted_rand_score
from small_masks import CLASSES, Array, count_labels, masks, row_mask

from harness.core.components import Supervision
from harness.core.randomness import stream
from harness.core.values import IGNORE, Sample, WeakLabel
from harness.metrics import kl_divergence, same_largest, total_variation
from harness.run.annotate import annotate
from harness.run.label_checks import breach
from harness.run.patches import PatchSet
from harness.testing import check_component
from harness_points.full import Full
from harness_proportions import harness_losses, harness_supervisions
from harness_proportions.clustered import ClusteredProportions, features
from harness_proportions.exact import Proportions
from harness_proportions.gauss import GaussianProportions, on_simplex
from harness_proportions.grid import GridProportions
from harness_proportions.quantised import QuantisedProportions
from harness_proportions.resampled import DirichletProportions, MultinomialProportions
from harness_proportions.shares import normalised

PER_PATCH: list[Supervision] = [
    Proportions(),
    GaussianProportions(sigma=0.05, normaliser="clip"),
    GaussianProportions(sigma=0.05, normaliser="simplex"),
    GaussianProportions(sigma=0.05, normaliser="softmax"),
    GaussianProportions(sigma=3, normaliser="clip"),
    GaussianProportions(sigma=3, normaliser="simplex"),
    GaussianProportions(sigma=3, normaliser="softmax"),
    DirichletProportions(concentration=1e-3),
    DirichletProportions(concentration=20),
    MultinomialProportions(lookups=1),
    MultinomialProportions(lookups=25),
    QuantisedProportions(step=0.05),
    QuantisedProportions(step=1),
]
"""The supervisions whose proportions depend on their own patch alone."""

shares = (
    arrays(np.float64, CLASSES, elements=st.floats(0, 1))
    .filter(np.any)
    .map(lambda values: values / values.sum())
)


def make_sample(mask: Array, key: object = "sample", color: Sequence[int] = (0, 0, 0)) -> Sample:
    """Return a sample whose image is of one colour."""
    image = np.broadcast_to(np.array(color, np.uint8), (*mask.shape, len(color)))
    return Sample(str(key), image, mask.astype(np.uint8), CLASSES)


def proportions_of(label: WeakLabel) -> Array:
    """Return the proportions of a weak label that has them."""
    assert label.proportions is not None
    return label.proportions


def draw_proportions(supervision: Supervision, mask: Array, key: object = "") -> Array:
    """Return the proportions of one draw, each key a draw of its own."""
    label = supervision.annotate(make_sample(mask), stream(7, "supervision", str(key)))
    return proportions_of(label)


def disturb(supervision: Any, exact: Array, draws: int) -> Array:
    """Return so many draws [N, K] of disturbed proportions."""
    rows = []
    for key in range(draws):
        rows.append(supervision.disturbed(exact, stream(0, "supervision", str(key))))
    return np.array(rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    "component", [*harness_supervisions(), *harness_losses()], ids=lambda component: component.name
)
def test_contract(component: Any) -> None:
    check_component(component)


def test_hooks_list_by_class_name() -> None:
    for components in (harness_supervisions(), harness_losses()):
        names = [component.__name__ for component in components]
        assert names == sorted(names)


def test_looking_at_components_imports_nothing_slow() -> None:
    code = (
        "import sys, harness_proportions; print({'torch', 'scipy', 'sklearn'} & set(sys.modules) or"
        " 'light')"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert process.stdout.strip() == "light", process.stderr


@given(
    supervision=st.sampled_from(PER_PATCH),
    mask=masks,
    key=st.integers(0, 9),
)
def test_proportions_keep_the_contract_and_depend_on_the_stream_alone(
    supervision: Supervision, mask: Array, key: int
) -> None:
    before = mask.copy()
    proportions = draw_proportions(supervision, mask, key)
    assert breach(make_sample(mask), WeakLabel(proportions=proportions), supervision) is None
    assert_array_equal(proportions, draw_proportions(supervision, mask, key))
    assert_array_equal(mask, before)


@pytest.mark.parametrize("supervision", [*PER_PATCH, ClusteredProportions()], ids=repr)
def test_a_patch_without_valid_pixels_has_zeros(supervision: Supervision) -> None:
    proportions = draw_proportions(supervision, np.full((3, 4), IGNORE))
    assert_array_equal(proportions, np.zeros(CLASSES))


@pytest.mark.parametrize("component", harness_supervisions(), ids=lambda component: component.name)
def test_scenes_are_refused_when_the_scenario_is_read(component: type[Supervision]) -> None:
    with pytest.raises(ValidationError, match="Input should be 'patch'"):
        component(unit="scene")


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (row_mask(1, 2, 0, 5, 0), [1 / 8, 2 / 8, 0, 5 / 8]),
        (row_mask(1, 2, 0, 5, 100), [1 / 8, 2 / 8, 0, 5 / 8]),  # of the valid pixels
        (row_mask(0, 0, 3, 0, 1), [0, 0, 1, 0]),
        (np.array([[0, 1], [3, IGNORE]]), [1 / 3, 1 / 3, 0, 1 / 3]),
    ],
)
def test_exact_proportions_are_shares_of_valid_pixels(mask: Array, expected: list[float]) -> None:
    assert_allclose(draw_proportions(Proportions(), mask), expected, rtol=1e-6)


class TestGauss:
    @given(exact=shares)
    def test_without_noise_only_softmax_changes_anything(self, exact: Array) -> None:
        generator = np.random.default_rng(0)
        clip = GaussianProportions(sigma=0, normaliser="clip")
        assert_allclose(clip.disturbed(exact, generator), exact, atol=1e-12)
        simplex = GaussianProportions(sigma=0, normaliser="simplex")
        assert_allclose(simplex.disturbed(exact, generator), exact, atol=1e-12)

        flat = GaussianProportions(sigma=0, normaliser="softmax").disturbed(exact, generator)
        assert_allclose(flat, softmax(exact))
        # As flat as this, whatever the proportions are.
        assert flat.max() / flat.min() <= np.e + 1e-9

    @given(values=arrays(np.float64, st.integers(1, 8), elements=st.floats(-20, 20)))
    def test_the_simplex_projection_is_the_root_of_its_definition(self, values: Array) -> None:
        def excess(shift: float) -> float:
            return float((values - shift).clip(min=0).sum() - 1)

        shift = brentq(excess, values.min() - 1, values.max(), xtol=1e-13)
        assert_allclose(on_simplex(values), (values - shift).clip(min=0), atol=1e-9)

    @given(
        exact=shares,
        sigma=st.floats(0, 3),
        seed=st.integers(0, 99),
    )
    def test_the_simplex_projection_is_never_farther_from_the_truth_than_the_noise(
        self, exact: Array, sigma: float, seed: int
    ) -> None:
        supervision = GaussianProportions(sigma=sigma, normaliser="simplex")
        noise = sigma * np.random.default_rng(seed).standard_normal(CLASSES)
        noisy = supervision.disturbed(exact, np.random.default_rng(seed))
        assert np.linalg.norm(noisy - exact) <= np.linalg.norm(noise) + 1e-9

    def test_clipping_by_hand(self) -> None:
        some_positive = normalised(np.array([0.6, 0, 0.2]), np.zeros(3))
        assert_allclose(some_positive, [0.75, 0, 0.25])
        none_positive = normalised(np.zeros(3), np.array([-2.0, -0.5, -1]))
        assert_allclose(none_positive, [0, 1, 0])

    @pytest.mark.parametrize("normaliser", ["clip", "simplex", "softmax"])
    def test_even_noise_that_leaves_no_positive_value_gives_proportions(
        self, normaliser: Any
    ) -> None:
        # The first seed whose noise is negative on all classes.
        seed = 0
        while np.random.default_rng(seed).standard_normal(CLASSES).max() >= -0.2:
            seed += 1
        noise = np.random.default_rng(seed).standard_normal(CLASSES)
        supervision = GaussianProportions(sigma=9, normaliser=normaliser)
        exact = np.full(CLASSES, 0.25)
        noisy = supervision.disturbed(exact, np.random.default_rng(seed))
        assert noisy.sum() == pytest.approx(1)
        assert noisy.argmax() == noise.argmax()

    @pytest.mark.parametrize("sigma", [0.05, 0.5])
    def test_the_noise_is_gaussian_on_every_class(self, sigma: float) -> None:
        exact = np.array([0.7, 0.3, 0, 0])
        supervision = GaussianProportions(sigma=sigma, normaliser="softmax")
        logs = np.log(disturb(supervision, exact, 1000))
        # Differences of logs of a softmax are differences of what went in.
        law = norm(scale=sigma * np.sqrt(2))
        for first, second in ((0, 1), (1, 2), (2, 3)):
            noise = (logs[:, first] - exact[first]) - (logs[:, second] - exact[second])
            assert_plausible(kstest(noise, law.cdf))

    def test_more_noise_of_the_same_draw_is_the_same_noise_scaled(self) -> None:
        exact = np.full(CLASSES, 0.25)
        weak = GaussianProportions(sigma=0.01, normaliser="simplex")
        strong = GaussianProportions(sigma=0.04, normaliser="simplex")
        weak_noise = weak.disturbed(exact, stream(0, "data")) - exact
        strong_noise = strong.disturbed(exact, stream(0, "data")) - exact
        assert_allclose(strong_noise, 4 * weak_noise, atol=1e-12)


class TestResampled:
    EXACT = np.array([0.6, 0.3, 0, 0.1])
    PRESENT = (0, 1, 3)

    @pytest.mark.parametrize("kappa", [2.0, 30.0])
    def test_a_dirichlet_share_has_a_beta_distribution(self, kappa: float) -> None:
        draws = disturb(DirichletProportions(concentration=kappa), self.EXACT, 1500)
        for index in self.PRESENT:
            p = self.EXACT[index]
            law = beta(kappa * p, kappa * (1 - p))
            variance = p * (1 - p) / (kappa + 1)
            assert_plausible(kstest(draws[:, index], law.cdf))
            assert draws[:, index].var() == pytest.approx(variance, rel=0.15)

    @pytest.mark.parametrize("lookups", [1, 8])
    def test_a_multinomial_share_is_a_binomial_count(self, lookups: int) -> None:
        draws = 2000
        values = lookups * disturb(MultinomialProportions(lookups=lookups), self.EXACT, draws)
        counts = values.round().astype(int)
        assert_allclose(values, counts, atol=1e-9)
        for index in self.PRESENT:
            law = binom(lookups, self.EXACT[index])
            expected = draws * law.pmf(np.arange(lookups + 1))
            observed = np.bincount(counts[:, index], minlength=lookups + 1)
            # The test needs five of each; rarer counts are put together.
            common = expected >= 5
            expected = np.append(expected[common], expected[~common].sum())
            observed = np.append(observed[common], observed[~common].sum())
            possible = expected > 1e-9
            assert_plausible(chisquare(observed[possible], expected[possible]))

    @given(
        exact=shares,
        fewer=st.integers(1, 60),
        additional=st.integers(1, 60),
        seed=st.integers(0, 99),
    )
    def test_more_lookups_of_the_same_draw_contain_the_fewer(
        self, exact: Array, fewer: int, additional: int, seed: int
    ) -> None:
        more = fewer + additional
        small = MultinomialProportions(lookups=fewer)
        large = MultinomialProportions(lookups=more)
        small_counts = fewer * small.disturbed(exact, np.random.default_rng(seed))
        large_counts = more * large.disturbed(exact, np.random.default_rng(seed))
        assert (large_counts.round() >= small_counts.round()).all()

    @given(
        supervision=st.one_of(
            st.just(DirichletProportions(concentration=0.5)),
            st.just(MultinomialProportions(lookups=500)),
        ),
        exact=shares,
    )
    def test_an_absent_class_stays_absent(self, supervision: Any, exact: Array) -> None:
        noisy = supervision.disturbed(exact, np.random.default_rng(0))
        assert (noisy[exact == 0] == 0).all()
        assert noisy.sum() == pytest.approx(1)

    def test_a_lookup_at_the_very_end_finds_a_class_that_is_there(self) -> None:
        class AlwaysLast:
            def random(self, count: int) -> Array:
                return np.full(count, np.nextafter(1, 0))

        # Ten tenths add up to less than 1 in floating point.
        exact = np.array([0.1] * 10 + [0.0])
        assert exact[:10].cumsum()[-1] < 1
        supervision = MultinomialProportions(lookups=3)
        noisy = supervision.disturbed(exact, AlwaysLast())  # type: ignore[arg-type]
        assert noisy.tolist() == [0] * 9 + [1, 0]


@pytest.mark.parametrize(
    ("step", "sizes", "expected"),
    [
        (0.05, (50, 30, 18, 2), [0.5, 0.3, 0.2, 0]),
        (0.25, (50, 30, 18, 2), [0.5, 0.25, 0.25, 0]),
        (0.25, (65, 12, 12, 11), [1, 0, 0, 0]),  # 0.75 alone, divided by itself
        (0.1, (84, 4, 8, 4), [8 / 9, 0, 1 / 9, 0]),  # 0.8 and 0.1 sum to 0.9
        (1, (26, 25, 24, 25), [1, 0, 0, 0]),  # nothing reaches half a step: the largest class
        (1, (20, 25, 35, 20), [0, 0, 1, 0]),
        (1, (10, 70, 10, 10), [0, 1, 0, 0]),
        # 0.1 and 0.3 are half steps, and 0.3 / 0.2 is 1.4999999999999998
        (0.2, (10, 30, 60, 0), [0.2, 0.4, 0.6, 0]),
        (1, (50, 0, 0, 50), [1, 0, 0, 1]),
    ],
)
def test_quantised_proportions_by_hand(
    step: float, sizes: tuple[int, ...], expected: list[float]
) -> None:
    proportions = draw_proportions(QuantisedProportions(step=step), row_mask(*sizes, 7))
    rounded = np.array(expected) / sum(expected)
    assert_allclose(proportions, rounded, atol=1e-6)
    exact = np.array(sizes) / 100
    assert abs(total_variation(exact[None], rounded[None])[0]) <= CLASSES * step


def refine(supervision: Supervision, samples: Sequence[Sample], seed: int = 0) -> Array:
    """Annotate the patches of a training part, and return their proportions [N, K]."""
    labels = []
    for sample in samples:
        label = supervision.annotate(sample, stream(seed, "supervision", sample.key))
        labels.append(label)
    refined = supervision.refine(labels, samples, stream(seed, "supervision", "refine"))
    rows = []
    for label in refined:
        assert type(label) is WeakLabel
        rows.append(proportions_of(label))
    return np.stack(rows)


class TestClustered:
    SIZES = (
        (90, 10, 0, 0),
        (94, 6, 0, 0),
        (92, 8, 0, 0),
        (0, 50, 50, 0),
        (0, 56, 44, 0),
        (0, 0, 0, 100),
    )
    """Three groups of patches by their proportions: mostly class 0, half class 1, only class 3."""
    GROUPS = (0, 0, 0, 1, 1, 2)
    EXACT = np.array(SIZES) / 100

    def samples(self) -> list[Sample]:
        return [make_sample(row_mask(*sizes, 3), key) for key, sizes in enumerate(self.SIZES)]

    def test_the_centroid_is_the_mean_of_the_cluster(self) -> None:
        supervision = ClusteredProportions(clusters=3, representative="centroid")
        means = np.array([self.EXACT[:3].mean(0), self.EXACT[3:5].mean(0), self.EXACT[5]])
        expected = means[list(self.GROUPS)]
        assert_allclose(refine(supervision, self.samples()), expected, atol=1e-6)

    def test_the_medoid_is_the_patch_in_the_middle(self) -> None:
        supervision = ClusteredProportions(clusters=2, representative="medoid")
        samples = self.samples()
        # Of the first three, the third is in the middle: 90, 94, 92.
        proportions = refine(supervision, [*samples[:3], samples[5]])
        assert_allclose(proportions, self.EXACT[[2, 2, 2, 5]], atol=1e-6)

    def test_a_random_representative_is_any_member_for_the_whole_cluster(self) -> None:
        supervision = ClusteredProportions(clusters=3, restarts=2)
        representatives = set()
        for seed in range(30):
            chosen = []
            for row in refine(supervision, self.samples(), seed):
                same = np.isclose(self.EXACT, row, atol=1e-6).all(1)
                chosen.append(int(np.flatnonzero(same)[0]))
            groups_of_chosen = tuple(self.GROUPS[patch] for patch in chosen)
            assert groups_of_chosen == self.GROUPS
            assert len(set(chosen)) == 3
            representatives |= set(chosen)
        assert representatives == set(range(6))

    def test_the_draw_is_that_of_the_stream(self) -> None:
        generator = np.random.default_rng(0)
        samples = []
        for key in range(40):
            samples.append(make_sample(generator.integers(0, CLASSES, (5, 5)), key))
        supervision = ClusteredProportions(clusters=5)
        first = refine(supervision, samples, seed=0)
        assert_array_equal(first, refine(supervision, samples, seed=0))
        assert (first != refine(supervision, samples, seed=1)).any()

    def test_one_cluster_has_the_mean_of_all(self) -> None:
        supervision = ClusteredProportions(clusters=1, representative="centroid")
        expected = np.tile(self.EXACT.mean(0), (6, 1))
        assert_allclose(refine(supervision, self.samples()), expected, atol=1e-6)

    @pytest.mark.parametrize("representative", ["random", "centroid", "medoid"])
    def test_as_many_clusters_as_patches_change_nothing(self, representative: Any) -> None:
        supervision = ClusteredProportions(clusters=50, representative=representative)
        assert_allclose(refine(supervision, self.samples()), self.EXACT, atol=1e-6)

    def test_equal_patches_do_not_ask_for_more_clusters_than_there_are(self) -> None:
        # K-means would warn of it, and a warning is an error here.
        proportions = refine(ClusteredProportions(clusters=5), self.samples()[:2] * 10)
        assert_allclose(proportions, np.tile(self.EXACT[:2], (10, 1)), atol=1e-6)

    def test_patches_without_valid_pixels_are_in_no_cluster(self) -> None:
        empty = make_sample(np.full((1, 9), IGNORE), "empty")
        supervision = ClusteredProportions(clusters=1, representative="centroid")
        proportions = refine(supervision, [empty, *self.samples(), empty])
        assert_array_equal(proportions[[0, -1]], 0)
        assert_allclose(proportions[1:-1], refine(supervision, self.samples()))
        assert_array_equal(refine(supervision, [empty, empty]), 0)

    def test_separate_blobs_are_found(self) -> None:
        generator = np.random.default_rng(0)
        groups = generator.integers(0, CLASSES, 60)
        samples = []
        for group in groups:
            # Some pixels of all classes, and 80 more of one of them.
            sizes = generator.integers(1, 6, CLASSES)
            sizes[group] += 80
            samples.append(make_sample(row_mask(*sizes, 0), group))
        supervision = ClusteredProportions(clusters=CLASSES, representative="medoid")
        proportions = refine(supervision, samples)
        assert adjusted_rand_score(groups, proportions.argmax(1)) == 1
        assert len(np.unique(proportions, axis=0)) == CLASSES

    def test_by_features_the_colours_decide(self) -> None:
        # Grey and red in turn.
        colors = [(10, 10, 10), (200, 0, 0), (12, 10, 10), (201, 0, 0), (11, 10, 10), (199, 0, 0)]
        samples = []
        for key, sizes in enumerate(self.SIZES):
            samples.append(make_sample(row_mask(*sizes, 3), key, colors[key]))

        centroid = ClusteredProportions(clusters=2, by="features", representative="centroid")
        means = np.array([self.EXACT[::2].mean(0), self.EXACT[1::2].mean(0)])
        assert_allclose(refine(centroid, samples), means[[0, 1] * 3], atol=1e-6)

        medoid = ClusteredProportions(clusters=2, by="features", representative="medoid")
        # In the middle by colour, the grey one of 11 and the red one of 200.
        assert_allclose(refine(medoid, samples), self.EXACT[[4, 1] * 3], atol=1e-6)

    def test_features_are_moments_of_valid_pixels(self) -> None:
        image = np.array([[[1, 0], [3, 0], [99, 99]]], np.uint8)
        mask = np.array([[0, 1, IGNORE]], np.uint8)
        # The means of the two channels, then their standard deviations.
        assert features(Sample("", image, mask, 2)).tolist() == [2, 0, 1, 0]

    @pytest.mark.parametrize("by", ["proportions", "features"])
    def test_the_core_gets_its_training_labels(
        self, patch_set: Callable[..., PatchSet], by: Any
    ) -> None:
        scenes = {"a": np.arange(64).reshape(8, 8) // 22, "b": np.full((8, 8), 2)}
        supervision = ClusteredProportions(clusters=3, by=by)
        labels, ledger = annotate(patch_set(scenes, 4, 3), range(8), [supervision], 0)
        assert labels.proportions is not None
        assert labels.proportions.shape == (8, 3)
        assert len(np.unique(labels.proportions, axis=0)) <= 3
        assert ledger.annotations[0].reveals == ["class proportions of annotated patches"]

    @pytest.mark.parametrize(
        ("by", "representative", "vectors"),
        [
            ("proportions", "random", 6),
            ("features", "random", 3),
            ("features", "medoid", 3),
            ("features", "centroid", 6),
        ],
    )
    def test_what_is_shared_without_being_looked_at_costs_no_annotation(
        self, patch_set: Callable[..., PatchSet], by: Any, representative: Any, vectors: int
    ) -> None:
        # Six patches of two scenes in three colours: those of a colour are a cluster by features,
        # and classes agree with colours.
        mask = np.repeat([[0, 1, 2]], 4, 0).repeat(4, 1)
        patches = patch_set({"a": mask, "b": mask}, 4, 3)
        for patch in range(6):
            patches.images[patch] = 50 * (patch % 3)
        supervision = ClusteredProportions(clusters=3, by=by, representative=representative)
        _, ledger = annotate(patches, range(6), [supervision], 0)
        entry = ledger.annotations[0]
        assert entry.proportion_vectors == vectors
        assert entry.units == 6
        assert entry.total_variation is not None
        assert entry.total_variation.max == 0

    def test_scenes_that_nobody_looked_at_are_not_counted(
        self, patch_set: Callable[..., PatchSet]
    ) -> None:
        mask = np.zeros((4, 4))
        patches = patch_set({"a": mask, "b": mask, "c": mask}, 4, 2)
        shared = ClusteredProportions(clusters=1, by="features")
        _, ledger = annotate(patches, range(3), [shared], 0)
        assert ledger.scenes == 1
        _, ledger = annotate(patches, range(3), [shared, Full()], 0)
        assert ledger.scenes == 3


class TestGrid:
    MASK = np.array(
        [
            [0, 0, 1, 1, 2],
            [0, 3, 1, 1, 2],
            [0, 0, IGNORE, IGNORE, IGNORE],
        ]
    )

    def annotate(self, supervision: Supervision, mask: Array = MASK) -> WeakLabel:
        return supervision.annotate(make_sample(mask), np.random.default_rng(0))

    def test_cells_counted_by_hand(self) -> None:
        label = self.annotate(GridProportions())
        # Rows 0 and 1 against row 2, columns 0 to 2 against 3 and 4.
        assert_array_equal(
            label.regions,
            [
                [0, 0, 0, 1, 1],
                [0, 0, 0, 1, 1],
                [2, 2, 2, 3, 3],
            ],
        )
        expected = np.array(
            [
                [3 / 6, 2 / 6, 0, 1 / 6],
                [0, 2 / 4, 2 / 4, 0],
                [1, 0, 0, 0],
                [0, 0, 0, 0],
            ]
        )
        assert_allclose(proportions_of(label), expected, rtol=1e-6)

    def test_one_cell_is_the_patch(self) -> None:
        grid = self.annotate(GridProportions(cells=1))
        patch = self.annotate(Proportions())
        assert grid.regions is None
        assert patch.regions is None
        assert_array_equal(grid.proportions, patch.proportions)

    @given(mask=masks, cells=st.integers(2, 15))
    def test_cells_cover_the_patch_evenly_and_keep_the_contract(
        self, mask: Array, cells: int
    ) -> None:
        supervision = GridProportions(cells=cells)
        label = self.annotate(supervision, mask)
        assert breach(make_sample(mask), label, supervision) is None
        regions = label.regions
        assert regions is not None

        rows = regions[:, 0].astype(int) // cells
        columns = regions[0].astype(int) % cells
        assert_array_equal(regions, rows[:, None] * cells + columns)
        for numbers in (rows, columns):
            assert (np.diff(numbers) >= 0).all()
            # No band of cells is wider than another by more than a pixel.
            assert np.ptp(np.bincount(numbers, minlength=cells)) <= 1

        valid = mask != IGNORE
        pixels = np.bincount(regions[valid], minlength=cells**2)
        proportions = proportions_of(label)
        assert_array_equal(proportions.any(1), pixels > 0)
        assert_allclose(pixels @ proportions, count_labels(mask), atol=1e-3)

    @pytest.mark.parametrize("cells", [0, 16])
    def test_cells_have_bounds(self, cells: int) -> None:
        with pytest.raises(ValidationError, match="should be"):
            GridProportions(cells=cells)

    def test_a_cell_for_each_pixel_is_the_mask(self) -> None:
        mask = np.arange(16).reshape(4, 4) % CLASSES
        label = self.annotate(GridProportions(cells=4), mask)
        assert_array_equal(proportions_of(label).argmax(1).reshape(4, 4), mask)

    def test_the_ledger_counts_cells_and_their_error(
        self, patch_set: Callable[..., PatchSet]
    ) -> None:
        patches = patch_set({"a": np.arange(64).reshape(8, 8) // 22}, 4, 3)
        labels, ledger = annotate(patches, range(4), [GridProportions(cells=3)], 0)
        assert labels.proportions is not None
        assert labels.proportions.shape == (4, 9, 3)
        (entry,) = ledger.annotations
        assert entry.units == 4
        assert entry.proportion_vectors == 36
        assert entry.total_variation is not None
        assert entry.total_variation.as_json() == {"mean": 0.0, "median": 0.0, "max": 0.0}


def test_the_ledger_has_the_error_of_noisy_proportions(patch_set: Callable[..., PatchSet]) -> None:
    mask = np.random.default_rng(0).integers(0, 3, (16, 16))
    # The first patch has no valid pixels, and does not count.
    mask[:4, :4] = IGNORE
    patches = patch_set({"a": mask}, 4, 3)
    noisy_labels, ledger = annotate(patches, range(16), [GaussianProportions(sigma=0.2)], 0)
    exact_labels, _ = annotate(patches, range(16), [Proportions()], 0)
    assert noisy_labels.proportions is not None
    assert exact_labels.proportions is not None
    noisy = noisy_labels.proportions[1:]
    exact = exact_labels.proportions[1:]

    (entry,) = ledger.annotations
    distances = total_variation(exact, noisy)
    assert distances.min() > 0
    expected = {"mean": distances.mean(), "median": np.median(distances), "max": distances.max()}
    assert entry.total_variation is not None
    assert entry.total_variation.as_json() == pytest.approx(expected, abs=1e-6)
    divergences = rel_entr(exact, noisy.astype(np.float64) + 1e-8).sum(1)
    assert entry.kl_divergence == pytest.approx(divergences.mean(), abs=1e-5)
    agreement = (exact.argmax(1) == noisy.argmax(1)).mean()
    assert entry.same_largest == pytest.approx(agreement, abs=1e-6)


class TestDivergence:
    EXACT = np.array(
        [
            [0.5, 0.5, 0],
            [1, 0, 0],
            [0, 0, 0],
        ]
    )
    NOISY = np.array(
        [
            [0.25, 0.5, 0.25],
            [0.5, 0, 0.5],
            [0, 0, 0],
        ]
    )

    def test_by_hand(self) -> None:
        assert_allclose(total_variation(self.EXACT, self.NOISY), [0.25, 0.5, 0])
        divergences = kl_divergence(self.EXACT, self.NOISY, 1e-12)
        assert_allclose(divergences, [np.log(2) / 2, np.log(2), 0], atol=1e-10)
        assert same_largest(self.EXACT, self.NOISY).tolist() == [False, True, True]

    @given(exact=shares, noisy=shares)
    def test_against_scipy(self, exact: Array, noisy: Array) -> None:
        divergence = kl_divergence(exact[None], noisy[None], 1e-6)[0]
        expected = rel_entr(exact, noisy + 1e-6).sum()
        assert divergence == pytest.approx(expected, abs=1e-12)
        distance = total_variation(exact[None], noisy[None])[0]
        # What one has more than the other, it has less elsewhere.
        surplus = (exact - noisy).clip(min=0).sum()
        assert distance == pytest.approx(surplus, abs=1e-12)
        assert kl_divergence(exact[None], exact[None])[0] == pytest.approx(0, abs=1e-6)
