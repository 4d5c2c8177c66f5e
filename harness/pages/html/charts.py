"""The charts of a report as plotly figures (plain values: `data` and `layout`), each with the same
numbers as a table.

Plotly reads tags in text, so every text in a figure is escaped. Colours are names of CSS variables,
which the page's script resolves for light and dark.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.budgets import BudgetCurve, BudgetKind, Reach
from harness.leaderboard.rows import Row
from harness.pages.curve import (
    BudgetField,
    DrawnFamily,
    DrawnLevel,
    DrawnPoint,
    choose_log_ticks,
    choose_score_range,
    format_tick,
    make_curve,
)
from harness.pages.table import Cell, Table, number_cell, percent_cell

SERIES = 6


SYMBOLS = ("square", "triangle-up", "cross", "diamond", "star", "triangle-down")


ASIDE = 0.04
"""Decades between points that would cover one another."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A plotly figure with what surrounds it."""

    name: str
    title: str
    about: str
    figure: dict[str, Any]
    table: Table
    findings: tuple[str, ...] = ()


def curve(table: TrackTable, budget: BudgetField, unit: BudgetKind) -> Chart | None:
    """mIoU against the field `budget` of the rows, in `unit`, on a log axis, with the reference and
    the floor as lines; see `make_curve`.

    What the measured curves of that unit reach is told in words.
    """
    drawn = make_curve(table, budget)
    if drawn is None:
        return None
    points, by_name = list(drawn.points), {row.method: row for row in table.rows}
    traces = [
        _points(family, unit, colour(index), SYMBOLS[index % len(SYMBOLS)])
        for index, family in enumerate(drawn.families)
    ]
    published = [point for point in points if point.published is not None]
    source = table.board.header.published
    marks = [_line(level, *_ends(by_name[level.name])) for level in drawn.levels]
    values = [
        value
        for point in points
        for value in (point.mean, point.low, point.high, point.published)
        if value is not None
    ]
    if drawn.reference:
        reference = by_name[drawn.reference.name]
        low, high = reference.scores.mean_miou.interval
        values += [reference.scores.mean_miou.mean, low, high]
        if not math.isnan(drawn.reference.budget):
            point = DrawnPoint(
                reference.method,
                drawn.reference.budget,
                reference.scores.mean_miou.mean,
                low,
                high,
                reference.scores.mean_miou.n,
                None,
            )
            points.append(point)
            family = DrawnFamily(reference.method, (point,), 0, "circle")
            traces.insert(0, _points(family, unit, "ink", "circle"))
    traces += [_published(published)] if published else []
    bottom, top = (
        100 * end
        for end in choose_score_range(values, drawn.floor.mean if drawn.floor else math.nan)
    )
    surroundings = layout(f"{unit} (log scale)", "mIoU (%)")
    surroundings |= {
        "shapes": [shape for shapes, _ in marks for shape in shapes],
        "annotations": [annotation for _, annotation in marks],
    }
    surroundings["xaxis"] |= log_axis([point.budget for point in points])
    surroundings["yaxis"] |= {
        "range": [max(0.0, bottom - 0.06 * (top - bottom)), min(102.0, top + 0.06 * (top - bottom))]
    }
    about = "Bars and the band are 95 % intervals of the mean over seeds (Student t)."
    if drawn.floor and 100 * drawn.floor.mean < bottom:
        about += f" The floor is below: {drawn.floor.name}, {100 * drawn.floor.mean:.1f} %."
    about += (
        f" Without {unit}, or with labels everywhere, so not on this chart:"
        f" {', '.join(drawn.omitted)}."
        if drawn.omitted
        else ""
    )
    about += (
        f" Published: {source.source}; its metric: {source.metric}." if published and source else ""
    )
    findings = tuple(
        _finding(each, reach, table.board.reference)
        for each in table.budgets
        if each.kind == unit
        for reach in each.reach
    )
    return Chart(
        budget,
        f"mIoU against {unit}",
        about,
        {"data": traces, "layout": surroundings},
        _numbers(points, unit),
        findings,
    )


def _numbers(points: Sequence[DrawnPoint], unit: BudgetKind) -> Table:
    published = any(point.published is not None for point in points)
    lines = []
    for point in points:
        told = (percent_cell(point.published),) if published else ()
        scores = (
            percent_cell(point.mean),
            percent_cell(point.low),
            percent_cell(point.high),
            *told,
        )
        lines.append((Cell(point.method), number_cell(point.budget, 0), *scores))
    columns = ("method", unit, "mIoU (%)", "interval from", "to") + ("published (%)",) * published
    return Table(f"mIoU against {unit}", columns, tuple(lines))


def _finding(curve: BudgetCurve, reach: Reach, reference: str) -> str:
    """What a reach says, as a sentence."""
    start = f"{curve.name}: {reach.share:.0%} of {reference} ".replace("%", " %")
    if reach.outcome == "reached":
        interval = (
            ""
            if math.isnan(reach.low)
            else f" (95 % interval {reach.low:,.0f} to {reach.high:,.0f})"
        )
        return start + f"takes {reach.budget:,.0f} {curve.kind}{interval}."
    told = {
        "below the smallest budget": (
            f"is reached with the smallest budget already, {curve.budgets[0]:,.0f} {curve.kind}"
        ),
        "not reached": (
            f"is not reached with the largest budget, {curve.budgets[-1]:,.0f} {curve.kind}"
        ),
        "not in every seed": "is reached between the measured budgets in some seeds alone",
    }
    return start + told[reach.outcome] + "."


def _points(family: DrawnFamily, unit: BudgetKind, hue: str, symbol: str) -> dict[str, Any]:
    points = family.points
    ends = [
        (
            (0.0, 0.0)
            if math.isnan(point.low)
            else (point.mean - max(0.0, point.low), min(1.0, point.high) - point.mean)
        )
        for point in points
    ]
    bars = {
        "array": [100 * above for _, above in ends],
        "arrayminus": [100 * below for below, _ in ends],
    }
    return {
        "type": "scatter",
        "mode": "lines+markers" if family.is_line else "markers",
        "name": plain(family.name),
        "x": [point.budget * 10 ** (ASIDE * point.aside) for point in points],
        "y": [100 * point.mean for point in points],
        "customdata": [point.budget for point in points],
        "text": [plain(point.method) for point in points],
        "error_y": {"type": "data", "symmetric": False, "thickness": 1.5, "width": 4, **bars},
        "marker": {"size": 9, "symbol": symbol, "color": f"var(--{hue})"},
        "line": {"width": 2, "color": f"var(--{hue})"},
        "hovertemplate": (
            f"%{{text}}<br>mIoU %{{y:.1f}} %<br>%{{customdata:,.0f}} {unit}<extra></extra>"
        ),
    }


def _published(points: Sequence[DrawnPoint]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "published",
        "x": [point.budget * 10 ** (ASIDE * point.aside) for point in points],
        "y": [100 * (point.published or 0.0) for point in points],
        "text": [plain(point.method) for point in points],
        "marker": {
            "size": 11,
            "symbol": "diamond-open",
            "color": "var(--muted)",
            "line": {"width": 2},
        },
        "hovertemplate": "%{text}<br>published %{y:.1f} %<extra></extra>",
    }


def _line(
    level: DrawnLevel, low: float, high: float
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A horizontal line at a level, from `low` to `high` a band unless it is the floor's, and its
    label."""
    mean, floor = 100 * level.mean, level.is_floor
    across: dict[str, Any] = {"xref": "paper", "x0": 0, "x1": 1, "layer": "below"}
    hue = "var(--muted)" if floor else "var(--ink)"
    line = {
        "type": "line",
        "y0": mean,
        "y1": mean,
        "line": {"color": hue, "width": 1.5, "dash": "dash"},
    }
    band = {
        "type": "rect",
        "y0": low,
        "y1": high,
        "fillcolor": hue,
        "opacity": 0.07,
        "line": {"width": 0},
    }
    shapes = [across | shape for shape in ([line] if floor else [line, band])]
    place = {
        "xref": "paper",
        "x": 0.6,
        "xanchor": "center",
        "y": mean,
        "yanchor": "bottom",
        "showarrow": False,
    }
    return shapes, {
        **place,
        "text": f"{plain(level.name)} {mean:.1f} %",
        "font": {"size": 12, "color": hue},
    }


def plain(text: str) -> str:
    """Text that plotly shows as it is. It knows the entities of < > and &, and none of quotes."""
    return html.escape(text, quote=False)


def colour(index: int) -> str:
    """The CSS variable of a line's colour."""
    return f"series-{index % SERIES + 1}"


def _ends(row: Row) -> tuple[float, float]:
    """The interval in percent, as far as scores go; the mean alone with one seed."""
    low, high = row.scores.mean_miou.interval
    return (
        (100 * row.scores.mean_miou.mean,) * 2
        if math.isnan(low)
        else (100 * max(0.0, low), 100 * min(1.0, high))
    )


def log_axis(values: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis around values above 0, over a factor of 4 at least."""
    low, high = (math.log10(end) for end in (min(values), max(values)))
    room = max(0.06 * (high - low), (0.6 - (high - low)) / 2)
    ticks = choose_log_ticks(10 ** (low - room), 10 ** (high + room))
    return {
        "type": "log",
        "range": [low - room, high + room],
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [*map(format_tick, ticks)],
    }


def layout(x: str, y: str) -> dict[str, Any]:
    """What all charts share."""
    axis = {
        "gridcolor": "var(--line)",
        "linecolor": "var(--line)",
        "zeroline": False,
        "automargin": True,
    }
    return {
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "var(--ink)"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 56, "r": 12, "t": 12, "b": 48},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        "hoverlabel": {"bgcolor": "var(--ground)", "font": {"color": "var(--ink)"}},
        "xaxis": axis | {"title": {"text": x}},
        "yaxis": axis | {"title": {"text": y}},
    }
