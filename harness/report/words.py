"""The values that a report's templates show: tables, whose cells can be sorted, shaded, or drawn as an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness import cells


@dataclass(frozen=True, slots=True)
class Span:
    """An interval with single values in it, as positions from 0 to 100 on the scale of its column."""

    low: float
    middle: float
    high: float
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """An entry of a table: its text, the number to sort by, a shade from 0 to 1, small print, and an interval to draw."""

    text: str
    value: float | None = None
    shade: float | None = None
    note: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column names its lines. `words` are the columns that hold text, not numbers."""

    caption: str
    columns: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]
    words: tuple[str, ...] = ()


NOTHING = Cell(cells.DASH)


def cell(text: str, value: float | None) -> Cell:
    """Text sorted by a number; a dash where there is none."""
    return NOTHING if value is None or math.isnan(value) else Cell(text, value)


def number(value: float | None, digits: int = 1) -> Cell:
    """A number with so many decimals."""
    return cell("" if value is None or math.isnan(value) else f"{value:,.{digits}f}", value)


def percent(value: float | None) -> Cell:
    """A fraction as a percentage."""
    return cell(cells.percent(value), value)


def shaded(value: float | None) -> Cell:
    """A fraction as a percentage on a ground as strong as it is."""
    return NOTHING if value is None or math.isnan(value) else Cell(cells.percent(value), value, shade=round(value, 3))
