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
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import brentq
from scipy.special import rel_entr, softmax
from scipy.stats import beta, binom, chisquare, kstest, norm
from sklearn.metrics import adjusted_rand_score

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

Array = NDArray[Any]
CLASSES = 4
EVERY = [
    Proportions(),
    *(
        GaussianProportions(sigma=sigma, normaliser=n)
        for sigma in (0.05, 3)
        for n in ("clip", "simplex", "softmax")
    ),
    *(DirichletProportions(concentration=kappa) for kappa in (1e-3, 20)),
    *(MultinomialProportions(lookups=n) for n in (1, 25)),
    *(QuantisedProportions(step=step) for step in (0.05, 1)),
]


def sampled(mask: Array, key: object = "sample", color: Sequence[int] = (0, 0, 0)) -> Sample:
    image = np.broadcast_to(np.array(color, np.uint8), (*mask.shape, len(color)))
    return Sample(str(key), image, mask.astype(np.uint8), CLASSES)


def blocks(*sizes: int) -> Array:
    """A mask [1, N] with so many pixels of class 0, 1, ...; the last number is of ignored
    pixels."""
    return np.repeat([*range(len(sizes) - 1), IGNORE], sizes)[None]


def drawn(supervision: Supervision, mask: Array, key: object = "") -> Array:
    """The proportions of one draw."""
    proportions = supervision.annotate(
        sampled(mask), stream(7, "supervision", str(key))
    ).proportions
    assert proportions is not None
    return proportions


masks = arrays(
    np.uint8,
    array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([*range(CLASSES), IGNORE]),
)
shares = (
    arrays(np.float64, CLASSES, elements=st.floats(0, 1))
    .filter(np.any)
    .map(lambda values: values / values.sum())
)


@pytest.mark.parametrize(
    "component", [*harness_supervisions(), *harness_losses()], ids=lambda component: component.name
)
def test_contract(component: Any) -> None:
    check_component(component)


def test_hooks_list_by_class_name() -> None:
    for offered in (harness_supervisions(), harness_losses()):
        assert [one.__name__ for one in offered] == sorted(one.__name__ for one in offered)


def test_looking_at_components_imports_nothing_slow() -> None:
    code = (
        "import sys, harness_proportions; print({'torch', 'scipy', 'sklearn'} & set(sys.modules) or"
        " 'light')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "light", done.stderr


@given(st.sampled_from(EVERY), masks, st.integers(0, 9))
def test_proportions_keep_the_contract_and_depend_on_the_stream_alone(
    supervision: Supervision, mask: Array, key: int
) -> None:
    before = mask.copy()
    proportions = drawn(supervision, mask, key)
    assert breach(sampled(mask), WeakLabel(proportions=proportions), supervision) is None
    assert_array_equal(proportions, drawn(supervision, mask, key))
    assert_array_equal(mask, before)


@pytest.mark.parametrize("supervision", [*EVERY, ClusteredProportions()], ids=repr)
def test_a_patch_without_valid_pixels_has_zeros(supervision: Supervision) -> None:
    assert_array_equal(drawn(supervision, np.full((3, 4), IGNORE)), np.zeros(CLASSES))


@pytest.mark.parametrize("component", harness_supervisions(), ids=lambda component: component.name)
def test_scenes_are_refused_when_the_scenario_is_read(component: type[Supervision]) -> None:
    with pytest.raises(ValidationError, match="Input should be 'patch'"):
        component(unit="scene")


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (blocks(1, 2, 0, 5, 0), [1 / 8, 2 / 8, 0, 5 / 8]),
        (blocks(1, 2, 0, 5, 100), [1 / 8, 2 / 8, 0, 5 / 8]),  # of the valid pixels
        (blocks(0, 0, 3, 0, 1), [0, 0, 1, 0]),
        (np.array([[0, 1], [3, IGNORE]]), [1 / 3, 1 / 3, 0, 1 / 3]),
    ],
)
def test_exact_proportions_are_shares_of_valid_pixels(mask: Array, expected: list[float]) -> None:
    assert_allclose(drawn(Proportions(), mask), expected, rtol=1e-6)


class TestGauss:
    @given(shares)
    def test_without_noise_only_softmax_changes_anything(self, exact: Array) -> None:
        generator = np.random.default_rng(0)
        for normaliser in ("clip", "simplex"):
            assert_allclose(
                GaussianProportions(sigma=0, normaliser=normaliser).disturbed(exact, generator),
                exact,
                atol=1e-12,
            )
        flat = GaussianProportions(sigma=0, normaliser="softmax").disturbed(exact, generator)
        assert_allclose(flat, softmax(exact))
        assert flat.max() / flat.min() <= np.e + 1e-9  # as flat as this, whatever the proportions

    @given(arrays(np.float64, st.integers(1, 8), elements=st.floats(-20, 20)))
    def test_the_simplex_projection_is_the_root_of_its_definition(self, values: Array) -> None:
        shift = brentq(
            lambda t: (values - t).clip(min=0).sum() - 1, values.min() - 1, values.max(), xtol=1e-13
        )
        assert_allclose(on_simplex(values), (values - shift).clip(min=0), atol=1e-9)

    @given(shares, st.floats(0, 3), st.integers(0, 99))
    def test_the_simplex_projection_is_never_farther_from_the_truth_than_the_noise(
        self, exact: Array, sigma: float, seed: int
    ) -> None:
        noise = sigma * np.random.default_rng(seed).standard_normal(CLASSES)
        found = GaussianProportions(sigma=sigma, normaliser="simplex").disturbed(
            exact, np.random.default_rng(seed)
        )
        assert np.linalg.norm(found - exact) <= np.linalg.norm(noise) + 1e-9

    def test_clipping_by_hand(self) -> None:
        assert_allclose(normalised(np.array([0.6, 0, 0.2]), np.zeros(3)), [0.75, 0, 0.25])
        assert_allclose(normalised(np.zeros(3), np.array([-2.0, -0.5, -1])), [0, 1, 0])

    @pytest.mark.parametrize("normaliser", ["clip", "simplex", "softmax"])
    def test_even_noise_that_leaves_no_positive_value_gives_proportions(
        self, normaliser: Any
    ) -> None:
        negative = next(
            s
            for s in range(999)
            if (np.random.default_rng(s).standard_normal(CLASSES) < -0.2).all()
        )
        noise = np.random.default_rng(negative).standard_normal(CLASSES)
        found = GaussianProportions(sigma=9, normaliser=normaliser).disturbed(
            np.full(CLASSES, 0.25), np.random.default_rng(negative)
        )
        assert found.sum() == pytest.approx(1)
        assert found.argmax() == noise.argmax()

    @pytest.mark.parametrize("sigma", [0.05, 0.5])
    def test_the_noise_is_gaussian_on_every_class(self, sigma: float) -> None:
        exact = np.array([0.7, 0.3, 0, 0])
        supervision = GaussianProportions(sigma=sigma, normaliser="softmax")
        logs = np.log(
            [
                supervision.disturbed(exact, stream(0, "supervision", str(key)))
                for key in range(1000)
            ]
        )
        # differences of logs of a softmax are differences of what went in
        for one, other in ((0, 1), (1, 2), (2, 3)):
            difference = logs[:, one] - logs[:, other] - (exact[one] - exact[other])
            assert kstest(difference, norm(scale=sigma * np.sqrt(2)).cdf).pvalue > 1e-3

    def test_more_noise_of_the_same_draw_is_the_same_noise_scaled(self) -> None:
        exact = np.full(CLASSES, 0.25)
        little, much = (
            GaussianProportions(sigma=s, normaliser="simplex").disturbed(exact, stream(0, "data"))
            for s in (0.01, 0.04)
        )
        assert_allclose(much - exact, 4 * (little - exact), atol=1e-12)


class TestResampled:
    EXACT = np.array([0.6, 0.3, 0, 0.1])

    @pytest.mark.parametrize("kappa", [2.0, 30.0])
    def test_a_dirichlet_share_has_a_beta_distribution(self, kappa: float) -> None:
        supervision = DirichletProportions(concentration=kappa)
        draws = np.array(
            [
                supervision.disturbed(self.EXACT, stream(0, "supervision", str(key)))
                for key in range(1500)
            ]
        )
        for index in (0, 1, 3):
            p = self.EXACT[index]
            assert kstest(draws[:, index], beta(kappa * p, kappa * (1 - p)).cdf).pvalue > 1e-3
            assert draws[:, index].var() == pytest.approx(p * (1 - p) / (kappa + 1), rel=0.15)

    @pytest.mark.parametrize("lookups", [1, 8])
    def test_a_multinomial_share_is_a_binomial_count(self, lookups: int) -> None:
        supervision = MultinomialProportions(lookups=lookups)
        draws = lookups * np.array(
            [
                supervision.disturbed(self.EXACT, stream(0, "supervision", str(key)))
                for key in range(2000)
            ]
        )
        counts = draws.round().astype(int)
        assert_allclose(draws, counts, atol=1e-9)
        for index in (0, 1, 3):
            expected = len(draws) * binom(lookups, self.EXACT[index]).pmf(np.arange(lookups + 1))
            observed = np.bincount(counts[:, index], minlength=lookups + 1)
            common = expected >= 5  # the rest in one bin
            bins = [
                np.append(values[common], values[~common].sum()) for values in (observed, expected)
            ]
            kept = bins[1] > 1e-9
            assert chisquare(bins[0][kept], bins[1][kept]).pvalue > 1e-3

    @given(shares, st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
    def test_more_lookups_of_the_same_draw_contain_the_fewer(
        self, exact: Array, n: int, more: int, seed: int
    ) -> None:
        few, many = (
            k * MultinomialProportions(lookups=k).disturbed(exact, np.random.default_rng(seed))
            for k in (n, n + more)
        )
        assert (many.round() >= few.round()).all()

    @given(
        st.one_of(
            st.just(DirichletProportions(concentration=0.5)),
            st.just(MultinomialProportions(lookups=500)),
        ),
        shares,
    )
    def test_an_absent_class_stays_absent(self, supervision: Any, exact: Array) -> None:
        found = supervision.disturbed(exact, np.random.default_rng(0))
        assert (found[exact == 0] == 0).all()
        assert found.sum() == pytest.approx(1)

    def test_a_lookup_at_the_very_end_finds_a_class_that_is_there(self) -> None:
        class AlwaysLast:
            def random(self, count: int) -> Array:
                return np.full(count, np.nextafter(1, 0))

        exact = np.array([0.1] * 10 + [0.0])  # adds up to less than 1 in floating point
        assert exact[:10].cumsum()[-1] < 1
        supervision = MultinomialProportions(lookups=3)
        found = supervision.disturbed(exact, AlwaysLast())  # type: ignore[arg-type]
        assert found.tolist() == [0] * 9 + [1, 0]


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
    exact = np.array(sizes) / 100
    assert_allclose(
        drawn(QuantisedProportions(step=step), blocks(*sizes, 7)),
        np.array(expected) / np.sum(expected),
        atol=1e-6,
    )
    assert (
        abs(total_variation(exact[None], np.array([expected]) / np.sum(expected))[0])
        <= CLASSES * step
    )


class TestClustered:
    # Three groups of patches by their proportions: mostly class 0, half class 1, only class 3.
    SIZES = (
        (90, 10, 0, 0),
        (94, 6, 0, 0),
        (92, 8, 0, 0),
        (0, 50, 50, 0),
        (0, 56, 44, 0),
        (0, 0, 0, 100),
    )
    GROUPS = (0, 0, 0, 1, 1, 2)

    def refined(self, supervision: Supervision, samples: Sequence[Sample], seed: int = 0) -> Array:
        labels = [
            supervision.annotate(sample, stream(seed, "supervision", sample.key))
            for sample in samples
        ]
        refined = supervision.refine(labels, samples, stream(seed, "supervision", "refine"))
        assert all(type(label) is WeakLabel for label in refined)
        return np.stack([label.proportions for label in refined])

    def samples(self) -> list[Sample]:
        return [sampled(blocks(*sizes, 3), key) for key, sizes in enumerate(self.SIZES)]

    def exact(self) -> Array:
        return np.array(self.SIZES) / 100

    def test_the_centroid_is_the_mean_of_the_cluster(self) -> None:
        found = self.refined(
            ClusteredProportions(clusters=3, representative="centroid"), self.samples()
        )
        means = np.array([self.exact()[:3].mean(0), self.exact()[3:5].mean(0), self.exact()[5]])
        assert_allclose(found, means[list(self.GROUPS)], atol=1e-6)

    def test_the_medoid_is_the_patch_in_the_middle(self) -> None:
        found = self.refined(
            ClusteredProportions(clusters=2, representative="medoid"),
            self.samples()[:3] + self.samples()[5:],
        )
        assert_allclose(found, self.exact()[[2, 2, 2, 5]], atol=1e-6)

    def test_a_random_representative_is_any_member_for_the_whole_cluster(self) -> None:
        supervision = ClusteredProportions(clusters=3, restarts=2)
        seen = set()
        for seed in range(30):
            found = self.refined(supervision, self.samples(), seed)
            chosen = [
                np.flatnonzero(np.isclose(self.exact(), row, atol=1e-6).all(1))[0] for row in found
            ]
            assert [self.GROUPS[index] for index in chosen] == list(self.GROUPS)
            assert len(set(chosen)) == 3
            seen |= set(chosen)
        assert seen == set(range(6))

    def test_the_draw_is_that_of_the_stream(self) -> None:
        generator = np.random.default_rng(0)
        samples = [sampled(generator.integers(0, CLASSES, (5, 5)), key) for key in range(40)]
        first, again, other = (
            self.refined(ClusteredProportions(clusters=5), samples, seed) for seed in (0, 0, 1)
        )
        assert_array_equal(first, again)
        assert (first != other).any()

    def test_one_cluster_has_the_mean_of_all_and_as_many_as_patches_change_nothing(self) -> None:
        one = self.refined(
            ClusteredProportions(clusters=1, representative="centroid"), self.samples()
        )
        assert_allclose(one, np.tile(self.exact().mean(0), (6, 1)), atol=1e-6)
        for representative in ("random", "centroid", "medoid"):
            every = self.refined(
                ClusteredProportions(clusters=50, representative=representative), self.samples()
            )
            assert_allclose(every, self.exact(), atol=1e-6)

    def test_equal_patches_do_not_ask_for_more_clusters_than_there_are(self) -> None:
        # a warning of K-means is an error here
        found = self.refined(ClusteredProportions(clusters=5), self.samples()[:2] * 10)
        assert_allclose(found, np.tile(self.exact()[:2], (10, 1)), atol=1e-6)

    def test_patches_without_valid_pixels_are_in_no_cluster(self) -> None:
        empty = sampled(np.full((1, 9), IGNORE), "empty")
        supervision = ClusteredProportions(clusters=1, representative="centroid")
        found = self.refined(supervision, [empty, *self.samples(), empty])
        assert_array_equal(found[[0, -1]], 0)
        assert_allclose(found[1:-1], self.refined(supervision, self.samples()))
        assert_array_equal(self.refined(supervision, [empty, empty]), 0)

    def test_separate_blobs_are_found(self) -> None:
        generator = np.random.default_rng(0)
        truth = generator.integers(0, CLASSES, 60)
        samples = [
            sampled(
                blocks(*(generator.integers(1, 6, CLASSES) + 80 * (np.arange(CLASSES) == c)), 0), c
            )
            for c in truth
        ]
        found = self.refined(
            ClusteredProportions(clusters=CLASSES, representative="medoid"), samples
        )
        assert adjusted_rand_score(truth, found.argmax(1)) == 1
        assert len(np.unique(found, axis=0)) == CLASSES

    def test_by_features_the_colours_decide(self) -> None:
        colors = [(10, 10, 10), (200, 0, 0), (12, 10, 10), (201, 0, 0), (11, 10, 10), (199, 0, 0)]
        samples = [
            sampled(blocks(*sizes, 3), i, color)
            for i, (sizes, color) in enumerate(zip(self.SIZES, colors, strict=True))
        ]
        means = np.array([self.exact()[::2].mean(0), self.exact()[1::2].mean(0)])
        found = self.refined(
            ClusteredProportions(clusters=2, by="features", representative="centroid"), samples
        )
        assert_allclose(found, means[[0, 1] * 3], atol=1e-6)
        found = self.refined(
            ClusteredProportions(clusters=2, by="features", representative="medoid"), samples
        )
        assert_allclose(found, self.exact()[[4, 1] * 3], atol=1e-6)  # greys 11 and 200

    def test_features_are_moments_of_valid_pixels(self) -> None:
        image = np.array([[[1, 0], [3, 0], [99, 99]]], np.uint8)
        assert features(Sample("", image, np.array([[0, 1, IGNORE]], np.uint8), 2)).tolist() == [
            2,
            0,
            1,
            0,
        ]

    @pytest.mark.parametrize("by", ["proportions", "features"])
    def test_the_core_gets_its_training_labels(
        self, patch_set: Callable[..., PatchSet], by: Any
    ) -> None:
        masks = {"a": np.arange(64).reshape(8, 8) // 22, "b": np.full((8, 8), 2)}
        labels, ledger = annotate(
            patch_set(masks, 4, 3), range(8), [ClusteredProportions(clusters=3, by=by)], 0
        )
        assert labels.proportions is not None
        assert labels.proportions.shape == (8, 3)
        assert len(np.unique(labels.proportions, axis=0)) <= 3
        assert ledger["supervisions"][0]["reveals"] == ["class proportions of annotated patches"]

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
        masks = {name: np.repeat([[0, 1, 2]], 4, 0).repeat(4, 1) for name in "ab"}
        patches = patch_set(masks, 4, 3)
        for patch in range(6):
            patches.images[patch] = 50 * (patch % 3)
        ledger = annotate(
            patches,
            range(6),
            [ClusteredProportions(clusters=3, by=by, representative=representative)],
            0,
        )[1]
        assert ledger["supervisions"][0]["proportion_vectors"] == vectors
        assert ledger["supervisions"][0]["units"] == 6
        assert ledger["supervisions"][0]["total_variation"]["max"] == 0

    def test_scenes_that_nobody_looked_at_are_not_counted(
        self, patch_set: Callable[..., PatchSet]
    ) -> None:
        patches = patch_set({name: np.zeros((4, 4)) for name in "abc"}, 4, 2)
        shared = ClusteredProportions(clusters=1, by="features")
        assert annotate(patches, range(3), [shared], 0)[1]["scenes"] == 1
        assert annotate(patches, range(3), [shared, Full()], 0)[1]["scenes"] == 3


class TestGrid:
    MASK = np.array([[0, 0, 1, 1, 2], [0, 3, 1, 1, 2], [0, 0, IGNORE, IGNORE, IGNORE]])

    def test_cells_counted_by_hand(self) -> None:
        label = GridProportions().annotate(sampled(self.MASK), np.random.default_rng(0))
        # Rows 0 and 1 against row 2, columns 0 to 2 against 3 and 4.
        assert_array_equal(label.regions, [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [2, 2, 2, 3, 3]])
        assert_allclose(
            label.proportions,
            [[3 / 6, 2 / 6, 0, 1 / 6], [0, 2 / 4, 2 / 4, 0], [1, 0, 0, 0], [0, 0, 0, 0]],
            rtol=1e-6,
        )

    def test_one_cell_is_the_patch(self) -> None:
        label, whole = (
            one.annotate(sampled(self.MASK), np.random.default_rng(0))
            for one in (GridProportions(cells=1), Proportions())
        )
        assert label.regions is whole.regions is None
        assert_array_equal(label.proportions, whole.proportions)

    @given(masks, st.integers(2, 15))
    def test_cells_cover_the_patch_evenly_and_keep_the_contract(
        self, mask: Array, cells: int
    ) -> None:
        supervision = GridProportions(cells=cells)
        label = supervision.annotate(sampled(mask), np.random.default_rng(0))
        assert breach(sampled(mask), label, supervision) is None
        rows, columns = label.regions[:, 0] // cells, label.regions[0] % cells
        assert_array_equal(label.regions, rows[:, None] * cells + columns)
        for numbers in (rows, columns):
            assert (np.diff(numbers.astype(int)) >= 0).all()
            assert np.ptp(np.bincount(numbers, minlength=cells)) <= 1
        pixels = np.array(
            [((label.regions == cell) & (mask != IGNORE)).sum() for cell in range(cells**2)]
        )
        assert_array_equal(label.proportions.any(1), pixels > 0)
        assert_allclose(
            pixels @ label.proportions,
            np.bincount(mask.ravel(), minlength=256)[:CLASSES],
            atol=1e-3,
        )

    @pytest.mark.parametrize("cells", [0, 16])
    def test_cells_have_bounds(self, cells: int) -> None:
        with pytest.raises(ValidationError, match="should be"):
            GridProportions(cells=cells)

    def test_a_cell_for_each_pixel_is_the_mask(self) -> None:
        mask = np.arange(16).reshape(4, 4) % CLASSES
        label = GridProportions(cells=4).annotate(sampled(mask), np.random.default_rng(0))
        assert_array_equal(label.proportions.argmax(1).reshape(4, 4), mask)

    def test_the_ledger_counts_cells_and_their_error(
        self, patch_set: Callable[..., PatchSet]
    ) -> None:
        labels, ledger = annotate(
            patch_set({"a": np.arange(64).reshape(8, 8) // 22}, 4, 3),
            range(4),
            [GridProportions(cells=3)],
            0,
        )
        assert labels.proportions.shape == (4, 9, 3)
        (entry,) = ledger["supervisions"]
        assert (entry["units"], entry["proportion_vectors"]) == (4, 36)
        assert entry["total_variation"] == {"mean": 0.0, "median": 0.0, "max": 0.0}


def test_the_ledger_has_the_error_of_noisy_proportions(patch_set: Callable[..., PatchSet]) -> None:
    mask = np.random.default_rng(0).integers(0, 3, (16, 16))
    mask[:4, :4] = IGNORE  # one patch without valid pixels, which does not count
    patches, noisy = patch_set({"a": mask}, 4, 3), GaussianProportions(sigma=0.2)
    given, ledger = annotate(patches, range(16), [noisy], 0)
    exact, _ = annotate(patches, range(16), [Proportions()], 0)
    distances = total_variation(exact.proportions, given.proportions)[1:]
    expected = {"mean": distances.mean(), "median": np.median(distances), "max": distances.max()}
    (entry,) = ledger["supervisions"]
    assert entry["total_variation"] == pytest.approx(expected, abs=1e-6)
    assert distances.min() > 0
    rows = exact.proportions[1:], given.proportions[1:]
    assert entry["kl_divergence"] == pytest.approx(
        rel_entr(rows[0], rows[1].astype(np.float64) + 1e-8).sum(1).mean(), abs=1e-5
    )
    assert entry["same_largest"] == pytest.approx(
        (rows[0].argmax(1) == rows[1].argmax(1)).mean(), abs=1e-6
    )


class TestDivergence:
    EXACT, GIVEN = (
        np.array([[0.5, 0.5, 0], [1, 0, 0], [0, 0, 0]]),
        np.array([[0.25, 0.5, 0.25], [0.5, 0, 0.5], [0, 0, 0]]),
    )

    def test_by_hand(self) -> None:
        assert_allclose(total_variation(self.EXACT, self.GIVEN), [0.25, 0.5, 0])
        assert_allclose(
            kl_divergence(self.EXACT, self.GIVEN, 1e-12), [np.log(2) / 2, np.log(2), 0], atol=1e-10
        )
        assert same_largest(self.EXACT, self.GIVEN).tolist() == [False, True, True]

    @given(shares, shares)
    def test_against_scipy(self, exact: Array, given: Array) -> None:
        assert kl_divergence(exact[None], given[None], 1e-6)[0] == pytest.approx(
            rel_entr(exact, given + 1e-6).sum(), abs=1e-12
        )
        assert total_variation(exact[None], given[None])[0] == pytest.approx(
            (exact - given).clip(min=0).sum(), abs=1e-12
        )
        assert kl_divergence(exact[None], exact[None])[0] == pytest.approx(0, abs=1e-6)
