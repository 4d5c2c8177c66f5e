"""What the 95 % intervals cover, by simulation with a fixed seed: within one point of it, or no
interval is given."""

from __future__ import annotations

import numpy as np
import pytest

from harness.leaderboard.bootstrap import studentised_interval
from harness.leaderboard.statistics import Floats, fieller_interval, t_quantile

REPEATS = 20_000
METHOD, REFERENCE, FLOOR = 0.7, 0.8, 0.3
NOMINAL = pytest.approx(0.95, abs=0.01)


def simulated(n: int) -> tuple[Floats, Floats, Floats]:
    """Scores [REPEATS, n] of a method, its reference and a floor, which share a part of their
    noise."""
    generator = np.random.default_rng(n)
    shared = generator.normal(0, 0.02, (REPEATS, n))
    method = METHOD + generator.normal(0, 0.015, (REPEATS, n))
    reference = REFERENCE + generator.normal(0, 0.01, (REPEATS, n))
    floor = FLOOR + generator.normal(0, 0.01, (REPEATS, n))
    return method + shared, reference + shared, floor + shared / 2


def coverage_of_means(values: Floats, truth: float) -> float:
    """How often the t interval of a mean over n contains the truth, of values [REPEATS, n]."""
    n = values.shape[1]
    half = t_quantile(n) * values.std(1, ddof=1) / n**0.5
    return float(np.mean(abs(values.mean(1) - truth) <= half))


def coverage_of_ratios(over: Floats, under: Floats, truth: float) -> float:
    """The same of Fieller's interval."""
    low, high = fieller_interval(over, under)
    return float(np.mean((low <= truth) & (truth <= high)))


@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_over_seeds(n: int) -> None:
    method, reference, floor = simulated(n)
    assert coverage_of_means(method, METHOD) == NOMINAL
    assert coverage_of_means(method - reference, METHOD - REFERENCE) == NOMINAL
    assert coverage_of_ratios(method, reference, METHOD / REFERENCE) == NOMINAL
    gap_closed = (METHOD - FLOOR) / (REFERENCE - FLOOR)
    assert coverage_of_ratios(method - floor, reference - floor, gap_closed) == NOMINAL


def drawn_groups(generator: np.random.Generator, groups: int) -> Floats:
    """Confusion counts [G, 3, 3] of groups that differ in size, classes and how well they fare."""
    shares = generator.dirichlet([2, 1, 0.5], groups)[:, :, None]
    right = generator.beta(8, 2, (groups, 3, 1))
    pixels = generator.integers(500, 1500, (groups, 1, 1))
    rates = np.where(np.eye(3), right, (1 - right) / 2)
    counts: Floats = np.round(pixels * shares * rates)
    return counts


def test_the_interval_over_test_images() -> None:
    generator = np.random.default_rng(1)
    everything = drawn_groups(generator, 400_000).sum(0)
    correct = everything.diagonal()
    union = everything.sum(0) + everything.sum(1) - correct
    truth = float((correct / union).mean())
    hits = []
    for _ in range(2000):
        counts = drawn_groups(generator, 50)[None]
        low, high = studentised_interval(counts, [0, 1, 2], draws=500)
        hits.append(low <= truth <= high)
    assert np.mean(hits) == NOMINAL
