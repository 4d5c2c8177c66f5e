"""The tables that a report has for itself, from the rows and records of a board: its headline, and
confusion matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.leaderboard.board import Board
from harness.leaderboard.rows import FLOOR, Row
from harness.leaderboard.statistics import Interval
from harness.pages import formats as cells
from harness.pages.table import NOTHING, Cell, Span, Table, cell, number, percent, shaded, within


def headline(board: Board, rows: Sequence[Row]) -> Table:
    """A line per method: rank, score with its interval and seeds, difference to the reference,
    annotation and its seconds."""
    reference, ranked = board.header["reference"], not board.header.is_smoke
    about = {entry["name"]: entry["about"] for entry in board.header["methods"]}
    published, annotated = (
        any("miou" in row.reproduction.published for row in rows),
        any(row.annotation.seconds >= 0 for row in rows),
    )
    columns = [
        "method",
        *["rank"] * ranked,
        "mIoU (%)",
        "seeds",
        f"difference to {reference} (pp)",
        f"% of {reference}",
        "gap closed (%)",
    ]
    columns += (
        ["labelled pixels"]
        + ["annotation (h)"] * annotated
        + ["published (%)"] * published
        + ["runs"]
    )
    low, high = _scale(rows)
    lines = []
    for row in rows:
        score, difference = row.scores.mean_miou, row.against.difference
        line = [Cell(row.method, note=about.get(row.method, "")), *[_rank(row)] * ranked]
        line += [within(score.mean, score.interval), _span(row, low, high)]
        told = cell(
            cells.within(cells.signed(difference.mean), difference.interval, sign=True),
            difference.mean,
        )
        line += [Cell("reference", 0.0) if row.role == "reference" else told]
        line += [
            percent(row.against.ratio),
            percent(row.gap_closed.value),
            number(row.annotation.labelled_pixels, 0),
        ]
        line += (
            [_hours(row.annotation.seconds)] * annotated
            + [percent(row.reproduction.published.get("miou"))] * published
            + [_runs(row)]
        )
        lines.append(tuple(line))
    return Table("Every method, and the floor", tuple(columns), tuple(lines))


def _rank(row: Row) -> Cell:
    return (
        Cell(str(row.rank), row.rank)
        if row.rank
        else Cell("†")
        if row.standing == "unranked"
        else NOTHING
    )


def _scale(rows: Sequence[Row]) -> tuple[float, float]:
    """The whole tenths that the scores of all methods lie between, as fractions. The floor would
    squeeze them together."""
    values = [
        value
        for row in rows
        if row.method != FLOOR
        for value in row.scores.miou.values()
        if not math.isnan(value)
    ] or [0.0, 1.0]
    low = math.floor(10 * min(values)) / 10
    return low, max(math.ceil(10 * max(values)) / 10, low + 0.1)


def _span(row: Row, low: float, high: float) -> Cell:
    score = row.scores.mean_miou
    if row.method == FLOOR or math.isnan(score.mean):
        return NOTHING

    def position(value: float) -> float:
        return round(min(100.0, max(0.0, 100 * (value - low) / (high - low))), 1)

    ends = Interval(score.mean, score.mean) if math.isnan(score.interval.low) else score.interval
    values = [value for value in row.scores.miou.values() if not math.isnan(value)]
    span = Span(
        position(ends.low), position(score.mean), position(ends.high), tuple(map(position, values))
    )
    return Cell(", ".join(map(cells.percent, values)), score.mean, span=span)


def _hours(seconds: float) -> Cell:
    return (
        NOTHING
        if math.isnan(seconds)
        else Cell(
            f"{seconds / 3600:,.3g}" if seconds < 3.6e6 else f"{seconds / 3600:,.0f}", seconds
        )
    )


def _runs(row: Row) -> Cell:
    if row.method == FLOOR:
        return NOTHING
    notes = [f"{row.runs.failed} failed"] * bool(row.runs.failed) + [
        f"{row.missing} missing"
    ] * bool(row.missing)
    return Cell(
        f"{len(row.scores.miou)}" + (f" ({', '.join(notes)})" if notes else ""),
        len(row.scores.miou),
    )


def confusions(board: Board) -> list[tuple[str, Table]]:
    """For each method with results: where the pixels of each true class went (%), summed over test
    images and seeds."""
    found = []
    for method in [entry["name"] for entry in board.header["methods"]]:
        records = [
            record
            for record in board.records
            if record["method"] == method and record["status"] == "ok"
        ]
        if not records:
            continue
        names = [entry["name"] for entry in records[0]["classes"]]
        counts = np.sum(
            [np.array(record["confusion"]["counts"], np.int64).sum(0) for record in records], 0
        )
        shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
        lines = (
            (
                Cell(name),
                *(shaded(float(share) if count.any() else None) for share in line),
                number(float(count.sum()), 0),
            )
            for name, line, count in zip(names, shares, counts, strict=True)
        )
        caption = (
            f"{method}: where the pixels of each true class went (%), over {len(records)}"
            f" {'seeds' if len(records) > 1 else 'seed'}"
        )
        found.append((method, Table(caption, ("true class", *names, "pixels"), tuple(lines))))
    return found


def unfinished(board: Board) -> list[str]:
    """A sentence for each planned run without a result, or with one that is stale."""
    told = []
    for record in board.ordered:
        run = f"{record['method']}, seed {record['seed']}"
        if record["status"] == "failed":
            told.append(f"{run}: failed: {record['error']['type']}: {record['error']['message']}")
        elif record["status"] != "ok":
            told.append(f"{run}: missing: not run yet")
        elif "stale" in record:
            told.append(f"{run}: stale: {record['stale']}")
    return told
