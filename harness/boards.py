"""Collects the records of a scenario into one file, `leaderboards/records/<board>.jsonl`: all that its leaderboard is made from.

The first line describes the board; then comes a line per planned run, in order: its record, or a stub where it has none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.costs import CostModel, cost_model, packaged
from harness.data import InputError
from harness.plan import Run
from harness.scenario import Scenario
from harness.store import Store
from harness.suggestions import suggestion


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
    that the file already had, so nothing that was computed elsewhere is lost."""
    path, dataset = records_path(root, scenario.board), scenario.dataset
    earlier = {record["key"]: record for record in read_board(path).records} if path.exists() else {}
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
        "published": scenario.published.model_dump(mode="json") if scenario.published else None,
    }
    records = []
    for run in runs:
        record = store.record(run.key)
        if record is None or record["status"] != "ok":
            known = earlier.get(run.key)
            record = known if known and known["status"] == "ok" else record or {"key": run.key, "status": "missing"}
        if "error" in record:  # the traceback stays in the run's own folder
            record = {**record, "error": {key: record["error"][key] for key in ("type", "message")}}
        records.append({**record, **run.title})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text("".join(json.dumps(line) + "\n" for line in (header, *records)), encoding="utf-8")
    partial.replace(path)
    return Board(header, tuple(records), cost_model(root))


def read_board(path: Path) -> Board:
    """The board in a records file, with the cost model of its leaderboards' folder.

    Raises InputError naming the file and line where one of them is damaged, or the boards there are.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        known = sorted(other.stem for other in path.parent.glob("*.jsonl"))
        raise InputError(f"no leaderboard records {path}. {suggestion(path.stem, known)}") from error
    values = []
    for number, line in enumerate(lines, 1):
        try:
            values.append(json.loads(line))
        except ValueError as error:
            raise InputError(f"{path}:{number}: is not JSON: restore the file, or delete it and run the scenario again") from error
    if not values or "board" not in values[0]:
        raise InputError(f"{path}:1: the first line must describe the board: restore the file, or delete it and run the scenario again")
    for number, value in enumerate(values[1:], 2):
        lacking = [name for name in ("method", "seed", "key", "status") if name not in value]
        if lacking:
            raise InputError(f"{path}:{number}: lacks {', '.join(lacking)}: restore the file, or delete it and run the scenario again")
    return Board(values[0], tuple(values[1:]), cost_model(path.parent.parent))
