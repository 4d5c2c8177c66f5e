"""How much annotation reaches a share of full supervision.

It is read off the measured budgets of one sweep of methods, never beyond them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.core.values import Floats
from harness.leaderboard.annotation_costs import CostModel, annotation_seconds, pixel_area
from harness.leaderboard.board import Board
from harness.leaderboard.scores import compute_miou
from harness.leaderboard.statistics import Spread, spread
from harness.leaderboard.sweeps import Sweep, find_sweeps
from harness.records.record import FinishedRecord, MethodAndSeed

Budget = Literal["labelled_pixels", "annotation_seconds"]
"""What is counted of an annotation."""

BUDGET_WORDS: Mapping[Budget, str] = {
    "labelled_pixels": "labelled pixels",
    "annotation_seconds": "annotation seconds",
}
"""What people call it, beside a number and along an axis."""

ReachOutcome = Literal["reached", "below the smallest budget", "not reached", "not in every seed"]

BudgetsOfRuns = Mapping[MethodAndSeed, float | None]
"""What was annotated for each run; None where that is not known."""

SHARES = (0.90, 0.95)

MIN_BUDGET_RATIO = 2.0
"""Make a curve only where the largest budget is at least so many times the smallest one. Methods
whose budgets are nearer together were not meant to differ in the amount of annotation."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The budget that reaches a share of full supervision."""

    share: float
    """The share of the reference's mIoU."""
    outcome: ReachOutcome
    """Whether every seed reaches it between two measured budgets, or what they do instead."""
    budget: float
    """The geometric mean over seeds; NaN unless the outcome is `reached`."""
    low: float
    """The low end of its 95 % interval; NaN as well with one seed."""
    high: float
    """The high end of its 95 % interval; NaN as well with one seed."""
    seeds: int
    """How many seeds there are."""
    below: int
    """How many of them reach the share with the smallest budget already."""
    beyond: int
    """How many of them do not reach it with any."""


@dataclass(frozen=True, slots=True)
class BudgetCurve:
    """Score against budget for the methods of one sweep, by rising budget."""

    name: str
    """The names of the methods as one."""
    field: str
    """The place of the number in which they differ."""
    kind: Budget
    """What the budget counts."""
    methods: tuple[str, ...]
    """Their names."""
    budgets: tuple[float, ...]
    """The budget of each, the geometric mean over seeds."""
    scores: tuple[float, ...]
    """The mIoU of each, the mean over seeds."""
    reach: tuple[Reach, ...]
    """The budget for each of `SHARES`."""
    area: Spread
    """The mean score over the measured range of the logarithm of the budget, over seeds."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """The finished runs of a board, by method and seed."""

    scores: Mapping[MethodAndSeed, float]
    """The mIoU of each run."""
    budgets: Mapping[Budget, BudgetsOfRuns]
    """What was annotated for each run."""

    def seeds_of(self, methods: Sequence[str]) -> list[int]:
        """Return the seeds that all these methods finished."""
        shared = []
        for seed in sorted({seed for _, seed in self.scores}):
            if all((method, seed) in self.scores for method in methods):
                shared.append(seed)
        return shared


def budget_curves(board: Board) -> tuple[BudgetCurve, ...]:
    """Return the curves of a board: of every sweep, one of each kind of budget that is known.

    Scores are mIoU; full supervision is the board's reference. Only seeds count that all methods of
    a sweep and the reference finished.
    """
    records = board.finished
    measurements = _measure(records, board.costs)
    curves = []
    for sweep in find_sweeps(records):
        for kind in BUDGET_WORDS:
            curve = _curve_of(sweep, kind, measurements, board.reference)
            if curve is not None:
                curves.append(curve)
    return tuple(curves)


def _measure(records: Sequence[FinishedRecord], costs: CostModel) -> Measurements:
    scores = {}
    pixels: dict[MethodAndSeed, float | None] = {}
    seconds: dict[MethodAndSeed, float | None] = {}
    for record in records:
        run = record.method_and_seed
        area = pixel_area(record.settings)
        scores[run] = compute_miou(record, record.confusion.total)
        pixels[run] = record.ledger.labelled_pixels
        seconds[run] = annotation_seconds(record.ledger, costs, area)
    return Measurements(scores, {"labelled_pixels": pixels, "annotation_seconds": seconds})


def _curve_of(
    sweep: Sweep, kind: Budget, measurements: Measurements, reference: str
) -> BudgetCurve | None:
    """Return the curve of a sweep.

    None where budgets are unknown or zero, span too little, or where the methods share no seed.
    """
    methods = sweep.methods
    seeds = measurements.seeds_of((*methods, reference))
    budgets = _budgets_by_seed(measurements.budgets[kind], methods, seeds)
    if budgets is None:
        return None
    # Geometric, since everything here is on the logarithm of the budget.
    mean_logs = np.log(budgets).mean(0)
    mean_budgets = np.exp(mean_logs)
    if mean_budgets.max() < MIN_BUDGET_RATIO * mean_budgets.min():
        return None
    scores = _scores_by_seed(measurements.scores, methods, seeds)
    mean_scores = scores.mean(0)
    reference_scores = np.array([measurements.scores[reference, seed] for seed in seeds])
    reaches = []
    for share in SHARES:
        crossings = find_crossings(budgets, scores, share * reference_scores)
        reaches.append(combine_crossings(share, crossings))
    order = np.argsort(mean_budgets, kind="stable")
    return BudgetCurve(
        name=sweep.name,
        field=sweep.field,
        kind=kind,
        methods=tuple(methods[index] for index in order),
        budgets=tuple(mean_budgets[order].tolist()),
        scores=tuple(mean_scores[order].tolist()),
        reach=tuple(reaches),
        area=spread(areas_under(budgets, scores).tolist()),
    )


def _budgets_by_seed(
    budgets: BudgetsOfRuns, methods: Sequence[str], seeds: Sequence[int]
) -> Floats | None:
    """Return budgets [S, B]; None without seeds, or where one is unknown or zero."""
    if not seeds:
        return None
    rows = []
    for seed in seeds:
        row = [budgets[method, seed] for method in methods]
        # Zero has no logarithm: methods that label no pixel have a curve against seconds alone.
        if not all(row):
            return None
        rows.append(row)
    return np.array(rows, np.float64)


def _scores_by_seed(
    scores: Mapping[MethodAndSeed, float], methods: Sequence[str], seeds: Sequence[int]
) -> Floats:
    """Return scores [S, B]."""
    rows = []
    for seed in seeds:
        rows.append([scores[method, seed] for method in methods])
    return np.array(rows)


def find_crossings(budgets: Floats, scores: Floats, targets: Floats) -> Floats:
    """Find the budget at which each of S curves reaches its target.

    Args:
        budgets: the measured budgets [S, B], in any order.
        scores: the score at each of them, [S, B].
        targets: the score to reach, [S].

    Returns:
        The budgets [S]; 0 where the smallest one reaches the target, infinite where none does.
    """
    crossings = []
    for seed_budgets, seed_scores, target in zip(budgets, scores, targets, strict=True):
        crossings.append(_find_crossing(seed_budgets, seed_scores, target))
    return np.array(crossings)


def _find_crossing(budgets: Floats, scores: Floats, target: float) -> float:
    """Find the budget at which one curve, of budgets and scores [B], reaches a target."""
    # Imported here, since most boards have no sweep; scikit-learn has it too, and loads slower.
    from scipy.optimize import isotonic_regression

    logs, ordered = _by_rising_budget(budgets, scores)
    # Scores are noisy, so a curve may pass the target, fall below it and pass it again. The first
    # crossing would come too early: the more budgets, the more chances to be lucky at a small one.
    # More annotation does not hurt, so the curve is first made the non-decreasing one that is
    # nearest by least squares (isotonic regression), which averages a peak with the dip after it.
    levels = isotonic_regression(ordered).x
    reaching = levels >= target
    if reaching[0]:
        return 0.0
    if not reaching[-1]:
        return math.inf
    above = int(reaching.argmax())
    below = above - 1
    # Between two budgets the score is linear in the logarithm.
    ends = [below, above]
    crossing = np.interp(target, levels[ends], logs[ends])
    return math.exp(crossing)


def _by_rising_budget(budgets: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Return the logarithms of budgets [B], and the scores with them, by rising budget."""
    order = np.argsort(budgets, kind="stable")
    return np.log(budgets[order]), scores[order]


def combine_crossings(share: float, crossings: Floats) -> Reach:
    """Combine the crossings [S] of all seeds; the interval is Student's t of their logarithms."""
    seeds = len(crossings)
    below = int((crossings == 0).sum())
    beyond = int(np.isinf(crossings).sum())
    outcome = _outcome(seeds, below, beyond)
    budget = math.nan
    low = math.nan
    high = math.nan
    # A mean over the seeds that do reach it would leave out those that need most.
    if outcome == "reached":
        logs = spread(np.log(crossings).tolist())
        budget = math.exp(logs.mean)
        low = math.exp(logs.interval.low)
        high = math.exp(logs.interval.high)
    return Reach(
        share=share,
        outcome=outcome,
        budget=budget,
        low=low,
        high=high,
        seeds=seeds,
        below=below,
        beyond=beyond,
    )


def _outcome(seeds: int, below: int, beyond: int) -> ReachOutcome:
    if below == beyond == 0:
        return "reached"
    if below == seeds:
        return "below the smallest budget"
    if beyond == seeds:
        return "not reached"
    return "not in every seed"


def areas_under(budgets: Floats, scores: Floats) -> Floats:
    """Return the area under each of S curves, divided by its range: the mean score.

    The area is that over the logarithm of the budget.

    Args:
        budgets: the measured budgets [S, B], in any order.
        scores: the score at each of them, [S, B].

    Returns:
        The mean scores [S].
    """
    areas = []
    for seed_budgets, seed_scores in zip(budgets, scores, strict=True):
        logs, heights = _by_rising_budget(seed_budgets, seed_scores)
        widths = np.diff(logs)
        sides = heights[1:] + heights[:-1]
        trapezoids = widths * sides / 2
        measured_range = logs[-1] - logs[0]
        areas.append(trapezoids.sum() / measured_range)
    return np.array(areas)
