"""The rows of a leaderboard: a pure, deterministic function of a board's records. No torch, no
plugins, no scenario file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness import metrics
from harness.leaderboard import annotation_costs as costs
from harness.leaderboard import selection_tracks as tracks
from harness.leaderboard import significance, statistics
from harness.leaderboard.board import Board
from harness.leaderboard.comparability import require_comparable
from harness.leaderboard.published import published_scores
from harness.leaderboard.scores import _details, _known, _mean, _whole, counted, measured, miou
from harness.leaderboard.significance import LISTED, RANKED
from harness.leaderboard.statistics import AgainstReference, Ratio, Spread, compare, spread
from harness.metrics import Counts

FLOOR = "most frequent class"


MARGIN = 0.01
"""A run has collapsed where its mIoU is no more than this above that of the most frequent class
everywhere. One point of mIoU is less than a second class found at an IoU of K % among K classes
adds, and more than a few stray pixels do."""


Role = Literal["method", "reference", "floor"]


Standing = Literal["ranked", "unranked", "unlisted", "reference", "floor"]


Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One method over its seeds. Scores are fractions; `iou` holds a spread per class, `details`
    one per score of the records' details (boundary_iou, boundary_f1, proportion_error_hard,
    proportion_error_soft, ece, nll). What was annotated and how long it took (s) are means over
    seeds, NaN where a seed does not say: annotation_seconds by the board's cost model, of them
    selection_seconds for masks that select a network, clicks, annotated_images; `hidden_knowledge`
    is what labels give away beside themselves.

    gap_closed: (mIoU - floor) / (reference - floor), of means paired by seed, with the floor of
    `named_floor`. collapsed: the share of seeds that are no better than the most frequent class,
    see MARGIN; NaN for floors. published: what a source reports, by score, and reproduced what
    these runs have in it (see `measured`). rank: see `significance.rank_methods`; None where there
    is none.
    """

    method: str
    role: Role
    planned: int
    failed: int
    miou: Mapping[int, float]
    accuracy: Spread
    macro_f1: Spread
    iou: Mapping[str, Spread]
    details: Mapping[str, Spread]
    against: AgainstReference
    gap_closed: Ratio
    collapsed: float
    labelled_pixels: float
    labelled_share: float
    annotation_seconds: float
    selection_seconds: float
    clicks: float
    annotated_images: float
    hidden_knowledge: tuple[str, ...]
    total_variation: float
    seconds: float
    published: Mapping[str, float]
    reproduced: Mapping[str, Spread]
    rank: int | None = None

    @property
    def score(self) -> Spread:
        """mIoU over the seeds that finished."""
        return spread(list(self.miou.values()))

    @property
    def median(self) -> float:
        """The middle mIoU."""
        return statistics.median(list(self.miou.values()))

    @property
    def interquartile_mean(self) -> float:
        """The mean mIoU without the lowest and highest quarter of seeds."""
        return statistics.interquartile_mean(list(self.miou.values()))

    @property
    def missing(self) -> int:
        """Planned runs with no record at all."""
        return self.planned - self.failed - len(self.miou)

    @property
    def standing(self) -> Standing:
        """reference or floor; a method is ranked, or listed without a rank (fewer than 5 seeds), or
        not listed (fewer than 3)."""
        if self.role == "floor":
            return "floor"
        if len(self.miou) < LISTED:
            return "unlisted"
        return (
            "reference"
            if self.role == "reference"
            else "unranked"
            if self.rank is None
            else "ranked"
        )


def smoke(header: Mapping[str, Any]) -> bool:
    """Whether a board says that things run and nothing else: its profile or its scenario is named
    smoke."""
    return "smoke" in (header["profile"], header["scenario"])


def ordered(board: Board) -> list[dict[str, Any]]:
    """The records of a board by method, as its header lists them, and seed."""
    place = {entry["name"]: index for index, entry in enumerate(board.header["methods"])}
    return sorted(
        board.records, key=lambda record: (place.get(record["method"], len(place)), record["seed"])
    )


def finished(board: Board) -> list[dict[str, Any]]:
    """The records of finished runs, ordered."""
    return [record for record in ordered(board) if record["status"] == "ok"]


def rows(board: Board) -> list[Row]:
    """A row per method, in the order of the scenario, after it the floor: the most frequent class
    everywhere.

    Where a board has more than one selection track, those of each by itself, one after the other.
    Raises InputError naming runs that cannot stand in one table.
    """
    return [row for part in tracks.split_by_track(board).values() for row in _rows(part)]


def _rows(board: Board) -> list[Row]:
    require_comparable(board)
    records, done = ordered(board), finished(board)
    counts = {id(record): counted(record) for record in done}
    table = []
    for method in [entry["name"] for entry in board.header["methods"]]:
        planned = [record for record in records if record["method"] == method]
        ok = [record for record in planned if record["status"] == "ok"]
        role: Role = (
            "reference"
            if method == board.header["reference"]
            else "floor"
            if _floor(ok)
            else "method"
        )
        failed = sum(record["status"] == "failed" for record in planned)
        table.append(
            _row(
                board, method, role, len(planned), failed, ok, [counts[id(record)] for record in ok]
            )
        )
    by_seed = {record["seed"]: record for record in reversed(done)}
    one_per_seed = [by_seed[seed] for seed in sorted(by_seed)]
    if one_per_seed:
        constant = [metrics.most_frequent_class(counts[id(record)]) for record in one_per_seed]
        bare = [
            {
                key: value
                for key, value in record.items()
                if key not in ("ledger", "cost", "details")
            }
            for record in one_per_seed
        ]
        table.append(_row(board, FLOOR, "floor", len(bare), 0, bare, constant))
    return _compared(table, board)


def named_floor(board: Board) -> str:
    """The method that the gap is measured from: the scenario's QDA, else its majority class, else
    the most frequent class."""
    floors = {_floor([record]): record["method"] for record in reversed(finished(board))}
    return str(floors.get("qda") or floors.get("majority") or FLOOR)


def _floor(records: Sequence[Record]) -> str | None:
    return next(
        (record["settings"]["floor"] for record in records if record["settings"].get("floor")), None
    )


def _row(
    board: Board,
    method: str,
    role: Role,
    planned: int,
    failed: int,
    records: Sequence[Record],
    counts: Sequence[Counts],
) -> Row:
    """What one method comes to by itself; what it takes other rows to say is still empty."""
    published = published_scores(board.header["published"], method)
    names = [entry["name"] for entry in records[0]["classes"]] if records else []
    per_class = {
        name: [float(metrics.iou(count)[index]) for count in counts]
        for index, name in enumerate(names)
    }
    listed = [names.index(name) for name in records[0]["mean_over"]] if records else []
    ledgers = [record["ledger"] for record in records if "ledger" in record]
    area = max((costs.scale(record["settings"]) for record in records), default=1)
    noted = [entry for ledger in ledgers for entry in ledger.get("supervisions", ())]
    details = [_details(record, listed) for record in records]
    nothing = spread([])
    return Row(
        method=method,
        role=role,
        planned=planned,
        failed=failed,
        miou={
            record["seed"]: miou(record, count)
            for record, count in zip(records, counts, strict=True)
        },
        accuracy=spread([float(metrics.accuracy(count)) for count in counts]),
        macro_f1=spread(
            _known(
                [
                    measured(record, count, "macro_f1")
                    for record, count in zip(records, counts, strict=True)
                ]
            )
        ),
        iou={name: spread(_known(values)) for name, values in per_class.items()},
        details={
            name: spread(_known([own[name] for own in details if name in own]))
            for name in dict.fromkeys(n for d in details for n in d)
        },
        against=AgainstReference(nothing, statistics.ratio({}, {})),
        gap_closed=statistics.ratio({}, {}),
        collapsed=math.nan,
        labelled_pixels=_mean([ledger["labelled_pixels"] for ledger in ledgers]),
        labelled_share=_mean([ledger["labelled_share"] for ledger in ledgers]),
        annotation_seconds=_whole(
            [costs.annotation_seconds(ledger, board.costs, area) for ledger in ledgers]
        ),
        selection_seconds=_whole(
            [costs.selection_seconds(ledger, board.costs, area) for ledger in ledgers]
        ),
        clicks=_whole([costs.clicks(ledger, board.costs) for ledger in ledgers]),
        annotated_images=_whole([ledger.get("scenes") for ledger in ledgers]),
        hidden_knowledge=tuple(
            dict.fromkeys(known for ledger in ledgers for known in costs.hidden_knowledge(ledger))
        ),
        total_variation=_mean(
            [entry["total_variation"]["mean"] for entry in noted if "total_variation" in entry]
        ),
        seconds=_mean([record["cost"]["seconds"] for record in records if "cost" in record]),
        published=published,
        reproduced={
            score: spread(
                _known(
                    [
                        measured(record, count, score)
                        for record, count in zip(records, counts, strict=True)
                    ]
                )
            )
            for score in published
        },
    )


def _compared(table: list[Row], board: Board) -> list[Row]:
    """The rows, now compared with the reference, the floors and each other."""
    scores = {row.method: row.miou for row in table}
    reference, floor = scores.get(board.header["reference"], {}), scores.get(named_floor(board), {})
    constant = scores.get(FLOOR, {})
    entrants = {
        row.method: row.miou for row in table if row.role == "method" and len(row.miou) >= RANKED
    }
    ranks = {} if smoke(board.header) else significance.rank_methods(entrants)

    def above(values: Mapping[int, float]) -> dict[int, float]:
        return {seed: values[seed] - floor[seed] for seed in values.keys() & floor.keys()}

    return [
        replace(
            row,
            against=compare(row.miou, reference),
            gap_closed=statistics.ratio(above(row.miou), above(reference)),
            collapsed=_mean(
                [
                    float(score <= constant[seed] + MARGIN)
                    for seed, score in row.miou.items()
                    if row.role != "floor"
                ]
            ),
            rank=ranks.get(row.method),
        )
        for row in table
    ]
