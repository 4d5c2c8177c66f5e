"""Collects the records of a scenario into one file, `leaderboards/records/<board>.jsonl`: all that
its leaderboard is made from.

The first line describes the board; then comes a line per planned run, in order: its record, or a
stub where it has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from harness.core.errors import InputError, suggestion
from harness.core.files import replace_file
from harness.leaderboard.annotation_costs import CostModel, cost_model, packaged
from harness.leaderboard.header import problem_of_header
from harness.plan.runs import Run
from harness.records.checks import problem_of_record
from harness.records.store import Store
from harness.scenario.scenario import Scenario

REMEDY = "restore the file, or delete it and run the scenario again"


@dataclass(frozen=True, slots=True)
class Board:
    """What a leaderboard is a pure function of: records, what describes them, and what annotation
    costs."""

    header: dict[str, Any]
    records: tuple[dict[str, Any], ...]
    costs: CostModel = field(default_factory=packaged)


def records_path(root: Path, board: str) -> Path:
    """Where the records of a board are, below the leaderboards' folder."""
    return root / "records" / f"{board}.jsonl"


def collect(scenario: Scenario, runs: Sequence[Run], store: Store, root: Path) -> Board:
    """Make the board of a scenario from its runs, and write its records.

    A run that has not finished keeps the result that the file already had, so nothing that was
    computed elsewhere is lost: that of the same key, else that of the same method and seed, which
    is then marked as stale.

    Raises:
        InputError: naming a record of the store or of the file that does not fit.
    """
    path, dataset = records_path(root, scenario.board), scenario.dataset
    recorded = earlier(scenario, root)
    header = {
        "board": scenario.board,
        "scenario": scenario.name,
        "about": scenario.about,
        "profile": scenario.profile,
        "overrides": list(scenario.overrides),
        "dataset": (
            {"name": dataset.name, "source": dataset.source, "licence": dataset.licence}
            | ({"citation": dataset.citation} if dataset.citation else {})
        ),
        "reference": scenario.reference,
        "methods": [{"name": method.name, "about": method.about} for method in scenario.methods],
        "seeds": list(scenario.seeds),
        "changes": list(scenario.changes),
        "published": scenario.published.model_dump(mode="json") if scenario.published else None,
    }
    records = []
    for run in runs:
        stored = store.record(run.key)
        record = _chosen(run, stored, recorded)
        if "error" in record:  # the traceback stays in the run's own folder
            record = {**record, "error": {key: record["error"][key] for key in ("type", "message")}}
        records.append({**record, **run.title})
        problem = problem_of_record(records[-1], header)
        if problem is None and record is stored and record["key"] != run.key:
            problem = f"key: {record['key']!r} is not the name of the folder"
        if problem:
            raise InputError(
                f"{store.folder(run.key) / 'record.json'}: {problem}: run it again (`harness run"
                " ... --again`)"
            )
    replace_file(path, "".join(json.dumps(line) + "\n" for line in (header, *records)))
    return Board(header, tuple(records), cost_model(root))


def _chosen(
    run: Run, stored: dict[str, Any] | None, recorded: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the record that a board shows for a run: a result before a failure, a failure before
    nothing.

    stored: what the folder of runs has for the run. recorded: what the board's file had before.
    """
    if stored is not None and stored["status"] == "ok":
        return stored
    finished = [record for record in recorded if record["status"] == "ok"]
    for record in finished:
        if record["key"] == run.key:
            return {name: value for name, value in record.items() if name != "stale"}
    for record in finished:
        if (record["method"], record["seed"]) == (run.method.name, run.seed):
            return {**record, "stale": why_stale(record["settings"], run.settings)}
    failures = [
        record for record in recorded if record["status"] == "failed" and record["key"] == run.key
    ]
    return stored or next(iter(failures), None) or {"key": run.key, "status": "missing"}


def why_stale(recorded: Mapping[str, Any], planned: Mapping[str, Any]) -> str:
    """Say why a record is not that of the planned run: which component changed, or which
    setting."""
    if recorded.get("protocol") != planned["protocol"]:
        return (
            f"recorded under protocol {recorded.get('protocol')}; today's is {planned['protocol']}"
        )
    changed = []
    for kind in ("dataset", "model", "supervision", "loss"):
        before, after = recorded.get(kind, []), planned[kind]
        pairs = zip(before, after, strict=False) if isinstance(after, list) else [(before, after)]
        changed += [
            new["name"]
            for old, new in pairs
            if old != new and old.get("name") == new["name"] and _fields(old) == _fields(new)
        ]
    if changed:
        return f"recorded with an earlier version of {', '.join(dict.fromkeys(changed))}"
    fields = [
        name
        for name in dict.fromkeys([*planned, *recorded])
        if recorded.get(name) != planned.get(name)
    ]
    return (
        f"recorded with other settings of {', '.join(fields)}"
        if fields
        else "recorded under another key"
    )


def _fields(component: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recorded component, without what says which version of it ran."""
    return {
        name: value
        for name, value in component.items()
        if name not in ("version", "source", "content")
    }


def earlier(scenario: Scenario, root: Path) -> Sequence[dict[str, Any]]:
    """The records that the board of a scenario has already. Raises InputError where they are
    damaged."""
    path = records_path(root, scenario.board)
    return read_board(path).records if path.exists() else ()


def read_board(path: Path) -> Board:
    """The board in a records file, with the cost model of its leaderboards' folder.

    A planned run without a line is a missing one. Raises InputError naming file, line and field of
    what is damaged or does not fit the rest, or the boards there are.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError as error:
        known = sorted(other.stem for other in path.parent.glob("*.jsonl"))
        raise InputError(
            f"no leaderboard records {path}. {suggestion(path.stem, known)}"
        ) from error
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
            raise InputError(
                f"{path}:{number}: {record['method']}, seed {record['seed']}, is in line {first}"
                f" already: {REMEDY}"
            )
    planned = ((entry["name"], seed) for seed in header["seeds"] for entry in header["methods"])
    absent = (
        {"status": "missing", "key": "unknown", "method": name, "seed": seed}
        for name, seed in planned
        if (name, seed) not in places
    )
    return Board(header, (*records, *absent), cost_model(path.parent.parent))


def _parsed(line: str, place: str) -> Any:
    try:
        return from_json(line)
    except ValueError as error:
        raise InputError(f"{place}: is not JSON: {REMEDY}") from error
