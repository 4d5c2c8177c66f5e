"""What the 95 % intervals cover, by simulation with a fixed seed.

They cover that to within one point, or no interval is given.
"""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.values import Floats
from harness.leaderboard.bootstrap import studentised_interval
from harness.leaderboard.statistics import fieller_interval, t_quantile

REPEATS = 20_000
METHOD = 0.7
REFERENCE = 0.8
FLOOR = 0.3
NOMINAL = pytest.approx(0.95, abs=0.01)


def simulate_scores(n: int) -> tuple[Floats, Floats, Floats]:
    """Draw scores [REPEATS, n] of a method, its reference and a floor with noise in common."""
    generator = np.random.default_rng(n)
    shared = generator.normal(0, 0.02, (REPEATS, n))
    method = METHOD + generator.normal(0, 0.015, (REPEATS, n))
    reference = REFERENCE + generator.normal(0, 0.01, (REPEATS, n))
    floor = FLOOR + generator.normal(0, 0.01, (REPEATS, n))
    return method + shared, reference + shared, floor + shared / 2


def coverage_of_means(values: Floats, truth: float) -> float:
    """Return how often the t interval of a mean contains the truth, of values [REPEATS, n]."""
    n = values.shape[1]
    sd = values.std(1, ddof=1)
    half = t_quantile(n) * sd / n**0.5
    distance = abs(values.mean(1) - truth)
    return float(np.mean(distance <= half))


def coverage_of_ratios(over: Floats, under: Floats, truth: float) -> float:
    """Return the same of Fieller's interval of the ratio of two means."""
    low, high = fieller_interval(over, under)
    is_above = low <= truth
    is_below = truth <= high
    return float(np.mean(is_above & is_below))


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_over_seeds(n: int) -> None:
    method, reference, floor = simulate_scores(n)
    assert coverage_of_means(method, METHOD) == NOMINAL
    assert coverage_of_means(method - reference, METHOD - REFERENCE) == NOMINAL
    assert coverage_of_ratios(method, reference, METHOD / REFERENCE) == NOMINAL
    gap_closed = (METHOD - FLOOR) / (REFERENCE - FLOOR)
    above_floor = method - floor
    whole_gap = reference - floor
    assert coverage_of_ratios(above_floor, whole_gap, gap_closed) == NOMINAL


def draw_groups(generator: np.random.Generator, groups: int) -> Floats:
    """Draw confusion counts [G, 3, 3] of groups that differ in size, classes and scores."""
    shares = generator.dirichlet([2, 1, 0.5], groups)
    right = generator.beta(8, 2, (groups, 3, 1))
    pixels = generator.integers(500, 1500, (groups, 1, 1))
    # The pixels of a class that are not right are divided between the two others.
    wrong = (1 - right) / 2
    rates = np.where(np.eye(3), right, wrong)
    counts: Floats = np.round(pixels * shares[:, :, None] * rates)
    return counts


@pytest.mark.slow
def test_the_interval_over_test_images() -> None:
    generator = np.random.default_rng(1)
    # So many groups that their score is that of the population.
    population = draw_groups(generator, 400_000).sum(0)
    correct = population.diagonal()
    predicted = population.sum(0)
    true = population.sum(1)
    iou = correct / (true + predicted - correct)
    truth = float(iou.mean())
    hits = []
    for _ in range(2000):
        counts = draw_groups(generator, 50)
        low, high = studentised_interval(counts[None], [0, 1, 2], draws=500)
        hits.append(low <= truth <= high)
    assert np.mean(hits) == NOMINAL
