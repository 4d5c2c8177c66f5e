"""Whether new runs of a row agree with its records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from harness.comparison.compare import interval_of_mean
from harness.comparison.find import list_seeds
from harness.leaderboard.scores import compute_miou
from harness.leaderboard.statistics import Interval, ScoresBySeed, Spread, spread
from harness.records.record import FinishedRecord

MIOU_TOLERANCE = 0.001
"""How far a mean may be from the recorded one where there is no interval, or a narrower one: the
last digit that boards print (0.1 pp)."""

ROUNDING = 1e-9
"""What a sum in another order may change, so that a score on a bound lies inside."""

RecordsBySeed = Mapping[int, FinishedRecord]


class Verdict(NamedTuple):
    """Whether new runs agree with the records, and why."""

    agrees: bool
    """Whether they agree."""
    sentence: str
    """What was compared with what, and how it came out."""


def judge(recorded: RecordsBySeed, fresh: RecordsBySeed) -> Verdict:
    """Compare new runs of a row with its records.

    Where all seeds were run again, their mean is held against the 95 % t interval of the recorded
    mean. Where others were, it is held against the interval for the mean of so many new runs, which
    is wider. Where too few seeds are recorded for an interval, each run is held against the record
    of its own seed, within `MIOU_TOLERANCE`.
    """
    if _are_all_identical(recorded, fresh):
        return Verdict(True, "bit-identical: all confusion counts are those recorded")
    recorded_scores = compute_mious(recorded)
    fresh_scores = compute_mious(fresh)
    # The recorded mean is of these very seeds, whose draws are the same; or of others, whose noise
    # comes on top of its own.
    is_whole_row = fresh.keys() == recorded.keys()
    before = spread(list(recorded_scores.values()))
    new_values = None if is_whole_row else len(fresh)
    interval = interval_of_mean(before, new_values)
    if interval is None:
        return _judge_each_seed(recorded_scores, fresh_scores)
    now = spread(list(fresh_scores.values()))
    return _judge_mean(now, before, interval, is_whole_row)


def compute_mious(records: RecordsBySeed) -> dict[int, float]:
    """Return the mIoU of each run, by seed."""
    mious = {}
    for seed, record in records.items():
        mious[seed] = compute_miou(record, record.confusion.total)
    return mious


def is_identical(first: FinishedRecord, second: FinishedRecord) -> bool:
    """Whether two runs predicted the same: equal confusion counts of every test image."""
    # Equal counts of other images would be a coincidence.
    if first.confusion.images != second.confusion.images:
        return False
    return np.array_equal(first.confusion.array, second.confusion.array)


def _are_all_identical(recorded: RecordsBySeed, fresh: RecordsBySeed) -> bool:
    for seed, record in fresh.items():
        if seed not in recorded or not is_identical(recorded[seed], record):
            return False
    return True


def _judge_each_seed(recorded: ScoresBySeed, fresh: ScoresBySeed) -> Verdict:
    noun = "seed" if len(recorded) == 1 else "seeds"
    reason = f"{len(recorded)} recorded {noun}: too few for an interval"
    unknown = [seed for seed in fresh if seed not in recorded]
    if unknown:
        seeds = list_seeds(unknown)
        return Verdict(False, f"{reason}, and no record of seed {seeds} to compare with")
    distances = [abs(score - recorded[seed]) for seed, score in fresh.items()]
    distance = max(distances)
    agrees = distance <= MIOU_TOLERANCE + ROUNDING
    relation = "within" if agrees else "more than"
    sentence = (
        f"{reason}; mIoU of the same seed is off by {100 * distance:.2f} pp, {relation}"
        f" {100 * MIOU_TOLERANCE:g} pp"
    )
    return Verdict(agrees, sentence)


def _judge_mean(now: Spread, before: Spread, interval: Interval, is_whole_row: bool) -> Verdict:
    """Hold the mean of new runs against the interval of the recorded ones."""
    # Records that hardly differ have an interval narrower than the last digit that boards print.
    low = min(interval.low, before.mean - MIOU_TOLERANCE)
    high = max(interval.high, before.mean + MIOU_TOLERANCE)
    agrees = low - ROUNDING <= now.mean <= high + ROUNDING
    if is_whole_row:
        meaning = "of the row"
    elif now.n == 1:
        meaning = "for 1 more run"
    else:
        meaning = f"for {now.n} more runs"
    place = "inside" if agrees else "OUTSIDE"
    sentence = (
        f"mIoU {100 * now.mean:.2f} %: {place} the 95 % t interval {meaning}, {100 * low:.2f} to"
        f" {100 * high:.2f} % (n = {before.n})"
    )
    return Verdict(agrees, sentence)
