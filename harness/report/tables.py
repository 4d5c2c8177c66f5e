"""The tables of a report, from the rows and records of a board."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness import cells, sections
from harness.boards import Board
from harness.leaderboard import FLOOR, Row, ordered, smoke
from harness.report.words import NOTHING, Cell, Span, Table, cell, number, percent, shaded
from harness.statistics import Interval, Spread


def headline(board: Board, rows: Sequence[Row]) -> Table:
    """A line per method: rank, score with its interval and seeds, difference to the reference, annotation and its seconds."""
    reference, ranked = board.header["reference"], not smoke(board.header)
    about = {entry["name"]: entry["about"] for entry in board.header["methods"]}
    published, annotated = any("miou" in row.published for row in rows), any(row.annotation_seconds >= 0 for row in rows)
    columns = ["method", *["rank"] * ranked, "mIoU (%)", "seeds", f"difference to {reference} (pp)", f"% of {reference}", "gap closed (%)"]
    columns += ["labelled pixels"] + ["annotation (h)"] * annotated + ["published (%)"] * published + ["runs"]
    low, high = _scale(rows)
    lines = []
    for row in rows:
        score, difference = row.score, row.against.difference
        line = [Cell(row.method, note=about.get(row.method, "")), *[_rank(row)] * ranked]
        line += [cell(cells.within(cells.percent(score.mean), score.interval), score.mean), _span(row, low, high)]
        told = cell(cells.within(cells.signed(difference.mean), difference.interval, sign=True), difference.mean)
        line += [Cell("reference", 0.0) if row.role == "reference" else told]
        line += [percent(row.against.ratio), percent(row.gap_closed.value), number(row.labelled_pixels, 0)]
        line += [_hours(row.annotation_seconds)] * annotated + [percent(row.published.get("miou"))] * published + [_runs(row)]
        lines.append(tuple(line))
    return Table("Every method, and the floor", tuple(columns), tuple(lines))


def _rank(row: Row) -> Cell:
    return Cell(str(row.rank), row.rank) if row.rank else Cell("†") if row.standing == "unranked" else NOTHING


def _scale(rows: Sequence[Row]) -> tuple[float, float]:
    """The whole tenths that the scores of all methods lie between, as fractions. The floor would squeeze them together."""
    values = [value for row in rows if row.method != FLOOR for value in row.miou.values() if not math.isnan(value)] or [0.0, 1.0]
    low = math.floor(10 * min(values)) / 10
    return low, max(math.ceil(10 * max(values)) / 10, low + 0.1)


def _span(row: Row, low: float, high: float) -> Cell:
    score = row.score
    if row.method == FLOOR or math.isnan(score.mean):
        return NOTHING

    def position(value: float) -> float:
        return round(min(100.0, max(0.0, 100 * (value - low) / (high - low))), 1)

    ends = Interval(score.mean, score.mean) if math.isnan(score.interval.low) else score.interval
    values = [value for value in row.miou.values() if not math.isnan(value)]
    span = Span(position(ends.low), position(score.mean), position(ends.high), tuple(map(position, values)))
    return Cell(", ".join(map(cells.percent, values)), score.mean, span=span)


def _hours(seconds: float) -> Cell:
    return NOTHING if math.isnan(seconds) else Cell(f"{seconds / 3600:,.3g}" if seconds < 3.6e6 else f"{seconds / 3600:,.0f}", seconds)


def _runs(row: Row) -> Cell:
    if row.method == FLOOR:
        return NOTHING
    notes = [f"{row.failed} failed"] * bool(row.failed) + [f"{row.missing} missing"] * bool(row.missing)
    return Cell(f"{len(row.miou)}" + (f" ({', '.join(notes)})" if notes else ""), len(row.miou))


def by_seed(board: Board, rows: Sequence[Row]) -> Table:
    """mIoU of every run, and what the runs of a method come to."""
    seeds = board.header["seeds"]
    lines = []
    for row in rows:
        line = [Cell(row.method), *(percent(row.miou.get(seed)) for seed in seeds), percent(row.median), percent(row.interquartile_mean)]
        lines.append((*line, percent(row.score.sd), percent(row.collapsed)))
    columns = ("method", *(f"seed {seed}" for seed in seeds), "median", "interquartile mean", "standard deviation", "collapsed")
    return Table("mIoU (%) of every run", columns, tuple(lines))


def recovery(board: Board, rows: Sequence[Row]) -> Table:
    """Ratios to the reference with their intervals, and the paired tests against it."""
    found, lines = sections.tests(board, rows), []
    for row in rows:
        ratios = [cell(cells.within(cells.percent(own.value), own.interval), own.value) for own in (row.against.recovery, row.gap_closed)]
        test, tested = found.get(row.method), [NOTHING] * 3
        if test:
            exact = cells.p_value(test.exact_adjusted) if test.testable else f"not testable at n={test.n}"
            tested = [Cell(cells.p_value(test.p), test.p), Cell(cells.p_value(test.adjusted), test.adjusted), Cell(exact)]
        lines.append((Cell(row.method), *ratios, *tested))
    reference = board.header["reference"]
    columns = ("method", f"% of {reference}", "gap closed (%)", "p", "p, Holm", "exact p, Holm")
    return Table(f"Recovery, and paired tests against {reference}", columns, tuple(lines))


def images(board: Board, rows: Sequence[Row]) -> Table:
    """The interval over test images of each method, or why there is none."""
    found, lines = sections.images(board, rows), []
    for row in rows:
        interval = found.get(row.method, "no run has finished")
        ends = [Cell(f"none: {interval}"), NOTHING] if isinstance(interval, str) else [*map(percent, interval)]
        lines.append((Cell(row.method), percent(row.score.mean), *ends))
    return Table("Interval of mIoU (%) over test images", ("method", "mIoU (%)", "from", "to"), tuple(lines))


def scores(rows: Sequence[Row]) -> Table:
    """Accuracy, F1, and what the records' details tell of boundaries, proportions and calibration."""
    known = [name for name in sections.SCORES if any(name in row.details for row in rows)]

    def told(name: str, value: Spread | None) -> Cell:
        if value is None:
            return NOTHING
        return number(value.mean, 3) if name == "nll" else cell(cells.spread(value), value.mean)

    lines = []
    for row in rows:
        details = (told(name, row.details.get(name)) for name in known)
        lines.append((Cell(row.method), told("accuracy", row.accuracy), told("f1", row.macro_f1), *details))
    columns = ("method", "accuracy (%)", "F1 (%)", *(sections.SCORES[name] for name in known))
    return Table("More scores, ± standard deviation over seeds", columns, tuple(lines))


def cost(board: Board, rows: Sequence[Row]) -> Table:
    """What annotation gives, what else it reveals, and what a run takes."""
    lines = []
    for row in rows:
        share = cell(cells.share(row.labelled_share), row.labelled_share)
        reveals = Cell("; ".join(row.hidden_knowledge) or cells.DASH)
        lines.append((Cell(row.method), share, percent(row.total_variation), number(row.seconds), reveals))
    columns = ("method", "labelled, of all pixels (%)", "proportions off by (%)", "s / run", "reveals")
    return Table("Annotation and cost, means over seeds", columns, tuple(lines), ("reveals",))


def reproduction(rows: Sequence[Row]) -> Table:
    """A line per method and published score, beside ours in the same score."""
    lines = []
    for row in rows:
        for score, value in row.published.items():
            ours, difference = row.reproduced[score], row.reproduced[score].mean - value
            line = (Cell(row.method), Cell(sections.named(score)), percent(value), cell(cells.spread(ours), ours.mean))
            lines.append((*line, number(ours.n, 0), cell(cells.signed(difference), difference)))
    columns = ("method", "score", "published (%)", "ours (%)", "seeds", "difference (pp)")
    return Table("Published scores, and ours", columns, tuple(lines), ("score",))


def per_class(rows: Sequence[Row]) -> Table:
    """IoU of each class, shaded."""
    names = next((list(row.iou) for row in rows if row.iou), [])
    lines = (tuple([Cell(row.method), *(shaded(row.iou[name].mean if name in row.iou else None) for name in names)]) for row in rows)
    return Table("IoU (%) of each class, mean over seeds", ("method", *names), tuple(lines))


def confusions(board: Board) -> list[tuple[str, Table]]:
    """For each method with results: where the pixels of each true class went (%), summed over test images and seeds."""
    found = []
    for method in [entry["name"] for entry in board.header["methods"]]:
        records = [record for record in board.records if record["method"] == method and record["status"] == "ok"]
        if not records:
            continue
        names = [entry["name"] for entry in records[0]["classes"]]
        counts = np.sum([np.array(record["confusion"]["counts"], np.int64).sum(0) for record in records], 0)
        shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
        lines = (
            (Cell(name), *(shaded(float(share) if count.any() else None) for share in line), number(float(count.sum()), 0))
            for name, line, count in zip(names, shares, counts, strict=True)
        )
        caption = f"{method}: where the pixels of each true class went (%), over {len(records)} {'seeds' if len(records) > 1 else 'seed'}"
        found.append((method, Table(caption, ("true class", *names, "pixels"), tuple(lines))))
    return found


def unfinished(board: Board) -> list[str]:
    """A sentence for each planned run without a result."""
    told = []
    for record in ordered(board):
        run = f"{record['method']}, seed {record['seed']}"
        if record["status"] == "failed":
            told.append(f"{run}: failed: {record['error']['type']}: {record['error']['message']}")
        elif record["status"] != "ok":
            told.append(f"{run}: missing: not run yet")
    return told
