"""Budgets to reach a share of full supervision: curves by hand, and what intervals cover."""

from __future__ import annotations

import math
from typing import Any

import demo
import numpy as np
import pytest
from demo import board_of
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from harness.leaderboard.board import Board, read_board_file
from harness.leaderboard.budgets import (
    areas_under,
    budget_curves,
    combine_crossings,
    find_crossings,
)
from harness.leaderboard.sweeps import find_sweeps
from harness.records.record import FinishedRecord

BUDGETS = (1.0, 10.0, 100.0, 1000.0)


def crossing(scores: list[float], target: float, budgets: tuple[float, ...] | None = None) -> float:
    """The budget at which one curve reaches the target."""
    measured = budgets or BUDGETS[: len(scores)]
    crossings = find_crossings(np.array([measured]), np.array([scores]), np.array([target]))
    return float(crossings[0])


def test_between_two_budgets_the_score_is_linear_in_the_logarithm() -> None:
    assert crossing([0.2, 0.4, 0.6], 0.5) == pytest.approx(10**1.5)
    assert crossing([0.2, 0.4, 0.6], 0.4) == pytest.approx(10)


def test_nothing_is_read_beyond_what_was_measured() -> None:
    # The smallest budget reaches it.
    assert crossing([0.2, 0.4, 0.6], 0.2) == 0
    assert crossing([0.2, 0.4, 0.6], 0.61) == math.inf


def test_budgets_may_be_in_any_order() -> None:
    assert crossing([0.6, 0.2, 0.4], 0.5, (100, 1, 10)) == pytest.approx(10**1.5)


def test_an_early_peak_is_no_crossing() -> None:
    # 0.5 and 0.3 become 0.4 both, by isotonic regression.
    assert crossing([0.2, 0.5, 0.3, 0.6], 0.45) == pytest.approx(10**2.25)


@given(
    st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.floats(0.01, 1), st.floats(0.1, 100)
)
def test_a_crossing_lies_within_what_was_measured_and_scales_with_the_budget(
    scores: list[float], target: float, scale: float
) -> None:
    budgets = 3.0 ** np.arange(len(scores))
    budget = crossing(scores, target, tuple(budgets))
    scaled = crossing(scores, target, tuple(budgets * scale))
    assert scaled == pytest.approx(budget * scale, rel=1e-6)
    if budget not in (0, math.inf):
        smallest = budgets[0] * (1 - 1e-9)
        largest = budgets[-1] * (1 + 1e-9)
        assert smallest <= budget <= largest


def test_the_interval_is_students_of_the_logarithms() -> None:
    reach = combine_crossings(0.9, np.array([10.0, 1000.0]))
    # t of one degree of freedom, and the standard error of the two logarithms.
    t = 12.706205
    sd = math.log(100) / math.sqrt(2)
    half = t * sd / math.sqrt(2)
    assert reach.outcome == "reached"
    assert reach.seeds == 2
    assert reach.budget == pytest.approx(100)
    assert math.log(reach.high / 100) == pytest.approx(half)
    assert math.log(reach.low / 100) == pytest.approx(-half)


def test_outcomes() -> None:
    below = combine_crossings(0.9, np.array([0.0, 0.0]))
    assert below.outcome == "below the smallest budget"
    beyond = combine_crossings(0.9, np.array([math.inf]))
    assert beyond.outcome == "not reached"
    mixed = combine_crossings(0.9, np.array([0.0, 20.0, math.inf, math.inf]))
    assert mixed.outcome == "not in every seed"
    assert (mixed.below, mixed.beyond, mixed.seeds) == (1, 2, 4)
    assert math.isnan(mixed.budget)


def test_areas_by_hand() -> None:
    budgets = np.array([[1000.0, 1, 10]])
    scores = np.array([[0.6, 0.2, 0.4]])
    # Over log10 from 0 to 3: (0.2 + 0.4) / 2 over the first, (0.4 + 0.6) / 2 over the other two.
    area = 0.3 + 2 * 0.5
    assert areas_under(budgets, scores) == pytest.approx(area / 3)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "noise"), [(3, 0.01), (5, 0.01), (5, 0.05)])
def test_the_interval_covers_the_true_budget_in_95_of_100_experiments(
    seeds: int, noise: float
) -> None:
    """Scores rise by 0.1 from budget to budget; noise has a part that all methods of a seed share,
    full supervision too."""
    experiments = 8000
    generator = np.random.default_rng(0)
    budgets = np.array([1.0, 4, 16, 64, 256])
    shared = generator.normal(0, 0.03, (experiments, seeds, 1))
    true_scores = 0.3 + 0.1 * np.arange(5)
    noise_of_scores = generator.normal(0, noise, (experiments, seeds, 5))
    noise_of_full = generator.normal(0, noise, (experiments, seeds))
    scores = true_scores + shared + noise_of_scores
    full = 0.7 + shared[..., 0] + noise_of_full
    # 80 % of full supervision lies between the third budget, which scores 0.5, and the fourth.
    steps_above_the_third = (0.8 * 0.7 - 0.5) / 0.1
    truth = 16 * 4**steps_above_the_third
    budgets_of_seeds = np.tile(budgets, (seeds, 1))
    hits = []
    for experiment in range(experiments):
        targets = 0.8 * full[experiment]
        crossings = find_crossings(budgets_of_seeds, scores[experiment], targets)
        reach = combine_crossings(0.8, crossings)
        if reach.outcome == "reached":
            hits.append(reach.low <= truth <= reach.high)
    assert len(hits) > 0.9 * experiments
    assert np.mean(hits) == pytest.approx(0.95, abs=0.01)


def run(
    method: str, seed: int, miou: float, pixels: int, supervision: dict[str, Any]
) -> FinishedRecord:
    """Return a run that was tested on 1000 pixels of a class.

    Args:
        method: the name of the method.
        seed: the seed.
        miou: the share of the pixels that it finds.
        pixels: how many pixels were labelled.
        supervision: what labelled them: its name and fields.
    """
    right = round(1000 * miou)
    fields = demo.record(method, seed, [[right, 1000 - right], [0, 0]], pixels, 1.0, "a")
    annotation = {
        "supervision": supervision["name"],
        "units": 10,
        "units_without_labels": 0,
        "labelled_pixels": pixels,
        "labelled_pixels_by_class": [pixels],
        "proportion_vectors": 0,
        "tag_vectors": 0,
    }
    fields["ledger"] |= {"scenes": 10, "patches": 10, "supervisions": [annotation]}
    fields["settings"] |= {"supervision": [supervision], "loss": [{"name": "ce"}]}
    return FinishedRecord.model_validate(fields)


def with_losses(finished: FinishedRecord, *losses: dict[str, Any]) -> FinishedRecord:
    """Return the run with other terms of its objective."""
    settings = finished.settings.changed(loss=list(losses))
    return finished.changed(settings=settings.as_json())


def full(seed: int, miou: float) -> FinishedRecord:
    return run("full", seed, miou, 100_000, {"name": "full", "unit": "patch"})


def points(count: int, seed: int, miou: float, loss: str = "ce") -> FinishedRecord:
    supervision = {"name": "points-per-image", "count": count, "unit": "scene"}
    finished = run(f"{loss}-{count}-points", seed, miou, 10 * count, supervision)
    return with_losses(finished, {"name": loss})


def board(*records: FinishedRecord, reference: str = "full") -> Board:
    return board_of({"reference": reference, "methods": [], "published": None}, records)


RECORDS = (
    full(0, 0.8),
    full(1, 0.9),
    points(100, 0, 0.76),
    points(1, 0, 0.4),
    points(10, 0, 0.68),
    points(100, 1, 0.76),
    points(1, 1, 0.4),
    points(10, 1, 0.68),
    # The seeds of focal do not meet, so it has no curve.
    points(1, 0, 0.5, "focal"),
    points(10, 1, 0.6, "focal"),
)


def test_the_methods_of_a_sweep_differ_in_one_number() -> None:
    assert find_sweeps(RECORDS) == [
        ("supervision.0.count", ("ce-100-points", "ce-1-points", "ce-10-points")),
        ("supervision.0.count", ("focal-1-points", "focal-10-points")),
    ]


def test_a_loss_can_be_swept() -> None:
    records = []
    for weight in (1, 2):
        finished = run(f"w{weight}", 0, 0.5, 10, {"name": "points"})
        size = {"name": "size", "weight": float(weight)}
        records.append(with_losses(finished, {"name": "ce"}, size))
    assert find_sweeps(records) == [("loss.1.weight", ("w1", "w2"))]


def test_curves_by_hand() -> None:
    pixels, seconds = budget_curves(board(*RECORDS))
    assert pixels.name == "ce-*-points"
    assert pixels.field == "supervision.0.count"
    assert pixels.methods == ("ce-1-points", "ce-10-points", "ce-100-points")
    assert pixels.kind == "labelled_pixels"
    assert pixels.budgets == pytest.approx((10, 100, 1000))
    assert seconds.kind == "annotation_seconds"
    assert seconds.budgets == pytest.approx((9, 90, 900))
    assert pixels.scores == pytest.approx((0.4, 0.68, 0.76))
    # The mean of 0.4 and 0.68, and that of 0.68 and 0.76.
    assert pixels.area.n == 2
    assert pixels.area.mean == pytest.approx((0.54 + 0.72) / 2)


def test_a_share_that_some_seeds_reach_has_no_budget() -> None:
    ninety, more = budget_curves(board(*RECORDS))[0].reach
    # Seed 0: 0.72 lies half way between 100 and 1000. Seed 1: 0.81 lies beyond.
    assert (ninety.outcome, ninety.below, ninety.beyond) == ("not in every seed", 0, 1)
    # 95 % of 0.8 is 0.76, which seed 0 has exactly.
    assert (more.outcome, more.beyond) == ("not in every seed", 1)


def test_one_seed_has_a_budget_without_an_interval() -> None:
    first_seed = [record for record in RECORDS if record.seed == 0]
    ninety = budget_curves(board(*first_seed))[0].reach[0]
    assert ninety.outcome == "reached"
    assert ninety.budget == pytest.approx(10**2.5)
    assert math.isnan(ninety.low)


def test_a_setting_that_does_not_change_the_budget_makes_no_curve() -> None:
    noisy = []
    for percent in (0, 10):
        supervision = {"name": "points-per-image", "noise": percent / 100}
        noisy.append(run(f"noise-{percent}", 0, 0.5, 100, supervision))
    assert len(find_sweeps(noisy)) == 1
    assert budget_curves(board(RECORDS[0], *noisy)) == ()


def test_what_has_no_cost_makes_no_curve_of_seconds() -> None:
    unknown = []
    for count in (1, 10):
        supervision = {"name": "odd", "count": count}
        unknown.append(run(f"odd-{count}", 0, 0.5, 10 * count, supervision))
    (curve,) = budget_curves(board(RECORDS[0], *unknown))
    assert curve.kind == "labelled_pixels"


def test_what_has_no_labelled_pixels_makes_no_curve_of_them() -> None:
    grids = []
    for cells in (1, 4):
        supervision = {"name": "proportions-grid", "cells": cells}
        grid = run(f"grid-{cells}", 0, 0.5, 0, supervision)
        assert grid.ledger.supervisions is not None
        annotation = grid.ledger.supervisions[0].changed(proportion_vectors=cells**2)
        ledger = grid.ledger.changed(supervisions=[annotation.as_json()])
        grids.append(grid.changed(ledger=ledger.as_json()))
    (curve,) = budget_curves(board(RECORDS[0], *grids))
    assert curve.kind == "annotation_seconds"


def test_no_reference_no_curve() -> None:
    assert budget_curves(board(*RECORDS, reference="absent")) == ()
    assert budget_curves(board()) == ()


RECORDS_OF = ROOT / "leaderboards" / "records"


@pytest.mark.parametrize(
    ("name", "fields"), [("synthetic-density", {"supervision.0.count"}), ("smoke", set())]
)
def test_committed_boards_have_curves_where_a_scenario_sweeps_a_budget(
    name: str, fields: set[str]
) -> None:
    curves = budget_curves(read_board_file(RECORDS_OF / f"{name}.jsonl"))
    assert {curve.field for curve in curves} == fields
    for curve in curves:
        assert list(curve.budgets) == sorted(curve.budgets)
