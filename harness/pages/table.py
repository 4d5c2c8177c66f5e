"""Tables as values: Markdown and HTML show the same ones, each in its own way."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.leaderboard.statistics import DASH, Interval, Spread
from harness.pages import formats


@dataclass(frozen=True, slots=True)
class SeedPlot:
    """A drawing within a cell: an interval, its mean, and a dot for each seed.

    All are positions from 0 to 100 on the scale of the column.
    """

    low: float
    middle: float
    high: float
    seeds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """An entry of a table."""

    text: str
    value: float | None = None
    """The number to sort by."""
    shade: float | None = None
    """How strong the ground is, from 0 to 1."""
    note: str = ""
    """Small print below the text."""
    plot: SeedPlot | None = None
    """Drawn in place of the text, where drawings are possible."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column names its lines."""

    caption: str
    columns: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]
    words: tuple[str, ...] = ()
    """The columns that hold text, not numbers."""
    about: tuple[str, ...] = ()
    """Paragraphs of plain text that explain the table; backticks enclose code."""
    points: tuple[str, ...] = ()
    """A list below the paragraphs, of plain text."""


NOTHING = Cell(DASH)
"""The entry where there is no number."""


def number_cell(value: float | None, digits: int = 1) -> Cell:
    """Make an entry of a number with so many decimals."""
    return sorted_cell(formats.format_number(value, digits, thousands=True), value)


def percent_cell(value: float | None) -> Cell:
    """Make an entry of a fraction, shown as a percentage."""
    return sorted_cell(formats.format_percent(value), value)


def shaded_cell(value: float | None, text: str = "") -> Cell:
    """Make an entry whose ground is as strong as a fraction; its text is the percentage, or another
    one that is given."""
    if value is None or math.isnan(value):
        return NOTHING
    return Cell(text or formats.format_percent(value), value, shade=round(value, 3))


def interval_cell(value: float, interval: Interval) -> Cell:
    """Make an entry of a fraction with its interval, in percent."""
    return sorted_cell(formats.format_interval(formats.format_percent(value), interval), value)


def p_value_cell(value: float) -> Cell:
    """Make an entry of a p value."""
    return sorted_cell(formats.format_p_value(value), value)


def spread_cell(value: Spread) -> Cell:
    """Make an entry of a mean percentage ± its standard deviation over seeds."""
    return sorted_cell(formats.format_spread(value), value.mean)


def sorted_cell(text: str, value: float | None) -> Cell:
    """Make an entry of a text that is sorted by a number, or a dash where there is no number."""
    if value is None or math.isnan(value):
        return NOTHING
    return Cell(text, value)
