"""What the 95 % intervals cover, by simulation with a fixed seed: within one point of it, or no
interval is given."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.leaderboard.bootstrap import studentised
from harness.leaderboard.statistics import fieller_interval, t_quantile

Values = NDArray[np.float64]
REPEATS = 20_000


def simulated(n: int) -> tuple[Values, Values, Values]:
    """Scores [REPEATS, n] of a method around 0.7, its reference around 0.8 and a floor around 0.3,
    which share a part of their noise."""
    rng = np.random.default_rng(n)
    shared = rng.normal(0, 0.02, (REPEATS, n))
    method, reference, floor = (
        mean + rng.normal(0, sd, (REPEATS, n))
        for mean, sd in ((0.7, 0.015), (0.8, 0.01), (0.3, 0.01))
    )
    return method + shared, reference + shared, floor + shared / 2


@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_over_seeds(n: int) -> None:
    method, reference, floor = simulated(n)
    covered = {}
    for name, values, truth in (("mean", method, 0.7), ("difference", method - reference, -0.1)):
        half = t_quantile(n) * values.std(1, ddof=1) / n**0.5
        covered[name] = abs(values.mean(1) - truth) <= half
    for name, over, under, truth in (
        ("recovery", method, reference, 0.7 / 0.8),
        ("gap closed", method - floor, reference - floor, (0.7 - 0.3) / (0.8 - 0.3)),
    ):
        low, high = fieller_interval(over, under)
        covered[name] = (low <= truth) & (truth <= high)
    assert {name: float(hit.mean()) for name, hit in covered.items()} == dict.fromkeys(
        covered, pytest.approx(0.95, abs=0.01)
    )


def test_the_interval_over_test_images() -> None:
    def groups(count: int) -> Values:
        shares, right = rng.dirichlet([2, 1, 0.5], count)[:, :, None], rng.beta(8, 2, (count, 3, 1))
        pixels = rng.integers(500, 1500, (count, 1, 1))
        return np.round(pixels * shares * np.where(np.eye(3), right, (1 - right) / 2))

    rng = np.random.default_rng(1)
    everything = groups(400_000).sum(0)
    correct = everything.diagonal()
    truth = float((correct / (everything.sum(0) + everything.sum(1) - correct)).mean())
    found = [studentised(groups(50)[None], [0, 1, 2], draws=500) for _ in range(2000)]
    assert np.mean([low <= truth <= high for low, high in found]) == pytest.approx(0.95, abs=0.01)
