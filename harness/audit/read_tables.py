"""Read published tables as text: CSV files, and every pipe table of a Markdown file.

Each row keeps the number of its line, so that a finding can say where it is.
"""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import InputError
from harness.core.files import read_text

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

MARKS = str.maketrans("", "", "†‡§¶*`$⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜ")
"""Characters of emphasis, footnotes and LaTeX that are no part of a text."""


DELIMITERS = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
"""The line of a pipe table that stands under its headings."""


PIPE = re.compile(r"(?<!\\)\|")
"""A pipe between two cells; one behind a backslash belongs to a cell's text."""


UNSIGNED = r"(?:\d+(?:[.,]\d*)?|[.,]\d+)"


SPREAD = rf"(?:±|\+/?-)\s*(?P<spread>{UNSIGNED})|\(\s*±?\s*(?P<bracket>{UNSIGNED})\s*%?\s*\)"


INTERVAL = (
    rf"[\[(]\s*(?P<low>[-+]?{UNSIGNED})\s*%?\s*(?:[,;–—-]|to)\s*(?P<high>{UNSIGNED})\s*%?\s*[\])]"
)


SCORE = rf"(?P<value>[-+]?{UNSIGNED})\s*%?\s*(?:{SPREAD}|{INTERVAL})?\s*%?"


ARROW = "[↑↓▲▼]"


BESIDE = (
    rf"\((?:[-+]|{ARROW})\s*{UNSIGNED}\s*(?:%|pp|points?|pts?)?\s*{ARROW}?\)"
    rf"|{ARROW}\s*(?:{UNSIGNED})?\s*%?|\+\s*{UNSIGNED}|\([^\d()]*\)"
)
"""What may follow a score and is not part of it: a difference with its sign, an arrow, words in
brackets."""


CELL = re.compile(rf"(?P<score>{SCORE})(?:(?:(?<=\s)|(?=[(↑↓▲▼]))(?:{BESIDE})\s*)*")


THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3}){2,}")


@dataclass(frozen=True, slots=True)
class PrintedRow:
    """A row of a table as text."""

    number: int
    """Its line in the file, from 1."""

    cells: tuple[str, ...]
    """A text for each column, empty where the row is short."""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table as text."""

    source: str
    """The file, as it was named."""

    title: str
    """The text right above the table, or else its place in the file."""

    number: int
    """The line of its headings, from 1."""

    columns: tuple[str, ...]
    """The headings of its columns."""

    rows: tuple[PrintedRow, ...]
    """The rows below the headings."""


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A number as printed."""

    value: float

    half: float
    """Half a unit of the last digit: what rounding may have taken or added."""

    spread: float
    """What follows a ±, with half a unit of its last digit; NaN where nothing does."""

    percent: bool
    """Whether it has a % sign."""


def read_tables(path: Path) -> list[PublishedTable]:
    """Read all tables of a file: CSV where its name ends in .csv or .tsv, else Markdown.

    Raises:
        InputError: The file cannot be read, has no table, or has a row with more cells than
            headings.
    """
    text = read_text(path)
    if path.suffix.lower() in (".csv", ".tsv"):
        tables = [_read_csv(text, str(path))]
        expected = "headings in the first line, rows below"
    else:
        tables = _read_markdown(text, str(path))
        expected = "| between cells, |---| under headings"
    tables = [table for table in tables if table.rows]
    if not tables:
        raise InputError(
            f"{path}: has no table: expected {expected} (CSV files are named .csv or .tsv)"
        )
    return tables


def _read_csv(text: str, source: str) -> PublishedTable:
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    # pandas would read the cells too, but does not tell the line of a row, which quoted line breaks
    # and blank lines move.
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    lines: list[PrintedRow] = []
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                texts = tuple(map(strip_markup, cells))
                lines.append(PrintedRow(reader.line_num, texts))
    except csv.Error as error:
        raise InputError(f"{source}:{reader.line_num}: is not CSV: {error}") from error
    if not lines:
        return PublishedTable(source, "", 1, (), ())
    headings, *rows = lines
    width = len(headings.cells)
    padded_rows: list[PrintedRow] = []
    for row in rows:
        _check_width(len(row.cells), width, f"{source}:{row.number}")
        padding = ("",) * (width - len(row.cells))
        padded_rows.append(PrintedRow(row.number, row.cells + padding))
    return PublishedTable(
        source=source,
        title=Path(source).stem,
        number=headings.number,
        columns=headings.cells,
        rows=tuple(padded_rows),
    )


def _read_markdown(text: str, source: str) -> list[PublishedTable]:
    # Imported here, so that nobody who reads CSV files waits for it.
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    # Without HTML blocks, a table or a caption between HTML tags is read as well. Without blocks of
    # indented code, so is a table that the tabs and admonitions of a page indent by four spaces.
    parser = MarkdownIt("js-default").disable("code")
    lines = text.split("\n")
    nodes = list(SyntaxTreeNode(parser.parse(text)).walk())
    _refuse_lost_lines(nodes, lines, source)
    tables: list[PublishedTable] = []
    title = ""
    for node in nodes:
        if node.type == "table":
            columns, rows = _read_rows(node, lines, source)
            table = PublishedTable(
                source=source,
                title=title or f"table {len(tables) + 1}",
                number=_line_number(node),
                columns=columns,
                rows=rows,
            )
            tables.append(table)
            title = _text_below(node, lines)
        elif node.type in ("paragraph", "heading"):
            paragraph = node.children[0].content.split("\n")
            title = strip_markup(paragraph[-1])
    return tables


def _read_rows(
    table: SyntaxTreeNode, lines: Sequence[str], source: str
) -> tuple[tuple[str, ...], tuple[PrintedRow, ...]]:
    """Read the headings and the rows of a Markdown table."""
    rows: list[PrintedRow] = []
    for node in table.walk():
        if node.type == "tr":
            texts = [cell.children[0].content for cell in node.children]
            cells = tuple(map(strip_markup, texts))
            rows.append(PrintedRow(_line_number(node), cells))
    # Markdown takes every line down to the next blank one for a row. The last ones without a pipe
    # are notes, or the caption of the next table.
    while "|" not in lines[rows[-1].number - 1]:
        rows.pop()
    headings = rows.pop(0)
    # Markdown drops cells without a heading, and with them a number that somebody printed.
    for row in rows:
        width = _count_cells(lines[row.number - 1])
        _check_width(width, len(headings.cells), f"{source}:{row.number}")
    return headings.cells, tuple(rows)


def _line_number(node: SyntaxTreeNode) -> int:
    """Count from 1 to the first line of a block."""
    return _line_indices(node)[0] + 1


def _line_indices(node: SyntaxTreeNode) -> range:
    """Count from 0 through the lines of a block."""
    assert node.map is not None, "a block has lines"
    return range(*node.map)


def _text_below(table: SyntaxTreeNode, lines: Sequence[str]) -> str:
    """Find the text that directly follows the rows of a table; empty where there is none."""
    last_line = lines[_line_indices(table)[-1]]
    if "|" in last_line:
        return ""
    return strip_markup(last_line)


def _refuse_lost_lines(nodes: Iterable[SyntaxTreeNode], lines: Sequence[str], source: str) -> None:
    """Refuse headings and rows that Markdown does not take for such, so that no number is lost.

    Raises:
        InputError: A line over |---| or below a table belongs to no table.
    """
    table_lines: set[int] = set()
    code_lines: set[int] = set()
    for node in nodes:
        if node.type == "table":
            table_lines.update(_line_indices(node))
        elif node.type == "fence":
            code_lines.update(_line_indices(node))
    for index, (line, line_below) in enumerate(pairwise([*lines, ""])):
        if "|" not in line or index in table_lines or index in code_lines:
            continue
        if "|" in line_below and DELIMITERS.fullmatch(line_below):
            raise InputError(
                f"{source}:{index + 1}: is over |---|, but Markdown sees no table: write one |---|"
                " under each heading, and | in front of the first"
            )
        # Without a pipe in front, a row such as "1. ours | 52.3" starts a list.
        if index - 1 in table_lines and "|" in lines[index - 1]:
            raise InputError(
                f"{source}:{index + 1}: is no row of the table above it in Markdown: write | in"
                " front of its first cell"
            )


def _count_cells(line: str) -> int:
    """Count the cells of a line of a pipe table, with or without pipes at its ends."""
    # The lines of a table in a quotation start with >.
    cells = PIPE.split(line.strip().lstrip("> "))
    if cells[0] == "":
        cells = cells[1:]
    if cells and cells[-1] == "":
        cells = cells[:-1]
    return len(cells)


def _check_width(cells: int, headings: int, place: str) -> None:
    """Raise InputError where a row has more cells than headings: a number would have no heading."""
    if cells > headings:
        raise InputError(
            f"{place}: has {cells} cells under {headings} headings: add the heading, or take the"
            " cell out"
        )


def strip_markup(text: str) -> str:
    """Take emphasis, links, footnote marks and LaTeX's wrapping from a text."""
    text = re.sub(r"<sup>.*?</sup>|\[\^[^\]]*\]", "", text, flags=re.IGNORECASE)
    text = re.sub(r"</?(?:b|i|u|em|strong|sub|span|br)\b[^>]*>", " ", text, flags=re.IGNORECASE)
    text = html.unescape(text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = text.replace("\\pm", "±").replace("\\%", "%")
    text = re.sub(r"\\(?:textbf|mathbf|textit|underline|bf)\b", "", text)
    # Underscores within a word stay: `iou_building` is a name.
    text = re.sub(r"[{}]|(?<!\w)_+|_+(?!\w)", "", text)
    text = text.translate(MARKS)
    # A typographic minus becomes the one that numbers have.
    text = text.replace("−", "-")
    return " ".join(text.split())


def read_number(cell: str) -> PrintedNumber | None:
    """Read the score in a cell; None where its text is anything else.

    Understood are, for example, 52.3, 52,3 %, .523, 52.3 ± 1.3, 52.3 (1.3) and 52.3 [51.0, 53.6].
    Of an interval, half its width is the spread. A difference beside the score, as in 75.0 (+2.1),
    is passed over.
    """
    # Several commas part thousands. A single one is a decimal comma, since no score is in the
    # thousands: 81,250 is 81.25.
    if THOUSANDS.fullmatch(cell):
        return PrintedNumber(float(cell.replace(",", "")), 0.5, math.nan, False)
    match = CELL.fullmatch(cell.strip())
    if match is None:
        return None
    score = match.group("score")
    value = _with_point(match.group("value"))
    deviation = match.group("spread") or match.group("bracket")
    low, high = match.group("low", "high")
    spread = math.nan
    if deviation:
        deviation = _with_point(deviation)
        spread = float(deviation) + _half_unit(deviation)
    if low:
        low = _with_point(low)
        high = _with_point(high)
        # Two numbers in brackets that do not enclose the score are something else.
        if not float(low) <= float(value) <= float(high):
            return None
        spread = (float(high) - float(low)) / 2 + _half_unit(high)
    return PrintedNumber(float(value), _half_unit(value), spread, "%" in score)


def _with_point(number: str) -> str:
    """Write a number with a decimal point instead of a comma."""
    return number.replace(",", ".")


def _half_unit(number: str) -> float:
    """Half a unit of the last digit of a number: what rounding may have taken or added."""
    decimals = number.partition(".")[2]
    return 0.5 * 10.0 ** -len(decimals)
