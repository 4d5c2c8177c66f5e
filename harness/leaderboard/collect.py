"""Collects the records of a scenario into the file of its board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.errors import InputError
from harness.core.values import JsonObject
from harness.leaderboard.annotation_costs import cost_model
from harness.leaderboard.board import Board, read_board_file, records_path, write_records
from harness.leaderboard.header import describe, find_problem
from harness.plan.runs import Run
from harness.records.record import (
    ComponentSettings,
    FailedRecord,
    FinishedRecord,
    MissingRecord,
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
        # The key leaves out what changes no number, so a run may have been made under another name
        # of its scenario or method. The board shows today's.
        titled = record.changed(**run.title.as_json())
        problem = find_problem(titled, header)
        is_misplaced = record is stored and record.key != run.key
        if problem is None and is_misplaced:
            problem = f"key: {record.key!r} is not the name of the folder"
        if problem:
            path = store.folder(run.key) / "record.json"
            raise InputError(f"{path}: {problem}: run it again (`harness run ... --again`)")
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
    if not path.exists():
        return ()
    return read_board_file(path).records


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
            # A change that made it stale may have been taken back.
            return result.without("stale")
    for result in finished:
        if result.method_and_seed == (run.method.name, run.seed):
            return result.changed(stale=_describe_staleness(run, result, stored))
    if stored is not None:
        return stored
    for record in recorded:
        if isinstance(record, FailedRecord) and record.key == run.key:
            return record
    return MissingRecord(key=run.key, status="missing", method=run.method.name, seed=run.seed)


def _describe_staleness(run: Run, result: FinishedRecord, stored: Record | None) -> str:
    """Say why a result is not that of today's run, and what became of an attempt at that."""
    reason = why_stale(result.settings, RunSettings.model_validate(run.settings))
    if isinstance(stored, FailedRecord):
        reason += f"; computing it again failed: {stored.error.type}: {stored.error.message}"
    return reason


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
    changed_components = []
    for before, after in _paired_components(recorded, planned):
        is_same_component = before.name == after.name and before.fields == after.fields
        is_same_version = before.version == after.version and before.source == after.source
        if is_same_component and not is_same_version:
            changed_components.append(after.name)
    if changed_components:
        names = ", ".join(dict.fromkeys(changed_components))
        return f"recorded with an earlier version of {names}"
    data, planned_data = recorded.dataset, planned.dataset
    is_same_dataset = data.name == planned_data.name and data.fields == planned_data.fields
    if is_same_dataset and data.content != planned_data.content:
        return "recorded with other data"
    changed_sections = _differing_sections(recorded.as_json(), planned.as_json())
    if changed_sections:
        return f"recorded with other settings of {', '.join(changed_sections)}"
    return "recorded under another key"


def _paired_components(
    recorded: RunSettings, planned: RunSettings
) -> Iterator[tuple[ComponentSettings, ComponentSettings]]:
    yield recorded.dataset, planned.dataset
    yield recorded.model, planned.model
    # A method may have gained or lost one: then the settings differ, which is said instead.
    yield from zip(recorded.supervision, planned.supervision, strict=False)
    yield from zip(recorded.loss, planned.loss, strict=False)


def _differing_sections(recorded: JsonObject, planned: JsonObject) -> list[str]:
    # In the order of today's document, with what only the old one has after it.
    names = dict.fromkeys([*planned, *recorded])
    return [name for name in names if recorded.get(name) != planned.get(name)]
