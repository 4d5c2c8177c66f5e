"""Collects the records of a scenario into one file, `leaderboards/records/<board>.jsonl`: all that its leaderboard is made from.

The first line describes the board; then comes a line per planned run, in order: its record, or a stub where it has none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from harness.costs import CostModel, cost_model, packaged
from harness.data import InputError
from harness.folders import replace_file
from harness.plan import Run
from harness.scenario import Scenario
from harness.store import Store
from harness.suggestions import suggestion
from harness.validity import problem_of_header, problem_of_record

REMEDY = "restore the file, or delete it and run the scenario again"


@dataclass(frozen=True, slots=True)
class Board:
    """What a leaderboard is a pure function of: records, what describes them, and what annotation costs."""

    header: dict[str, Any]
    records: tuple[dict[str, Any], ...]
    costs: CostModel = field(default_factory=packaged)


def records_path(root: Path, board: str) -> Path:
    """Where the records of a board are, below the leaderboards' folder."""
    return root / "records" / f"{board}.jsonl"


def collect(scenario: Scenario, runs: Sequence[Run], store: Store, root: Path) -> Board:
    """The board of a scenario from its runs, and writes its records. A run that is not in the store keeps the record of the same key
    that the file already had, so nothing that was computed elsewhere is lost.

    Raises InputError naming a record that does not fit, of the store or of the file."""
    path, dataset, known = records_path(root, scenario.board), scenario.dataset, earlier(scenario, root)
    header = {
        "board": scenario.board,
        "scenario": scenario.name,
        "about": scenario.about,
        "profile": scenario.profile,
        "overrides": list(scenario.overrides),
        "dataset": {"name": dataset.name, "source": dataset.source, "licence": dataset.licence}
        | ({"citation": dataset.citation} if dataset.citation else {}),
        "reference": scenario.reference,
        "methods": [{"name": method.name, "about": method.about} for method in scenario.methods],
        "seeds": list(scenario.seeds),
        "changes": list(scenario.changes),
        "published": scenario.published.model_dump(mode="json") if scenario.published else None,
    }
    records = []
    for run in runs:
        record = store.record(run.key)
        if record is None or record["status"] != "ok":
            kept = known.get(run.key)
            record = kept if kept and kept["status"] == "ok" else record or {"key": run.key, "status": "missing"}
        if "error" in record:  # the traceback stays in the run's own folder
            record = {**record, "error": {key: record["error"][key] for key in ("type", "message")}}
        records.append({**record, **run.title})
        problem = problem_of_record(records[-1], header)
        if problem is None and record["key"] != run.key:
            problem = f"key: {record['key']!r} is not the name of the folder"
        if problem:
            raise InputError(f"{store.folder(run.key) / 'record.json'}: {problem}: run it again (`harness run ... --again`)")
    replace_file(path, "".join(json.dumps(line) + "\n" for line in (header, *records)))
    return Board(header, tuple(records), cost_model(root))


def earlier(scenario: Scenario, root: Path) -> dict[str, dict[str, Any]]:
    """The records that the board of a scenario has already, by key. Raises InputError where they are damaged."""
    path = records_path(root, scenario.board)
    return {record["key"]: record for record in read_board(path).records} if path.exists() else {}


def read_board(path: Path) -> Board:
    """The board in a records file, with the cost model of its leaderboards' folder.

    A planned run without a line is a missing one. Raises InputError naming file, line and field of what is damaged or does not fit the
    rest, or the boards there are.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError as error:
        known = sorted(other.stem for other in path.parent.glob("*.jsonl"))
        raise InputError(f"no leaderboard records {path}. {suggestion(path.stem, known)}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}): {REMEDY}") from error
    values = [_parsed(line, f"{path}:{number}") for number, line in enumerate(lines, 1)]
    header, records = values[0], values[1:]
    if problem := problem_of_header(header, path.stem):
        raise InputError(f"{path}:1: {problem}: {REMEDY}")
    places: dict[tuple[str, int], int] = {}
    for number, record in enumerate(records, 2):
        if problem := problem_of_record(record, header):
            raise InputError(f"{path}:{number}: {problem}: {REMEDY}")
        first = places.setdefault((record["method"], record["seed"]), number)
        if first != number:
            raise InputError(f"{path}:{number}: {record['method']}, seed {record['seed']}, is in line {first} already: {REMEDY}")
    planned = ((entry["name"], seed) for seed in header["seeds"] for entry in header["methods"])
    absent = ({"status": "missing", "key": "unknown", "method": name, "seed": seed} for name, seed in planned if (name, seed) not in places)
    return Board(header, (*records, *absent), cost_model(path.parent.parent))


def _parsed(line: str, place: str) -> Any:
    try:
        return from_json(line)
    except ValueError as error:
        raise InputError(f"{place}: is not JSON: {REMEDY}") from error
