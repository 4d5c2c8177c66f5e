"""The tables of a leaderboard beside its headline, as values that pages and reports show: one
function each.

A further table is one more function, named in `every`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.leaderboard import significance
from harness.leaderboard.board import Board
from harness.leaderboard.bootstrap import image_interval
from harness.leaderboard.rows import FLOOR, MARGIN, Row, named_floor
from harness.leaderboard.statistics import Interval, Spread
from harness.pages import formats as cells
from harness.pages.table import (
    NOTHING,
    Cell,
    Table,
    cell,
    number,
    p_value,
    shaded,
    spread,
    within,
)

SCORES = {
    "boundary_iou": "boundary IoU (%)",
    "boundary_f1": "boundary F1 (%)",
    "proportion_error_hard": "proportions off, hard (%)",
    "proportion_error_soft": "proportions off, soft (%)",
    "ece": "ECE (%)",
    "nll": "NLL (nats)",
}
"""Scores of a record's details, as `Row.details` names them, and their columns."""


def by_seed(board: Board, table: Sequence[Row]) -> Table:
    """mIoU of every run, and what the runs of a method come to."""
    seeds = board.header["seeds"]

    def hundredths(value: float | None, digits: int = 2) -> Cell:
        return number(None if value is None else 100 * value, digits)

    lines = []
    for row in table:
        values = list(row.scores.miou.values())
        summary = [
            row.scores.median_miou,
            row.scores.interquartile_mean_miou,
            *((min(values), max(values)) if values else (math.nan, math.nan)),
            row.scores.mean_miou.sd,
        ]
        per_seed = [row.scores.miou.get(seed) for seed in seeds]
        lines.append(
            (
                Cell(row.method),
                *map(hundredths, [*per_seed, *summary]),
                hundredths(row.collapsed, 0),
            )
        )
    columns = (
        "method",
        *(f"seed {seed}" for seed in seeds),
        "median",
        "interquartile mean",
        "min",
        "max",
        "sd",
        "collapsed (%)",
    )
    about = (
        f"Collapsed: the share of seeds whose mIoU is not more than {100 * MARGIN:g} point above"
        f" that of {FLOOR} for the same seed. The interquartile mean leaves out the lowest and the"
        " highest quarter of seeds, rounded down."
    )
    return Table(
        "Every result: mIoU (%) by seed, median, interquartile mean, range, collapse",
        columns,
        tuple(lines),
        about=(about,),
    )


def tests(board: Board, table: Sequence[Row]) -> dict[str, significance.PairedTest]:
    """The paired tests of the methods that are listed, against the reference."""
    reference = next((row.scores.miou for row in table if row.role == "reference"), {})
    return significance.paired_tests(
        reference,
        {row.method: row.scores.miou for row in table if row.standing in ("ranked", "unranked")},
    )


def recovery(board: Board, table: Sequence[Row]) -> Table:
    """Ratios to the reference with their intervals, and the paired tests against it."""
    reference, found = board.header["reference"], tests(board, table)
    lines = []
    for row in table:
        test, tested = found.get(row.method), [NOTHING] * 3
        if test:
            exact = (
                p_value(test.exact_adjusted)
                if test.testable
                else Cell(f"not testable at n={test.n}")
            )
            tested = [p_value(test.p), p_value(test.adjusted), exact]
        ratio = cell(
            cells.within(cells.percent(row.against.ratio), row.against.recovery.interval),
            row.against.ratio,
        )
        lines.append(
            (
                Cell(row.method),
                ratio,
                within(row.gap_closed.value, row.gap_closed.interval),
                *tested,
            )
        )
    columns = ("method", f"% of {reference}", "gap closed (%)", "p", "p, Holm", "exact p, Holm")
    about = (
        "Brackets: 95 % interval over seeds of the ratio of paired means (Fieller); none where it"
        f" has no end. p: two-sided paired t test of the difference to {reference}; Holm: corrected"
        f" over the {cells.counted(len(found), 'test')} of this table. Exact: sign-flip permutation"
        " test, which assumes no distribution; not testable where so few seeds could not give a"
        " corrected p below 0.05, whatever they show."
        if found
        else (
            "Brackets: 95 % interval over seeds of the ratio of paired means (Fieller); none where"
            " it has no end. No method is tested."
        )
    )
    about += f" Gap closed is measured from {named_floor(board)}."
    return Table(
        f"Recovery, gap closed, and tests against {reference}",
        columns,
        tuple(lines),
        about=(about,),
    )


def images(board: Board, table: Sequence[Row]) -> dict[str, Interval | str]:
    """The interval over test images of each method that has a finished run, or why it has none."""
    done = board.finished
    own = {
        row.method: [record for record in done if record["method"] == row.method] for row in table
    }
    return {method: image_interval(records) for method, records in own.items() if records}


def test_images(board: Board, table: Sequence[Row]) -> Table | None:
    """The interval over test images of each method that has one, and why others have none."""
    found = images(board, table)
    if not found:
        return None
    reasons = sorted({reason for reason in found.values() if isinstance(reason, str)})
    about = (
        "Brackets: 95 % interval over test images, for what another test set would change with the"
        " networks as they are: studentised bootstrap of the groups of images (tiles, volumes),"
        " drawn whole; in simulations of 50 groups or more it covers 94 to 95 %, and 92 % or more"
        " where few groups have a class. It is not the interval over seeds of the headline."
    )
    lines = []
    for row in table:
        interval = found.get(row.method, "")
        if not isinstance(interval, str):
            lines.append((Cell(row.method), within(row.scores.mean_miou.mean, interval)))
    missing = (f"No interval: {reason}." for reason in reasons)
    return Table(
        "Interval over test images",
        ("method", "mIoU (%)"),
        tuple(lines),
        about=((about,) if lines else ()) + tuple(missing),
    )


def per_class(table: Sequence[Row]) -> Table:
    """IoU of each class, shaded."""
    names = next((list(row.scores.iou) for row in table if row.scores.iou), [])
    nothing = Spread(0, math.nan, math.nan)
    lines = []
    for row in table:
        values = (row.scores.iou.get(name, nothing) for name in names)
        lines.append(
            (Cell(row.method), *(shaded(value.mean, cells.spread(value)) for value in values))
        )
    return Table(
        "IoU of each class (%)",
        ("method", *names),
        tuple(lines),
        about=("± standard deviation over seeds.",),
    )


def scores(board: Board, table: Sequence[Row]) -> Table:
    """Accuracy, F1, and what the records' details tell of boundaries, proportions and
    calibration."""
    known = [
        name
        for name in SCORES
        if any(name in row.scores.details and row.scores.details[name].n for row in table)
    ]
    nothing = Spread(0, math.nan, math.nan)
    lines = []
    for row in table:
        details = ((name, row.scores.details.get(name, nothing)) for name in known)
        own = (
            cell(cells.spread(value, 3, 1), value.mean) if name == "nll" else spread(value)
            for name, value in details
        )
        lines.append(
            (Cell(row.method), spread(row.scores.accuracy), spread(row.scores.macro_f1), *own)
        )
    radii = sorted(
        {
            r["details"]["boundary"]["radius"]
            for r in board.records
            if "boundary" in r.get("details", ())
        }
    )
    about = ["± standard deviation over seeds. F1 and boundary scores are means over classes."]
    about += (
        [f"Boundary scores: within {' or '.join(map(str, radii))} pixels of a class boundary."]
        if radii
        else []
    )
    if any(name.startswith("proportion") for name in known):
        about.append(
            "Proportions off: total variation distance between predicted and true class shares of a"
            " patch, hard from predicted"
        )
        about.append("classes, soft from probabilities.")
    if "ece" in known:
        about.append(
            "ECE: expected calibration error. NLL: negative log likelihood of the true class, the"
            " mean over the pixels of a seed,"
        )
        about.append(
            "then over seeds; it has no upper end, so one collapsed seed can make most of it."
        )
    columns = ("method", "accuracy (%)", "F1 (%)", *(SCORES[name] for name in known))
    title = "Accuracy, F1" + (", boundaries, proportions, calibration" if known else "")
    return Table(title, columns, tuple(lines), about=(" ".join(about),))
