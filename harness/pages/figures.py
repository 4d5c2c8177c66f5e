"""Figures of a board for a paper, with the numbers in them as CSV.

One column of a two-column paper wide, 8-point text. The same board and library give the same bytes.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import InputError
from harness.leaderboard.analysis import Leaderboard, TrackTable
from harness.leaderboard.budgets import BUDGET_WORDS, Budget
from harness.leaderboard.rows import CONSTANT, Row
from harness.leaderboard.statistics import DASH
from harness.pages.curve import (
    PALETTE,
    DrawnCurve,
    DrawnFamily,
    DrawnLevel,
    DrawnPoint,
    Marker,
    choose_log_ticks,
    choose_score_range,
    format_tick,
    make_curve,
    shorten,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

COLUMN = 3.5
"""Width of a column, in inches."""

GREY = "#59636e"

FIGURE_NAME_LENGTH = 32

CURVES: Mapping[str, Budget] = {
    "curve": "labelled_pixels",
    "curve-seconds": "annotation_seconds",
}
"""Figures of scores against a budget, by name."""

MARKER_CODES: Mapping[Marker, str] = {
    "circle": "o",
    "square": "s",
    "triangle": "^",
    "diamond": "D",
}

MATPLOTLIB_SETTINGS: Mapping[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "#d8dee4",
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "errorbar.capsize": 2,
    "text.parse_math": False,  # names are not formulas
    "pdf.fonttype": 42,  # TrueType, which publishers ask for
    "svg.hashsalt": "harness",  # without it, identifiers differ from one time to the next
}

METADATA: dict[str, dict[str, None]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}
"""The formats, each with what is left out of its files, since it differs between days and
versions."""

CsvCells = Mapping[str, object]
"""A line of a CSV, by the names of its columns."""


@dataclass(frozen=True, slots=True)
class PlannedFigure:
    """A figure before it is drawn."""

    name: str
    """The stem of its files."""
    numbers: Sequence[CsvCells]
    """What is drawn, scores in %."""
    draw: Callable[[Figure], None]


def write_figures(leaderboard: Leaderboard, folder: Path) -> list[Path]:
    """Write `curve`, `curve-seconds`, `scores` and `classes`, each as PDF, SVG, PNG and CSV.

    A curve is left out where fewer than two methods have a place on it, see `make_curve`. Where
    there is more than one selection track, each has figures of its own, such as `scores-weak-val`.

    Args:
        leaderboard: the leaderboard.
        folder: where to write; it is made if it is not there.

    Returns:
        The paths that were written.

    Raises:
        InputError: where matplotlib is not installed, no run has finished, or the folder cannot be
            made.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "figures need matplotlib: pip install 'weakseg-harness[figures]'"
        ) from error
    figures = _plan_figures(leaderboard)
    if not figures:
        header = leaderboard.board.header
        raise InputError(
            f"board {header.board} has no finished run to draw: harness run"
            f" scenarios/{header.scenario}.yaml first"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}: give another folder with --out") from error
    written = []
    with matplotlib.rc_context():
        # Whatever the user's own matplotlibrc says, the figures are the same.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(MATPLOTLIB_SETTINGS)
        for planned in figures:
            figure = Figure(layout="constrained")
            planned.draw(figure)
            for suffix, metadata in METADATA.items():
                path = folder / f"{planned.name}.{suffix}"
                figure.savefig(path, dpi=300, metadata=metadata)
                written.append(path)
            path = folder / f"{planned.name}.csv"
            path.write_text(_to_csv(planned.numbers), encoding="utf-8")
            written.append(path)
    return written


def _plan_figures(leaderboard: Leaderboard) -> list[PlannedFigure]:
    """Plan the figures of all tracks."""
    figures = []
    for table in leaderboard.tables:
        suffix = ""
        if leaderboard.has_tracks:
            suffix = f"-{str(table.track).replace(':', '-')}"
        for planned in _plan_track(table):
            figures.append(replace(planned, name=f"{planned.name}{suffix}"))
    return figures


def _plan_track(table: TrackTable) -> list[PlannedFigure]:
    # A method without a result has nothing to draw.
    rows = [row for row in table.rows if row.scores.mean_miou.n]
    if not rows:
        return []
    figures = []
    for name, budget in CURVES.items():
        curve = make_curve(table, budget)
        if curve is not None:
            draw = partial(_draw_curve, curve)
            figures.append(PlannedFigure(name, _list_points(curve), draw))
    draw_scores = partial(_draw_scores, rows, table.board.reference)
    draw_classes = partial(_draw_classes, rows)
    figures.append(PlannedFigure("scores", _list_scores(rows), draw_scores))
    figures.append(PlannedFigure("classes", _list_class_scores(rows), draw_classes))
    return figures


def _list_points(curve: DrawnCurve) -> list[CsvCells]:
    lines: list[CsvCells] = []
    for family in curve.families:
        for point in family.points:
            published = math.nan if point.published is None else 100 * point.published
            lines.append(
                {
                    "family": family.name,
                    "method": point.method,
                    curve.budget: point.budget,
                    "miou": 100 * point.mean,
                    "low": 100 * point.low,
                    "high": 100 * point.high,
                    "seeds": point.n,
                    "published": published,
                }
            )
    for level in curve.levels:
        lines.append({"method": level.name, curve.budget: level.budget, "miou": 100 * level.mean})
    return lines


def _list_scores(rows: Sequence[Row]) -> list[CsvCells]:
    lines: list[CsvCells] = []
    for row in rows:
        score = row.scores.mean_miou
        lines.append(
            {
                "method": row.method,
                "miou": 100 * score.mean,
                "low": 100 * score.interval.low,
                "high": 100 * score.interval.high,
                "seeds": score.n,
            }
        )
    return lines


def _list_class_scores(rows: Sequence[Row]) -> list[CsvCells]:
    lines: list[CsvCells] = []
    for row in rows:
        line: dict[str, object] = {"method": row.method}
        for name, iou in row.scores.iou.items():
            line[f"iou_{name}"] = 100 * iou.mean
        lines.append(line)
    return lines


def _to_csv(lines: Sequence[CsvCells]) -> str:
    """Write lines, of which some lack columns; floats have six decimals, and NaN is empty."""
    columns: dict[str, None] = {}
    for line in lines:
        columns.update(dict.fromkeys(line))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow([_format_csv_value(line.get(column, "")) for column in columns])
    return text.getvalue()


def _format_csv_value(value: object) -> object:
    if not isinstance(value, float):
        return value
    if math.isnan(value):
        return ""
    return f"{value:.6f}"


def _draw_curve(curve: DrawnCurve, figure: Figure) -> None:
    """Draw mIoU against a budget, a line per family, and a legend below."""
    axes = figure.add_subplot(
        xlabel=BUDGET_WORDS[curve.budget],
        ylabel="mIoU (%)",
        ylim=_make_limits(curve.score_range),
    )
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(_round_steps())
    _set_log_axis(axes, curve.log_budget_range)
    handles: list[Artist] = []
    names = []
    for family in curve.families:
        handles.append(_draw_family(axes, family))
        names.append(_shorten_name(family.name))
    if curve.has_published:
        # Drawn nowhere: published scores have the markers of their families.
        handles += axes.plot([], [], "o", color=GREY, markerfacecolor="white")
        names.append("published")
    for level in curve.levels:
        is_below = level.mean < curve.score_range[0]
        handles.append(_draw_level_line(axes, level, is_below))
        note = ", below the axis" if is_below else ""
        names.append(f"{_shorten_name(level.name)} ({100 * level.mean:.1f}{note})")
    # Two longer names would be wider than the figure.
    columns = 2 if max(map(len, names)) < 26 else 1
    lines = math.ceil(len(names) / columns)
    figure.set_size_inches(COLUMN, 2.1 + 0.16 * lines)
    figure.legend(handles, names, loc="outside lower left", ncols=columns, columnspacing=1.5)


def _draw_family(axes: Axes, family: DrawnFamily) -> Artist:
    """Draw a family, and return what stands for it in the legend."""
    from matplotlib.lines import Line2D

    color = PALETTE[family.color]
    marker = MARKER_CODES[family.marker]
    if family.is_line:
        budgets = []
        scores = []
        for point in family.points:
            budgets.append(_place_budget(axes, point))
            scores.append(100 * point.mean)
        axes.plot(budgets, scores, color=color)
    for point in family.points:
        budget = _place_budget(axes, point)
        if point.published is not None:
            published = 100 * point.published
            axes.plot(budget, published, marker, color=color, markerfacecolor="white")
        bars = None
        if point.n > 1:
            bars = [[100 * (point.mean - point.low)], [100 * (point.high - point.mean)]]
        axes.errorbar(budget, 100 * point.mean, bars, fmt=marker, color=color, elinewidth=0.9)
    return Line2D([], [], color=color, marker=marker, linestyle="-" if family.is_line else "")


def _place_budget(axes: Axes, point: DrawnPoint) -> float:
    """Move points that would cover one another apart, by shares of the logarithmic axis."""
    low, high = axes.get_xlim()
    return float(point.budget * (high / low) ** (0.015 * point.aside))


def _draw_level_line(axes: Axes, level: DrawnLevel, is_below: bool) -> Artist:
    # One below the axis has no line, neither on it nor in the legend, but its score is told there.
    style = ""
    if not is_below:
        style = ":" if level.is_constant else "--"
    return axes.axhline(100 * level.mean, linestyle=style, color=GREY, linewidth=0.9)


def _set_log_axis(axes: Axes, log_range: tuple[float, float]) -> None:
    """Make the axis across logarithmic, with plain numbers."""
    low, high = 10 ** log_range[0], 10 ** log_range[1]
    ticks = choose_log_ticks(low, high)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, list(map(format_tick, ticks)))
    axes.minorticks_off()


def _draw_scores(rows: Sequence[Row], reference: str, figure: Figure) -> None:
    """Draw a point per method with its interval, in the board's order, and lines down from the
    reference and the most frequent class."""
    figure.set_size_inches(COLUMN, 0.6 + 0.2 * len(rows))
    axes = figure.add_subplot(xlabel="mIoU (%)", xlim=_make_limits(_find_score_range(rows)))
    axes.grid(axis="x")
    axes.xaxis.set_major_locator(_round_steps())
    line_styles = {reference: "--", CONSTANT: ":"}
    for place, row in enumerate(rows):
        _draw_score(axes, row, place, line_styles.get(row.method))
    # From the top down, as in a table.
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [_shorten_name(row.method) for row in rows])
    axes.tick_params(axis="y", length=0)


def _draw_score(axes: Axes, row: Row, place: int, line_style: str | None) -> None:
    """Draw one line of the figure of scores.

    Args:
        axes: what to draw on.
        row: the method.
        place: which line it is.
        line_style: of the line down, if it is a score to compare with.
    """
    score = row.scores.mean_miou
    mean = 100 * score.mean
    # The most frequent class, far below, would squeeze all others together: an arrow says where
    # it is.
    if mean < axes.get_xlim()[0]:
        axes.annotate(
            f"← {mean:.1f}",
            (0.02, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
            color=GREY,
        )
        return
    color = PALETTE[0]
    if line_style is not None:
        color = GREY
        axes.axvline(mean, linestyle=line_style, color=color, linewidth=0.9)
    bars = None
    if score.n > 1:
        bars = [[mean - 100 * score.interval.low], [100 * score.interval.high - mean]]
    axes.errorbar(mean, place, xerr=bars, fmt="o", color=color, elinewidth=0.9)


def _find_score_range(rows: Sequence[Row]) -> tuple[float, float]:
    scores: list[float] = []
    constant = math.nan
    for row in rows:
        score = row.scores.mean_miou
        if row.method == CONSTANT:
            constant = score.mean
        else:
            scores += [score.mean, *score.interval]
    return choose_score_range(scores, constant)


def _draw_classes(rows: Sequence[Row], figure: Figure) -> None:
    """Draw a cell per method and class: the mean IoU in %, written, and as a shade."""
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row.scores.iou))
    values = [_list_iou(row, list(names)) for row in rows]
    figure.set_size_inches(max(COLUMN, 1.3 + 0.36 * len(names)), 0.9 + 0.2 * len(rows))
    axes = figure.add_subplot(title="IoU (%)")
    axes.imshow(values, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    for place, line in enumerate(values):
        for column, value in enumerate(line):
            _write_cell(axes, column, place, value)
    axes.set_xticks(
        range(len(names)),
        [_shorten_name(name) for name in names],
        rotation=30,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(len(rows)), [_shorten_name(row.method) for row in rows])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _list_iou(row: Row, names: Sequence[str]) -> list[float]:
    """List the IoU of each class in %, NaN where a method has none."""
    values = []
    for name in names:
        iou = row.scores.iou.get(name)
        values.append(math.nan if iou is None else 100 * iou.mean)
    return values


def _write_cell(axes: Axes, column: int, place: int, value: float) -> None:
    text = DASH if math.isnan(value) else f"{value:.1f}"
    # The lower half of the shades is dark.
    color = "white" if value < 50 else "black"
    axes.text(column, place, text, ha="center", va="center", fontsize=7, color=color)


def _make_limits(score_range: tuple[float, float]) -> tuple[float, float]:
    """Make an axis in % around scores, with room for markers."""
    lowest, highest = score_range
    low, high = 100 * lowest, 100 * highest
    room = 0.05 * (high - low) or 1
    return low - room, high + room


def _round_steps() -> Locator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=6, steps=[1, 2, 5, 10])


def _shorten_name(name: str) -> str:
    """Shorten a name, and leave out what a font cannot print."""
    printable = ""
    for letter in name:
        printable += letter if letter.isprintable() else " "
    text = shorten(printable, FIGURE_NAME_LENGTH)
    # A leading underscore would hide an entry of a legend.
    if text.startswith("_"):
        text = f" {text}"
    return text
