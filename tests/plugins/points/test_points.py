"""Full supervision and random points: how many pixels, which ones, and with what law."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.stats import chi2
from small_masks import Array, count_draws, count_labels, draw_labels, masks, row_mask

from harness.core.components import Supervision
from harness.core.values import IGNORE
from harness_points.fraction import PointsFraction
from harness_points.full import Full
from harness_points.random_points import PointsPerClass, PointsPerImage

supervisions = st.one_of(
    st.just(Full()),
    st.builds(PointsPerClass, count=st.integers(1, 30)),
    st.builds(PointsPerImage, count=st.integers(1, 100)),
    st.builds(PointsFraction, fraction=st.floats(0.001, 1), bernoulli=st.booleans()),
)
every_random_draw = pytest.mark.parametrize(
    "supervision",
    [PointsPerClass(), PointsPerImage(), PointsFraction(), PointsFraction(bernoulli=True)],
    ids=repr,
)


@given(
    supervision=supervisions,
    mask=masks,
    key=st.integers(0, 9),
)
def test_labels_agree_with_the_mask_and_never_lie_on_ignored_pixels(
    supervision: Supervision, mask: Array, key: int
) -> None:
    before = mask.copy()
    labels = draw_labels(supervision, mask, key)
    labelled = labels != IGNORE
    assert_array_equal(labels[labelled], mask[labelled])
    assert_array_equal(mask, before)
    assert_array_equal(labels, draw_labels(supervision, mask, key))


@given(
    mask=masks,
    count=st.integers(1, 30),
    key=st.integers(0, 9),
)
def test_points_per_class_are_as_many_as_asked_or_as_there_are(
    mask: Array, count: int, key: int
) -> None:
    labels = draw_labels(PointsPerClass(count=count), mask, key)
    expected = [min(count, present) for present in count_labels(mask)]
    assert count_labels(labels) == expected


@given(
    mask=masks,
    count=st.integers(1, 100),
    key=st.integers(0, 9),
)
def test_points_per_image_are_as_many_as_asked_or_as_there_are(
    mask: Array, count: int, key: int
) -> None:
    labels = draw_labels(PointsPerImage(count=count), mask, key)
    valid = sum(count_labels(mask))
    assert sum(count_labels(labels)) == min(count, valid)


@given(mask=masks)
def test_full_is_the_mask(mask: Array) -> None:
    assert_array_equal(draw_labels(Full(), mask), mask)


@pytest.mark.parametrize(
    ("fraction", "pixels", "expected"),
    [
        (0.29, 100, 29),  # 0.29 * 100 is 28.999999999999996
        (0.07, 100, 7),  # 0.07 * 100 is 7.000000000000001
        (0.57, 100, 57),
        (0.1, 10, 1),
        (0.1, 19, 1),
        (0.1, 20, 2),
        (0.01, 99, 0),
        (0.999, 100, 99),
        (0.01, 250 * 250, 625),
        (0.0001, 16384, 1),
        (1, 7, 7),
    ],
)
def test_points_fraction_labels_the_floor_of_its_share(
    fraction: float, pixels: int, expected: int
) -> None:
    labels = draw_labels(PointsFraction(fraction=fraction), row_mask(pixels, 50))
    assert sum(count_labels(labels)) == expected


@given(percent=st.integers(1, 99), pixels=st.integers(1, 300))
def test_percentages_of_a_count_are_exact(percent: int, pixels: int) -> None:
    labels = draw_labels(PointsFraction(fraction=percent / 100), row_mask(pixels, 5))
    assert sum(count_labels(labels)) == percent * pixels // 100


@every_random_draw
def test_a_mask_without_valid_pixels_gets_no_label(supervision: Supervision) -> None:
    labels = draw_labels(supervision, np.full((3, 4), IGNORE))
    assert (labels == IGNORE).all()


@pytest.mark.parametrize(
    ("fewer", "more", "mask"),
    [
        (PointsPerClass(count=5), PointsPerClass(count=20), row_mask(100, 0, 400, 2000, 30)),
        # more than one block of draws
        (PointsPerClass(count=1), PointsPerClass(count=200), row_mask(900, 801, 0, 4000, 3)),
        # small classes
        (PointsPerClass(count=5), PointsPerClass(count=20), row_mask(3, 19, 20, 9, 3)),
        (PointsPerImage(count=5), PointsPerImage(count=20), row_mask(30, 40, 50, 7)),
        (PointsPerImage(count=50), PointsPerImage(count=90), row_mask(30, 40, 30, 7)),
        (PointsFraction(fraction=0.1), PointsFraction(fraction=0.3), row_mask(30, 400, 50, 7)),
        (
            PointsFraction(fraction=0.1, bernoulli=True),
            PointsFraction(fraction=0.3, bernoulli=True),
            row_mask(300, 40, 500, 7),
        ),
    ],
)
@pytest.mark.parametrize("key", range(3))
def test_a_larger_draw_of_the_same_stream_contains_the_smaller_one(
    fewer: Supervision, more: Supervision, mask: Array, key: int
) -> None:
    smaller = draw_labels(fewer, mask, key)
    larger = draw_labels(more, mask, key)
    labelled = smaller != IGNORE
    assert labelled.any()
    assert (larger != IGNORE).sum() > labelled.sum()
    assert_array_equal(larger[labelled], smaller[labelled])


@every_random_draw
def test_another_stream_is_another_draw(supervision: Supervision) -> None:
    mask = row_mask(1000, 1000, 1000, 50)
    first = draw_labels(supervision, mask, 0)
    second = draw_labels(supervision, mask, 1)
    assert (first != second).any()


def test_the_points_of_a_class_do_not_depend_on_the_other_classes() -> None:
    mask = row_mask(100, 100, 100, 0)
    # Class 0 becomes part of class 2, and class 1 stays.
    merged = np.where(mask == 0, 2, mask)
    labels = draw_labels(PointsPerClass(count=7), mask)
    labels_of_merged = draw_labels(PointsPerClass(count=7), merged)
    assert_array_equal(labels == 1, labels_of_merged == 1)


@pytest.mark.parametrize("fraction", [0.003, 0.1, 0.5, 0.95])
def test_bernoulli_labels_the_share_it_says(fraction: float) -> None:
    pixels = 400_000
    supervision = PointsFraction(fraction=fraction, bernoulli=True)
    labelled = sum(count_labels(draw_labels(supervision, row_mask(pixels, 1000))))
    # The number is binomial, and not the fixed one of a draw without bernoulli.
    assert labelled != int(fraction * pixels)
    standard_deviation = np.sqrt(pixels * fraction * (1 - fraction))
    z = (labelled - fraction * pixels) / standard_deviation
    assert abs(z) < 4


@pytest.mark.parametrize(
    ("supervision", "count", "population"),
    [
        (PointsPerImage(count=2), 2, 12),  # fewer than a quarter: drawn and redrawn
        (PointsPerImage(count=5), 5, 12),  # more: the head of a permutation
        (PointsPerImage(count=70), 70, 300),  # more than one block of draws
        (PointsPerClass(count=2), 2, 12),
        (PointsPerClass(count=5), 5, 12),
        (PointsFraction(fraction=0.25), 3, 12),
    ],
    ids=repr,
)
def test_every_pixel_is_drawn_equally_often(
    supervision: Supervision, count: int, population: int
) -> None:
    draws = 1500
    times = count_draws(supervision, row_mask(population, 3), draws)[0, :population]
    assert times.sum() == count * draws
    share = count / population
    # Counts of a draw without replacement vary less than multinomial ones: by 1 - share, over the
    # population less one.
    variance = draws * share * (1 - share) * population / (population - 1)
    statistic = ((times - draws * share) ** 2).sum() / variance
    assert chi2.sf(statistic, population - 1) > 1e-3


@pytest.mark.parametrize("count", [2, 5])
def test_every_pair_of_pixels_is_drawn_equally_often(count: int) -> None:
    population = 12
    draws = 2000
    together = np.zeros((population, population), int)
    for key in range(draws):
        labels = draw_labels(PointsPerImage(count=count), row_mask(population, 0), key)
        drawn = labels[0] == 0
        together += np.outer(drawn, drawn)
    pairs = together[np.triu_indices(population, 1)]
    share = count * (count - 1) / (population * (population - 1))
    z = (pairs - draws * share) / np.sqrt(draws * share * (1 - share))
    # 4.5, because this is the largest of 66 pairs.
    assert abs(z).max() < 4.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: PointsPerClass(count=0),
        lambda: PointsPerImage(count=0),
        lambda: PointsFraction(fraction=0),
        lambda: PointsFraction(fraction=1.1),
    ],
)
def test_what_labels_nothing_or_more_than_all_is_refused(make: Callable[[], Supervision]) -> None:
    with pytest.raises(ValueError, match=r"greater than|less than"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda n: PointsPerClass(count=n),
        lambda n: PointsPerImage(count=n),
        lambda n: PointsFraction(fraction=n / 40),
    ],
)
def test_more_points_contain_fewer_whatever_the_share(make: Callable[[int], Supervision]) -> None:
    mask = row_mask(40, 0)
    # On both sides of a quarter of the pixels, where the way of drawing changes.
    counts = [1, 5, 9, 10, 11, 20, 39, 40]
    draws = []
    for count in counts:
        labels = draw_labels(make(count), mask)
        draws.append(set(np.flatnonzero(labels != IGNORE)))
    assert [len(pixels) for pixels in draws] == counts
    for fewer, more in itertools.pairwise(draws):
        assert fewer < more
