"""Turn the rows of a published table into scores, each with the range that its rounding leaves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
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
    """A score as printed in one cell."""

    column: str
    """The heading of its column; in a table with a row for each class, also the class."""

    line: int
    """Its line in the file."""

    text: str
    """The text of its cell."""

    range: Range
    """All numbers that round to it, as fractions of 1."""

    scale: float
    """The factor that makes a fraction of the printed number."""

    @property
    def digits(self) -> int:
        """Digits after the point, as printed."""
        number = read_number(self.text)
        if number is None:
            return 0
        return max(0, round(-math.log10(2 * number.half)))


@dataclass(frozen=True, slots=True)
class Case:
    """What a table says about one configuration."""

    table: PublishedTable

    line: int
    """The line of its row, or of the first of its rows where each class has one."""

    texts: Mapping[str, str]
    """The cells that hold no score, by the heading of their column."""

    scores: Mapping[Heading, Entry]

    @property
    def name(self) -> str:
        """Its first three texts; a number among them with the heading of its column."""
        texts: list[str] = []
        for column, text in self.texts.items():
            if read_number(text):
                texts.append(f"{column} {text}")
            elif text:
                texts.append(text)
        return ", ".join(texts[:3]) or "without a name"


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reader of the findings should know of how a table was read."""

    source: str
    """The file."""

    line: int
    """The line of the cell, or of the table's headings."""

    kind: Literal["not read", "left out", "assumed"]
    """Whether a cell was not read, columns were left out, or a scale was assumed."""

    text: str
    """Which cell, columns or scale."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The scores of a table."""

    cases: tuple[Case, ...]
    """The configurations that have scores."""

    remarks: tuple[Remark, ...]
    """What was not certain."""


@dataclass(frozen=True, slots=True)
class ScoreColumn:
    """A column of scores."""

    index: int
    """Its place in the table, from 0."""

    name: str
    """Its heading as printed."""

    heading: Heading
    """The score that its heading names."""

    numbers: tuple[PrintedNumber, ...]
    """The numbers in its cells, without those that cannot be read."""

    spread_index: int | None
    """The place of the column with its standard deviations, if there is one."""

    percent: bool = False
    """Whether its numbers are in percent, not fractions of 1."""

    @property
    def scale(self) -> float:
        """The factor that makes fractions of its numbers."""
        return 0.01 if self.percent else 1.0

    @property
    def has_percent_sign(self) -> bool:
        """Whether the column itself says that it is in percent."""
        return "%" in self.name or any(number.percent for number in self.numbers)


def read_scores(table: PublishedTable, per_class: Measure | None = None) -> Reading:
    """Read the scores of a table, and the texts that say what they are scores of.

    Rows of a table with a column of classes are one case for each of its other texts.

    Args:
        table: The table as text.
        per_class: The score that columns hold which are named after classes alone; without it, the
            title may say so.
    """
    numeric_columns = _find_numeric_columns(table)
    headings = _find_headings(table, numeric_columns, per_class)
    columns = _find_score_columns(table, numeric_columns, headings)
    columns = _decide_scales(columns)
    used_columns: set[int] = set()
    for column in columns:
        used_columns.add(column.index)
        if column.spread_index is not None:
            used_columns.add(column.spread_index)
    text_columns = [index for index in range(len(table.columns)) if index not in used_columns]
    cases = [_read_case(table, row, columns, text_columns) for row in table.rows]
    class_column = _find_class_column(table, text_columns)
    if class_column is not None:
        count_headings = {
            table.columns[index] for index in numeric_columns if index in text_columns
        }
        cases = _join_classes(cases, class_column, count_headings)
    remarks = [
        *_remark_on_headings(table, headings),
        *_remark_on_scales(table, columns),
        *_remark_on_cells(table, numeric_columns, used_columns),
    ]
    cases_with_scores = [_name_mean(case) for case in cases if case.scores]
    return Reading(tuple(cases_with_scores), tuple(remarks))


def _find_numeric_columns(table: PublishedTable) -> list[int]:
    """Find the columns of which at least half of the filled cells are numbers, and one is."""
    numeric_columns: list[int] = []
    for index in range(len(table.columns)):
        # A dash stands for a number that nobody measured.
        cells = [row.cells[index].strip("-–— ") for row in table.rows]
        filled_cells = len(cells) - cells.count("")
        numbers = len(_read_numbers(table, index))
        if numbers > 0 and 2 * numbers >= filled_cells:
            numeric_columns.append(index)
    return numeric_columns


def _read_numbers(table: PublishedTable, index: int) -> list[PrintedNumber]:
    """Read the cells of a column that hold a number."""
    numbers: list[PrintedNumber] = []
    for row in table.rows:
        number = read_number(row.cells[index])
        if number is not None:
            numbers.append(number)
    return numbers


def _find_headings(
    table: PublishedTable, numeric_columns: Sequence[int], per_class: Measure | None
) -> dict[int, Heading]:
    """Find the columns of scores, and the score that each of them holds."""
    headings: dict[int, Heading] = {}
    for index in numeric_columns:
        heading = read_heading(table.columns[index])
        if heading is not None:
            headings[index] = heading
    measure = per_class
    has_class_scores = any(heading.subject for heading in headings.values())
    if measure is None and not has_class_scores:
        measure = read_title(table.title)
    if measure is None:
        return headings
    # Numbers left of the first column of text number the rows; they are no scores of a class.
    first_text = -1
    for index in range(len(table.columns)):
        if index not in numeric_columns:
            first_text = index
            break
    for index in numeric_columns:
        name = table.columns[index]
        if index < first_text or index in headings or read_spread_heading(name):
            continue
        if is_mean_row(name):
            headings[index] = Heading(measure, mean=True)
        else:
            headings[index] = Heading(measure, name.lower())
    return headings


def _find_score_columns(
    table: PublishedTable, numeric_columns: Sequence[int], headings: Mapping[int, Heading]
) -> list[ScoreColumn]:
    """Collect the columns whose heading no other column has, each with that of its spreads."""
    counts = Counter(headings.values())
    spread_indices: dict[Heading, int] = {}
    for index in numeric_columns:
        heading = read_spread_heading(table.columns[index])
        is_score = index in headings and counts[headings[index]] == 1
        if heading is not None and not is_score:
            spread_indices[heading] = index
    columns: list[ScoreColumn] = []
    for index, heading in headings.items():
        if counts[heading] == 1:
            columns.append(
                ScoreColumn(
                    index=index,
                    name=table.columns[index],
                    heading=heading,
                    numbers=tuple(_read_numbers(table, index)),
                    spread_index=spread_indices.get(heading),
                )
            )
    return columns


def _find_class_column(table: PublishedTable, text_columns: Sequence[int]) -> str | None:
    """Find the heading of the column that names the class of each row."""
    for index in text_columns:
        if names_classes(table.columns[index]):
            return table.columns[index]
    return None


def _decide_scales(columns: Sequence[ScoreColumn]) -> list[ScoreColumn]:
    """Decide which columns are in percent, and which are fractions of 1.

    A % sign decides for its column. Columns of the same measure have the same scale, whatever
    others have. Those whose numbers do not tell follow the rest of the table.
    """
    guesses: dict[Measure, bool | None] = {}
    for column in columns:
        measure = column.heading.measure
        if measure not in guesses:
            guesses[measure] = _look_like_percent(_numbers_without_sign(columns, measure))
    evidence = set(guesses.values())
    if any(column.has_percent_sign for column in columns):
        evidence.add(True)
    # Where measures disagree, no column can follow "the rest".
    rest_is_percent = True in evidence and False not in evidence
    decided: list[ScoreColumn] = []
    for column in columns:
        percent = guesses[column.heading.measure]
        if column.has_percent_sign:
            percent = True
        elif percent is None:
            percent = rest_is_percent
        decided.append(replace(column, percent=percent))
    return decided


def _numbers_without_sign(columns: Sequence[ScoreColumn], measure: Measure) -> list[PrintedNumber]:
    """Collect the numbers of a measure, of all columns that do not say what their scale is."""
    numbers: list[PrintedNumber] = []
    for column in columns:
        if column.heading.measure == measure and not column.has_percent_sign:
            numbers += column.numbers
    return numbers


def _look_like_percent(numbers: Sequence[PrintedNumber]) -> bool | None:
    """Guess whether numbers are in percent; None where they do not tell."""
    above: list[PrintedNumber] = []
    below: list[PrintedNumber] = []
    for number in numbers:
        if abs(number.value) > 1:
            above.append(number)
        elif number.value != 0:  # 0 is 0 in both scales
            below.append(number)
    if len(above) > len(below):
        return True
    if not below:
        return None
    finest_below = min(number.half for number in below)
    if not above:
        # Fractions have two digits at least; 0.6 alone may be a low score in percent.
        return False if finest_below < 0.05 else None
    largest = max(abs(number.value) for number in above)
    if largest <= 2:
        return False  # fractions, one of them a misprint just above 1
    # Low scores in percent, such as 0.6 below 40.1, are printed like the others. A misprint among
    # fractions, such as 95.0 below 0.971, is not.
    finest_above = min(number.half for number in above)
    return finest_above == finest_below


def _read_case(
    table: PublishedTable,
    row: PrintedRow,
    columns: Sequence[ScoreColumn],
    text_columns: Sequence[int],
) -> Case:
    """Read the scores and the texts of a row."""
    scores: dict[Heading, Entry] = {}
    for column in columns:
        entry = _read_entry(row, column)
        if entry is not None:
            scores[column.heading] = entry
    texts = {table.columns[index]: row.cells[index] for index in text_columns}
    return Case(table, row.number, texts, scores)


def _read_entry(row: PrintedRow, column: ScoreColumn) -> Entry | None:
    """Read the score in one cell; None where there is no number."""
    text = row.cells[column.index]
    number = read_number(text)
    if number is None:
        return None
    spread = number.spread
    if math.isnan(spread) and column.spread_index is not None:
        deviation = read_number(row.cells[column.spread_index])
        if deviation is not None:
            spread = deviation.value + deviation.half
    # Every number that rounds to the printed one lies within half a unit of its last digit.
    score_range = Range(
        low=(number.value - number.half) * column.scale,
        high=(number.value + number.half) * column.scale,
        sd=0.0 if math.isnan(spread) else spread * column.scale,
    )
    return Entry(column.name, row.number, text, score_range, column.scale)


def _join_classes(
    cases: Sequence[Case], class_column: str, count_headings: AbstractSet[str]
) -> list[Case]:
    """Join rows of single classes to one case where their other texts are the same.

    Args:
        cases: The rows, each with the scores of one class, or with the means.
        class_column: The heading of the column that names the class.
        count_headings: Headings of columns of numbers that are no scores. They differ between
            classes, so they do not tell configurations apart.
    """
    joined: dict[tuple[tuple[str, str], ...], Case] = {}
    for case in cases:
        texts: dict[str, str] = {}
        for column, text in case.texts.items():
            if column != class_column and column not in count_headings:
                texts[column] = text
        configuration = tuple(texts.items())
        if configuration not in joined:
            joined[configuration] = Case(case.table, case.line, texts, {})
        before = joined[configuration]
        scores = {**before.scores, **_name_class(case, case.texts[class_column])}
        joined[configuration] = replace(before, scores=scores)
    return list(joined.values())


def _name_class(case: Case, class_name: str) -> dict[Heading, Entry]:
    """Give the scores of a row the name of its class, or say that they are means."""
    scores: dict[Heading, Entry] = {}
    for heading, entry in case.scores.items():
        named_entry = replace(entry, column=f"{entry.column} {class_name}")
        if is_mean_row(class_name):
            # The accuracy of a row of means is the overall one.
            scores[replace(heading, mean=heading.measure != "accuracy")] = named_entry
        elif heading.measure not in ("accuracy", "majority"):
            scores[replace(heading, subject=class_name.lower())] = named_entry
    return scores


def _name_mean(case: Case) -> Case:
    """Say of a bare score beside those of several classes that it is their mean.

    A bare score stays what it is where the row has a mean of that measure already.
    """
    scores = dict(case.scores)
    for heading, entry in case.scores.items():
        if heading.mean or heading.subject:
            continue
        if heading.measure in ("accuracy", "majority", "share"):
            continue
        mean = replace(heading, mean=True)
        if _count_class_scores(case, heading.measure) > 1 and mean not in case.scores:
            del scores[heading]
            scores[mean] = entry
    return replace(case, scores=scores)


def _count_class_scores(case: Case, measure: Measure) -> int:
    """Count the scores of single classes of a measure."""
    count = 0
    for heading in case.scores:
        if heading.measure == measure and heading.subject and not heading.mean:
            count += 1
    return count


def _remark_on_headings(table: PublishedTable, headings: Mapping[int, Heading]) -> Iterator[Remark]:
    """Name the columns that share a heading.

    Which of them is meant is not certain, so all are left out.
    """
    columns_by_heading: dict[Heading, list[str]] = {}
    for index, heading in headings.items():
        column = f"column {index + 1} ({table.columns[index]!r})"
        columns_by_heading.setdefault(heading, []).append(column)
    for columns in columns_by_heading.values():
        if len(columns) > 1:
            text = (
                f"{' and '.join(columns)} name the same score, so none of them is used: give each a"
                " name of its own"
            )
            yield Remark(table.source, table.number, "left out", text)


def _remark_on_scales(table: PublishedTable, columns: Sequence[ScoreColumn]) -> Iterator[Remark]:
    """Say which scale the columns without a % sign were taken to have."""
    names_by_scale: dict[str, list[str]] = {"percent": [], "fractions of 1": []}
    for column in sorted(columns, key=lambda column: column.index):
        if not column.has_percent_sign:
            scale = "percent" if column.percent else "fractions of 1"
            names_by_scale[scale].append(column.name)
    scales_differ = all(names_by_scale.values())
    for scale, names in names_by_scale.items():
        if names:
            which = ", ".join(names) if scales_differ else "numbers"
            text = f"{which} without a % sign are {scale}"
            yield Remark(table.source, table.number, "assumed", text)


def _remark_on_cells(
    table: PublishedTable, numeric_columns: Sequence[int], used_columns: AbstractSet[int]
) -> Iterator[Remark]:
    """Name the cells with digits of which no single score can be read.

    Columns that name a score count also where they are not used because most of their cells cannot
    be read.
    """
    columns: list[int] = []
    for index, name in enumerate(table.columns):
        names_score = read_heading(name) is not None
        if index in used_columns or (names_score and index not in numeric_columns):
            columns.append(index)
    for row in table.rows:
        for index in columns:
            cell = row.cells[index]
            has_digits = any(map(str.isdigit, cell))
            if has_digits and read_number(cell) is None:
                text = f"{table.columns[index]}: {cell}"
                yield Remark(table.source, row.number, "not read", text)
