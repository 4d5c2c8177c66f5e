"""What two runs must have in common for their scores to stand beside each other.

That is what was tested, on which pixels, and how it was counted. There is this one definition:
leaderboards and `harness compare` both ask it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.core.errors import InputError
from harness.core.values import JsonObject
from harness.leaderboard.board import Board
from harness.leaderboard.selection_tracks import is_tested_once
from harness.records.record import (
    FinishedRecord,
    MethodAndSeed,
    MissingRecord,
    Record,
)

TEST_IMAGES = "test images"

IDENTITY = ("patches", "scenes", "groups", "digest")
"""The fields of a part of the split that say which patches it has."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A field in which two finished runs differ though it must be equal."""

    first: FinishedRecord
    """The run that the other one is held against."""
    second: FinishedRecord
    """The other run."""
    field: str
    """The name of the field."""
    values: tuple[Any, Any]
    """Its value in both; None where a run has none."""
    within_seed: bool
    """Whether it must be equal in runs of the same seed alone."""


@dataclass(slots=True)
class Anchors:
    """The runs that every further run of a table is held against.

    These are enough: pairs of all runs would be many on a large board, and find nothing else.
    """

    first: FinishedRecord | None = None
    """The first run."""
    first_of_seed: dict[int, FinishedRecord] = field(default_factory=dict)
    """The first run of each seed."""

    def add(self, record: FinishedRecord) -> None:
        """Let a run stand in the table."""
        if self.first is None:
            self.first = record
        self.first_of_seed.setdefault(record.seed, record)

    def find_mismatches(self, record: FinishedRecord) -> Iterator[Mismatch]:
        """Find the fields in which a run differs from those of the table though it must not."""
        if self.first is not None:
            yield from _mismatches(self.first, record, within_seed=False)
        first_of_seed = self.first_of_seed.get(record.seed)
        if first_of_seed is not None:
            yield from _mismatches(first_of_seed, record, within_seed=True)


def comparable_settings(record: FinishedRecord) -> JsonObject:
    """Return what must be equal in all runs, by dotted name: protocol, schema, profile, classes,
    data set, patches, split, evaluation.

    The data set has all its fields, so what it ignores, its version and source, and the hash of its
    content.
    """
    settings = record.settings
    fields: JsonObject = {
        "schema_version": record.schema_version,
        "protocol": settings.protocol,
        "profile": settings.profile,
        "classes": record.class_names,
        "mean_over": record.mean_over,
    }
    sections = {
        "dataset": settings.dataset.as_json(),
        # With their defaults: a field that is newer than a record has its default there, which
        # changes nothing.
        "patches": settings.patches.model_dump(mode="json"),
        "split": settings.split.model_dump(mode="json"),
        "evaluation": settings.evaluation.model_dump(mode="json"),
    }
    for section, values in sections.items():
        for name, value in values.items():
            fields[f"{section}.{name}"] = value
    return fields


def tested_parts(record: FinishedRecord) -> JsonObject:
    """Return what must be equal in all runs of one seed: the patches of each part, by their digest,
    and the true classes of the tested pixels.

    Records from before there were digests have the number of patches and scenes alone.
    """
    fields: JsonObject = {
        TEST_IMAGES: record.confusion.images,
        # Over the predictions, which may differ: what is left is the truth.
        "test pixels of each class": record.confusion.array.sum(2).tolist(),
    }
    parts = {
        "train": record.split.train,
        "validation": record.split.validation,
        "test": record.split.test,
    }
    for name, part in parts.items():
        for field_name in IDENTITY:
            value = getattr(part, field_name)
            if value is not None:
                fields[f"split, {name}: {field_name}"] = value
    return fields


def find_mismatches(records: Sequence[Record]) -> Iterator[Mismatch]:
    """Find the fields in which finished runs differ though they must not.

    Args:
        records: runs that are to stand beside each other. Those that failed or are missing have no
            score to compare, and are passed over.

    Yields:
        Mismatches of each run with the first one, and with the first one of its seed.
    """
    anchors = Anchors()
    for record in records:
        if isinstance(record, FinishedRecord):
            yield from anchors.find_mismatches(record)
            anchors.add(record)


def _mismatches(
    first: FinishedRecord, second: FinishedRecord, *, within_seed: bool
) -> Iterator[Mismatch]:
    read_fields = tested_parts if within_seed else comparable_settings
    left = read_fields(first)
    right = read_fields(second)
    for name in _differing_fields(left, right):
        values = (left.get(name), right.get(name))
        yield Mismatch(first, second, name, values, within_seed)


def _differing_fields(left: JsonObject, right: JsonObject) -> Iterator[str]:
    """Yield the fields whose values differ as JSON."""
    for name in dict.fromkeys([*left, *right]):
        in_both = name in left and name in right
        # A record from before digests lacks some fields of its split. A data set that lacks a field
        # is another version of it.
        if not in_both and name.startswith("split, "):
            continue
        # As JSON, in which true is not 1, as it is in Python.
        left_json = json.dumps(left.get(name))
        right_json = json.dumps(right.get(name))
        if left_json != right_json:
            yield name


def usable_records(board: Board) -> tuple[Record, ...]:
    """Return the records of a board, with each stale result that does not fit as a missing run.

    A result is kept when its run becomes stale, until the run is made again. If the data set has
    changed meanwhile, it cannot stand beside the runs that were made since: these are the ones that
    a reader asked for, so they stay. Where every result is stale, the latest one decides, so that a
    board which nobody has computed again is shown as it is.

    Returns:
        The records in their order. One that does not fit has become a missing run whose `stale`
        says why; the board itself keeps the result.
    """
    anchors = Anchors()
    stale: list[FinishedRecord] = []
    for result in board.finished:
        if result.stale is None:
            anchors.add(result)
        else:
            stale.append(result)
    stale.sort(key=lambda result: result.cost.started, reverse=True)
    reason_of_run: dict[MethodAndSeed, str] = {}
    for result in stale:
        obstacle = _find_obstacle(result, anchors)
        if obstacle is None:
            # Also held against the stale results after it, since the current ones may not have its
            # seed yet.
            anchors.add(result)
        else:
            reason_of_run[result.method_and_seed] = f"{result.stale}, and left out: {obstacle}"
    records: list[Record] = []
    for record in board.records:
        reason = reason_of_run.get(record.method_and_seed)
        if reason is None:
            records.append(record)
        else:
            records.append(_missing_run(record, reason))
    return tuple(records)


def _find_obstacle(result: FinishedRecord, anchors: Anchors) -> str | None:
    """Say why a result cannot stand beside those of a table, if it cannot."""
    if not is_tested_once(result):
        return "a network was tested more than once"
    mismatch = next(anchors.find_mismatches(result), None)
    if mismatch is None:
        return None
    first = mismatch.first
    return f"it differs from {first.method}, seed {first.seed}, in {mismatch.field}"


def _missing_run(record: Record, reason: str) -> MissingRecord:
    # Without its settings too: they would give it a selection track that no other run has.
    return MissingRecord(
        key=record.key, method=record.method, seed=record.seed, status="missing", stale=reason
    )


def find_problems(records: Sequence[Record]) -> list[str]:
    """Say why records cannot stand in one table.

    Args:
        records: those of a board; only finished runs count.

    Returns:
        A sentence for each network that was tested more than once, and for each field in which two
        runs differ: it names the runs, the field and both values. Each field is named once.
    """
    problems = []
    for record in records:
        if isinstance(record, FinishedRecord) and not is_tested_once(record):
            evaluations = record.test_evaluations
            problems.append(f"{_name_of_run(record)} was tested more than once: {evaluations}")
    named = set()
    for mismatch in find_mismatches(records):
        if mismatch.field not in named:
            named.add(mismatch.field)
            problems.append(_sentence(mismatch))
    return problems


def require_comparable(board: Board) -> None:
    """Check that the rows of a board can stand in one table.

    Raises:
        InputError: naming the board, two runs and each field in which they differ, a line for each.
    """
    problems = find_problems(board.records)
    if not problems:
        return
    remedy = "they cannot stand in one table: make a leaderboard for each kind"
    lines = [f"leaderboard {board.name}: {problem}; {remedy}" for problem in problems]
    raise InputError("\n".join(lines))


def _sentence(mismatch: Mismatch) -> str:
    first = _name_of_run(mismatch.first)
    second = _name_of_run(mismatch.second)
    left, right = map(_shorten, mismatch.values)
    return f"{first} and {second} differ in {mismatch.field}: {left} and {right}"


def _name_of_run(record: Record) -> str:
    return f"{record.method}, seed {record.seed} (run {record.key[:12]})"


def _shorten(value: Any) -> str:
    text = json.dumps(value)
    if len(text) <= 40:
        return text
    return f"{text[:37]}..."
