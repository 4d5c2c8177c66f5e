"""The headline of a leaderboard: which rows it has, in which order, and what each column says.

A page chooses columns by name. A column that is added here is explained in `notes.make_legend`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.rows import CONSTANT, Row
from harness.leaderboard.significance import SEEDS_TO_LIST
from harness.leaderboard.statistics import COMPARED_DECIMALS, DASH, known
from harness.pages import formats
from harness.pages.table import (
    NOTHING,
    Cell,
    SeedPlot,
    Table,
    interval_cell,
    number_cell,
    percent_cell,
    sorted_cell,
)

ColumnName = Literal[
    "rank",
    "method",
    "score",
    "seed plot",
    "difference",
    "ratio",
    "gap",
    "pixels",
    "hours",
    "published",
    "seeds",
]

NOBODY_LISTED = f"No method has finished the {SEEDS_TO_LIST} seeds that it takes to be listed."
"""Stands in place of the headline."""


@dataclass(frozen=True, slots=True)
class HeadlineColumn:
    """One column: its title, and the entry of a row."""

    title: str
    entry: Callable[[Row], Cell]
    is_optional: bool = False
    """Whether it is left out where no row has an entry."""


def choose_headline_rows(table: TrackTable) -> list[Row]:
    """Return the rows of the headline by mean mIoU; those of a smoke test as the scenario has
    them."""
    if table.board.is_smoke:
        return list(table.rows)
    # Rounded, so that what is equal on paper stands in the same order on every machine.
    return sorted(
        table.listed, key=lambda row: -round(row.scores.mean_miou.mean, COMPARED_DECIMALS)
    )


def tabulate_headline(table: TrackTable, columns: Sequence[ColumnName]) -> Table | None:
    """Make the headline of a track with these columns, or None where no method is listed."""
    rows = choose_headline_rows(table)
    # By role, since any floor is no method: a table of floors alone lists nobody.
    if all(row.role == "floor" for row in rows):
        return None
    definitions = _define_columns(table, rows)
    titles = []
    entries = []
    for name in columns:
        if name == "rank" and table.board.is_smoke:
            continue
        column = definitions[name]
        cells = [column.entry(row) for row in rows]
        if column.is_optional and set(cells) == {NOTHING}:
            continue
        titles.append(column.title)
        entries.append(cells)
    lines = tuple(zip(*entries, strict=True))
    return Table("Every method, and the floor", tuple(titles), lines, words=("method",))


def tabulate_unlisted(table: TrackTable) -> Table | None:
    """Make the table of methods with too few seeds for the headline, or None where there are
    none."""
    if table.board.is_smoke:
        return None
    lines = []
    for row in table.rows:
        if row.standing == "unlisted":
            # A mean of so few seeds is not shown, so that nobody compares it.
            scores = map(formats.format_percent, row.scores.miou.values())
            text = ", ".join(scores) or DASH
            lines.append((Cell(row.method), Cell(text), seeds_cell(row)))
    if not lines:
        return None
    caption = f"Not listed: fewer than {SEEDS_TO_LIST} seeds"
    return Table(caption, ("method", "mIoU (%) of each seed", "seeds"), tuple(lines))


def rank_cell(row: Row) -> Cell:
    """Show a rank, or that there are too few seeds for one."""
    if row.rank:
        return Cell(str(row.rank), row.rank)
    return Cell("†") if row.standing == "unranked" else NOTHING


def difference_cell(row: Row) -> Cell:
    """Show the difference to the reference with its interval."""
    if row.role == "reference":
        return Cell("reference", 0.0)
    difference = row.against.difference
    text = formats.format_interval(
        formats.format_points(difference.mean), difference.interval, signed=True
    )
    return sorted_cell(text, difference.mean)


def seeds_cell(row: Row) -> Cell:
    """Show how many seeds finished, and what became of the others."""
    # By name, since other floors have runs of their own: this one is counted from those of others.
    if row.method == CONSTANT:
        return Cell("")
    lost = []
    if row.runs.failed:
        lost.append(f"{row.runs.failed} failed")
    if row.missing:
        lost.append(f"{row.missing} missing")
    text = str(row.finished)
    if lost:
        text += f" ({', '.join(lost)})"
    return Cell(text, row.finished)


def _define_columns(table: TrackTable, rows: Sequence[Row]) -> Mapping[ColumnName, HeadlineColumn]:
    reference = table.board.reference
    about = {method.name: method.about for method in table.board.header.methods}
    low, high = _find_scale(rows)
    return {
        "rank": HeadlineColumn("rank", rank_cell),
        "method": HeadlineColumn(
            "method", lambda row: Cell(row.method, note=about.get(row.method, ""))
        ),
        "score": HeadlineColumn(
            "mIoU (%)",
            lambda row: interval_cell(row.scores.mean_miou.mean, row.scores.mean_miou.interval),
        ),
        "seed plot": HeadlineColumn("every seed", lambda row: _plot_seeds(row, low, high)),
        "difference": HeadlineColumn(f"difference to {reference} (pp)", difference_cell),
        "ratio": HeadlineColumn(f"% of {reference}", lambda row: percent_cell(row.against.ratio)),
        "gap": HeadlineColumn("gap closed (%)", lambda row: percent_cell(row.gap_closed.value)),
        "pixels": HeadlineColumn(
            "labelled pixels", lambda row: number_cell(row.annotation.labelled_pixels, 0)
        ),
        "hours": HeadlineColumn(
            "annotation (h)", lambda row: _hours_cell(row.annotation.seconds), is_optional=True
        ),
        "published": HeadlineColumn(
            "published (%)",
            lambda row: percent_cell(row.reproduction.published.get("miou")),
            is_optional=True,
        ),
        "seeds": HeadlineColumn("seeds", seeds_cell),
    }


def _hours_cell(seconds: float) -> Cell:
    if math.isnan(seconds):
        return NOTHING
    hours = seconds / 3600
    # Three digits of more than that would be written with an exponent.
    text = f"{hours:,.3g}" if hours < 1000 else f"{hours:,.0f}"
    return Cell(text, seconds)


def _known_scores(row: Row) -> list[float]:
    return known(row.scores.miou.values())


def _find_scale(rows: Sequence[Row]) -> tuple[float, float]:
    """Find the whole tenths, as fractions, that the scores of all methods lie between."""
    scores: list[float] = []
    for row in rows:
        # By name: this floor is not plotted, and far below; others are plotted, and must fit.
        if row.method != CONSTANT:
            scores += _known_scores(row)
    if not scores:
        return 0.0, 1.0
    low = math.floor(10 * min(scores)) / 10
    high = math.ceil(10 * max(scores)) / 10
    # All scores may be the same tenth.
    return low, max(high, low + 0.1)


def _plot_seeds(row: Row, low: float, high: float) -> Cell:
    """Show the scores of all seeds as dots on a scale, with their interval."""
    mean = row.scores.mean_miou.mean
    # By name, since every other floor has seeds to plot.
    if row.method == CONSTANT or math.isnan(mean):
        return NOTHING

    def place(score: float) -> float:
        share = 100 * (score - low) / (high - low)
        return round(min(100.0, max(0.0, share)), 1)

    interval = row.scores.mean_miou.interval
    start, end = interval
    # One seed has no interval: its bar has no length.
    if math.isnan(start):
        start, end = mean, mean
    scores = _known_scores(row)
    seeds = tuple(map(place, scores))
    plot = SeedPlot(low=place(start), middle=place(mean), high=place(end), seeds=seeds)
    # Where drawings are not shown, or not seen, the scores are read.
    text = ", ".join(map(formats.format_percent, scores))
    return Cell(text, mean, plot=plot)
