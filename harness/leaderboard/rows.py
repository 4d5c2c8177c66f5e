"""The rows of a leaderboard: each method over its seeds, and against the reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness import metrics
from harness.leaderboard import significance, statistics
from harness.leaderboard.annotation_costs import (
    CostModel,
    annotation_seconds,
    clicks,
    hidden_knowledge,
    scale,
    selection_seconds,
)
from harness.leaderboard.board import Board
from harness.leaderboard.published import published_scores
from harness.leaderboard.scores import compute_detail_scores, compute_miou, compute_score
from harness.leaderboard.significance import LISTED, RANKED
from harness.leaderboard.statistics import (
    AgainstReference,
    Ratio,
    Spread,
    compare,
    known,
    mean_of_all,
    mean_of_known,
    spread,
)
from harness.metrics import Counts
from harness.records.record import FinishedRecord

FLOOR = "most frequent class"
"""The row that every board has: the most frequent class of the test, everywhere."""

MARGIN = 0.01
"""A run has collapsed where its mIoU is no more than this above that of the most frequent class
everywhere. One point of mIoU is less than a second class found at an IoU of K % among K classes
adds, and more than a few stray pixels do."""

Role = Literal["method", "reference", "floor"]
Standing = Literal["ranked", "unranked", "unlisted", "reference", "floor"]


@dataclass(frozen=True, slots=True)
class PlannedRuns:
    """How many runs of a method were planned, and how many of them failed."""

    planned: int
    failed: int


@dataclass(frozen=True, slots=True)
class ScoresOfSeeds:
    """Scores of a method over its seeds, as fractions."""

    miou: Mapping[int, float]
    """By seed, of the runs that finished."""
    accuracy: Spread
    macro_f1: Spread
    """F1, the mean over classes."""
    iou: Mapping[str, Spread]
    """IoU by class."""
    details: Mapping[str, Spread]
    """By the names in `scores.DETAIL_SCORES`."""

    @property
    def mean_miou(self) -> Spread:
        """mIoU over the seeds that finished."""
        return spread(list(self.miou.values()))

    @property
    def median_miou(self) -> float:
        """The middle mIoU."""
        return statistics.median(list(self.miou.values()))

    @property
    def interquartile_mean_miou(self) -> float:
        """The mean mIoU without the lowest and highest quarter of seeds."""
        return statistics.interquartile_mean(list(self.miou.values()))


@dataclass(frozen=True, slots=True)
class AnnotationUse:
    """What was annotated for a method: means over seeds, NaN where a seed does not say."""

    labelled_pixels: float
    labelled_share: float
    """Of the valid pixels."""
    seconds: float
    """By the board's cost model."""
    selection_seconds: float
    """The part of them that masks which select a network take."""
    clicks: float
    images: float
    hidden_knowledge: tuple[str, ...]
    """What labels give away beside themselves."""
    total_variation: float
    """Distance of given from exact proportions."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Scores of a source beside ours, by their names in `settings.SCORES`."""

    published: Mapping[str, float]
    ours: Mapping[str, Spread]


@dataclass(frozen=True, slots=True)
class Row:
    """One method of a board."""

    method: str
    role: Role
    runs: PlannedRuns
    scores: ScoresOfSeeds
    annotation: AnnotationUse
    reproduction: Reproduction
    seconds: float
    """How long a run took, the mean over seeds."""
    against: AgainstReference
    """With the reference, paired by seed."""
    gap_closed: Ratio
    """(mIoU - floor) / (reference - floor) of means paired by seed, with the floor of
    `named_floor`."""
    collapsed: float
    """Share of seeds that are no better than the most frequent class, see MARGIN; NaN for
    floors."""
    rank: int | None = None
    """See `significance.ranks`; None where there is none."""

    @property
    def finished(self) -> int:
        """How many runs have a result."""
        return len(self.scores.miou)

    @property
    def missing(self) -> int:
        """How many planned runs have no record at all."""
        return self.runs.planned - self.runs.failed - self.finished

    @property
    def standing(self) -> Standing:
        """How a row stands in its table.

        A method is ranked, or listed without a rank (fewer than 5 seeds), or not listed (fewer
        than 3).
        """
        if self.role == "floor":
            return "floor"
        if self.finished < LISTED:
            return "unlisted"
        if self.role == "reference":
            return "reference"
        return "unranked" if self.rank is None else "ranked"


@dataclass(frozen=True, slots=True)
class Scored:
    """A run, and the counts int64 [K, K] that a row is computed from."""

    record: FinishedRecord
    counts: Counts


def make_rows(board: Board) -> list[Row]:
    """Make a row of each method, in the order of the scenario, and of the floor after them.

    The runs of a board must be comparable, see `comparability`; a board with several selection
    tracks is split before.
    """
    rows = [_make_row_of_method(board, method) for method in board.header.method_names]
    finished = board.finished
    if finished:
        rows.append(_make_row_of_constant(board, finished))
    return _compare_rows(rows, board)


def named_floor(board: Board) -> str:
    """Return the method that the gap is measured from.

    It is the scenario's QDA, else its majority class, else the most frequent class.
    """
    method_of_floor: dict[str | None, str] = {}
    for record in board.finished:
        method_of_floor.setdefault(record.settings.floor, record.method)
    return method_of_floor.get("qda") or method_of_floor.get("majority") or FLOOR


def _make_row_of_method(board: Board, method: str) -> Row:
    runs = board.runs_of(method)
    finished = board.finished_of(method)
    role: Role = "method"
    if method == board.reference:
        role = "reference"
    elif any(record.settings.floor for record in finished):
        role = "floor"
    failed = sum(record.status == "failed" for record in runs)
    scored = [Scored(record, record.confusion.total) for record in finished]
    details = [compute_detail_scores(record) for record in finished]
    return _begin_row(
        board,
        method,
        role,
        PlannedRuns(len(runs), failed),
        _summarise_scores(scored, details),
    )


def _make_row_of_constant(board: Board, finished: Sequence[FinishedRecord]) -> Row:
    """Make the row of the most frequent class everywhere: a run of each seed shows what that is."""
    record_of_seed: dict[int, FinishedRecord] = {}
    for record in finished:
        record_of_seed.setdefault(record.seed, record)
    scored = [
        Scored(record, metrics.most_frequent_class(record.confusion.total))
        for _, record in sorted(record_of_seed.items())
    ]
    # Details and annotation are of the run whose truth is borrowed, not of the constant.
    return _begin_row(
        board, FLOOR, "floor", PlannedRuns(len(scored), 0), _summarise_scores(scored, [])
    )


def _begin_row(
    board: Board, method: str, role: Role, runs: PlannedRuns, scores: ScoresOfSeeds
) -> Row:
    """Return a row without what takes the other rows to say."""
    finished = board.finished_of(method)
    if method == FLOOR:
        finished = []
    nothing = AgainstReference(spread([]), statistics.ratio({}, {}))
    return Row(
        method=method,
        role=role,
        runs=runs,
        scores=scores,
        annotation=_summarise_annotation(finished, board.costs),
        reproduction=_reproduce(board, method, finished),
        seconds=mean_of_known([record.cost.seconds for record in finished]),
        against=nothing,
        gap_closed=statistics.ratio({}, {}),
        collapsed=math.nan,
    )


def _summarise_scores(
    scored: Sequence[Scored], details: Sequence[Mapping[str, float]]
) -> ScoresOfSeeds:
    miou = {run.record.seed: compute_miou(run.record, run.counts) for run in scored}
    macro_f1 = [compute_score(run.record, run.counts, "macro_f1") for run in scored]
    iou_of_class: dict[str, list[float]] = {}
    for run in scored:
        for name, value in zip(run.record.class_names, metrics.iou(run.counts), strict=True):
            iou_of_class.setdefault(name, []).append(float(value))
    values_of_detail: dict[str, list[float]] = {}
    for scores in details:
        for name, value in scores.items():
            values_of_detail.setdefault(name, []).append(value)
    return ScoresOfSeeds(
        miou=miou,
        accuracy=spread([float(metrics.accuracy(run.counts)) for run in scored]),
        macro_f1=spread(known(macro_f1)),
        iou={name: spread(known(values)) for name, values in iou_of_class.items()},
        details={name: spread(known(values)) for name, values in values_of_detail.items()},
    )


def _summarise_annotation(finished: Sequence[FinishedRecord], costs: CostModel) -> AnnotationUse:
    ledgers = [record.ledger for record in finished]
    # All rows of a board have the same patches, so one downsampling.
    area = max((scale(record.settings) for record in finished), default=1)
    variations = [
        annotation.total_variation.mean
        for ledger in ledgers
        for annotation in ledger.supervisions
        if annotation.total_variation is not None
    ]
    hints = [hint for ledger in ledgers for hint in hidden_knowledge(ledger)]
    return AnnotationUse(
        labelled_pixels=mean_of_known([ledger.labelled_pixels for ledger in ledgers]),
        labelled_share=mean_of_known([ledger.labelled_share for ledger in ledgers]),
        seconds=mean_of_all([annotation_seconds(ledger, costs, area) for ledger in ledgers]),
        selection_seconds=mean_of_all(
            [selection_seconds(ledger, costs, area) for ledger in ledgers]
        ),
        clicks=mean_of_all([clicks(ledger, costs) for ledger in ledgers]),
        images=mean_of_all([ledger.scenes for ledger in ledgers]),
        hidden_knowledge=tuple(dict.fromkeys(hints)),
        total_variation=mean_of_known(variations),
    )


def _reproduce(board: Board, method: str, finished: Sequence[FinishedRecord]) -> Reproduction:
    published = published_scores(board.header.published, method)
    ours = {}
    for name in published:
        values = [compute_score(record, record.confusion.total, name) for record in finished]
        ours[name] = spread(known(values))
    return Reproduction(published, ours)


def _compare_rows(rows: Sequence[Row], board: Board) -> list[Row]:
    """Compare the rows with the reference, the floors and each other."""
    scores_of_method = {row.method: row.scores.miou for row in rows}
    reference = scores_of_method.get(board.reference, {})
    floor = scores_of_method.get(named_floor(board), {})
    constant = scores_of_method.get(FLOOR, {})
    ranks: Mapping[str, int] = {}
    if not board.is_smoke:
        entrants = {
            row.method: row.scores.miou
            for row in rows
            if row.role == "method" and row.finished >= RANKED
        }
        ranks = significance.rank_methods(entrants)
    return [
        replace(
            row,
            against=compare(row.scores.miou, reference),
            gap_closed=statistics.ratio(_above(row.scores.miou, floor), _above(reference, floor)),
            collapsed=_share_collapsed(row, constant),
            rank=ranks.get(row.method),
        )
        for row in rows
    ]


def _above(scores: Mapping[int, float], floor: Mapping[int, float]) -> dict[int, float]:
    """Return how far scores are above a floor, by seed."""
    return {seed: scores[seed] - floor[seed] for seed in scores.keys() & floor.keys()}


def _share_collapsed(row: Row, constant: Mapping[int, float]) -> float:
    if row.role == "floor":
        return math.nan
    collapsed = [float(score <= constant[seed] + MARGIN) for seed, score in row.scores.miou.items()]
    return mean_of_known(collapsed)
