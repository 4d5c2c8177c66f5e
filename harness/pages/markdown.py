"""Markdown: text that it shows as it is, tables, lists, and blocks that fold."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Sequence

from tabulate import tabulate

from harness.pages.table import Table

MARKUP = re.compile(
    r"""
    [\\`*|~$]               # anywhere
    | (?<!\w)_ | _(?!\w)    # an underscore within a word is none
    | \](?=[(\[:])          # a bracket that ends no link is none
    | ^[#+-](?=\ ) | ^\[    # at the beginning: a heading, a list, the definition of a link
    """,
    re.VERBOSE,
)
"""Characters that Markdown would take for its own."""

CODE_SPAN = re.compile(r"(`[^`]+`)")
"""Code in our own sentences. Captured, so that `split` returns text and code by turns."""


def escape_text(value: str) -> str:
    """Write text so that Markdown shows it as it is, in a paragraph, a list or a table."""
    return _escape_markdown(" ".join(value.split()))


def escape_texts(values: Iterable[str]) -> list[str]:
    """Write several texts so that Markdown shows them as they are."""
    return [escape_text(value) for value in values]


def escape_sentence(value: str) -> str:
    """Write one of our own sentences, whose backticks enclose code."""
    escaped = []
    for index, part in enumerate(CODE_SPAN.split(value)):
        is_code = index % 2 == 1
        escaped.append(part if is_code else _escape_markdown(part))
    return "".join(escaped)


def make_table(
    lines: Sequence[Sequence[str]],
    columns: Sequence[str],
    left: int = 1,
    words: Collection[str] = (),
) -> str:
    """Make a table of text that is escaped already.

    Args:
        lines: the entries.
        columns: the heading of each column.
        left: how many of the first columns stand to the left.
        words: further columns that do. All others stand to the right, as numbers do.
    """
    alignment = []
    for index, column in enumerate(columns):
        is_text = index < left or column in words
        alignment.append("left" if is_text else "right")
    # Text that looks like a number stays as it is.
    return tabulate(lines, columns, tablefmt="pipe", colalign=alignment, disable_numparse=True)


def make_list(sentences: Iterable[str]) -> str:
    """Make a list of sentences that are escaped already."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def fold(summary: str, *blocks: str) -> str:
    """Make blocks that a reader opens by a click on the summary, which is plain text.

    Empty blocks are left out.
    """
    title = html.escape(summary, quote=False)
    lines = [f"<details>\n<summary>{title}</summary>", *filter(None, blocks), "</details>"]
    # A code host renders Markdown within tags only where blank lines surround it.
    return "\n\n".join(lines)


def fold_table(table: Table) -> str:
    """Make a table that a reader opens by a click, with what explains it."""
    body = ""
    if table.lines:
        lines = []
        for line in table.lines:
            lines.append(escape_texts(cell.text for cell in line))
        body = make_table(lines, escape_texts(table.columns), words=table.words)
    about = map(escape_sentence, table.about)
    points = make_list(escape_texts(table.points))
    return fold(table.caption, body, *about, points)


def _escape_markdown(value: str) -> str:
    return MARKUP.sub(r"\\\g<0>", html.escape(value, quote=False))
