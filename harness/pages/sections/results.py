"""Tables of scores: every run, ratios and tests, test images, classes, and further measures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.rows import COLLAPSE_MARGIN, CONSTANT, Row
from harness.leaderboard.significance import PairedTest
from harness.leaderboard.statistics import NO_SCORES
from harness.pages import formats
from harness.pages.table import (
    NOTHING,
    Cell,
    Table,
    interval_cell,
    number_cell,
    p_value_cell,
    shaded_cell,
    sorted_cell,
    spread_cell,
)

DETAIL_COLUMNS = {
    "boundary_iou": "boundary IoU (%)",
    "boundary_f1": "boundary F1 (%)",
    "proportion_error_hard": "proportions off, hard (%)",
    "proportion_error_soft": "proportions off, soft (%)",
    "ece": "ECE (%)",
    "nll": "NLL (nats)",
}
"""The columns of scores that come from a record's details, by their names in
`scores.DETAIL_SCORES`."""


def tabulate_seeds(table: TrackTable) -> Table:
    """Show the mIoU of every run, and how the runs of each method are spread."""
    seeds = table.board.header.seeds
    columns = ["method"]
    columns += [f"seed {seed}" for seed in seeds]
    columns += ["median", "interquartile mean", "min", "max", "sd", "collapsed (%)"]
    lines = tuple(_seeds_line(row, seeds) for row in table.rows)
    about = (
        f"Collapsed: the share of seeds whose mIoU is not more than {100 * COLLAPSE_MARGIN:g} point"
        f" above that of {CONSTANT} for the same seed. The interquartile mean leaves out the lowest"
        " and the highest quarter of seeds, rounded down."
    )
    return Table(
        "Every result: mIoU (%) by seed, median, interquartile mean, range, collapse",
        tuple(columns),
        lines,
        about=(about,),
    )


def tabulate_recovery(table: TrackTable) -> Table:
    """Show ratios to the reference with their intervals, and the paired tests against it."""
    reference = table.board.reference
    lines = []
    for row in table.rows:
        ratio = formats.format_interval(
            formats.format_percent(row.against.ratio), row.against.recovery.interval
        )
        lines.append(
            (
                Cell(row.method),
                sorted_cell(ratio, row.against.ratio),
                interval_cell(row.gap_closed.value, row.gap_closed.interval),
                *_test_cells(table.tests.get(row.method)),
            )
        )
    about = (
        "Brackets: 95 % interval over seeds of the ratio of paired means (Fieller); none where it"
        " has no end."
    )
    if table.tests:
        tests = formats.count_nouns(len(table.tests), "test")
        about += (
            f" p: two-sided paired t test of the difference to {reference}; Holm: corrected over"
            f" the {tests} of this table. Exact: sign-flip permutation test, which assumes no"
            " distribution; not testable where so few seeds could not give a corrected p below"
            " 0.05, whatever they show."
        )
    else:
        about += " No method is tested."
    about += f" Gap closed is measured from {table.gap_floor}."
    return Table(
        f"Recovery, gap closed, and tests against {reference}",
        ("method", f"% of {reference}", "gap closed (%)", "p", "p, Holm", "exact p, Holm"),
        tuple(lines),
        about=(about,),
    )


def tabulate_test_images(table: TrackTable) -> Table | None:
    """Show the interval over test images of each method that has one, and why others have none."""
    intervals = table.image_intervals
    # No run has finished.
    if not intervals:
        return None
    lines = []
    reasons = set()
    for row in table.rows:
        interval = intervals.get(row.method)
        if isinstance(interval, str):
            reasons.add(interval)
        elif interval is not None:
            lines.append((Cell(row.method), interval_cell(row.scores.mean_miou.mean, interval)))
    about = []
    if lines:
        about.append(
            "Brackets: 95 % interval over test images, for what another test set would change with"
            " the networks as they are: studentised bootstrap of the groups of images (tiles,"
            " volumes), drawn whole; in simulations of 50 groups or more it covers 94 to 95 %, and"
            " 92 % or more where few groups have a class. It is not the interval over seeds of the"
            " headline."
        )
    for reason in sorted(reasons):
        about.append(f"No interval: {reason}.")
    return Table(
        "Interval over test images", ("method", "mIoU (%)"), tuple(lines), about=tuple(about)
    )


def tabulate_classes(table: TrackTable) -> Table:
    """Show the IoU of each class, shaded."""
    names: list[str] = []
    for row in table.rows:
        # A method without a result has no classes; all others have the same ones.
        names = names or list(row.scores.iou)
    lines = []
    for row in table.rows:
        cells = [Cell(row.method)]
        for name in names:
            iou = row.scores.iou.get(name, NO_SCORES)
            cells.append(shaded_cell(iou.mean, formats.format_spread(iou)))
        lines.append(tuple(cells))
    about = "± standard deviation over seeds."
    return Table("IoU of each class (%)", ("method", *names), tuple(lines), about=(about,))


def tabulate_scores(table: TrackTable) -> Table:
    """Show accuracy, F1, and what the records' details say of boundaries, proportions and
    calibration."""
    details = [name for name in DETAIL_COLUMNS if _is_measured(name, table.rows)]
    lines = []
    for row in table.rows:
        cells = [
            Cell(row.method),
            spread_cell(row.scores.accuracy),
            spread_cell(row.scores.macro_f1),
        ]
        for name in details:
            cells.append(_detail_cell(name, row))
        lines.append(tuple(cells))
    columns = ["method", "accuracy (%)", "F1 (%)"]
    columns += map(DETAIL_COLUMNS.__getitem__, details)
    title = "Accuracy, F1"
    if details:
        title += ", boundaries, proportions, calibration"
    return Table(title, tuple(columns), tuple(lines), about=(_explain_scores(table, details),))


def _seeds_line(row: Row, seeds: Sequence[int]) -> tuple[Cell, ...]:
    scores = row.scores
    # Least and largest of nothing are not known.
    values = list(scores.miou.values()) or [math.nan]
    cells = [Cell(row.method)]
    cells += [_hundredths(scores.miou.get(seed)) for seed in seeds]
    cells += [
        _hundredths(scores.median_miou),
        _hundredths(scores.interquartile_mean_miou),
        _hundredths(min(values)),
        _hundredths(max(values)),
        _hundredths(scores.mean_miou.sd),
        _hundredths(row.collapsed, 0),
    ]
    return tuple(cells)


def _hundredths(fraction: float | None, digits: int = 2) -> Cell:
    """Make an entry in percent of which the number is in percent too."""
    return number_cell(None if fraction is None else 100 * fraction, digits)


def _test_cells(test: PairedTest | None) -> list[Cell]:
    # The reference, floors, and methods with too few seeds are not tested.
    if test is None:
        return [NOTHING, NOTHING, NOTHING]
    exact = Cell(f"not testable at n={test.n}")
    if test.testable:
        exact = p_value_cell(test.exact_adjusted)
    return [p_value_cell(test.p), p_value_cell(test.adjusted), exact]


def _is_measured(detail: str, rows: Sequence[Row]) -> bool:
    # Older records have no details, and others may lack some of them.
    return any(row.scores.details.get(detail, NO_SCORES).n for row in rows)


def _detail_cell(detail: str, row: Row) -> Cell:
    score = row.scores.details.get(detail, NO_SCORES)
    # The only one that is no fraction.
    if detail == "nll":
        return sorted_cell(formats.format_spread(score, 3, 1), score.mean)
    return spread_cell(score)


def _explain_scores(table: TrackTable, details: Sequence[str]) -> str:
    radii = set()
    for record in table.board.records:
        if record.details is not None and record.details.boundary is not None:
            radii.add(record.details.boundary.radius)
    sentences = ["± standard deviation over seeds. F1 and boundary scores are means over classes."]
    if radii:
        pixels = " or ".join(map(str, sorted(radii)))
        sentences.append(f"Boundary scores: within {pixels} pixels of a class boundary.")
    if any(name.startswith("proportion") for name in details):
        sentences.append(
            "Proportions off: total variation distance between predicted and true class shares of a"
            " patch, hard from predicted classes, soft from probabilities."
        )
    if "ece" in details:
        sentences.append(
            "ECE: expected calibration error. NLL: negative log likelihood of the true class, the"
            " mean over the pixels of a seed, then over seeds; it has no upper end, so one"
            " collapsed seed can make most of it."
        )
    return " ".join(sentences)
