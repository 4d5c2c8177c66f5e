"""Collects the records of a scenario into the file of its board."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.leaderboard.annotation_costs import cost_model
from harness.leaderboard.board import Board, read_board, records_path, write_records
from harness.leaderboard.header import describe, find_problem
from harness.plan.runs import Run
from harness.records.record import (
    ComponentSettings,
    FailedRecord,
    FinishedRecord,
    Record,
    RunError,
    RunSettings,
)
from harness.records.store import Store
from harness.scenario.scenario import Scenario


def collect(scenario: Scenario, runs: Sequence[Run], store: Store, root: Path) -> Board:
    """Make the board of a scenario from its runs, and write its records.

    A run that has not finished keeps the result that the file already had, so nothing that was
    computed elsewhere is lost: that of the same key, else that of the same method and seed, which
    is then marked as stale.

    Args:
        scenario: the scenario.
        runs: all its runs.
        store: the folder of runs.
        root: the leaderboards' folder.

    Raises:
        InputError: naming a record of the store or of the file that does not fit.
    """
    header = describe(scenario)
    recorded = earlier(scenario, root)
    records = []
    for run in runs:
        stored = store.record(run.key)
        record = _choose(run, stored, recorded)
        titled = record.changed(**run.title)
        problem = find_problem(titled, header)
        if problem is None and record is stored and record.key != run.key:
            problem = f"key: {record.key!r} is not the name of the folder"
        if problem:
            raise InputError(
                f"{store.folder(run.key) / 'record.json'}: {problem}: run it again (`harness run"
                " ... --again`)"
            )
        records.append(_without_traceback(titled))
    board = Board(header, tuple(records), cost_model(root))
    write_records(board, root)
    return board


def earlier(scenario: Scenario, root: Path) -> Sequence[Record]:
    """Read the records that the board of a scenario has already.

    Raises:
        InputError: where they are damaged.
    """
    path = records_path(root, scenario.board)
    return read_board(path).records if path.exists() else ()


def _choose(run: Run, stored: Record | None, recorded: Sequence[Record]) -> Record:
    """Return the record that a board shows for a run.

    A result comes before a failure, and a failure before nothing.

    Args:
        run: the run.
        stored: what the folder of runs has of it.
        recorded: what the board's file had before.
    """
    if isinstance(stored, FinishedRecord):
        return stored
    finished = [record for record in recorded if isinstance(record, FinishedRecord)]
    for result in finished:
        if result.key == run.key:
            return result.without("stale")
    for result in finished:
        if result.method == run.method.name and result.seed == run.seed:
            reason = why_stale(result.settings, RunSettings.model_validate(run.settings))
            return result.changed(stale=reason)
    if stored is not None:
        return stored
    for record in recorded:
        if isinstance(record, FailedRecord) and record.key == run.key:
            return record
    return Record(key=run.key, status="missing", method=run.method.name, seed=run.seed)


def _without_traceback(record: Record) -> Record:
    """Return the record of a board, of which the traceback stays in the run's own folder."""
    if record.error is None:
        return record
    error = RunError(type=record.error.type, message=record.error.message)
    return record.changed(error=error.as_json())


def why_stale(recorded: RunSettings, planned: RunSettings) -> str:
    """Say why a record is not that of the planned run: a component changed, or a setting."""
    if recorded.protocol != planned.protocol:
        return f"recorded under protocol {recorded.protocol}; today's is {planned.protocol}"
    names = [
        new.name
        for old, new in _paired_components(recorded, planned)
        if old.name == new.name and old.fields == new.fields and old != new
    ]
    if names:
        return f"recorded with an earlier version of {', '.join(dict.fromkeys(names))}"
    before, after = recorded.as_json(), planned.as_json()
    fields = [
        name for name in dict.fromkeys([*after, *before]) if before.get(name) != after.get(name)
    ]
    if fields:
        return f"recorded with other settings of {', '.join(fields)}"
    return "recorded under another key"


def _paired_components(
    recorded: RunSettings, planned: RunSettings
) -> list[tuple[ComponentSettings, ComponentSettings]]:
    pairs: list[Any] = [
        (recorded.dataset, planned.dataset),
        (recorded.model, planned.model),
    ]
    # A method may have gained or lost one: then the settings differ, which is said instead.
    pairs += zip(recorded.supervision, planned.supervision, strict=False)
    pairs += zip(recorded.loss, planned.loss, strict=False)
    return pairs
