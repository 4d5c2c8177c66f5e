"""A leaderboard as CSV: every figure of its page, and more decimals."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.leaderboard.analysis import Leaderboard, TrackTable
from harness.leaderboard.rows import Row
from harness.leaderboard.scores import DETAIL_SCORES
from harness.leaderboard.significance import PairedTest
from harness.leaderboard.statistics import NO_INTERVAL, NO_SCORES, Interval

FIRST_COLUMNS = "method,standing,rank,track,"
"""How such a file begins."""


NO_TEST = PairedTest(0, math.nan, math.nan, math.nan, math.nan, testable=False)

Value = str | int | float | None
"""None and NaN are written as nothing."""


@dataclass(frozen=True, slots=True)
class CsvLine:
    """What a line is about: a row, and the table that it is compared in."""

    row: Row
    table: TrackTable

    @property
    def test(self) -> PairedTest:
        """The test against the reference; without numbers where the method is not listed."""
        return self.table.tests.get(self.row.method, NO_TEST)

    @property
    def exact_test(self) -> PairedTest:
        """The same; without numbers too where so few seeds could not reject anything."""
        return self.test if self.test.testable else NO_TEST

    @property
    def image_interval(self) -> Interval:
        """The interval over test images, if there is one."""
        interval = self.table.image_intervals.get(self.row.method)
        # A text says why there is none.
        return interval if isinstance(interval, Interval) else NO_INTERVAL

    @property
    def scores_by_seed(self) -> Sequence[float]:
        """The mIoU of each seed; NaN alone where there is none."""
        return list(self.row.scores.miou.values()) or [math.nan]


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """One column of the file."""

    name: str
    meaning: str
    value: Callable[[CsvLine], Value]
    is_optional: bool = False
    """Whether it is left out where no line has a value."""


def to_csv(leaderboard: Leaderboard) -> str:
    """Write a line per method; floats have six decimals, and what is not known is empty.

    Scores are fractions, differences fractions of 1 mIoU. _low and _high are the ends of 95 %
    intervals.
    """
    lines = []
    for table in leaderboard.tables:
        for row in table.rows:
            lines.append(CsvLine(row, table))
    names = []
    columns = []
    for column in _list_columns(leaderboard):
        texts = [_format_value(column.value(line)) for line in lines]
        if any(texts) or not column.is_optional:
            names.append(column.name)
            columns.append(texts)
    out = io.StringIO()
    # Not os.linesep, which is another one on Windows: the file is compared byte by byte.
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue()


def _list_columns(leaderboard: Leaderboard) -> list[CsvColumn]:
    """List the columns in their order; some are named after classes and published scores."""
    # Dictionaries keep the order of their keys; sets do not, and it would change from run to run.
    class_names: dict[str, None] = {}
    published: dict[str, None] = {}
    for row in leaderboard.rows:
        class_names.update(dict.fromkeys(row.scores.iou))
        published.update(dict.fromkeys(row.reproduction.published))
    columns = [*METHOD_COLUMNS, *SCORES, *AGAINST_REFERENCE, *FURTHER_SCORES]
    columns += map(_detail_column, DETAIL_SCORES)
    columns += ANNOTATION
    columns += map(_class_column, class_names)
    for score in published:
        columns += _reproduction_columns(score)
    # One column for all seeds: a board with more of them has no other columns.
    columns.append(CsvColumn("miou_per_seed", "SEED:MIOU of each seed.", _write_seed_scores))
    return columns


def _interval_columns(
    name: str, meaning: str, interval: Callable[[CsvLine], Interval]
) -> list[CsvColumn]:
    return [
        CsvColumn(f"{name}_low", f"Lower end of {meaning}.", lambda line: interval(line).low),
        CsvColumn(f"{name}_high", f"Upper end of {meaning}.", lambda line: interval(line).high),
    ]


METHOD_COLUMNS = (
    CsvColumn("method", "Its name.", lambda line: line.row.method),
    CsvColumn(
        "standing",
        "ranked, unranked, unlisted, reference, floor, or smoke in a smoke test.",
        lambda line: "smoke" if line.table.board.is_smoke else line.row.standing,
    ),
    CsvColumn("rank", "See the legend of the page.", lambda line: line.row.rank),
    CsvColumn("track", "How networks were chosen.", lambda line: str(line.table.track)),
    CsvColumn("seeds", "Runs that finished.", lambda line: line.row.finished),
    CsvColumn("planned", "Runs that were planned.", lambda line: line.row.runs.planned),
    CsvColumn("failed", "Runs that failed.", lambda line: line.row.runs.failed),
    CsvColumn("missing", "Runs without a record.", lambda line: line.row.missing),
)

SCORES = (
    CsvColumn("miou", "mIoU, the mean over seeds.", lambda line: line.row.scores.mean_miou.mean),
    CsvColumn("miou_sd", "Its deviation.", lambda line: line.row.scores.mean_miou.sd),
    *_interval_columns(
        "miou",
        "Student's t interval over seeds",
        lambda line: line.row.scores.mean_miou.interval,
    ),
    CsvColumn("miou_median", "Its median over seeds.", lambda line: line.row.scores.median_miou),
    CsvColumn(
        "miou_interquartile_mean",
        "The mean without the lowest and highest quarter of seeds.",
        lambda line: line.row.scores.interquartile_mean_miou,
    ),
    CsvColumn("miou_min", "The worst seed.", lambda line: min(line.scores_by_seed)),
    CsvColumn("miou_max", "The best seed.", lambda line: max(line.scores_by_seed)),
    *_interval_columns(
        "images",
        "the interval over test images",
        lambda line: line.image_interval,
    ),
)

AGAINST_REFERENCE = (
    CsvColumn(
        "difference",
        "mIoU minus that of the reference, paired by seed.",
        lambda line: line.row.against.difference.mean,
    ),
    CsvColumn(
        "difference_sd",
        "Its deviation over pairs.",
        lambda line: line.row.against.difference.sd,
    ),
    *_interval_columns(
        "difference",
        "Student's t interval over pairs",
        lambda line: line.row.against.difference.interval,
    ),
    CsvColumn(
        "p",
        "Of the paired t test against the reference.",
        lambda line: line.test.p,
    ),
    CsvColumn(
        "p_holm",
        "The same, corrected over the table.",
        lambda line: line.test.adjusted,
    ),
    CsvColumn(
        "p_exact",
        "Of the sign-flip permutation test.",
        lambda line: line.exact_test.exact,
    ),
    CsvColumn(
        "p_exact_holm",
        "The same, corrected over the table.",
        lambda line: line.exact_test.exact_adjusted,
    ),
    CsvColumn(
        "of_reference",
        "mIoU over that of the reference, paired by seed.",
        lambda line: line.row.against.recovery.value,
    ),
    *_interval_columns(
        "of_reference",
        "Fieller's interval over seeds",
        lambda line: line.row.against.recovery.interval,
    ),
    CsvColumn(
        "floor",
        "The method that the gap is measured from.",
        lambda line: line.table.gap_floor,
    ),
    CsvColumn(
        "gap_closed",
        "(mIoU - floor) / (reference - floor).",
        lambda line: line.row.gap_closed.value,
    ),
    *_interval_columns(
        "gap_closed",
        "Fieller's interval over seeds",
        lambda line: line.row.gap_closed.interval,
    ),
)

FURTHER_SCORES = (
    CsvColumn(
        "collapsed",
        "Share of seeds that are no better than the most frequent class.",
        lambda line: line.row.collapsed,
    ),
    CsvColumn("accuracy", "Mean over seeds.", lambda line: line.row.scores.accuracy.mean),
    CsvColumn("macro_f1", "F1, mean over classes.", lambda line: line.row.scores.macro_f1.mean),
)

ANNOTATION = (
    CsvColumn(
        "labelled_pixels",
        "Counted by the harness, the mean over seeds.",
        lambda line: line.row.annotation.labelled_pixels,
    ),
    CsvColumn(
        "labelled_share",
        "Of the valid pixels.",
        lambda line: line.row.annotation.labelled_share,
    ),
    CsvColumn(
        "annotated_images",
        "Images that were annotated.",
        lambda line: line.row.annotation.images,
    ),
    CsvColumn("clicks", "Points, strokes and boxes.", lambda line: line.row.annotation.clicks),
    CsvColumn(
        "annotation_seconds",
        "By the cost model.",
        lambda line: line.row.annotation.seconds,
    ),
    CsvColumn(
        "selection_seconds",
        "The part of them for masks that select a network.",
        lambda line: line.row.annotation.selection_seconds,
    ),
    CsvColumn(
        "hidden_knowledge",
        "What labels give away beside themselves.",
        lambda line: "; ".join(line.row.annotation.hidden_knowledge),
    ),
    CsvColumn(
        "total_variation",
        "Distance of given from exact proportions.",
        lambda line: line.row.annotation.total_variation,
        is_optional=True,
    ),
    CsvColumn("seconds", "Training and test, the mean over runs.", lambda line: line.row.seconds),
)


def _detail_column(name: str) -> CsvColumn:
    return CsvColumn(
        name,
        "Mean over seeds.",
        lambda line: line.row.scores.details.get(name, NO_SCORES).mean,
        is_optional=True,
    )


def _class_column(class_name: str) -> CsvColumn:
    return CsvColumn(
        f"iou_{class_name}",
        "IoU of a class, the mean over seeds.",
        lambda line: line.row.scores.iou.get(class_name, NO_SCORES).mean,
    )


def _reproduction_columns(score: str) -> list[CsvColumn]:
    name = score.replace(":", "_")
    return [
        CsvColumn(
            f"published_{name}",
            "What a source reports.",
            lambda line: line.row.reproduction.published.get(score),
        ),
        CsvColumn(
            f"reproduced_{name}",
            "Ours in the same score.",
            lambda line: line.row.reproduction.ours.get(score, NO_SCORES).mean,
        ),
    ]


def _write_seed_scores(line: CsvLine) -> str:
    scores = line.row.scores.miou.items()
    return " ".join(f"{seed}:{score:.6f}" for seed, score in scores)


def _format_value(value: Value) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    # A negative zero becomes a positive one: its sign is not the same on every machine.
    return f"{round(value, 6) + 0.0:.6f}"
