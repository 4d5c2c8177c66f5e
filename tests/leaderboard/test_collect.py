"""Boards made of the runs of a scenario: what is believed, what is kept, and what is stale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

from harness.catalog import load_catalog
from harness.core.errors import InputError
from harness.leaderboard.board import read_board_file, records_path
from harness.leaderboard.collect import collect, why_stale
from harness.pages.write import write_boards
from harness.plan.runs import Run, expand
from harness.records.record import Record, RunSettings, parse_record
from harness.records.store import Store, write_record
from harness.scenario.resolve import read_scenario
from harness.scenario.scenario import Scenario

SMOKE_RECORDS = ROOT / "leaderboards" / "records" / "smoke.jsonl"
ERROR = {"type": "RuntimeError", "message": "out of luck", "traceback": "Traceback"}


@pytest.fixture
def scenario() -> Scenario:
    return read_scenario(ROOT / "scenarios" / "smoke.yaml", load_catalog(disabled=()))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def keep(store: Store, run: Run, record: Record) -> Path:
    """Put a record into the folder of a run, and return its path."""
    folder = store.folder(run.key)
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder, record)
    return folder / "record.json"


def recorded(run: Run) -> Record:
    """Return the committed record of the run's method, as if the run had made it."""
    records = {record.method: record for record in read_board_file(SMOKE_RECORDS).records}
    return records[run.method.name].changed(key=run.key)


def failed(run: Run) -> Record:
    """Return the record of a run that failed."""
    return parse_record({**run.title.as_json(), "status": "failed", "key": run.key, "error": ERROR})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value: value["metrics"].update(miou=1.0), r"metrics\.miou: 1\.0 is stated"),
        (lambda value: value.update(key="0" * 64), "key: '0+' is not the name of the folder"),
        (lambda value: value.pop("ledger"), "ledger: is missing"),
    ],
)
def test_a_run_that_was_edited_is_not_collected(
    tmp_path: Path, scenario: Scenario, store: Store, change: Any, message: str
) -> None:
    runs = expand(scenario, "content")
    paths = [keep(store, run, recorded(run)) for run in runs]
    value = json.loads(paths[0].read_text())
    change(value)
    paths[0].write_text(json.dumps(value))
    with pytest.raises(InputError, match=rf"record\.json: {message}"):
        collect(scenario, runs, store, tmp_path)


def test_what_is_collected_is_what_is_read(
    tmp_path: Path, scenario: Scenario, store: Store
) -> None:
    runs = expand(scenario, "content")
    for run in runs:
        keep(store, run, recorded(run))
    board = collect(scenario, runs, store, tmp_path)
    assert read_board_file(records_path(tmp_path, "smoke")) == board


def test_a_damaged_file_of_records_stops_the_collection(
    tmp_path: Path, scenario: Scenario, store: Store
) -> None:
    path = records_path(tmp_path, "smoke")
    path.parent.mkdir()
    path.write_text("{}")
    with pytest.raises(InputError, match="the first line must describe the board"):
        collect(scenario, expand(scenario, "content"), store, tmp_path)


def test_the_traceback_of_a_failure_stays_in_its_folder(
    tmp_path: Path, scenario: Scenario, store: Store
) -> None:
    runs = expand(scenario, "content")
    path = keep(store, runs[0], failed(runs[0]))
    board = collect(scenario, runs, store, tmp_path)
    error = board.records[0].error
    assert error is not None
    assert (error.message, error.traceback) == ("out of luck", None)
    assert json.loads(path.read_text())["error"] == ERROR


def test_results_are_kept_as_stale_until_a_new_run_of_the_same_method_and_seed_finishes(
    tmp_path: Path, scenario: Scenario, store: Store
) -> None:
    runs = expand(scenario, "other data")
    path = records_path(tmp_path, "smoke")
    path.parent.mkdir()
    path.write_bytes(SMOKE_RECORDS.read_bytes())
    committed = read_board_file(path).records

    board = collect(scenario, runs, store, tmp_path)
    assert [record.key for record in board.records] == [record.key for record in committed]
    reasons = {record.stale for record in board.records}
    assert reasons == {"recorded with other data"}
    write_boards([], tmp_path)
    page = (tmp_path / "smoke.md").read_text()
    assert "## Failed, missing and stale runs" in page
    assert "- full, seed 0: stale: recorded with other data" in page

    keep(store, runs[0], failed(runs[0]))
    first = collect(scenario, runs, store, tmp_path).records[0]  # no result is replaced
    assert first.stale == (
        "recorded with other data; computing it again failed: RuntimeError: out of luck"
    )

    settings = committed[0].as_json()["settings"] | {"dataset": runs[0].settings["dataset"]}
    keep(store, runs[0], committed[0].changed(key=runs[0].key, settings=settings))
    first, *others = collect(scenario, runs, store, tmp_path).records
    assert (first.key, first.stale) == (runs[0].key, None)
    assert all(record.stale for record in others)


def test_a_failure_is_kept_where_its_folder_is_gone(
    tmp_path: Path, scenario: Scenario, store: Store
) -> None:
    runs = expand(scenario, "content")
    keep(store, runs[0], failed(runs[0]))
    before = collect(scenario, runs, store, tmp_path)
    after = collect(scenario, runs, Store(tmp_path / "elsewhere"), tmp_path)
    assert before == after
    assert after.records[0].status == "failed"


FOCAL = {"name": "focal", "gamma": 2, "version": "1", "source": "s"}
PLANNED = {
    "protocol": 1,
    "dataset": {"name": "d", "content": "c", "version": "1", "source": "s"},
    "model": {"name": "m", "version": "1", "source": "s"},
    "patches": {},
    "split": {},
    "supervision": [],
    "loss": [FOCAL],
    "training": {"epochs": 1},
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"protocol": 0}, "recorded under protocol 0; today's is 1"),
        (
            {"loss": [{"name": "focal", "gamma": 2, "version": "1", "source": "old"}]},
            "recorded with an earlier version of focal",
        ),
        (
            {"loss": [{"name": "focal", "gamma": 1, "version": "1", "source": "s"}]},
            "recorded with other settings of loss",
        ),
        ({"training": {"epochs": 2}}, "recorded with other settings of training"),
        (
            {"dataset": {"name": "d", "content": "other", "version": "1", "source": "s"}},
            "recorded with other data",
        ),
        (
            {"dataset": {"name": "d", "content": "other", "version": "2", "source": "s"}},
            "recorded with an earlier version of d",
        ),
        (
            {"loss": [{**FOCAL, "weight": 0.5}]},
            "recorded with other settings of loss",
        ),
        ({"floor": "qda"}, "recorded with other settings of floor"),
        ({}, "recorded under another key"),
    ],
)
def test_a_stale_record_says_why(change: dict[str, Any], reason: str) -> None:
    record = RunSettings.model_validate(PLANNED | change)
    assert why_stale(record, RunSettings.model_validate(PLANNED)) == reason
