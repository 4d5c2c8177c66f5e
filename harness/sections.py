"""The tables of a leaderboard beside its headline, as values that pages and reports show: one
function each.

A further table is one more function, named in `every`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness import annotation, cells, significance
from harness.boards import Board
from harness.convergence import convergence
from harness.leaderboard import FLOOR, MARGIN, Row, finished, named_floor, ordered
from harness.making import setup
from harness.recipes import methods
from harness.resampling import image_interval
from harness.statistics import Interval, Spread
from harness.tracks import meaning, missing_rows, split
from harness.words import (
    NOTHING,
    Cell,
    Table,
    cell,
    number,
    p_value,
    percent,
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


PUBLISHED = {
    "miou": "mIoU",
    "batch_miou": "mIoU, mean over batches",
    "macro_f1": "F1, mean over classes",
    "iou": "IoU",
    "f1": "F1",
}
"""Scores that a source reports, as people write them; others are called what `published.SCORES`
calls them."""


def every(board: Board, table: Sequence[Row], classes: bool = True) -> list[Table]:
    """All tables, in order; classes: whether that of classes is among them."""
    found = [
        by_seed(board, table),
        recovery(board, table),
        test_images(board, table),
        per_class(table) if classes else None,
        scores(board, table),
        convergence(board),
        annotation.cost(board, table),
        annotation.budgets(board),
        reproduction(board, table),
        methods(board),
        setup(board),
    ]
    return [each for each in found if each]


def absent(board: Board) -> dict[str, list[int]]:
    """The classes that training parts lack, with the seeds of these."""
    seeds: dict[str, set[int]] = {}
    for record in ordered(board):
        for name in record.get("split", {}).get("train", {}).get("absent_classes", ()):
            seeds.setdefault(name, set()).add(record["seed"])
    return {name: sorted(own) for name, own in seeds.items()}


def notes(board: Board) -> list[str]:
    """What a reader must know beside the columns: how networks were chosen, rows and classes that
    are not there. Plain text."""
    (track,) = split(board)
    chosen = [f"Selection track `{track}`: {meaning(track)}."]
    lacking = [
        f"This leaderboard lacks {row}." for row in missing_rows(board.header, board.records)
    ]
    told = (f"{name} (seed {', '.join(map(str, own))})" for name, own in absent(board).items())
    return (
        chosen
        + lacking
        + ([f"Absent from the training part: {'; '.join(told)}."] if absent(board) else [])
    )


def by_seed(board: Board, table: Sequence[Row]) -> Table:
    """mIoU of every run, and what the runs of a method come to."""
    seeds = board.header["seeds"]

    def hundredths(value: float | None, digits: int = 2) -> Cell:
        return number(None if value is None else 100 * value, digits)

    lines = []
    for row in table:
        values = list(row.miou.values())
        summary = [
            row.median,
            row.interquartile_mean,
            *((min(values), max(values)) if values else (math.nan, math.nan)),
            row.score.sd,
        ]
        per_seed = [row.miou.get(seed) for seed in seeds]
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
    reference = next((row.miou for row in table if row.role == "reference"), {})
    return significance.against(
        reference, {row.method: row.miou for row in table if row.standing in ("ranked", "unranked")}
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
    done = finished(board)
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
            lines.append((Cell(row.method), within(row.score.mean, interval)))
    missing = (f"No interval: {reason}." for reason in reasons)
    return Table(
        "Interval over test images",
        ("method", "mIoU (%)"),
        tuple(lines),
        about=((about,) if lines else ()) + tuple(missing),
    )


def per_class(table: Sequence[Row]) -> Table:
    """IoU of each class, shaded."""
    names = next((list(row.iou) for row in table if row.iou), [])
    nothing = Spread(0, math.nan, math.nan)
    lines = []
    for row in table:
        values = (row.iou.get(name, nothing) for name in names)
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
        name for name in SCORES if any(name in row.details and row.details[name].n for row in table)
    ]
    nothing = Spread(0, math.nan, math.nan)
    lines = []
    for row in table:
        details = ((name, row.details.get(name, nothing)) for name in known)
        own = (
            cell(cells.spread(value, 3, 1), value.mean) if name == "nll" else spread(value)
            for name, value in details
        )
        lines.append((Cell(row.method), spread(row.accuracy), spread(row.macro_f1), *own))
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


def reproduction(board: Board, table: Sequence[Row]) -> Table | None:
    """Published scores beside ours in the source's own metric, and what explains a difference; None
    without published scores."""
    lines = []
    for row in table:
        for score, value in row.published.items():
            ours, difference = row.reproduced[score], row.reproduced[score].mean - value
            line = (
                Cell(row.method),
                Cell(named(score)),
                percent(value),
                spread(ours),
                number(ours.n, 0),
            )
            lines.append((*line, cell(cells.signed(difference), difference)))
    if not lines:
        return None
    published = board.header["published"]
    columns = ("method", "score", "published (%)", "ours (%)", "n", "difference (pp)")
    source = f"Published: {published['source']}; its metric: {published['metric']}."
    about = ("± standard deviation over seeds.", source, "Deviations:")
    return Table(
        "Reproduction of published numbers",
        columns,
        tuple(lines),
        ("score",),
        about,
        tuple(deviations(board)) or ("none",),
    )


def named(score: str) -> str:
    """A score of `published.SCORES` for people: f1:road is F1, road."""
    kind, _, of = score.partition(":")
    return PUBLISHED.get(kind, kind) + (f", {of}" if of else "")


def deviations(board: Board) -> list[str]:
    """What may explain a difference to published scores: initialisation, size of the training part,
    overrides, what the scenario says."""
    header, done = board.header, finished(board)
    parts = [record["split"]["train"] for record in done]
    found = (
        [
            "initialisation here:"
            f" {', '.join(dict.fromkeys(record['initialisation'] for record in done))}"
        ]
        if done
        else []
    )
    known = [
        (name, [part[name] for part in parts if name in part]) for name in ("patches", "scenes")
    ]
    found += [f"{name} in the training part: {_range(counts)}" for name, counts in known if counts]
    changes = [
        change
        for change in header.get("changes", ())
        if not change.startswith(("about=", "published.", "seeds="))
    ]
    found += (
        [f"profile {header['profile']}" + (f" ({', '.join(changes)})" if changes else "")]
        if header["profile"]
        else []
    )
    return [*found, *header["overrides"], *header["published"].get("deviations", ())]


def _range(counts: Sequence[int]) -> str:
    """Counts of different seeds, from the least to the largest."""
    return " to ".join(f"{count:,}" for count in sorted({min(counts), max(counts)}))
