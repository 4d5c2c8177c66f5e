"""Figures of a board for a paper: its curves, all scores and the IoU of each class as PDF, SVG and
PNG, with the numbers in them as CSV.

One column of a two-column paper (3.5 inches) wide, 8-point text. The same board and library give
the same bytes.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import InputError
from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import Board
from harness.leaderboard.rows import FLOOR, Row
from harness.leaderboard.selection_tracks import split_by_track
from harness.pages.curve import PALETTE, Curve, Family, amount, curve, log_ticks, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

COLUMN = 3.5


GREY = "#59636e"


Drawing = tuple[list[Mapping[str, object]], Callable[["Figure"], None]]


SETTINGS: Mapping[Any, Any] = {
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
    "svg.hashsalt": "harness",
}


METADATA: dict[str, dict[str, None]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


def write_figures(board: Board, folder: Path) -> list[Path]:
    """Writes `curve`, `curve-seconds`, `scores` and `classes`, each as PDF, SVG, PNG (300 dpi) and
    CSV (scores in %), returns the paths.

    There is no curve where fewer than two methods have labelled pixels, or seconds, but not all of
    them. Where a board has more than one selection track, each has figures of its own:
    `curve-weak-val`. Raises InputError where matplotlib is not installed, and where no run of the
    board has finished.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "figures need matplotlib: pip install 'weakseg-harness[figures]'"
        ) from error
    header, parts = board.header, split_by_track(board)
    chosen: dict[str, Drawing] = {}
    for track, part in parts.items():
        suffix = f"-{str(track).replace(':', '-')}" if len(parts) > 1 else ""
        chosen |= {f"{name}{suffix}": drawing for name, drawing in _drawings(part).items()}
    if not chosen:
        raise InputError(
            f"board {header['board']} has no finished run to draw: harness run"
            f" scenarios/{header['scenario']}.yaml first"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}: give another folder with --out") from error
    written = []
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the user's own matplotlibrc says
        matplotlib.rcParams.update(SETTINGS)
        for name, (lines, draw) in chosen.items():
            figure = Figure(layout="constrained")
            draw(figure)
            for suffix, metadata in METADATA.items():
                written.append(folder / f"{name}.{suffix}")
                figure.savefig(written[-1], dpi=300, metadata=metadata)
            written.append(folder / f"{name}.csv")
            written[-1].write_text(_csv(lines), encoding="utf-8")
    return written


def _drawings(board: Board) -> dict[str, Drawing]:
    """The figures of a board of one selection track, by name: the numbers in each, and what draws
    it."""
    table = [row for row in analyse(board).rows if row.scores.mean_miou.n]
    found: dict[str, Drawing] = {}
    if not table:
        return {}
    for name, budget in (("curve", "labelled_pixels"), ("curve-seconds", "annotation_seconds")):
        drawn = curve(table, board, budget)
        if drawn is not None:
            found[name] = _curve_lines(drawn), partial(_draw_curve, drawn)
    found["scores"] = _score_lines(table), partial(_draw_scores, table, board.header["reference"])
    found["classes"] = _class_lines(table), partial(_draw_classes, table)
    return found


def _curve_lines(drawn: Curve) -> list[Mapping[str, object]]:
    lines: list[Mapping[str, object]] = []
    for family in drawn.families:
        for point in family.points:
            line = {
                "family": family.name,
                "method": point.method,
                drawn.budget: point.budget,
                "miou": 100 * point.mean,
            }
            line |= {"low": 100 * point.low, "high": 100 * point.high, "seeds": point.n}
            lines.append(
                line | {"published": math.nan if point.published is None else 100 * point.published}
            )
    levels = [level for level in (drawn.reference, drawn.floor) if level]
    return [
        *lines,
        *(
            {"method": level.name, drawn.budget: level.budget, "miou": 100 * level.mean}
            for level in levels
        ),
    ]


def _score_lines(table: Sequence[Row]) -> list[Mapping[str, object]]:
    bounds = [row.scores.mean_miou.interval for row in table]
    return [
        {
            "method": row.method,
            "miou": 100 * row.scores.mean_miou.mean,
            "low": 100 * low,
            "high": 100 * high,
            "seeds": row.scores.mean_miou.n,
        }
        for row, (low, high) in zip(table, bounds, strict=True)
    ]


def _class_lines(table: Sequence[Row]) -> list[Mapping[str, object]]:
    return [
        {"method": row.method}
        | {f"iou_{name}": 100 * score.mean for name, score in row.scores.iou.items()}
        for row in table
    ]


def _csv(lines: Sequence[Mapping[str, object]]) -> str:
    """Six decimals; empty where there is no number."""
    text = io.StringIO()
    columns = list(dict.fromkeys(column for line in lines for column in line))
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        shown = {
            column: f"{value:.6f}" if isinstance(value, float) else value
            for column, value in line.items()
        }
        writer.writerow(
            {column: "" if value == "nan" else value for column, value in shown.items()}
        )
    return text.getvalue()


def _draw_curve(drawn: Curve, figure: Figure) -> None:
    """mIoU against a budget, a line per family."""
    axes = figure.add_subplot(
        xlabel=drawn.budget.replace("_", " "), ylabel="mIoU (%)", ylim=_limits(drawn.scores)
    )
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(_round_steps())
    _logarithms(axes, *(10**power for power in drawn.budgets))
    handles, labels = [], []
    for index, family in enumerate(drawn.families):
        handles.append(_draw_family(axes, family, PALETTE[index % len(PALETTE)], "os^D"[index % 4]))
        labels.append(_short(family.name))
    if any(point.published is not None for point in drawn.points):
        handles += axes.plot([], [], "o", color=GREY, markerfacecolor="white")
        labels.append("published")
    for level, style in ((drawn.reference, "--"), (drawn.floor, ":")):
        if level:
            below = level.mean < drawn.scores[0]
            handles += [
                axes.axhline(
                    100 * level.mean, linestyle="" if below else style, color=GREY, linewidth=0.9
                )
            ]
            labels.append(
                f"{_short(level.name)} ({100 * level.mean:.1f}{', below the axis' * below})"
            )
    columns = 2 if max(map(len, labels)) < 26 else 1
    figure.set_size_inches(COLUMN, 2.1 + 0.16 * math.ceil(len(labels) / columns))
    figure.legend(handles, labels, loc="outside lower left", ncols=columns, columnspacing=1.5)


def _draw_family(axes: Axes, family: Family, color: str, marker: str) -> Any:
    """Draws a family and returns what stands for it in the legend."""
    from matplotlib.lines import Line2D

    low, high = axes.get_xlim()
    budgets = [point.budget * (high / low) ** (0.015 * point.aside) for point in family.points]
    if family.joined:
        axes.plot(budgets, [100 * point.mean for point in family.points], color=color)
    for budget, point in zip(budgets, family.points, strict=True):
        if point.published is not None:
            axes.plot(budget, 100 * point.published, marker, color=color, markerfacecolor="white")
        bars = (
            [[100 * (point.mean - point.low)], [100 * (point.high - point.mean)]]
            if point.n > 1
            else None
        )
        axes.errorbar(budget, 100 * point.mean, bars, fmt=marker, color=color, elinewidth=0.9)
    return Line2D([], [], color=color, marker=marker, linestyle="-" if family.joined else "")


def _logarithms(axes: Axes, low: float, high: float) -> None:
    """A logarithmic axis with plain numbers."""
    ticks = log_ticks(low, high)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [*map(amount, ticks)])
    axes.minorticks_off()


def _draw_scores(table: Sequence[Row], reference: str, figure: Figure) -> None:
    """A point per method with its interval, in the board's order; lines down from the reference and
    the floor."""
    figure.set_size_inches(COLUMN, 0.6 + 0.2 * len(table))
    bounds = [
        value
        for row in table
        if row.method != FLOOR
        for value in (row.scores.mean_miou.mean, *row.scores.mean_miou.interval)
    ]
    floor = next((row.scores.mean_miou.mean for row in table if row.method == FLOOR), math.nan)
    axes = figure.add_subplot(xlabel="mIoU (%)", xlim=_limits(span(bounds, floor)))
    axes.grid(axis="x")
    axes.xaxis.set_major_locator(_round_steps())
    for place, row in enumerate(table):
        mean, (low, high) = 100 * row.scores.mean_miou.mean, row.scores.mean_miou.interval
        if mean < axes.get_xlim()[0]:
            axes.annotate(
                f"← {mean:.1f}",
                (0.02, place),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=7,
                color=GREY,
            )
            continue
        level = {reference: "--", FLOOR: ":"}.get(row.method)
        if level:
            axes.axvline(mean, linestyle=level, color=GREY, linewidth=0.9)
        bars = [[mean - 100 * low], [100 * high - mean]] if row.scores.mean_miou.n > 1 else None
        axes.errorbar(
            mean, place, xerr=bars, fmt="o", color=GREY if level else PALETTE[0], elinewidth=0.9
        )
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_yticks(range(len(table)), [_short(row.method) for row in table])
    axes.tick_params(axis="y", length=0)


def _draw_classes(table: Sequence[Row], figure: Figure) -> None:
    """A cell per method and class: the mean IoU in %, written, and as a shade from 0 to 100."""
    names = list(dict.fromkeys(name for row in table for name in row.scores.iou))
    values = [
        [100 * row.scores.iou[name].mean if name in row.scores.iou else math.nan for name in names]
        for row in table
    ]
    figure.set_size_inches(max(COLUMN, 1.3 + 0.36 * len(names)), 0.9 + 0.2 * len(table))
    axes = figure.add_subplot(title="IoU (%)")
    axes.imshow(values, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    for place, line in enumerate(values):
        for column, value in enumerate(line):
            text = "–" if math.isnan(value) else f"{value:.1f}"
            axes.text(
                column,
                place,
                text,
                ha="center",
                va="center",
                fontsize=7,
                color="white" if value < 50 else "black",
            )
    axes.set_xticks(
        range(len(names)),
        [_short(name) for name in names],
        rotation=30,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(len(table)), [_short(row.method) for row in table])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _limits(scores: tuple[float, float]) -> tuple[float, float]:
    """An axis in % around scores, with room for markers."""
    low, high = (100 * score for score in scores)
    room = 0.05 * (high - low) or 1
    return low - room, high + room


def _round_steps() -> Locator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=6, steps=[1, 2, 5, 10])


def _short(text: str, limit: int = 32) -> str:
    """At most so many printable characters, on one line. A leading underscore, which would hide an
    entry of a legend, is set off."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return f" {line}" if line.startswith("_") else line
