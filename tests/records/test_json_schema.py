"""The JSON Schema of records, by which a reader without this package checks them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from places import ROOT

from harness.records.json_schema import record_schema

COMMITTED = sorted((ROOT / "leaderboards" / "records").glob("*.jsonl"))
VALIDATOR = jsonschema.Draft202012Validator(record_schema())


def records_of(path: Path) -> list[dict[str, Any]]:
    """Return the records of a board; the first line describes the board."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[1:]]


FINISHED = records_of(COMMITTED[0])[0]


@pytest.mark.slow
@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_every_committed_record_is_valid(path: Path) -> None:
    for record in records_of(path):
        VALIDATOR.validate(record)


def test_a_record_that_failed_and_one_that_is_missing_are_valid() -> None:
    run = {"key": "k", "method": "m", "seed": 0}
    error = {"type": "RuntimeError", "message": "out of luck"}
    VALIDATOR.validate(run | {"status": "failed", "error": error})
    VALIDATOR.validate(run | {"status": "missing"})
    assert not VALIDATOR.is_valid(run | {"status": "failed"})


def test_unknown_fields_are_valid() -> None:
    record = copy.deepcopy(FINISHED) | {"newer": 1}
    record["settings"]["patches"]["newer"] = 1
    record["cost"]["newer"] = [None]
    VALIDATOR.validate(record)


@pytest.mark.parametrize(
    ("path", "damage"),
    [
        (("status",), "okay"),
        (("key",), "../elsewhere"),
        (("seed",), "0"),
        (("method",), ""),
        # May be absent, but not null.
        (("ledger",), None),
        (("stale",), None),
        (("classes", 0, "color"), [0, 0]),
        (("settings", "patches", "size"), 1),
        (("settings", "dataset"), {"version": "1"}),
        (("split", "train", "patches"), -1),
        (("ledger", "labelled_share"), "all"),
        (("confusion", "counts", 0, 0, 0), 0.5),
        (("cost",), {}),
    ],
)
def test_a_damaged_record_is_not_valid(path: tuple[str | int, ...], damage: Any) -> None:
    record: Any = copy.deepcopy(FINISHED)
    *steps, last = path
    inner = record
    for step in steps:
        inner = inner[step]
    inner[last] = damage
    assert not VALIDATOR.is_valid(record)


def test_the_schema_describes_the_fields() -> None:
    definitions = record_schema()["$defs"]
    undescribed = []
    for name, definition in definitions.items():
        for field, schema in definition.get("properties", {}).items():
            # A field whose type is documented may say no more than that.
            if "description" not in schema and "$ref" not in schema:
                undescribed.append(f"{name}.{field}")
    assert undescribed == []
