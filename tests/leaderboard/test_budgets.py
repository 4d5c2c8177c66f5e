"""Budgets to reach a share of full supervision: curves counted by hand, an outside oracle, and the
coverage of the interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from demo import board_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from places import ROOT

from harness.leaderboard.board import read_board
from harness.leaderboard.budgets import areas, crossings, curves, non_decreasing, reached
from harness.leaderboard.sweeps import families


def crossing(
    scores: list[float], target: float, budgets: tuple[float, ...] = (1, 10, 100)
) -> float:
    return float(
        crossings(np.array([budgets], float), np.array([scores], float), np.array([target]))[0]
    )


def test_crossings_by_hand() -> None:
    assert crossing([0.2, 0.4, 0.6], 0.5) == pytest.approx(10**1.5)  # half way in the logarithm
    assert crossing([0.2, 0.4, 0.6], 0.4) == pytest.approx(10)
    assert crossing([0.2, 0.4, 0.6], 0.2) == 0  # the smallest budget reaches it
    assert crossing([0.2, 0.4, 0.6], 0.61) == math.inf  # and nothing is read beyond the largest
    assert crossing([0.6, 0.2, 0.4], 0.5, (100, 1, 10)) == pytest.approx(10**1.5)  # in any order
    # 0.5 and 0.3 become 0.4 both: the early peak is no crossing of 0.45
    assert crossing([0.2, 0.5, 0.3, 0.6], 0.45, (1, 10, 100, 1000)) == pytest.approx(10**2.25)


@given(
    arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 7)), elements=st.floats(0, 1))
)
def test_non_decreasing_is_isotonic_regression(values: np.ndarray[Any, Any]) -> None:
    from scipy.optimize import isotonic_regression

    assert_allclose(
        non_decreasing(values), [isotonic_regression(row).x for row in values], atol=1e-9
    )


@given(
    st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.floats(0.01, 1), st.floats(0.1, 100)
)
def test_a_crossing_lies_within_what_was_measured_and_scales_with_the_budget(
    scores: list[float], target: float, scale: float
) -> None:
    budgets = np.array([[3.0**power for power in range(len(scores))]])
    found, scaled = (
        crossings(own, np.array([scores]), np.array([target]))[0]
        for own in (budgets, budgets * scale)
    )
    assert found in (0, math.inf) or budgets[0, 0] * (1 - 1e-9) <= found <= budgets[0, -1] * (
        1 + 1e-9
    )
    assert scaled == pytest.approx(found * scale, rel=1e-6)


def test_outcomes() -> None:
    found = reached(0.9, np.array([10.0, 1000.0]))
    half = 12.706205 * math.log(100) / math.sqrt(2) / math.sqrt(2)  # t of one degree of freedom
    assert (found.outcome, found.seeds, found.budget) == ("reached", 2, pytest.approx(100))
    assert math.log(found.high / 100) == pytest.approx(half) == -math.log(found.low / 100)
    assert reached(0.9, np.array([0.0, 0.0])).outcome == "below the smallest budget"
    assert reached(0.9, np.array([math.inf])).outcome == "not reached"
    mixed = reached(0.9, np.array([0.0, 20.0, math.inf, math.inf]))
    assert (mixed.outcome, mixed.below, mixed.beyond, mixed.seeds) == ("not in every seed", 1, 2, 4)
    assert math.isnan(mixed.budget)


def test_areas_by_hand() -> None:
    # Over log10 from 0 to 3: (0.2 + 0.4) / 2 over the first, (0.4 + 0.6) / 2 over the other two.
    assert areas(np.array([[1000.0, 1, 10]]), np.array([[0.6, 0.2, 0.4]])) == pytest.approx(
        (0.3 + 2 * 0.5) / 3
    )


@pytest.mark.parametrize(("seeds", "noise"), [(3, 0.01), (5, 0.01), (5, 0.05)])
def test_the_interval_covers_the_true_budget_in_95_of_100_experiments(
    seeds: int, noise: float
) -> None:
    """Scores rise by 0.1 from budget to budget; noise has a part that all methods of a seed share,
    full supervision too."""
    generator, experiments = np.random.default_rng(0), 8000
    budgets = np.array([1.0, 4, 16, 64, 256])
    shared = generator.normal(0, 0.03, (experiments, seeds, 1))
    scores = 0.3 + 0.1 * np.arange(5) + shared + generator.normal(0, noise, (experiments, seeds, 5))
    full = 0.7 + shared[..., 0] + generator.normal(0, noise, (experiments, seeds))
    target = (0.8 * full).ravel()
    found = crossings(
        np.tile(budgets, (experiments * seeds, 1)), scores.reshape(-1, 5), target
    ).reshape(experiments, seeds)
    truth = 16 * 4 ** ((0.8 * 0.7 - 0.5) / 0.1)
    reaches = [reached(0.8, row) for row in found]
    covered = [reach.low <= truth <= reach.high for reach in reaches if reach.outcome == "reached"]
    assert len(covered) > 0.9 * experiments
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)


def record(
    method: str, seed: int, miou: float, pixels: int, supervision: dict[str, Any], loss: str = "ce"
) -> dict[str, Any]:
    """One class of 1000 pixels, of which a share `miou` is found."""
    right = round(1000 * miou)
    entry = {
        "supervision": supervision["name"],
        "units": 10,
        "units_without_labels": 0,
        "labelled_pixels": pixels,
    }
    entry |= {"labelled_pixels_by_class": [pixels], "proportion_vectors": 0, "tag_vectors": 0}
    return {
        "status": "ok",
        "method": method,
        "seed": seed,
        "key": f"{method}{seed}",
        "classes": [{"name": "a"}, {"name": "b"}],
        "mean_over": ["a"],
        "confusion": {"counts": [[[right, 1000 - right], [0, 0]]]},
        "ledger": {"labelled_pixels": pixels, "scenes": 10, "patches": 10, "supervisions": [entry]},
        "settings": {
            "patches": {"size": 64},
            "supervision": [supervision],
            "loss": [{"name": loss}],
        },
    }


def points(count: int, seed: int, miou: float, loss: str = "ce") -> dict[str, Any]:
    name = f"{loss}-{count}-points"
    return record(
        name,
        seed,
        miou,
        10 * count,
        {"name": "points-per-image", "count": count, "unit": "scene"},
        loss,
    )


RECORDS = (
    *(
        record("full", seed, 0.8 + 0.1 * seed, 100_000, {"name": "full", "unit": "patch"})
        for seed in (0, 1)
    ),
    *(
        points(count, seed, miou)
        for seed in (0, 1)
        for count, miou in ((100, 0.76), (1, 0.4), (10, 0.68))
    ),
    points(1, 0, 0.5, "focal"),
    points(10, 1, 0.6, "focal"),
)
BOARD = board_of({"reference": "full", "methods": []}, RECORDS)


def test_a_family_differs_in_one_number() -> None:
    assert families(RECORDS) == [
        ("supervision.0.count", ("ce-100-points", "ce-1-points", "ce-10-points")),
        ("supervision.0.count", ("focal-1-points", "focal-10-points")),
    ]
    weighted = [record(f"w{weight}", 0, 0.5, 10, {"name": "points"}) for weight in (1, 2)]
    for weight, own in zip((1, 2), weighted, strict=True):
        own["settings"]["loss"] = [{"name": "ce"}, {"name": "size", "weight": weight}]
    assert families(weighted) == [("loss.1.weight", ("w1", "w2"))]


def test_curves_by_hand() -> None:
    pixels, seconds = curves(BOARD)  # the seeds of focal do not meet
    assert (pixels.name, pixels.field, pixels.kind) == (
        "ce-*-points",
        "supervision.0.count",
        "labelled pixels",
    )
    assert pixels.methods == ("ce-1-points", "ce-10-points", "ce-100-points")
    assert pixels.budgets == pytest.approx((10, 100, 1000))
    assert pixels.scores == pytest.approx((0.4, 0.68, 0.76))
    ninety, more = pixels.reach
    # Seed 0: 0.72 lies half way between 100 and 1000. Seed 1: 0.81 lies beyond.
    assert (ninety.outcome, ninety.below, ninety.beyond) == ("not in every seed", 0, 1)
    assert (more.outcome, more.beyond) == ("not in every seed", 1)  # seed 0 has 0.76 exactly
    assert (pixels.area.n, pixels.area.mean) == (2, pytest.approx((0.54 + 0.72) / 2))
    assert (seconds.kind, seconds.budgets) == ("annotation seconds", pytest.approx((9, 90, 900)))
    alone = board_of(BOARD.header, tuple(own for own in RECORDS if own["seed"] == 0))
    ninety = curves(alone)[0].reach[0]
    assert (ninety.outcome, ninety.budget) == ("reached", pytest.approx(10**2.5))
    assert math.isnan(ninety.low)


def test_a_setting_that_does_not_change_the_budget_makes_no_curve() -> None:
    noisy = [
        record(f"noise-{value}", 0, 0.5, 100, {"name": "points-per-image", "noise": value})
        for value in (0.0, 0.1)
    ]
    assert len(families(noisy)) == 1
    assert curves(board_of({"reference": "full", "methods": []}, (RECORDS[0], *noisy))) == ()


def test_what_has_no_cost_or_no_labels_makes_no_curve_of_that_kind() -> None:
    unknown = [
        record(f"odd-{count}", 0, 0.5, 10 * count, {"name": "odd", "count": count})
        for count in (1, 10)
    ]
    assert [
        curve.kind
        for curve in curves(board_of({"reference": "full", "methods": []}, (RECORDS[0], *unknown)))
    ] == ["labelled pixels"]
    grids = [
        record(f"grid-{cells}", 0, 0.5, 0, {"name": "proportions-grid", "cells": cells})
        for cells in (1, 4)
    ]
    for cells, own in zip((1, 4), grids, strict=True):
        own["ledger"]["supervisions"][0]["proportion_vectors"] = cells**2
    assert [
        curve.kind
        for curve in curves(board_of({"reference": "full", "methods": []}, (RECORDS[0], *grids)))
    ] == ["annotation seconds"]


def test_no_reference_no_curve() -> None:
    assert curves(board_of({"reference": "absent", "methods": []}, RECORDS)) == ()
    assert curves(board_of({"reference": "full", "methods": []}, ())) == ()


RECORDS_OF = ROOT / "leaderboards" / "records"


@pytest.mark.parametrize(
    ("name", "fields"), [("synthetic-density", {"supervision.0.count"}), ("smoke", set())]
)
def test_committed_boards_have_curves_where_a_scenario_sweeps_a_budget(
    name: str, fields: set[str]
) -> None:
    found = curves(read_board(RECORDS_OF / f"{name}.jsonl"))
    assert {curve.field for curve in found} == fields
    for curve in found:
        assert list(curve.budgets) == sorted(curve.budgets)
