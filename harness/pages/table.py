"""Tables as values, which Markdown and HTML show each in their way: cells that can be sorted,
shaded, or drawn as an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.leaderboard.statistics import Interval, Spread
from harness.pages import formats as cells


@dataclass(frozen=True, slots=True)
class Span:
    """An interval with single values in it, as positions from 0 to 100 on the scale of its
    column."""

    low: float
    middle: float
    high: float
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """An entry of a table: its text, the number to sort by, a shade from 0 to 1, small print, and
    an interval to draw."""

    text: str
    value: float | None = None
    shade: float | None = None
    note: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column names its lines. `words` are the columns that hold text, not
    numbers; about: paragraphs of plain text that explain it, in which backticks enclose code;
    points: a list below them, of plain text."""

    caption: str
    columns: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]
    words: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    points: tuple[str, ...] = ()


NOTHING = Cell(cells.DASH)


def cell(text: str, value: float | None) -> Cell:
    """Text sorted by a number; a dash where there is none."""
    return NOTHING if value is None or math.isnan(value) else Cell(text, value)


def number(value: float | None, digits: int = 1) -> Cell:
    """A number with so many decimals."""
    return cell(
        "" if value is None or math.isnan(value) else f"{value:,.{digits}f}".replace("-", "−"),
        value,
    )


def percent(value: float | None) -> Cell:
    """A fraction as a percentage."""
    return cell(cells.percent(value), value)


def shaded(value: float | None, text: str = "") -> Cell:
    """A fraction as a percentage, or as other text, on a ground as strong as it is."""
    return (
        NOTHING
        if value is None or math.isnan(value)
        else Cell(text or cells.percent(value), value, shade=round(value, 3))
    )


def within(value: float, interval: Interval) -> Cell:
    """A fraction as a percentage with its interval."""
    return cell(cells.within(cells.percent(value), interval), value)


def p_value(value: float) -> Cell:
    """A p value."""
    return cell(cells.p_value(value), value)


def spread(value: Spread) -> Cell:
    """A mean percentage ± its standard deviation over seeds."""
    return cell(cells.spread(value), value.mean)


def folded(table: Table) -> str:
    """The table as Markdown that a reader opens by a click."""
    lines = [[cells.text(each.text) for each in line] for line in table.lines]
    body = (
        [cells.table(lines, [*map(cells.text, table.columns)], words=table.words)] if lines else []
    )
    return cells.folded(
        table.caption,
        *body,
        *map(cells.prose, table.about),
        cells.bullets([*map(cells.text, table.points)]),
    )
