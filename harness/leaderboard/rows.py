"""The rows of a leaderboard: each method over its seeds, and against the reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness import metrics
from harness.leaderboard import significance, statistics
from harness.leaderboard.annotation_costs import (
    CostModel,
    annotation_seconds,
    clicks,
    hidden_knowledge,
    pixel_area,
    selection_seconds,
)
from harness.leaderboard.board import Board
from harness.leaderboard.published import published_scores
from harness.leaderboard.scores import compute_detail_scores, compute_miou, compute_score
from harness.leaderboard.significance import SEEDS_TO_LIST, SEEDS_TO_RANK
from harness.leaderboard.statistics import (
    AgainstReference,
    Ratio,
    ScoresBySeed,
    Spread,
    compare_with_reference,
    known,
    mean_of_all,
    mean_of_known,
    spread,
)
from harness.metrics import Counts
from harness.records.record import FinishedRecord, Ledger

CONSTANT = "most frequent class"
"""The row that every board has: the most frequent class of the test, everywhere."""

COLLAPSE_MARGIN = 0.01
"""A run has collapsed where its mIoU is at most so far above that of the most frequent class
everywhere. A few stray pixels of another class add less than this one point. Of K classes, finding
a second one adds more, once its IoU is above K %."""

Role = Literal["method", "reference", "floor"]
"""What a row is on its board."""

Standing = Literal["ranked", "unranked", "unlisted", "reference", "floor"]
"""How a row stands in its table, see `Row.standing`."""


@dataclass(frozen=True, slots=True)
class PlannedRuns:
    """How many runs of a method were planned, and how many of them failed."""

    planned: int
    """How many runs were planned."""
    failed: int
    """How many of them failed."""


@dataclass(frozen=True, slots=True)
class ScoresOfSeeds:
    """Scores of a method over its seeds, as fractions."""

    miou: Mapping[int, float]
    """By seed, of the runs that finished."""
    accuracy: Spread
    """The share of pixels that are right."""
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
    """Pixels with a label."""
    labelled_share: float
    """Labelled pixels over valid ones."""
    seconds: float
    """What a person would have taken, by the board's cost model."""
    selection_seconds: float
    """The part of it for masks that select a network."""
    clicks: float
    """Points, strokes and boxes that were drawn."""
    images: float
    """Scenes in which something was annotated."""
    hidden_knowledge: tuple[str, ...]
    """What labels give away beside themselves."""
    total_variation: float
    """How far given proportions are from exact ones; NaN where none were given."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Scores of a source beside ours, by their names in `scenario.published.SCORE_NAMES`."""

    published: Mapping[str, float]
    """What the source printed."""
    ours: Mapping[str, Spread]
    """The same scores of our runs."""


@dataclass(frozen=True, slots=True)
class Row:
    """One method of a board."""

    method: str
    """The name of the method, or `CONSTANT`."""
    role: Role
    """What it is on the board."""
    runs: PlannedRuns
    """How many runs it was to have."""
    scores: ScoresOfSeeds
    """The scores of those that finished."""
    annotation: AnnotationUse
    """What was annotated for them."""
    reproduction: Reproduction
    """What a source has for the method."""
    seconds: float
    """How long a run took, the mean over seeds."""
    against: AgainstReference
    """With the reference, paired by seed."""
    gap_closed: Ratio
    """(mIoU - floor) / (reference - floor) of means paired by seed, with the floor of
    `find_gap_floor`."""
    collapsed: float
    """Share of seeds that are no better than the most frequent class, see COLLAPSE_MARGIN; NaN for
    floors."""
    rank: int | None = None
    """See `significance.rank_methods`; None where there is none."""

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

        A method is ranked, or listed without a rank (fewer than `SEEDS_TO_RANK` seeds), or not
        listed (fewer than `SEEDS_TO_LIST`).
        """
        if self.role == "floor":
            return "floor"
        if self.finished < SEEDS_TO_LIST:
            return "unlisted"
        if self.role == "reference":
            return "reference"
        return "unranked" if self.rank is None else "ranked"


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A run, and the counts int64 [K, K] that a row is computed from."""

    record: FinishedRecord
    counts: Counts


@dataclass(frozen=True, slots=True)
class Entrant:
    """A method by itself, before it is compared with others."""

    method: str
    role: Role
    runs: PlannedRuns
    finished: tuple[FinishedRecord, ...]
    """Its runs with a result, of which annotation and time are known."""
    scores: ScoresOfSeeds


@dataclass(frozen=True, slots=True)
class Standards:
    """What the rows of a board are compared with."""

    reference: ScoresBySeed
    """The mIoU of the reference."""
    gap_floor: ScoresBySeed
    """The mIoU of the floor that the gap is measured from."""
    constant: ScoresBySeed
    """The mIoU of the most frequent class everywhere."""
    ranks: Mapping[str, int]
    """The rank of each method that has one."""


def make_rows(board: Board) -> list[Row]:
    """Make a row of each method, in the order of the scenario, and of the floor after them.

    The runs of a board must be comparable, see `comparability`; a board with several selection
    tracks is split before.
    """
    entrants = [_enter_method(board, method) for method in board.header.method_names]
    if board.finished:
        entrants.append(_enter_constant(board.finished))
    standards = _find_standards(entrants, board)
    return [_make_row(entrant, standards, board) for entrant in entrants]


def find_gap_floor(board: Board) -> str:
    """Return the method that the gap is measured from.

    It is the scenario's QDA, else its majority class, else the most frequent class.
    """
    method_of_floor: dict[str | None, str] = {}
    for record in board.finished:
        method_of_floor.setdefault(record.settings.floor, record.method)
    return method_of_floor.get("qda") or method_of_floor.get("majority") or CONSTANT


def _enter_method(board: Board, method: str) -> Entrant:
    runs = board.runs_of(method)
    finished = board.finished_of(method)
    role: Role = "method"
    if method == board.reference:
        role = "reference"
    elif any(record.settings.floor for record in finished):
        role = "floor"
    failed = sum(record.status == "failed" for record in runs)
    scored = [ScoredRun(record, record.confusion.total) for record in finished]
    return Entrant(
        method=method,
        role=role,
        runs=PlannedRuns(len(runs), failed),
        finished=tuple(finished),
        scores=_summarise_scores(scored, _summarise_details(finished)),
    )


def _enter_constant(finished: Sequence[FinishedRecord]) -> Entrant:
    """Enter the most frequent class everywhere: a run of each seed shows what that is."""
    record_of_seed: dict[int, FinishedRecord] = {}
    for record in finished:
        record_of_seed.setdefault(record.seed, record)
    scored = []
    for _, record in sorted(record_of_seed.items()):
        counts = metrics.most_frequent_class(record.confusion.total)
        scored.append(ScoredRun(record, counts))
    return Entrant(
        method=CONSTANT,
        role="floor",
        runs=PlannedRuns(len(scored), 0),
        # The truth alone is borrowed from these runs: details, annotation and time are theirs.
        finished=(),
        scores=_summarise_scores(scored, {}),
    )


def _find_standards(entrants: Sequence[Entrant], board: Board) -> Standards:
    scores = {entrant.method: entrant.scores.miou for entrant in entrants}
    ranked = {}
    for entrant in entrants:
        # Floors and the reference show where the scale begins and ends, and do not compete. A
        # smoke test compares nothing.
        if entrant.role != "method" or board.is_smoke:
            continue
        if len(entrant.scores.miou) >= SEEDS_TO_RANK:
            ranked[entrant.method] = entrant.scores.miou
    return Standards(
        reference=scores.get(board.reference, {}),
        gap_floor=scores.get(find_gap_floor(board), {}),
        constant=scores.get(CONSTANT, {}),
        ranks=significance.rank_methods(ranked),
    )


def _make_row(entrant: Entrant, standards: Standards, board: Board) -> Row:
    finished = entrant.finished
    miou = entrant.scores.miou
    collapsed = math.nan
    if entrant.role != "floor":
        collapsed = _share_collapsed(miou, standards.constant)
    return Row(
        method=entrant.method,
        role=entrant.role,
        runs=entrant.runs,
        scores=entrant.scores,
        annotation=_summarise_annotation(finished, board.costs),
        reproduction=_reproduce(board, entrant.method, finished),
        seconds=mean_of_known([record.cost.seconds for record in finished]),
        against=compare_with_reference(miou, standards.reference),
        gap_closed=statistics.ratio(
            _above(miou, standards.gap_floor), _above(standards.reference, standards.gap_floor)
        ),
        collapsed=collapsed,
        rank=standards.ranks.get(entrant.method),
    )


def _summarise_scores(scored: Sequence[ScoredRun], details: Mapping[str, Spread]) -> ScoresOfSeeds:
    miou = {}
    accuracy = []
    macro_f1 = []
    values_of_class: dict[str, list[float]] = {}
    for run in scored:
        record = run.record
        miou[record.seed] = compute_miou(record, run.counts)
        accuracy.append(compute_score(record, run.counts, "accuracy"))
        macro_f1.append(compute_score(record, run.counts, "macro_f1"))
        iou = metrics.iou(run.counts).tolist()
        for name, value in zip(record.class_names, iou, strict=True):
            values_of_class.setdefault(name, []).append(value)
    return ScoresOfSeeds(
        miou=miou,
        accuracy=spread(accuracy),
        macro_f1=spread(known(macro_f1)),
        iou=_spread_by_name(values_of_class),
        details=details,
    )


def _summarise_details(finished: Sequence[FinishedRecord]) -> dict[str, Spread]:
    values_of_score: dict[str, list[float]] = {}
    for record in finished:
        for name, value in compute_detail_scores(record).items():
            values_of_score.setdefault(name, []).append(value)
    return _spread_by_name(values_of_score)


def _spread_by_name(values: Mapping[str, Sequence[float]]) -> dict[str, Spread]:
    # Without the seeds in which a score is not defined, such as that of a class without pixels.
    spreads = {}
    for name, numbers in values.items():
        spreads[name] = spread(known(numbers))
    return spreads


def _summarise_annotation(finished: Sequence[FinishedRecord], costs: CostModel) -> AnnotationUse:
    # All rows of a board have the same patches, so one downsampling.
    area = pixel_area(finished[0].settings) if finished else 1

    def mean(measure: Callable[[Ledger], float | None]) -> float:
        return mean_of_all([measure(record.ledger) for record in finished])

    hints: list[str] = []
    variations: list[float] = []
    for record in finished:
        hints += hidden_knowledge(record.ledger)
        for annotation in record.ledger.annotations:
            if annotation.total_variation is not None:
                variations.append(annotation.total_variation.mean)
    return AnnotationUse(
        labelled_pixels=mean(lambda ledger: ledger.labelled_pixels),
        labelled_share=mean(lambda ledger: ledger.labelled_share),
        seconds=mean(lambda ledger: annotation_seconds(ledger, costs, area)),
        selection_seconds=mean(lambda ledger: selection_seconds(ledger, costs, area)),
        clicks=mean(lambda ledger: clicks(ledger, costs)),
        images=mean(lambda ledger: ledger.scenes),
        hidden_knowledge=tuple(dict.fromkeys(hints)),
        total_variation=mean_of_known(variations),
    )


def _reproduce(board: Board, method: str, finished: Sequence[FinishedRecord]) -> Reproduction:
    published = published_scores(board.header.published, method)
    values_of_score: dict[str, list[float]] = {name: [] for name in published}
    for record in finished:
        counts = record.confusion.total
        for name, values in values_of_score.items():
            values.append(compute_score(record, counts, name))
    return Reproduction(published, ours=_spread_by_name(values_of_score))


def _above(scores: ScoresBySeed, floor: ScoresBySeed) -> dict[int, float]:
    """Return how far scores are above a floor, by seed."""
    differences = {}
    for seed, score in scores.items():
        if seed in floor:
            differences[seed] = score - floor[seed]
    return differences


def _share_collapsed(scores: ScoresBySeed, constant: ScoresBySeed) -> float:
    """Return the share of seeds that are no better than the most frequent class everywhere."""
    collapsed = []
    for seed, score in scores.items():
        highest = constant[seed] + COLLAPSE_MARGIN
        collapsed.append(float(score <= highest))
    return mean_of_known(collapsed)
