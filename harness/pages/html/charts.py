"""The charts of a report as plotly figures, each with the same numbers as a table.

Figures are plain values, `data` and `layout`. Plotly reads tags in text, so every text in a figure
is escaped. Colours are names of CSS variables, which the page's script resolves for light and dark.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from harness.core.values import JsonObject
from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.budgets import BUDGET_WORDS, Budget, BudgetCurve, Reach, ReachOutcome
from harness.leaderboard.rows import Row
from harness.pages.curve import (
    LEAST_DECADES,
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
from harness.pages.table import Cell, Table, number_cell, percent_cell

SYMBOLS: Mapping[Marker, str] = {
    "circle": "circle",
    "square": "square",
    "triangle": "triangle-up",
    "diamond": "diamond",
}
"""Plotly's names of the markers."""

REFERENCE_SYMBOL = "star"
PUBLISHED_SYMBOL = "diamond-open"

INK = "var(--ink)"
MUTED = "var(--muted)"

CHART_NAME_LENGTH = 40
"""Characters of a name in a legend; the name in full is in the table."""

ASIDE_DECADES = 0.04
"""Decades between points that would cover one another."""

SCORE_ROOM = 0.06
"""Share of an axis of scores that is left free at each end."""

BUDGET_ROOM = 0.06
"""The same of an axis of budgets."""

SHARED_LAYOUT = {
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "margin": {"l": 56, "r": 12, "t": 12, "b": 48},
    "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    "hoverlabel": {"bgcolor": "var(--ground)", "font": {"color": INK}},
}
"""The layout that all charts have."""

SHARED_AXIS = {
    "gridcolor": "var(--line)",
    "linecolor": "var(--line)",
    "zeroline": False,
    "automargin": True,
}
"""The layout that all axes have."""

PlotlyObject = JsonObject
"""A part of a figure in plotly's words, such as an axis or a line behind the traces."""


class PlotlyFigure(TypedDict):
    """A figure as plotly takes it."""

    data: list[PlotlyObject]
    """The traces, what plotly draws at once: a line, a set of points, a band."""
    layout: PlotlyObject
    """Axes, legend, and lines behind the traces."""


@dataclass(frozen=True, slots=True)
class Series:
    """How points of one colour are drawn."""

    name: str
    """What the legend calls them."""
    color: str
    """As CSS has it."""
    symbol: str
    """Plotly's name of the marker."""
    is_line: bool = False
    """Whether a line joins them."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A plotly figure with what surrounds it."""

    name: str
    """The id of its section in the page."""
    title: str
    label: str
    """What links call it."""
    about: str
    """What stands below it."""
    figure: PlotlyFigure
    """What is drawn."""
    table: Table
    """The same numbers."""
    findings: tuple[str, ...] = ()
    """What it shows, in sentences."""


def draw_curve(table: TrackTable, budget: Budget) -> Chart | None:
    """Draw mIoU against annotation, with the reference and the most frequent class as lines.

    Args:
        table: the methods.
        budget: what they are drawn against, on a logarithmic axis.

    Returns:
        The chart, or None where fewer than two methods have a place on it.
    """
    curve = make_curve(table, budget)
    if curve is None:
        return None
    unit = BUDGET_WORDS[budget]
    title = f"mIoU against {unit}"
    points = list(curve.points)
    traces = []
    # First in the legend, as in the headline.
    reference_point = _make_reference_point(table, curve)
    if reference_point is not None:
        points.append(reference_point)
        series = Series(reference_point.method, INK, REFERENCE_SYMBOL)
        traces.append(_draw_points([reference_point], series, unit))
    for family in curve.families:
        traces.append(_draw_points(family.points, _choose_series(family), unit))
    if curve.has_published:
        traces.append(_draw_published(curve))
    low, high = _choose_percent_range(table, curve)
    budgets = [point.budget for point in points]
    return Chart(
        name=budget,
        title=title,
        label=unit.capitalize(),
        about=_describe_curve(table, curve, low),
        figure={"data": traces, "layout": _make_layout_of_curve(table, curve, budgets, low, high)},
        table=_tabulate_points(title, unit, points),
        findings=tuple(_explain_reaches(table, budget)),
    )


def plain(text: str) -> str:
    """Escape a text so that plotly shows it as it is."""
    # Plotly knows the entities of < > and &, and none of quotes.
    return html.escape(text, quote=False)


def show_name(name: str) -> str:
    """Shorten the name of a method or family for a legend, and escape it."""
    return plain(shorten(name, CHART_NAME_LENGTH))


def series_color(place: int) -> str:
    """Return the CSS variable that holds a colour of the palette."""
    return f"var(--series-{place % len(PALETTE) + 1})"


def make_layout(xaxis: PlotlyObject, yaxis: PlotlyObject) -> PlotlyObject:
    """Make the layout of a chart with these axes."""
    return {**SHARED_LAYOUT, "xaxis": xaxis, "yaxis": yaxis}


def make_axis(title: str) -> PlotlyObject:
    """Make an axis whose range and ticks plotly chooses."""
    return {**SHARED_AXIS, "title": {"text": title}}


def make_log_axis(title: str, low: float, high: float) -> PlotlyObject:
    """Make a logarithmic axis around values from low to high, which are above 0."""
    start, end = math.log10(low), math.log10(high)
    # A single budget would have an axis without length.
    room = max(BUDGET_ROOM * (end - start), (LEAST_DECADES - (end - start)) / 2)
    start -= room
    end += room
    ticks = choose_log_ticks(10**start, 10**end)
    return {
        **make_axis(f"{title} (log scale)"),
        "type": "log",
        "range": [start, end],
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [format_tick(tick) for tick in ticks],
    }


def _make_reference_point(table: TrackTable, curve: DrawnCurve) -> DrawnPoint | None:
    """Make the point of full supervision, at the budget of labels everywhere, where it has one."""
    reference = table.reference
    level = curve.reference
    if reference is None or level is None or math.isnan(level.budget):
        return None
    score = reference.scores.mean_miou
    return DrawnPoint(
        method=reference.method,
        budget=level.budget,
        mean=score.mean,
        low=score.interval.low,
        high=score.interval.high,
        n=score.n,
        published=None,
    )


def _choose_percent_range(table: TrackTable, curve: DrawnCurve) -> tuple[float, float]:
    """Choose the lowest and highest score to show, in percent."""
    scores: list[float] = []
    for point in curve.points:
        scores += [point.mean, point.low, point.high]
        if point.published is not None:
            scores.append(point.published)
    # Unlike the drawing beside a page, the chart has the interval of the reference as a band.
    if curve.reference is not None and table.reference is not None:
        score = table.reference.scores.mean_miou
        scores += [score.mean, *score.interval]
    # The axis ends above a most frequent class that would squeeze the methods together.
    constant = math.nan if curve.constant is None else curve.constant.mean
    low, high = choose_score_range(scores, constant)
    return 100 * low, 100 * high


def _make_layout_of_curve(
    table: TrackTable,
    curve: DrawnCurve,
    budgets: Sequence[float],
    low: float,
    high: float,
) -> PlotlyObject:
    """Make the axes of a curve, and the lines behind its points.

    Args:
        table: the methods, for the interval of the reference.
        curve: what is drawn.
        budgets: those of all points, with that of the reference.
        low: the lowest score to show, in percent.
        high: the highest one.
    """
    # A marker at 100 % would be cut in half; below 0 there is nothing.
    room = SCORE_ROOM * (high - low)
    percentages = [max(0.0, low - room), min(102.0, high + room)]
    layout = make_layout(
        xaxis=make_log_axis(BUDGET_WORDS[curve.budget], min(budgets), max(budgets)),
        yaxis={**make_axis("mIoU (%)"), "range": percentages},
    )
    # Lines across are shapes, not traces: plotly would end a trace at its last point.
    shapes = []
    for level in curve.levels:
        shapes.append(_make_level_shape(level))
        if not level.is_constant and table.reference is not None:
            shapes.append(_draw_reference_band(table.reference))
    labels = [_label_level(level) for level in curve.levels]
    return {**layout, "shapes": shapes, "annotations": labels}


def _describe_curve(table: TrackTable, curve: DrawnCurve, low: float) -> str:
    """Say what a chart shows, and what it does not."""
    sentences = ["Bars and the band are 95 % intervals of the mean over seeds (Student t)."]
    constant = curve.constant
    # See `choose_score_range`.
    if constant is not None and 100 * constant.mean < low:
        sentences.append(f"The floor is below: {constant.name}, {100 * constant.mean:.1f} %.")
    if curve.omitted:
        sentences.append(
            f"Without {BUDGET_WORDS[curve.budget]}, or with labels everywhere, so not on this"
            f" chart: {', '.join(curve.omitted)}."
        )
    published = table.board.header.published
    if curve.has_published and published is not None:
        sentences.append(f"Published: {published.source}; its metric: {published.metric}.")
    return " ".join(sentences)


def _tabulate_points(title: str, unit: str, points: Sequence[DrawnPoint]) -> Table:
    columns = ["method", unit, "mIoU (%)", "interval from", "to"]
    has_published = any(point.published is not None for point in points)
    if has_published:
        columns.append("published (%)")
    lines = []
    for point in points:
        cells = [
            Cell(point.method),
            number_cell(point.budget, 0),
            percent_cell(point.mean),
            percent_cell(point.low),
            percent_cell(point.high),
        ]
        if has_published:
            cells.append(percent_cell(point.published))
        lines.append(tuple(cells))
    return Table(title, tuple(columns), tuple(lines))


def _explain_reaches(table: TrackTable, budget: Budget) -> list[str]:
    """Say how much annotation reaches shares of full supervision."""
    sentences = []
    for curve in table.budgets:
        if curve.kind == budget:
            for reach in curve.reach:
                share = f"{100 * reach.share:.0f} % of {table.board.reference}"
                sentences.append(f"{curve.name}: {share} {_explain_reach(curve, reach)}.")
    return sentences


def _explain_reach(curve: BudgetCurve, reach: Reach) -> str:
    unit = BUDGET_WORDS[curve.kind]
    if reach.outcome == "reached":
        phrase = f"takes {reach.budget:,.0f} {unit}"
        if not math.isnan(reach.low):
            phrase += f" (95 % interval {reach.low:,.0f} to {reach.high:,.0f})"
        return phrase
    smallest = f"{curve.budgets[0]:,.0f} {unit}"
    largest = f"{curve.budgets[-1]:,.0f} {unit}"
    # Nothing is said of budgets that were not measured.
    phrases: Mapping[ReachOutcome, str] = {
        "below the smallest budget": f"is reached with the smallest budget already, {smallest}",
        "not reached": f"is not reached with the largest budget, {largest}",
        "not in every seed": "is reached between the measured budgets in some seeds alone",
    }
    return phrases[reach.outcome]


def _choose_series(family: DrawnFamily) -> Series:
    return Series(
        name=family.name,
        color=series_color(family.color),
        symbol=SYMBOLS[family.marker],
        is_line=family.is_line,
    )


def _draw_points(points: Sequence[DrawnPoint], series: Series, unit: str) -> PlotlyObject:
    """Draw points with their intervals.

    Args:
        points: the points of one colour.
        series: how they are drawn.
        unit: what their budgets count.
    """
    # Plotly takes bars as lengths from the point.
    above = []
    below = []
    for point in points:
        low, high = _clip_interval(point.mean, point.low, point.high)
        below.append(100 * (point.mean - low))
        above.append(100 * (high - point.mean))
    return {
        "type": "scatter",
        "mode": "lines+markers" if series.is_line else "markers",
        "name": show_name(series.name),
        "x": [_place_beside(point) for point in points],
        "y": [100 * point.mean for point in points],
        # For the text at the pointer: x is moved aside.
        "customdata": [point.budget for point in points],
        "text": [plain(point.method) for point in points],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": above,
            "arrayminus": below,
            "thickness": 1.5,
            "width": 4,
        },
        # The line has the same colour; it is drawn where the mode says so.
        "marker": {"size": 9, "symbol": series.symbol, "color": series.color},
        "line": {"width": 2, "color": series.color},
        "hovertemplate": (
            f"%{{text}}<br>mIoU %{{y:.1f}} %<br>%{{customdata:,.0f}} {unit}<extra></extra>"
        ),
    }


def _draw_published(curve: DrawnCurve) -> PlotlyObject:
    budgets = []
    percentages = []
    names = []
    for point in curve.points:
        if point.published is not None:
            budgets.append(_place_beside(point))
            percentages.append(100 * point.published)
            names.append(plain(point.method))
    return {
        "type": "scatter",
        "mode": "markers",
        # No colour of a family: it has the points of all of them.
        "name": "published",
        "x": budgets,
        "y": percentages,
        "text": names,
        "marker": {
            "size": 11,
            "symbol": PUBLISHED_SYMBOL,
            "color": MUTED,
            "line": {"width": 2},
        },
        "hovertemplate": "%{text}<br>published %{y:.1f} %<extra></extra>",
    }


def _place_beside(point: DrawnPoint) -> float:
    """Return where a point is drawn: at its budget, or a little aside of others there."""
    return point.budget * 10 ** (ASIDE_DECADES * point.aside)


def _clip_interval(mean: float, low: float, high: float) -> tuple[float, float]:
    """Return an interval as far as scores go; the mean alone where there is one seed."""
    if math.isnan(low):
        return mean, mean
    return max(0.0, low), min(1.0, high)


def _make_level_shape(level: DrawnLevel) -> PlotlyObject:
    percent = 100 * level.mean
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": percent,
        "y1": percent,
        "layer": "below",
        "line": {"color": _level_color(level), "width": 1.5, "dash": "dash"},
    }


def _draw_reference_band(reference: Row) -> PlotlyObject:
    """Draw the interval of the reference as a band across."""
    score = reference.scores.mean_miou
    low, high = _clip_interval(score.mean, *score.interval)
    return {
        "type": "rect",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 100 * low,
        "y1": 100 * high,
        "layer": "below",
        "fillcolor": INK,
        "opacity": 0.07,
        "line": {"width": 0},
    }


def _label_level(level: DrawnLevel) -> PlotlyObject:
    percent = 100 * level.mean
    return {
        "text": f"{show_name(level.name)} {percent:.1f} %",
        "xref": "paper",
        "x": 0.6,
        "xanchor": "center",
        "y": percent,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": _level_color(level)},
    }


def _level_color(level: DrawnLevel) -> str:
    return MUTED if level.is_constant else INK
