"""What a drawing of a board shows, whatever draws it: mIoU against annotation, a line per family of
methods. Pure: no drawing library.

Scores are fractions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.leaderboard import sweeps as families
from harness.leaderboard.board import Board
from harness.leaderboard.rows import FLOOR, Row

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours that colour-blind readers tell apart (Okabe and Ito, "Color Universal Design", 2008), the
strongest on white first."""


@dataclass(frozen=True, slots=True)
class Point:
    """A method at its budget: mean over n seeds, from `low` to `high` its 95 % interval (NaN below
    two seeds).

    published: the mIoU that a source reports for it. aside: its place among points that would cover
    one another, centred on 0 (-1, 0, 1, or -0.5, 0.5), in steps of whatever width the drawing
    likes; 0 where it is alone.
    """

    method: str
    budget: float
    mean: float
    low: float
    high: float
    n: int
    published: float | None
    aside: float


@dataclass(frozen=True, slots=True)
class Family:
    """Methods that differ in a number, by budget; or one method."""

    name: str
    points: tuple[Point, ...]

    @property
    def joined(self) -> bool:
        """Whether a line through the points means something: their budgets differ."""
        return len({point.budget for point in self.points}) > 1


@dataclass(frozen=True, slots=True)
class Level:
    """A score to compare with, drawn as a line across. budget: that of labels everywhere, NaN where
    it has others."""

    name: str
    mean: float
    budget: float


@dataclass(frozen=True, slots=True)
class Curve:
    """mIoU against a budget above 0. omitted: methods with a score that have no place on the
    axis."""

    budget: str
    families: tuple[Family, ...]
    reference: Level | None
    floor: Level | None
    omitted: tuple[str, ...]

    @property
    def points(self) -> tuple[Point, ...]:
        """The points of all families."""
        return tuple(point for family in self.families for point in family.points)

    @property
    def scores(self) -> tuple[float, float]:
        """The lowest and highest score to show (see `span`)."""
        shown = [
            value
            for point in self.points
            for value in (point.mean, point.low, point.high, point.published)
        ]
        shown += [self.reference.mean] if self.reference else []
        return span(
            [value for value in shown if value is not None],
            self.floor.mean if self.floor else math.nan,
        )

    @property
    def budgets(self) -> tuple[float, float]:
        """The decimal logarithms between which all budgets lie: a factor of 4 at least, with room
        for markers at both ends."""
        values = [math.log10(point.budget) for point in self.points]
        width = max(values) - min(values)
        room = max(0.08 * width, (0.6 - width) / 2)
        return min(values) - room, max(values) + room


def span(values: Sequence[float], floor: float) -> tuple[float, float]:
    """The lowest and highest score of an axis, in 0 to 1, that shows these values (NaN is none).

    A floor that is further below them than they are apart would leave less than half of the axis to
    them: it is left off.
    """
    inside = [min(max(value, 0.0), 1.0) for value in values if not math.isnan(value)]
    low, high = min(inside), max(inside)
    return (min(low, floor) if floor >= low - (high - low) else low), high


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high, both above 0: powers of ten where these are three or more,
    else more numbers between them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for factors in ((1,), (1, 2, 5), range(1, 10)):
        ticks = [
            tick
            for power in powers
            for factor in factors
            if low <= (tick := factor * 10.0**power) <= high
        ]
        if len(ticks) > 2:
            break
    return ticks


def amount(value: float) -> str:
    """A tick's number, for people."""
    return (
        f"{value / 1e6:g} M"
        if round(value) >= 1e6
        else f"{value:,.0f}"
        if value >= 1
        else f"{value:g}"
    )


def curve(table: Sequence[Row], board: Board, budget: str = "labelled_pixels") -> Curve | None:
    """The curve of a board's rows over one of their fields.

    None where fewer than two methods with partial labels have a budget above 0. Of what a source
    published, the mIoU is shown.
    """
    scored = [row for row in table if row.scores.mean_miou.n]
    drawn = [
        row for row in scored if _budget(row, budget) > 0 and row.annotation.labelled_share < 1
    ]
    if len(drawn) < 2:
        return None
    aside = dict(
        zip(
            (row.method for row in drawn),
            _aside([_budget(row, budget) for row in drawn]),
            strict=True,
        )
    )

    def point(row: Row) -> Point:
        published = row.reproduction.published.get("miou")
        return Point(
            row.method,
            _budget(row, budget),
            row.scores.mean_miou.mean,
            *row.scores.mean_miou.interval,
            row.scores.mean_miou.n,
            published,
            aside[row.method],
        )

    by_name = {row.method: point(row) for row in drawn}
    grouped = families.choose_lines(
        families.find_sweeps(board.finished),
        {name: found.budget for name, found in by_name.items()},
    )
    levels = {
        row.method: Level(
            row.method,
            row.scores.mean_miou.mean,
            _budget(row, budget) if row.annotation.labelled_share == 1 else math.nan,
        )
        for row in scored
    }
    shown = {*by_name, board.header["reference"], FLOOR}
    return Curve(
        budget=budget,
        families=tuple(
            Family(
                one.name,
                tuple(
                    sorted(
                        (by_name[method] for method in one.methods), key=lambda found: found.budget
                    )
                ),
            )
            for one in grouped
        ),
        reference=levels.get(board.header["reference"]),
        floor=levels.get(FLOOR),
        omitted=tuple(row.method for row in scored if row.method not in shown),
    )


def _aside(budgets: Sequence[float]) -> list[float]:
    near = [round(math.log10(budget), 1) for budget in budgets]
    places = []
    for index, place in enumerate(near):
        others = sorted((budgets[other], other) for other, same in enumerate(near) if same == place)
        places.append(others.index((budgets[index], index)) - (len(others) - 1) / 2)
    return places


def _budget(row: Row, budget: str) -> float:
    return (
        row.annotation.seconds if budget == "annotation_seconds" else row.annotation.labelled_pixels
    )
