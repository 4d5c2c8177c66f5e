"""What two runs must have in common for their scores to stand beside each other.

That is what was tested, on which pixels, and how it was counted. There is this one definition:
leaderboards and `harness compare` both ask it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.core.errors import InputError
from harness.leaderboard.board import Board
from harness.leaderboard.selection_tracks import is_tested_once
from harness.scenario.settings import Evaluation, Patches, Section, Split

Record = Mapping[str, Any]

SECTIONS: Mapping[str, type[Section]] = {
    "patches": Patches,
    "split": Split,
    "evaluation": Evaluation,
}
"""The sections of the settings that must be equal as a whole."""

PARTS = ("train", "validation", "test")

IDENTITY = ("patches", "scenes", "groups", "digest")
"""What says which patches a part of the split has."""

TEST_IMAGES = "test images"

Fields = Mapping[str, Any]
"""Values by the name of their field."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A field in which two finished runs differ though it must be equal."""

    first: Record
    """The run that the other one is held against."""
    second: Record
    """The other run."""
    field: str
    """The name of the field."""
    values: tuple[Any, Any]
    """Its value in both; None where a run has none."""
    within_seed: bool
    """Whether it must be equal in runs of the same seed alone."""


def comparable_settings(record: Record) -> dict[str, Any]:
    """Return what must be equal in all runs, by dotted name: protocol, schema, profile, classes,
    data set, patches, split, evaluation.

    The data set has all its fields, so what it ignores, its version and source, and the hash of its
    content. A field that is newer than the record has its default, which changes nothing.
    """
    settings = record["settings"]
    fields = {
        "schema_version": record.get("schema_version"),
        "protocol": settings["protocol"],
        "profile": settings.get("profile"),
        "classes": [entry["name"] for entry in record["classes"]],
        "mean_over": list(record["mean_over"]),
    }
    for name, value in settings["dataset"].items():
        fields[f"dataset.{name}"] = value
    for section, model in SECTIONS.items():
        for name, info in model.model_fields.items():
            fields[f"{section}.{name}"] = info.default
        for name, value in settings.get(section, {}).items():
            fields[f"{section}.{name}"] = value
    return fields


def tested_parts(record: Record) -> dict[str, Any]:
    """Return what must be equal in all runs of one seed: the patches of each part, by their digest,
    and the true classes of the tested pixels.

    Records from before there were digests have the number of patches and scenes alone.
    """
    confusion = record["confusion"]
    counts = np.array(confusion["counts"], np.int64)
    fields: dict[str, Any] = {
        TEST_IMAGES: confusion["images"],
        # Over the predictions, which may differ: what is left is the truth.
        "test pixels of each class": counts.sum(2).tolist(),
    }
    for part in PARTS:
        patches = record["split"][part]
        for name in IDENTITY:
            if name in patches:
                fields[f"split, {part}: {name}"] = patches[name]
    return fields


def find_mismatches(records: Sequence[Record]) -> Iterator[Mismatch]:
    """Find the fields in which finished runs differ though they must not.

    Args:
        records: runs that are to stand beside each other. Those that failed or are missing have no
            score to compare, and are passed over.

    Yields:
        Mismatches of each run with the first one, and with the first one of its seed.
    """
    finished = [record for record in records if record["status"] == "ok"]
    first_of_seed: dict[int, Record] = {}
    for record in finished:
        # Held against the first alone: pairs of all runs would be many on a large board, and find
        # nothing else.
        yield from _mismatches(finished[0], record, within_seed=False)
        first = first_of_seed.setdefault(record["seed"], record)
        yield from _mismatches(first, record, within_seed=True)


def _mismatches(first: Record, second: Record, *, within_seed: bool) -> Iterator[Mismatch]:
    if first is second:
        return
    read_fields = tested_parts if within_seed else comparable_settings
    left = read_fields(first)
    right = read_fields(second)
    for field in _differing_fields(left, right):
        values = (left.get(field), right.get(field))
        yield Mismatch(first, second, field, values, within_seed)


def _differing_fields(left: Fields, right: Fields) -> Iterator[str]:
    """Yield the fields whose values differ as JSON."""
    for field in dict.fromkeys([*left, *right]):
        in_both = field in left and field in right
        # A record from before digests lacks some fields of its split. A data set that lacks a field
        # is another version of it.
        is_older = not in_both and field.startswith("split, ")
        # As JSON, so that a tuple of settings equals the list that a record has of it.
        is_same = json.dumps(left.get(field)) == json.dumps(right.get(field))
        if not is_older and not is_same:
            yield field


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
        if record["status"] == "ok" and not is_tested_once(record):
            evaluations = record["test_evaluations"]
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
    start = f"leaderboard {board.header['board']}"
    remedy = "they cannot stand in one table: make a leaderboard for each kind"
    raise InputError("\n".join(f"{start}: {problem}; {remedy}" for problem in problems))


def _sentence(mismatch: Mismatch) -> str:
    first = _name_of_run(mismatch.first)
    second = _name_of_run(mismatch.second)
    left, right = map(_shorten, mismatch.values)
    return f"{first} and {second} differ in {mismatch.field}: {left} and {right}"


def _name_of_run(record: Record) -> str:
    return f"{record['method']}, seed {record['seed']} (run {record['key'][:12]})"


def _shorten(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
