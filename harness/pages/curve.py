"""What a drawing of a board shows, whatever draws it: mIoU against annotation.

Methods that differ in one number are a family, and joined by a line. Scores are fractions.

Nothing here knows a drawing library: the SVG beside a page, the figures for a paper, and the charts
of a report are three renderers of the same values, with the same colours and markers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.budgets import Budget
from harness.leaderboard.rows import CONSTANT, Row
from harness.leaderboard.sweeps import choose_lines, find_sweeps

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours that colour-blind readers tell apart (Okabe and Ito, "Color Universal Design", 2008), the
strongest on white first."""

DARK_PALETTE = ("#56B4E9", "#E8743B", "#2DB88B", "#D98CBB", "#E69F00", "#8FB8F0")
"""The palette on a dark ground."""

Marker = Literal["circle", "square", "triangle", "diamond"]

MARKERS: tuple[Marker, ...] = ("circle", "square", "triangle", "diamond")

ROOM_BESIDE_POINTS = 0.08
"""Share of the distance between the outermost budgets that is left free at each end of an axis."""

LEAST_DECADES = 0.6
"""How long an axis of budgets is at least: the decimal logarithm of 4."""
"""What methods are drawn against."""


@dataclass(frozen=True, slots=True)
class DrawnPoint:
    """A method at its budget."""

    method: str
    budget: float
    mean: float
    low: float
    """The lower end of the 95 % interval over seeds; NaN below two seeds."""
    high: float
    n: int
    """How many seeds there are."""
    published: float | None
    """The mIoU that a source reports."""
    aside: float = 0.0
    """The place among points that would cover one another, centred on 0: -1, 0, 1, or -0.5, 0.5. In
    steps of whatever width the drawing likes; 0 where the point is alone."""


@dataclass(frozen=True, slots=True)
class DrawnFamily:
    """Methods that differ in a number, by budget; or one method."""

    name: str
    points: tuple[DrawnPoint, ...]
    color: int
    """The place in a palette."""
    marker: Marker

    @property
    def is_line(self) -> bool:
        """Whether a line through the points means something: their budgets differ."""
        return len({point.budget for point in self.points}) > 1


@dataclass(frozen=True, slots=True)
class DrawnLevel:
    """A score to compare with, drawn as a line across."""

    name: str
    mean: float
    budget: float
    """The budget of a method that labels every pixel; NaN for any other method."""

    @property
    def is_constant(self) -> bool:
        """Whether it is the score of the most frequent class, not of the reference."""
        return self.name == CONSTANT


@dataclass(frozen=True, slots=True)
class DrawnCurve:
    """mIoU against a budget above 0. A legend lists families, then published scores, then
    levels."""

    budget: Budget
    families: tuple[DrawnFamily, ...]
    reference: DrawnLevel | None
    constant: DrawnLevel | None
    """The score of the most frequent class."""
    omitted: tuple[str, ...]
    """Methods with a score that have no place on the axis."""

    @property
    def levels(self) -> list[DrawnLevel]:
        """The reference and the most frequent class, where they have a score."""
        return [level for level in (self.reference, self.constant) if level is not None]

    @property
    def points(self) -> list[DrawnPoint]:
        """The points of all families."""
        points: list[DrawnPoint] = []
        for family in self.families:
            points += family.points
        return points

    @property
    def has_published(self) -> bool:
        """Whether a source reports a score of one of the methods."""
        return any(point.published is not None for point in self.points)

    @property
    def has_intervals(self) -> bool:
        """Whether a method has more than one seed."""
        return any(point.n > 1 for point in self.points)

    @property
    def score_range(self) -> tuple[float, float]:
        """The lowest and highest score to show, see `choose_score_range`."""
        scores: list[float] = []
        for point in self.points:
            scores += [point.mean, point.low, point.high]
            if point.published is not None:
                scores.append(point.published)
        if self.reference is not None:
            scores.append(self.reference.mean)
        constant = math.nan if self.constant is None else self.constant.mean
        return choose_score_range(scores, constant)

    @property
    def log_budget_range(self) -> tuple[float, float]:
        """The decimal logarithms between which all budgets lie.

        They are a factor of 4 apart at least, with room for markers at both ends.
        """
        logs = [math.log10(point.budget) for point in self.points]
        width = max(logs) - min(logs)
        # Without a least width, equal budgets would have no axis at all.
        room = max(ROOM_BESIDE_POINTS * width, (LEAST_DECADES - width) / 2)
        return min(logs) - room, max(logs) + room


def make_curve(table: TrackTable, budget: Budget = "labelled_pixels") -> DrawnCurve | None:
    """Make the curve of a track, or None where fewer than two methods have a place on it.

    A method has one if it has a score, a budget above 0, and pixels without a label: labels
    everywhere are the level of the reference, not a point.
    """
    scored = [row for row in table.rows if row.scores.mean_miou.n]
    drawn = []
    for row in scored:
        # A budget that is not known is NaN, and not above 0.
        if _budget_of(row, budget) > 0 and row.annotation.labelled_share < 1:
            drawn.append(row)
    # One point is a number, which the table says better.
    if len(drawn) < 2:
        return None
    asides = _place_aside([_budget_of(row, budget) for row in drawn])
    points = {}
    for row, aside in zip(drawn, asides, strict=True):
        points[row.method] = _make_point(row, budget, aside)
    levels = {row.method: _make_level(row, budget) for row in scored}
    reference = table.board.reference
    omitted = []
    for method in levels:
        if method not in points and method not in (reference, CONSTANT):
            omitted.append(method)
    return DrawnCurve(
        budget=budget,
        families=_make_families(table, points),
        reference=levels.get(reference),
        constant=levels.get(CONSTANT),
        omitted=tuple(omitted),
    )


def choose_score_range(scores: Sequence[float], constant: float) -> tuple[float, float]:
    """Choose the lowest and highest score of an axis, in 0 to 1.

    Args:
        scores: what it must show; NaN is none.
        constant: the score of the most frequent class, which it shows if there is room: one that is
            further below the scores than they are apart would leave less than half of the axis to
            them, and is left off.
    """
    known = [score for score in scores if not math.isnan(score)]
    # An interval may leave the scores there are.
    low = max(0.0, min(1.0, min(known)))
    high = max(0.0, min(1.0, max(known)))
    has_room = constant >= low - (high - low)
    if has_room:
        low = min(low, constant)
    return low, high


def choose_log_ticks(low: float, high: float) -> list[float]:
    """Choose round numbers from low to high, both above 0.

    They are powers of ten where these are three or more, else more numbers between them.
    """
    ticks: list[float] = []
    for factors in ((1,), (1, 2, 5), range(1, 10)):
        ticks = _multiply_powers(factors, low, high)
        if len(ticks) > 2:
            break
    return ticks


def _multiply_powers(factors: Iterable[int], low: float, high: float) -> list[float]:
    """List the products of powers of ten and factors that are from low to high."""
    products = []
    first = math.floor(math.log10(low))
    last = math.ceil(math.log10(high))
    for power in range(first, last + 1):
        for factor in factors:
            product = factor * 10.0**power
            if low <= product <= high:
                products.append(product)
    return products


def format_tick(value: float) -> str:
    """Write the number of a tick for people."""
    if round(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def shorten(text: str, limit: int) -> str:
    """Cut text to so many characters, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _make_point(row: Row, budget: Budget, aside: float) -> DrawnPoint:
    score = row.scores.mean_miou
    return DrawnPoint(
        method=row.method,
        budget=_budget_of(row, budget),
        mean=score.mean,
        low=score.interval.low,
        high=score.interval.high,
        n=score.n,
        published=row.reproduction.published.get("miou"),
        aside=aside,
    )


def _make_level(row: Row, budget: Budget) -> DrawnLevel:
    labels_all = row.annotation.labelled_share == 1
    return DrawnLevel(
        name=row.method,
        mean=row.scores.mean_miou.mean,
        budget=_budget_of(row, budget) if labels_all else math.nan,
    )


def _make_families(table: TrackTable, points: Mapping[str, DrawnPoint]) -> tuple[DrawnFamily, ...]:
    """Put the points of methods that differ in one number into families."""
    budgets = {method: point.budget for method, point in points.items()}
    sweeps = choose_lines(find_sweeps(table.board.finished), budgets)
    drawn = []
    for index, sweep in enumerate(sweeps):
        members = [points[method] for method in sweep.methods]
        members.sort(key=lambda point: point.budget)
        # Six colours and four markers have the factor two in common: twelve pairs, then again.
        color = index % len(PALETTE)
        marker = MARKERS[index % len(MARKERS)]
        drawn.append(DrawnFamily(sweep.name, tuple(members), color, marker))
    return tuple(drawn)


def _place_aside(budgets: Sequence[float]) -> list[float]:
    """Give budgets whose decimal logarithms round to the same tenth places beside each other."""
    tenths = [round(math.log10(budget), 1) for budget in budgets]
    places = []
    for index, tenth in enumerate(tenths):
        near = []
        for other, budget in enumerate(budgets):
            if tenths[other] == tenth:
                # The index decides between equal budgets, so that no two have the same place.
                near.append((budget, other))
        place = sorted(near).index((budgets[index], index))
        places.append(place - (len(near) - 1) / 2)
    return places


def _budget_of(row: Row, budget: Budget) -> float:
    if budget == "annotation_seconds":
        return row.annotation.seconds
    return row.annotation.labelled_pixels
