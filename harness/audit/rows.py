"""The rows of a published table as scores with the ranges that their rounding leaves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal

from harness.audit.headings import (
    Heading,
    Measure,
    is_mean_row,
    names_classes,
    read_heading,
    read_spread_heading,
    read_title,
)
from harness.audit.read_tables import PrintedNumber, PrintedRow, PublishedTable, read_number
from harness.audit.relations import Range


@dataclass(frozen=True, slots=True)
class Entry:
    """A score as printed: its column and line, its text, its range as a fraction, and the factor
    that makes a fraction of it."""

    column: str
    line: int
    text: str
    range: Range
    scale: float

    @property
    def digits(self) -> int:
        """Digits after the point, as printed."""
        found = read_number(self.text)
        return max(0, round(-math.log10(2 * found.half))) if found else 0


@dataclass(frozen=True, slots=True)
class Case:
    """What a table says about one configuration: the texts of its row by column, and its scores."""

    table: PublishedTable
    line: int
    texts: Mapping[str, str]
    scores: Mapping[Heading, Entry]

    @property
    def name(self) -> str:
        """Its first texts; a number with the name of its column."""
        texts = [
            f"{column} {text}" if read_number(text) else text
            for column, text in self.texts.items()
            if text
        ]
        return ", ".join(texts[:3]) or "without a name"


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reader of a table should know of how it was read: a cell that was not, columns left
    out, a scale that was assumed."""

    source: str
    line: int
    kind: Literal["not read", "left out", "assumed"]
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a table that have scores, and remarks."""

    rows: tuple[Case, ...]
    remarks: tuple[Remark, ...]


def read(table: PublishedTable, per_class: Measure | None = None) -> Reading:
    """The scores of a table. Rows of a table with a column of classes are one case for each of its
    other texts.

    per_class: the score that columns hold which are named after classes alone; without it, the
    title may say so.
    """
    named = _score_columns(table, per_class)
    found = {index: own for index, own in named.items() if list(named.values()).count(own) == 1}
    spreads = {
        index: read_spread_heading(column)
        for index, column in enumerate(table.columns)
        if _numeric(table, index)
    }
    beside = {
        own: index
        for index, own in spreads.items()
        if own and own in found.values() and index not in found
    }
    scales, guessed = _scales(table, found)
    texts = [
        index
        for index in range(len(table.columns))
        if index not in found and index not in beside.values()
    ]
    by_class = next((index for index in texts if names_classes(table.columns[index])), None)
    rows = []
    for line in table.rows:
        scores = {}
        for index, own in found.items():
            entry = _entry(table, line, index, scales[index], beside.get(own))
            if entry:
                scores[own] = entry
        rows.append(
            Case(
                table,
                line.number,
                {table.columns[index]: line.cells[index] for index in texts},
                scores,
            )
        )
    if by_class is not None:
        rows = _gathered(
            rows,
            table.columns[by_class],
            {table.columns[i] for i in texts if i != by_class and _numeric(table, i)},
        )
    remarks = [
        *_repeated(table, named),
        *_assumed(table, scales, guessed),
        *_unread(table, {*found, *beside.values()}),
    ]
    return Reading(tuple(_with_mean(row) for row in rows if row.scores), tuple(remarks))


def _score_columns(table: PublishedTable, per_class: Measure | None) -> dict[int, Heading]:
    """The heading of each column of scores."""
    named = {
        index: read_heading(column)
        for index, column in enumerate(table.columns)
        if _numeric(table, index)
    }
    found = {index: own for index, own in named.items() if own}
    measure = per_class or (
        read_title(table.title) if not any(own.subject for own in found.values()) else None
    )
    if measure:
        first = next((index for index in range(len(table.columns)) if index not in named), -1)
        for index, column in enumerate(table.columns):
            if (
                index > first
                and index in named
                and not named[index]
                and not read_spread_heading(column)
            ):
                found[index] = (
                    Heading(measure, mean=True)
                    if is_mean_row(column)
                    else Heading(measure, column.lower())
                )
    return found


def _repeated(table: PublishedTable, named: Mapping[int, Heading]) -> Iterator[Remark]:
    """Columns that share a heading: which of them is meant is not certain, so all are left out."""
    for own in dict.fromkeys(named.values()):
        columns = [
            f"column {index + 1} ({table.columns[index]!r})"
            for index, other in named.items()
            if other == own
        ]
        if len(columns) > 1:
            text = (
                f"{' and '.join(columns)} name the same score, so none of them is used: give each a"
                " name of its own"
            )
            yield Remark(table.source, table.number, "left out", text)


def _assumed(
    table: PublishedTable, scales: Mapping[int, float], guessed: Set[int]
) -> Iterator[Remark]:
    """Which scale columns without a % sign were taken to have."""
    kinds = {
        "percent": [i for i in guessed if scales[i] < 1],
        "fractions of 1": [i for i in guessed if scales[i] == 1],
    }
    used = {kind: own for kind, own in kinds.items() if own}
    for kind, own in used.items():
        which = (
            "numbers"
            if len(used) == 1
            else ", ".join(table.columns[index] for index in sorted(own))
        )
        yield Remark(table.source, table.number, "assumed", f"{which} without a % sign are {kind}")


def _unread(table: PublishedTable, used: Set[int]) -> Iterator[Remark]:
    """Cells with digits, in columns that are used or that name a score, of which no single score
    can be read."""
    columns = [
        index
        for index, column in enumerate(table.columns)
        if index in used or (read_heading(column) and not _numeric(table, index))
    ]
    for line in table.rows:
        for index in columns:
            cell = line.cells[index]
            if any(map(str.isdigit, cell)) and not read_number(cell):
                yield Remark(
                    table.source, line.number, "not read", f"{table.columns[index]}: {cell}"
                )


def _numeric(table: PublishedTable, index: int) -> bool:
    """Whether at least half of a column's filled cells are numbers, and one is."""
    filled = [line.cells[index] for line in table.rows if line.cells[index].strip("-–— ")]
    return bool(filled) and 2 * sum(read_number(cell) is not None for cell in filled) >= len(filled)


def _scales(
    table: PublishedTable, found: Mapping[int, Heading]
) -> tuple[dict[int, float], frozenset[int]]:
    """0.01 for columns in percent, 1 for fractions; and the columns of which that is guessed, since
    no % sign says so.

    Columns of the same measure have the same scale, whatever others have. Those whose numbers do
    not tell follow the rest of the table.
    """
    numbers = {
        index: [number for line in table.rows if (number := read_number(line.cells[index]))]
        for index in found
    }
    signed = {
        index
        for index, own in numbers.items()
        if "%" in table.columns[index] or any(number.percent for number in own)
    }
    guesses: dict[Measure, bool | None] = {}
    for measure in dict.fromkeys(own.measure for own in found.values()):
        alike = [
            number
            for index, own in found.items()
            if own.measure == measure and index not in signed
            for number in numbers[index]
        ]
        guesses[measure] = _percent(alike)
    rest = {*guesses.values(), *({True} if signed else ())}
    fallback = True in rest and False not in rest
    percent = {
        index: (
            index in signed or (fallback if guesses[own.measure] is None else guesses[own.measure])
        )
        for index, own in found.items()
    }
    return {index: 0.01 if percent[index] else 1.0 for index in found}, frozenset(found) - signed


def _percent(numbers: Sequence[PrintedNumber]) -> bool | None:
    """Whether numbers look like percent; None where they do not tell.

    Low scores in percent, such as 0.6 below 40.1, are printed like the others. Fractions have two
    digits at least, and a misprint among them is just above 1, or printed otherwise.
    """
    above, below = (
        [number for number in numbers if number.value and (abs(number.value) > 1) == side]
        for side in (True, False)
    )
    if not above:
        return False if any(number.half < 0.05 for number in below) else None
    alike = not below or min(number.half for number in below) == min(
        number.half for number in above
    )
    return len(above) > len(below) or (alike and max(abs(number.value) for number in above) > 2)


def _entry(
    table: PublishedTable, line: PrintedRow, index: int, scale: float, beside: int | None
) -> Entry | None:
    number = read_number(line.cells[index])
    if number is None:
        return None
    spread = number.spread
    apart: PrintedNumber | None = read_number(line.cells[beside]) if beside is not None else None
    if math.isnan(spread) and apart:
        spread = apart.value + apart.half
    sd = 0.0 if math.isnan(spread) else spread * scale
    known = Range((number.value - number.half) * scale, (number.value + number.half) * scale, sd)
    return Entry(table.columns[index], line.number, line.cells[index], known, scale)


def _gathered(rows: Sequence[Case], column: str, counts: set[str]) -> list[Case]:
    """Rows of single classes, joined where their other texts are the same; `counts` are columns of
    numbers, which differ by class."""
    joined: dict[tuple[tuple[str, str], ...], Case] = {}
    for row in rows:
        own = {
            name: text for name, text in row.texts.items() if name != column and name not in counts
        }
        key, text = tuple(own.items()), row.texts[column]
        mean = is_mean_row(text)
        scores = {
            (
                replace(known, mean=known.measure != "accuracy")
                if mean
                else replace(known, subject=text.lower())
            ): replace(entry, column=f"{entry.column} {text}")
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
        bare = (
            not known.mean
            and not known.subject
            and known.measure not in ("accuracy", "majority", "share")
        )
        mean = replace(known, mean=True)
        classes = sum(
            other.subject != "" and not other.mean and other.measure == known.measure
            for other in row.scores
        )
        if bare and classes > 1 and mean not in row.scores:
            del scores[known]
            scores[mean] = entry
    return replace(row, scores=scores)
