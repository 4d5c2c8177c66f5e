"""Runs of one test image that can be compared with each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import demo

from harness.comparison.find import NamedRecords
from harness.core.hashing import digest
from harness.records.record import FinishedRecord, Record

SETTINGS: dict[str, Any] = {
    "protocol": 1,
    "profile": None,
    "dataset": {"name": "d", "version": "1", "source": "5" * 64, "content": "c" * 64},
    "model": {"name": "m", "version": "1", "source": "s"},
    "patches": {"size": 8},
    "split": {"by": "official"},
    "training": {"epochs": 2},
    "supervision": [{"name": "full"}],
    "loss": [{"name": "cross-entropy", "weight": 1.0}],
}

POINTS = [{"name": "points", "count": 5}]


def make_run(method: str, seed: int, counts: list[list[int]], **settings: Any) -> FinishedRecord:
    """Make the record of a run.

    Args:
        method: the method.
        seed: the seed.
        counts: the confusion counts [2, 2] of its only test image.
        settings: sections that are not those of `SETTINGS`.
    """
    fields = demo.record(method, seed, counts, 100, 1.0)
    fields.update(
        key=digest([method, seed, settings]),
        scenario="demo",
        profile=None,
        overrides=[],
        confusion={"images": ["x"], "groups": ["x"], "counts": [counts]},
        packages={"torch": "2.1"},
        git={"commit": "0" * 40, "changes": None},
        settings={**SETTINGS, **settings, "seed": seed},
    )
    return FinishedRecord.model_validate(fields)


COUNTS = [[[6, 2], [0, 2]], [[8, 0], [0, 2]], [[7, 1], [0, 2]]]
FULL = [make_run("full", seed, counts) for seed, counts in enumerate(COUNTS)]
WEAK = [make_run("weak", seed, [[6, 2], [2, 0]], supervision=POINTS) for seed in range(3)]


def change_settings(runs: Sequence[FinishedRecord], **changes: Any) -> list[FinishedRecord]:
    """Return runs with other sections of the settings."""
    changed = []
    for run in runs:
        settings = {**run.settings.as_json(), **changes}
        changed.append(run.changed(settings=settings))
    return changed


def call(name: str, runs: Sequence[FinishedRecord]) -> NamedRecords:
    """Return runs as what a name stands for."""
    return NamedRecords(name, "row" if len(runs) > 1 else "run", tuple(runs))


def write_board(root: Path, name: str, records: Sequence[Record]) -> None:
    """Write the records file of a board."""
    methods = dict.fromkeys(record.method for record in records)
    header = demo.HEADER | {
        "board": name,
        "profile": None,
        "methods": [{"name": method, "about": ""} for method in methods],
        "seeds": [0, 1, 2],
        "published": None,
    }
    lines = [header, *(record.as_json() for record in records)]
    path = root / "records" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
