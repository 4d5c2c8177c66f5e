"""How much annotation reaches a share of full supervision: read off the measured budgets of one
family of methods, never beyond them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.leaderboard.annotation_costs import CostModel, annotation_seconds, scale
from harness.leaderboard.board import Board
from harness.leaderboard.rows import finished
from harness.leaderboard.scores import counted, miou
from harness.leaderboard.statistics import Spread, spread
from harness.leaderboard.sweeps import Sweep, find_sweeps

Floats = NDArray[np.float64]


Kind = Literal["labelled pixels", "annotation seconds"]


Outcome = Literal["reached", "below the smallest budget", "not reached", "not in every seed"]


Result = tuple[str, int]
"""A method's name and a seed."""


KINDS: tuple[Kind, ...] = ("labelled pixels", "annotation seconds")


SHARES = (0.90, 0.95)


SPAN = 2.0
"""How many times the smallest budget the largest one must be: below, a setting is not about the
amount of annotation."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The budget that reaches a share of full supervision.

    budget: geometric mean over seeds; low and high: its 95 % interval. NaN unless every seed
    reaches the share between two measured budgets; the interval also with one seed. Of `seeds`,
    `below` reach it with the smallest budget already and `beyond` not with any.
    """

    share: float
    outcome: Outcome
    budget: float
    low: float
    high: float
    seeds: int
    below: int
    beyond: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Score against budget for one family (see `families`), by rising budget.

    name: its methods' names as one; field: the place of the number in which they differ. budgets:
    geometric means over seeds, scores: means. area: the mean score over the measured range of the
    logarithm of the budget, in each seed.
    """

    name: str
    field: str
    kind: Kind
    methods: tuple[str, ...]
    budgets: tuple[float, ...]
    scores: tuple[float, ...]
    reach: tuple[Reach, ...]
    area: Spread


def curves(board: Board) -> tuple[Curve, ...]:
    """The curves of a board: for every family one against labelled pixels and one against
    annotation seconds, where both are known.

    Scores are mIoU; full supervision is the board's reference. Only seeds count that all methods of
    a family and the reference finished.
    """
    done = finished(board)
    scores = {(record["method"], record["seed"]): miou(record, counted(record)) for record in done}
    spent = {
        kind: {(own["method"], own["seed"]): _budget(kind, own, board.costs) for own in done}
        for kind in KINDS
    }
    found = []
    for family in find_sweeps(done):
        for kind in KINDS:
            curve = _curve(family, kind, spent[kind], scores, board.header["reference"])
            found += [curve] if curve else []
    return tuple(found)


def _curve(
    family: Sweep,
    kind: Kind,
    spent: Mapping[Result, float | None],
    scored: Mapping[Result, float],
    reference: str,
) -> Curve | None:
    """The curve of a family; None where budgets are unknown or zero, span too little, or share no
    seed."""
    methods = family.methods
    seeds = sorted(
        {
            seed
            for _, seed in scored
            if all((method, seed) in scored for method in (*methods, reference))
        }
    )
    used = [[spent[method, seed] for method in methods] for seed in seeds]
    if not seeds or not all(value for row in used for value in row):
        return None
    budgets = np.array(used, np.float64)
    means = np.exp(np.log(budgets).mean(0))
    order = np.argsort(means, kind="stable")
    if means.max() < SPAN * means.min():
        return None
    scores = np.array([[scored[method, seed] for method in methods] for seed in seeds])
    full = np.array([scored[reference, seed] for seed in seeds])
    return Curve(
        name=family.name,
        field=family.field,
        kind=kind,
        methods=tuple(methods[index] for index in order),
        budgets=tuple(means[order].tolist()),
        scores=tuple(scores.mean(0)[order].tolist()),
        reach=tuple(reached(share, crossings(budgets, scores, share * full)) for share in SHARES),
        area=spread(areas(budgets, scores).tolist()),
    )


def _budget(kind: Kind, record: Mapping[str, Any], model: CostModel) -> float | None:
    ledger = record["ledger"]
    return (
        ledger["labelled_pixels"]
        if kind == "labelled pixels"
        else annotation_seconds(ledger, model, scale(record["settings"]))
    )


def crossings(budgets: Floats, scores: Floats, targets: Floats) -> Floats:
    """The budget at which each of S curves reaches its target, [S]; 0 where the smallest one does,
    infinite where none does.

    budgets, scores [S, B], targets [S]. Scores are first made non-decreasing in the budget by least
    squares (isotonic regression), since of noisy scores the first one above the target would come
    too early; between two budgets the score is linear in the logarithm.
    """
    logs, ordered = _ascending(budgets, scores)
    levels = non_decreasing(ordered)
    reaching = levels >= targets[:, None]
    above = reaching.argmax(1)[:, None]
    before = np.maximum(above - 1, 0)
    (low, high), (start, end) = (
        [np.take_along_axis(values, index, 1)[:, 0] for index in (before, above)]
        for values in (levels, logs)
    )
    rise = np.where(high > low, high - low, 1.0)
    found = np.exp(start + (targets - low) / rise * (end - start))
    return np.select([reaching[:, 0], ~reaching.any(1)], [0.0, math.inf], found)


def _ascending(budgets: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Logarithms of budgets and the scores with them, each row by rising budget."""
    order = np.argsort(budgets, axis=1, kind="stable")
    return np.log(np.take_along_axis(budgets, order, 1)), np.take_along_axis(scores, order, 1)


def non_decreasing(values: Floats) -> Floats:
    """Each row of [S, B] as its nearest non-decreasing one: the i-th is max over j <= i of min over
    k >= i of the mean of j..k."""
    count = values.shape[1]
    sums = np.concatenate([np.zeros((len(values), 1)), values.cumsum(1)], 1)
    first, last = np.arange(count)[:, None], np.arange(count)
    lengths = np.where(last >= first, last - first + 1, 1)
    means = np.where(last >= first, (sums[:, None, 1:] - sums[:, :-1, None]) / lengths, math.inf)
    lowest = np.minimum.accumulate(means[:, :, ::-1], axis=2)[:, :, ::-1]
    fitted: Floats = np.where(last >= first, lowest, -math.inf).max(1)
    return fitted


def reached(share: float, found: Floats) -> Reach:
    """What the crossings of all seeds [S] come to; the interval is Student's t of their
    logarithms."""
    below, beyond, seeds = int((found == 0).sum()), int(np.isinf(found).sum()), len(found)
    if below or beyond:
        outcome: Outcome = (
            "below the smallest budget"
            if below == seeds
            else "not reached"
            if beyond == seeds
            else "not in every seed"
        )
        return Reach(share, outcome, math.nan, math.nan, math.nan, seeds, below, beyond)
    logs = spread(np.log(found).tolist())
    low, high = (math.exp(end) for end in logs.interval)
    return Reach(share, "reached", math.exp(logs.mean), low, high, seeds, below, beyond)


def areas(budgets: Floats, scores: Floats) -> Floats:
    """The area under each of S curves over the logarithm of the budget, divided by its range: the
    mean score [S]. [S, B] both."""
    logs, levels = _ascending(budgets, scores)
    area: Floats = (np.diff(logs) * (levels[:, 1:] + levels[:, :-1]) / 2).sum(1) / (
        logs[:, -1] - logs[:, 0]
    )
    return area
