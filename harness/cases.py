"""The rows of a published table as scores with the ranges that their rounding leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.headings import Heading, Measure, class_column, heading, mean_row, spread_heading, titled
from harness.relations import Range
from harness.tables import Line, Printed, Table, printed


@dataclass(frozen=True, slots=True)
class Entry:
    """A score as printed: its column and line, its text, its range as a fraction, and the factor that makes a fraction of it."""

    column: str
    line: int
    text: str
    range: Range
    scale: float

    @property
    def digits(self) -> int:
        """Digits after the point, as printed."""
        found = printed(self.text)
        return max(0, round(-math.log10(2 * found.half))) if found else 0


@dataclass(frozen=True, slots=True)
class Case:
    """What a table says about one configuration: the texts of its row by column, and its scores."""

    table: Table
    line: int
    texts: Mapping[str, str]
    scores: Mapping[Heading, Entry]

    @property
    def name(self) -> str:
        """Its first texts; a number with the name of its column."""
        texts = [f"{column} {text}" if printed(text) else text for column, text in self.texts.items() if text]
        return ", ".join(texts[:3]) or "without a name"


def cases(table: Table, per_class: Measure | None = None) -> list[Case]:
    """The rows of a table that have scores. Rows of a table with a column of classes are one case for each of its other texts.

    per_class: the score that columns hold which are named after classes alone; without it, the title may say so.
    """
    found = _score_columns(table, per_class)
    spreads = {index: spread_heading(column) for index, column in enumerate(table.columns) if _numeric(table, index)}
    beside = {own: index for index, own in spreads.items() if own and own in found.values() and index not in found}
    scales = _scales(table, found)
    texts = [index for index in range(len(table.columns)) if index not in found and index not in beside.values()]
    by_class = next((index for index in texts if class_column(table.columns[index])), None)
    rows = []
    for line in table.lines:
        scores = {}
        for index, own in found.items():
            entry = _entry(table, line, index, scales[index], beside.get(own))
            if entry:
                scores[own] = entry
        rows.append(Case(table, line.number, {table.columns[index]: line.cells[index] for index in texts}, scores))
    if by_class is not None:
        rows = _gathered(rows, table.columns[by_class], {table.columns[i] for i in texts if i != by_class and _numeric(table, i)})
    return [_with_mean(row) for row in rows if row.scores]


def _score_columns(table: Table, per_class: Measure | None) -> dict[int, Heading]:
    """The heading of each column of scores. One that two columns share says nothing certain about either, so both are left out."""
    named = {index: heading(column) for index, column in enumerate(table.columns) if _numeric(table, index)}
    found = {index: own for index, own in named.items() if own}
    measure = per_class or (titled(table.title) if not any(own.of for own in found.values()) else None)
    if measure:
        first = next((index for index in range(len(table.columns)) if index not in named), -1)
        for index, column in enumerate(table.columns):
            if index > first and index in named and not named[index] and not spread_heading(column):
                found[index] = Heading(measure, mean=True) if mean_row(column) else Heading(measure, column.lower())
    return {index: own for index, own in found.items() if list(found.values()).count(own) == 1}


def _numeric(table: Table, index: int) -> bool:
    """Whether at least half of a column's filled cells are numbers, and one is."""
    filled = [line.cells[index] for line in table.lines if line.cells[index].strip("-–— ")]
    return bool(filled) and 2 * sum(printed(cell) is not None for cell in filled) >= len(filled)


def _scales(table: Table, found: Mapping[int, Heading]) -> dict[int, float]:
    """0.01 for columns in percent, 1 for fractions: by a % sign in the column, else by most numbers of the table being above 1."""
    numbers = {index: [number for line in table.lines if (number := printed(line.cells[index]))] for index in found}
    signed = {index: "%" in table.columns[index] or any(number.percent for number in own) for index, own in numbers.items()}
    values = [abs(number.value) for index, own in numbers.items() if not signed[index] for number in own if number.value]
    percent = 2 * sum(value > 1 for value in values) > len(values)
    return {index: 0.01 if signed[index] or percent else 1.0 for index in found}


def _entry(table: Table, line: Line, index: int, scale: float, beside: int | None) -> Entry | None:
    number = printed(line.cells[index])
    if number is None:
        return None
    spread = number.spread
    apart: Printed | None = printed(line.cells[beside]) if beside is not None else None
    if math.isnan(spread) and apart:
        spread = apart.value + apart.half
    sd = 0.0 if math.isnan(spread) else spread * scale
    known = Range((number.value - number.half) * scale, (number.value + number.half) * scale, sd)
    return Entry(table.columns[index], line.number, line.cells[index], known, scale)


def _gathered(rows: Sequence[Case], column: str, counts: set[str]) -> list[Case]:
    """Rows of single classes, joined where their other texts are the same; `counts` are columns of numbers, which differ by class."""
    joined: dict[tuple[tuple[str, str], ...], Case] = {}
    for row in rows:
        own = {name: text for name, text in row.texts.items() if name != column and name not in counts}
        key, text = tuple(own.items()), row.texts[column]
        mean = mean_row(text)
        scores = {
            replace(known, mean=known.measure != "accuracy") if mean else replace(known, of=text.lower()): replace(
                entry, column=f"{entry.column} {text}"
            )
            for known, entry in row.scores.items()
            if mean or known.measure not in ("accuracy", "majority")
        }
        before = joined.get(key, Case(row.table, row.line, own, {}))
        joined[key] = replace(before, scores={**before.scores, **scores})
    return list(joined.values())


def _with_mean(row: Case) -> Case:
    """A bare score beside those of several classes is their mean, where no other is."""
    scores = dict(row.scores)
    for known, entry in row.scores.items():
        bare = not known.mean and not known.of and known.measure not in ("accuracy", "majority", "share")
        mean = replace(known, mean=True)
        classes = sum(other.of != "" and not other.mean and other.measure == known.measure for other in row.scores)
        if bare and classes > 1 and mean not in row.scores:
            del scores[known]
            scores[mean] = entry
    return replace(row, scores=scores)
