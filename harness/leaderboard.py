"""The rows of a leaderboard: a pure, deterministic function of a board's records. No torch, no plugins, no scenario file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import metrics
from harness.boards import Board
from harness.statistics import Comparison, Spread, compare, spread

FLOOR = "most frequent class"


@dataclass(frozen=True, slots=True)
class Row:
    """One method over its seeds. Scores are fractions; `iou` holds a spread per class; `ledger` and `cost` are means over seeds."""

    method: str
    planned: int
    failed: int
    miou: Mapping[int, float]
    accuracy: Spread
    macro_f1: Spread
    iou: Mapping[str, Spread]
    against: Comparison
    labelled_pixels: float
    labelled_share: float
    seconds: float
    published: float | None
    reproduced: Spread

    @property
    def score(self) -> Spread:
        """mIoU over the seeds that finished."""
        return spread(list(self.miou.values()))

    @property
    def missing(self) -> int:
        """Planned runs with no record at all."""
        return self.planned - self.failed - len(self.miou)


def rows(board: Board) -> list[Row]:
    """A row per method, in the order of the scenario, after it the floor: the most frequent class everywhere."""
    done = [record for record in board.records if record["status"] == "ok"]
    reference = {r["seed"]: _miou(r, _counts(r)) for r in done if r["method"] == board.header["reference"]}
    published = (board.header["published"] or {}).get("values", {})
    compared = (board.header["published"] or {}).get("compare", "miou")
    table = []
    for method in [entry["name"] for entry in board.header["methods"]]:
        planned = [record for record in board.records if record["method"] == method]
        ok = [record for record in planned if record["status"] == "ok"]
        failed = sum(record["status"] == "failed" for record in planned)
        counts = {record["seed"]: _counts(record) for record in ok}
        ledgers = [record["ledger"] for record in ok]
        seconds = [record["cost"]["seconds"] for record in ok]
        table.append(_row(method, len(planned), failed, ok, counts, reference, ledgers, seconds, published.get(method), compared))
    one_per_seed = list({record["seed"]: record for record in reversed(done)}.values())[::-1]
    if one_per_seed:
        floors = {record["seed"]: metrics.most_frequent_class(_counts(record)) for record in one_per_seed}
        table.append(_row(FLOOR, len(floors), 0, one_per_seed, floors, reference, [], [], None, "miou"))
    return table


def _row(
    method: str,
    planned: int,
    failed: int,
    records: list[dict[str, Any]],
    counts: Mapping[int, NDArray[np.int64]],
    reference: Mapping[int, float],
    ledgers: list[dict[str, Any]],
    seconds: list[float],
    published: float | None,
    compared: str,
) -> Row:
    miou = {record["seed"]: _miou(record, counts[record["seed"]]) for record in records}
    names = [entry["name"] for entry in records[0]["classes"]] if records else []
    per_class = {name: [float(metrics.iou(count)[index]) for count in counts.values()] for index, name in enumerate(names)}
    listed = [names.index(name) for name in records[0]["mean_over"]] if records else []
    return Row(
        method=method,
        planned=planned,
        failed=failed,
        miou=miou,
        accuracy=spread([float(metrics.accuracy(count)) for count in counts.values()]),
        macro_f1=spread([float(np.nanmean(metrics.f1(count)[listed])) for count in counts.values()]),
        iou={name: spread([value for value in values if not math.isnan(value)]) for name, values in per_class.items()},
        against=compare(miou, reference),
        labelled_pixels=_mean([ledger["labelled_pixels"] for ledger in ledgers]),
        labelled_share=_mean([ledger["labelled_share"] for ledger in ledgers]),
        seconds=_mean(seconds),
        published=published,
        reproduced=spread([measured(record, counts[record["seed"]], compared) for record in records]),
    )


def measured(record: Mapping[str, Any], counts: NDArray[np.int64], measure: str) -> float:
    """The score that a source reports: miou, batch_miou, accuracy, iou:CLASS or f1:CLASS; NaN where the record has none."""
    if measure == "batch_miou":
        return float(record["metrics"].get("batch_miou", math.nan))
    if measure == "accuracy":
        return float(metrics.accuracy(counts))
    kind, _, name = measure.partition(":")
    if not name:
        return _miou(record, counts)
    names = [entry["name"] for entry in record["classes"]]
    scores = metrics.iou(counts) if kind == "iou" else metrics.f1(counts)
    return float(scores[names.index(name)]) if name in names else math.nan


def _counts(record: Mapping[str, Any]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.array(record["confusion"]["counts"], np.int64)
    total: NDArray[np.int64] = counts.sum(0)
    return total


def _miou(record: Mapping[str, Any], counts: NDArray[np.int64]) -> float:
    names = [entry["name"] for entry in record["classes"]]
    return metrics.mean_iou(counts, [names.index(name) for name in record["mean_over"]])


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan
