"""A leaderboard as a Markdown page, and as a few columns for a terminal."""

from __future__ import annotations

from tabulate import tabulate

from harness.leaderboard.analysis import Leaderboard, TrackTable
from harness.leaderboard.header import Header
from harness.leaderboard.rows import CONSTANT
from harness.pages import formats, markdown
from harness.pages.headline import (
    NOBODY_LISTED,
    ColumnName,
    tabulate_headline,
    tabulate_unlisted,
)
from harness.pages.markdown import escape_sentence, escape_text, escape_texts
from harness.pages.notes import (
    Emphasis,
    Sentence,
    find_caveats,
    find_reference_gaps,
    find_unfinished,
    make_legend,
)
from harness.pages.sections.all_sections import tabulate_sections
from harness.pages.table import Cell, Table

MARKDOWN_COLUMNS: tuple[ColumnName, ...] = (
    "rank",
    "method",
    "score",
    "difference",
    "ratio",
    "gap",
    "pixels",
    "seeds",
)
"""The columns of the headline that fit a page."""


def to_terminal(leaderboard: Leaderboard) -> str:
    """Write the few columns that fit a terminal, and which seeds the reference lacks."""
    reference = leaderboard.board.reference
    lines = []
    for row in leaderboard.rows:
        score = row.scores.mean_miou
        lines.append(
            (
                "" if row.rank is None else str(row.rank),
                row.method,
                formats.format_interval(formats.format_percent(score.mean), score.interval),
                formats.format_points(row.against.difference.mean),
                formats.format_percent(row.against.ratio),
                score.n,
            )
        )
    columns = ("rank", "method", "mIoU (%)", f"vs {reference} (pp)", f"% of {reference}", "seeds")
    alignment = ("right", "left", "right", "right", "right", "right")
    # All entries are text already, and would be read as numbers and written in another way.
    blocks = [tabulate(lines, columns, disable_numparse=True, colalign=alignment)]
    for table in leaderboard.tables:
        blocks += find_reference_gaps(table)
    stale = sum(record.stale is not None for record in leaderboard.board.records)
    if stale:
        page = f"{leaderboard.board.name}.md"
        blocks.append(f"{formats.count_nouns(stale, 'stale result')}: {page} says why.")
    return "\n".join(blocks)


def to_markdown(leaderboard: Leaderboard, has_drawing: bool = False) -> str:
    """Write a leaderboard as a page: headline, legend, what failed; everything else folded.

    Args:
        leaderboard: the leaderboard. Each of its selection tracks has tables of its own.
        has_drawing: whether NAME.svg lies beside the page.
    """
    header = leaderboard.board.header
    blocks = [f"# {_make_markdown_title(header)}", escape_text(header.about)]
    for table in leaderboard.tables:
        if leaderboard.has_tracks:
            blocks.append(f"## Selection track `{table.track}`")
        blocks.append(_show_headline(table))
        # One drawing at most: a leaderboard with tracks has none.
        if has_drawing:
            blocks.append(f"![mIoU against labelled pixels]({header.board}.svg)")
        blocks += [_show_notes(table), *_show_unlisted(table), *_show_unfinished(table)]
        blocks += map(markdown.fold_table, tabulate_sections(table))
    blocks.append(
        f"Runs: `{header.command}`. {name_command(header.board)} [All leaderboards](README.md)."
    )
    # A scenario may say nothing about itself.
    filled = filter(None, blocks)
    return "\n\n".join(filled) + "\n"


def name_command(board: str) -> str:
    """Return the sentence of a page that names its command."""
    return f"This page: `harness leaderboard {board}`."


def _make_markdown_title(header: Header) -> str:
    if header.is_smoke:
        return f"{escape_text(header.board)}: a smoke test, not a result"
    title = header.scenario
    if header.profile:
        title += f", profile {header.profile}"
    if header.overrides:
        title += f" ({', '.join(header.overrides)})"
    return escape_text(title)


def _show_headline(table: TrackTable) -> str:
    headline = tabulate_headline(table, MARKDOWN_COLUMNS)
    return NOBODY_LISTED if headline is None else _show_table(headline)


def _show_unlisted(table: TrackTable) -> list[str]:
    unlisted = tabulate_unlisted(table)
    return [] if unlisted is None else [f"## {unlisted.caption}", _show_table(unlisted)]


def _show_table(table: Table) -> str:
    """Show a table with the names of methods."""
    lines = []
    for line in table.lines:
        lines.append([_show_cell(cell) for cell in line])
    return markdown.make_table(lines, escape_texts(table.columns), words=table.words)


def _show_cell(cell: Cell) -> str:
    # The one row that is no method of the scenario.
    return f"*{CONSTANT}*" if cell.text == CONSTANT else escape_text(cell.text)


def _show_notes(table: TrackTable) -> str:
    caveats = escape_texts(find_caveats(table))
    explanations = map(_sentence_to_markdown, make_legend(table))
    return markdown.make_list([*caveats, *explanations])


def _sentence_to_markdown(sentence: Sentence) -> str:
    shown = ""
    for part in sentence:
        if isinstance(part, Emphasis):
            shown += f"*{escape_text(part.text)}*"
        else:
            shown += escape_sentence(part)
    return shown


def _show_unfinished(table: TrackTable) -> list[str]:
    unfinished = find_unfinished(table.board)
    if unfinished is None:
        return []
    return [f"## {unfinished.title}", markdown.make_list(escape_texts(unfinished.runs))]
