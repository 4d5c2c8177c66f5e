"""Published tables as text: CSV files, and every pipe table of a Markdown file, with the line of
each row."""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import InputError
from harness.core.files import read_text

MARKS = str.maketrans("", "", "†‡§¶*`$⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜ")


SEPARATOR = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")


NUMBER = r"(?:\d+(?:[.,]\d*)?|[.,]\d+)"


SPREAD = rf"(?:±|\+/?-)\s*(?P<spread>{NUMBER})|\(\s*±?\s*(?P<bracket>{NUMBER})\s*%?\s*\)"


INTERVAL = (
    rf"[\[(]\s*(?P<low>[-+]?{NUMBER})\s*%?\s*(?:[,;–—-]|to)\s*(?P<high>{NUMBER})\s*%?\s*[\])]"
)


SCORE = rf"(?P<value>[-+]?{NUMBER})\s*%?\s*(?:{SPREAD}|{INTERVAL})?\s*%?"


ARROW = "[↑↓▲▼]"


BESIDE = (
    rf"\((?:[-+]|{ARROW})\s*{NUMBER}\s*(?:%|pp|points?|pts?)?\s*{ARROW}?\)"
    rf"|{ARROW}\s*(?:{NUMBER})?\s*%?|\+\s*{NUMBER}|\([^\d()]*\)"
)
"""What may follow a score and is not part of it: a difference with its sign, an arrow, words in
brackets."""


CELL = re.compile(rf"(?P<score>{SCORE})(?:(?:(?<=\s)|(?=[(↑↓▲▼]))(?:{BESIDE})\s*)*")


THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3}){2,}")


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its line in the file (from 1), and a text for each column."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `title` is the text right above it, or its place in the file; `number` is the line
    of its headings."""

    source: str
    title: str
    number: int
    columns: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """A number as printed: value, half a unit of its last digit, what follows a ± (NaN without),
    and whether it has a % sign."""

    value: float
    half: float
    spread: float
    percent: bool


def read_tables(path: Path) -> list[Table]:
    """All tables of a file: CSV where its name ends in .csv or .tsv, else Markdown.

    Raises InputError naming file and line: it cannot be read, has no table, or a row has more cells
    than headings.
    """
    text = read_text(path)
    tables = (
        [_csv(text, str(path))]
        if path.suffix.lower() in (".csv", ".tsv")
        else list(_markdown(text, str(path)))
    )
    if not any(table.lines for table in tables):
        expected = (
            "headings in the first line, rows below"
            if path.suffix.lower() in (".csv", ".tsv")
            else "| between cells, |---| under headings"
        )
        raise InputError(
            f"{path}: has no table: expected {expected} (CSV files are named .csv or .tsv)"
        )
    return [table for table in tables if table.lines]


def _csv(text: str, source: str) -> Table:
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        rows = [
            (reader.line_num, tuple(map(plain, row))) for row in reader if any(map(str.strip, row))
        ]
    except csv.Error as error:
        raise InputError(f"{source}:{reader.line_num}: is not CSV: {error}") from error
    if not rows:
        return Table(source, "", 1, (), ())
    number, columns = rows[0]
    return Table(
        source,
        Path(source).stem,
        number,
        columns,
        tuple(Line(number, _fitted(row, columns, source, number)) for number, row in rows[1:]),
    )


def _markdown(text: str, source: str) -> Iterator[Table]:
    lines, fenced, title, count, index = text.splitlines(), False, "", 0, 0
    while index < len(lines):
        line = lines[index]
        below = lines[index + 1] if index + 1 < len(lines) else ""
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and "|" in line and "|" in below and SEPARATOR.fullmatch(below):
            columns, end = _cells(line), index + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            rows = tuple(
                Line(at + 1, _fitted(_cells(lines[at]), columns, source, at + 1))
                for at in range(index + 2, end)
            )
            count += 1
            yield Table(source, title or f"table {count}", index + 1, columns, rows)
            index = end
            title = ""
            continue
        elif line.strip():
            title = plain(line.strip().lstrip("#>").strip())
        index += 1


def _cells(line: str) -> tuple[str, ...]:
    inner = re.sub(r"^\||(?<!\\)\|$", "", line.strip())
    return tuple(plain(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", inner))


def _fitted(
    row: tuple[str, ...], columns: tuple[str, ...], source: str, number: int
) -> tuple[str, ...]:
    """A row with empty cells where it is short. Raises InputError where it is too long: a number
    would have no heading."""
    if len(row) > len(columns):
        raise InputError(
            f"{source}:{number}: has {len(row)} cells under {len(columns)} headings: add the"
            " heading, or take the cell out"
        )
    return row + ("",) * (len(columns) - len(row))


def plain(text: str) -> str:
    """A cell without emphasis, links, footnote marks and LaTeX's wrapping."""
    text = re.sub(r"<sup>.*?</sup>|\[\^[^\]]*\]", "", text, flags=re.I)
    text = re.sub(r"</?(?:b|i|u|em|strong|sub|span|br)\b[^>]*>", " ", text, flags=re.I)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", html.unescape(text))
    text = re.sub(
        r"\\(?:textbf|mathbf|textit|underline|bf)\b",
        "",
        text.replace("\\pm", "±").replace("\\%", "%"),
    )
    text = re.sub(r"[{}]|(?<!\w)_+|_+(?!\w)", "", text)
    return " ".join(text.translate(MARKS).replace("−", "-").split())


def printed(cell: str) -> Printed | None:
    """The score in a cell, such as 52.3, 52,3 %, .523, 52.3 ± 1.3, 52.3 (1.3) or 52.3 [51.0, 53.6];
    None for any other text.

    A single comma is a decimal one, since no score is in the thousands: 81,250 is 81.25.
    Differences beside the score, as in 75.0 (+2.1), are passed over. Of an interval, half its width
    is the spread.
    """
    if THOUSANDS.fullmatch(cell):
        return Printed(float(cell.replace(",", "")), 0.5, math.nan, False)
    found = CELL.fullmatch(cell.strip())
    if not found:
        return None
    value, spread, low, high = (
        _decimal(found[name]) for name in ("value", "spread", "low", "high")
    )
    spread = spread or _decimal(found["bracket"])
    wide = float(spread) + _half(spread) if spread else math.nan
    if low and high:
        if not float(low) <= float(value) <= float(high):
            return None
        wide = (float(high) - float(low)) / 2 + _half(high)
    return Printed(float(value), _half(value), wide, "%" in found["score"])


def _decimal(number: str | None) -> str:
    return (number or "").replace(",", ".")


def _half(number: str) -> float:
    """Half a unit of the last digit: what rounding may have taken or added."""
    return 0.5 * 10.0 ** -len(number.partition(".")[2])
