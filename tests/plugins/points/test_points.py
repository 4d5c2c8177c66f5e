"""Full supervision and random points: how many pixels, which ones, and with what law."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from point_masks import Array, blocks, counted, drawn, masks
from scipy.stats import chi2

from harness.core.components import Supervision
from harness.core.values import IGNORE
from harness_points.fraction import PointsFraction
from harness_points.full import Full
from harness_points.random_points import PointsPerClass, PointsPerImage

supervisions = st.one_of(
    st.just(Full()),
    st.integers(1, 30).map(lambda count: PointsPerClass(count=count)),
    st.integers(1, 100).map(lambda count: PointsPerImage(count=count)),
    st.builds(PointsFraction, fraction=st.floats(0.001, 1), bernoulli=st.booleans()),
)


@given(supervisions, masks, st.integers(0, 9))
def test_labels_agree_with_the_mask_and_never_lie_on_ignored_pixels(
    supervision: Supervision, mask: Array, key: int
) -> None:
    before = mask.copy()
    labels = drawn(supervision, mask, key)
    labelled = labels != IGNORE
    assert_array_equal(labels[labelled], mask[labelled])
    assert_array_equal(mask, before)
    assert_array_equal(labels, drawn(supervision, mask, key))


@given(masks, st.integers(1, 30), st.integers(0, 9))
def test_points_per_class_are_as_many_as_asked_or_as_there_are(
    mask: Array, count: int, key: int
) -> None:
    expected = [min(count, present) for present in counted(mask)]
    assert counted(drawn(PointsPerClass(count=count), mask, key)) == expected


@given(masks, st.integers(1, 100), st.integers(0, 9))
def test_points_per_image_are_as_many_as_asked_or_as_there_are(
    mask: Array, count: int, key: int
) -> None:
    assert sum(counted(drawn(PointsPerImage(count=count), mask, key))) == min(
        count, sum(counted(mask))
    )


@given(masks)
def test_full_is_the_mask(mask: Array) -> None:
    assert_array_equal(drawn(Full(), mask), mask)


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
    assert sum(counted(drawn(PointsFraction(fraction=fraction), blocks(pixels, 50)))) == expected


@given(st.integers(1, 99), st.integers(1, 300))
def test_percentages_of_a_count_are_exact(percent: int, pixels: int) -> None:
    assert (
        sum(counted(drawn(PointsFraction(fraction=percent / 100), blocks(pixels, 5))))
        == percent * pixels // 100
    )


@pytest.mark.parametrize(
    "supervision",
    [PointsPerClass(), PointsPerImage(), PointsFraction(), PointsFraction(bernoulli=True)],
    ids=repr,
)
def test_a_mask_without_valid_pixels_gets_no_label(supervision: Supervision) -> None:
    assert (drawn(supervision, np.full((3, 4), IGNORE)) == IGNORE).all()


@pytest.mark.parametrize(
    ("fewer", "more", "mask"),
    [
        (PointsPerClass(count=5), PointsPerClass(count=20), blocks(100, 0, 400, 2000, 30)),
        # more than one block of draws
        (PointsPerClass(count=1), PointsPerClass(count=200), blocks(900, 801, 0, 4000, 3)),
        # small classes
        (PointsPerClass(count=5), PointsPerClass(count=20), blocks(3, 19, 20, 9, 3)),
        (PointsPerImage(count=5), PointsPerImage(count=20), blocks(30, 40, 50, 7)),
        (PointsPerImage(count=50), PointsPerImage(count=90), blocks(30, 40, 30, 7)),
        (PointsFraction(fraction=0.1), PointsFraction(fraction=0.3), blocks(30, 400, 50, 7)),
        (
            PointsFraction(fraction=0.1, bernoulli=True),
            PointsFraction(fraction=0.3, bernoulli=True),
            blocks(300, 40, 500, 7),
        ),
    ],
)
@pytest.mark.parametrize("key", range(3))
def test_a_larger_draw_of_the_same_stream_contains_the_smaller_one(
    fewer: Supervision, more: Supervision, mask: Array, key: int
) -> None:
    small, large = drawn(fewer, mask, key), drawn(more, mask, key)
    chosen = small != IGNORE
    assert chosen.any()
    assert (large != IGNORE).sum() > chosen.sum()
    assert_array_equal(large[chosen], small[chosen])


@pytest.mark.parametrize(
    "supervision",
    [PointsPerClass(), PointsPerImage(), PointsFraction(), PointsFraction(bernoulli=True)],
    ids=repr,
)
def test_another_stream_is_another_draw(supervision: Supervision) -> None:
    mask = blocks(1000, 1000, 1000, 50)
    assert (drawn(supervision, mask, 0) != drawn(supervision, mask, 1)).any()


def test_the_points_of_a_class_do_not_depend_on_the_other_classes() -> None:
    mask, other = blocks(100, 100, 100, 0), blocks(100, 100, 100, 0)
    other[other == 0] = 2
    kept, again = drawn(PointsPerClass(count=7), mask), drawn(PointsPerClass(count=7), other)
    assert_array_equal(kept == 1, again == 1)


@pytest.mark.parametrize("fraction", [0.003, 0.1, 0.5, 0.95])
def test_bernoulli_labels_the_share_it_says(fraction: float) -> None:
    pixels = 400_000
    labelled = sum(
        counted(drawn(PointsFraction(fraction=fraction, bernoulli=True), blocks(pixels, 1000)))
    )
    z = (labelled - fraction * pixels) / np.sqrt(pixels * fraction * (1 - fraction))
    assert labelled != int(fraction * pixels)
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
    mask, draws = blocks(population, 3), 1500
    times = sum(
        (drawn(supervision, mask, key)[0, :population] == 0).astype(int) for key in range(draws)
    )
    assert times.sum() == count * draws
    share = count / population
    # Counts of a draw without replacement vary less than multinomial ones: by 1 - share, over the
    # population less one.
    statistic = ((times - draws * share) ** 2).sum() / (
        draws * share * (1 - share) * population / (population - 1)
    )
    assert chi2.sf(statistic, population - 1) > 1e-3


@pytest.mark.parametrize("count", [2, 5])
def test_every_pair_of_pixels_is_drawn_equally_often(count: int) -> None:
    population, draws, pairs = 12, 2000, np.triu_indices(12, 1)
    chosen = np.array(
        [
            drawn(PointsPerImage(count=count), blocks(population, 0), key)[0] == 0
            for key in range(draws)
        ]
    ).astype(int)
    together = (chosen.T @ chosen)[pairs]
    share = count * (count - 1) / (population * (population - 1))
    z = (together - draws * share) / np.sqrt(draws * share * (1 - share))
    assert abs(z).max() < 4.5  # of 66 pairs


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
    mask = blocks(40, 0)
    draws = [
        set(np.flatnonzero(drawn(make(count), mask) != IGNORE))
        for count in (1, 5, 9, 10, 11, 20, 39, 40)
    ]
    assert [len(draw) for draw in draws] == [1, 5, 9, 10, 11, 20, 39, 40]
    assert all(fewer < more for fewer, more in itertools.pairwise(draws))
