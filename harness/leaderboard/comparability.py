"""What two rows must have in common to stand in one table: what was tested, on which pixels, and
how it was counted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.errors import InputError
from harness.leaderboard.board import Board
from harness.leaderboard.selection_tracks import is_tested_once
from harness.scenario.settings import Evaluation, Patches, Section, Split

Record = Mapping[str, Any]


SECTIONS: dict[str, type[Section]] = {"patches": Patches, "split": Split, "evaluation": Evaluation}


PARTS = ("train", "validation", "test")


def settings_of(record: Record) -> dict[str, Any]:
    """What must be equal in all rows of a table, by dotted name: protocol, schema, profile,
    classes, data set, patches, split, evaluation.

    The data set has all its fields, so what it ignores, its version and source, and the hash of its
    content. A field that is newer than the record has its default, which changes nothing.
    """
    settings = record["settings"]
    found = {
        "schema_version": record.get("schema_version"),
        "protocol": settings["protocol"],
        "profile": settings.get("profile"),
        "classes": [each["name"] for each in record["classes"]],
        "mean_over": list(record["mean_over"]),
    }
    found |= {f"dataset.{name}": value for name, value in settings["dataset"].items()}
    for name, section in SECTIONS.items():
        defaults = {key: field.default for key, field in section.model_fields.items()}
        found |= {
            f"{name}.{key}": value for key, value in (defaults | settings.get(name, {})).items()
        }
    return found


def parts_of(record: Record) -> dict[str, Any]:
    """What must be equal in all rows of one seed: the patches of each part, by their digest, and
    the true classes of the tested pixels.

    Records from before there were digests have the number of patches and scenes alone.
    """
    counts = np.array(record["confusion"]["counts"], np.int64)
    found: dict[str, Any] = {
        "test images": record["confusion"]["images"],
        "test pixels of each class": counts.sum(2).tolist(),
    }
    for part in PARTS:
        own = record["split"][part]
        found |= {
            f"split, {part}: {key}": own[key]
            for key in ("patches", "scenes", "groups", "digest")
            if key in own
        }
    return found


def problems(records: Sequence[Record]) -> list[str]:
    """Why finished records cannot stand in one table, a sentence each: the two runs, the field, and
    both values.

    Each record is compared with the first one, and with the first one of its seed; each field is
    named once. A network that was tested more than once is a problem too. Runs that failed or are
    missing have no score to compare.
    """
    done = [record for record in records if record["status"] == "ok"]
    found = [
        f"{_run(record)} was tested more than once: {record['test_evaluations']}"
        for record in done
        if not is_tested_once(record)
    ]
    first_of_seed: dict[int, Record] = {}
    for record in done:
        first_of_seed.setdefault(record["seed"], record)
    pairs: list[tuple[Record, Record, dict[str, Any], dict[str, Any]]] = []
    for record in done[1:]:
        pairs.append((done[0], record, settings_of(done[0]), settings_of(record)))
        first = first_of_seed[record["seed"]]
        if first is not record:
            pairs.append((first, record, parts_of(first), parts_of(record)))
    named = set()
    for one, other, left, right in pairs:
        for field in _different(left, right):
            if field not in named:
                named.add(field)
                values = f"{_short(left.get(field))} and {_short(right.get(field))}"
                found.append(f"{_run(one)} and {_run(other)} differ in {field}: {values}")
    return found


def require_comparable(board: Board) -> None:
    """Raises InputError naming the board, two runs and each field in which they differ, a line for
    each."""
    name, remedy = (
        board.header["board"],
        "they cannot stand in one table: make a leaderboard for each kind",
    )
    if found := problems(board.records):
        raise InputError("\n".join(f"leaderboard {name}: {problem}; {remedy}" for problem in found))


def _different(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterable[str]:
    """Fields whose values differ as JSON. One that a record from before it existed lacks is no
    difference, but for the data set's."""
    for field in dict.fromkeys([*left, *right]):
        older = (field not in left or field not in right) and field.startswith("split, ")
        if not older and json.dumps(left.get(field)) != json.dumps(right.get(field)):
            yield field


def _run(record: Record) -> str:
    return f"{record['method']}, seed {record['seed']} (run {record['key'][:12]})"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
