"""Finding records by what a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from comparable_runs import FULL, WEAK, write_board

from harness.comparison.find import find_records
from harness.core.errors import InputError
from harness.records.record import FinishedRecord, Record
from harness.records.store import Store

LOST = Record(method="lost", seed=0, status="missing", key="ff")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Make an empty folder of runs."""
    return Store(tmp_path / "runs")


def write_run(store: Store, key: str, text: str) -> None:
    folder = store.folder(key)
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(text)


def keys_beginning_alike() -> list[FinishedRecord]:
    return [run.changed(key=f"0000{run.seed}") for run in FULL]


@pytest.mark.parametrize(
    ("name", "kind", "runs"),
    [
        ("one", "board", [*FULL, *WEAK]),
        ("one:weak", "row", WEAK),
        ("one:full:1", "run", FULL[1:2]),
        (FULL[2].key[:20], "run", FULL[2:]),
        (FULL[2].key, "run", FULL[2:]),
    ],
)
def test_boards_rows_and_runs(
    tmp_path: Path, store: Store, name: str, kind: str, runs: list[FinishedRecord]
) -> None:
    write_board(tmp_path, "one", [*FULL, *WEAK, LOST])
    named = find_records(name, tmp_path, store)
    assert (named.name, named.kind) == (name, kind)
    assert named.records == tuple(runs)


def test_a_method_may_have_a_colon_in_its_name(tmp_path: Path, store: Store) -> None:
    run = FULL[0].changed(method="full:1")
    write_board(tmp_path, "one", [run, *FULL])
    assert find_records("one:full:1", tmp_path, store).records == (run,)
    assert find_records("one:full:2", tmp_path, store).records == (FULL[2],)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("won", "no board 'won'.*Did you mean 'one'"),
        ("one:ful", "has no method 'ful'. Did you mean 'full'"),
        ("one:full:9", "has no seed 9 of 'full': its seeds are 0, 1, 2"),
        ("abcdef", "no board and no run of that key"),
        ("0000", r"3 runs have a key that begins so: 00000 \(full, seed 0\), 00001 "),
        ("one:lost", "has no finished run .missing.: compute it"),
    ],
)
def test_unknown_names(tmp_path: Path, store: Store, name: str, message: str) -> None:
    write_board(tmp_path, "one", [*keys_beginning_alike(), LOST])
    with pytest.raises(InputError, match=message):
        find_records(name, tmp_path, store)


def test_runs_are_found_by_key_in_the_folder_of_runs(tmp_path: Path, store: Store) -> None:
    run = FULL[0]
    write_run(store, run.key, json.dumps(run.as_json()))
    assert find_records(run.key[:60], tmp_path, store).records == (run,)


def test_the_folder_of_runs_has_what_is_newer_than_a_board(tmp_path: Path, store: Store) -> None:
    run = FULL[0]
    write_board(tmp_path, "one", FULL)
    again = run.changed(packages={"torch": "2.2"})
    write_run(store, run.key, json.dumps(again.as_json()))
    assert find_records(run.key, tmp_path, store).records == (again,)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ('{"status": "ok"}', r"record.json: \S+: is missing")],
)
def test_a_damaged_record_of_a_run_is_named(
    tmp_path: Path, store: Store, text: str, message: str
) -> None:
    write_run(store, FULL[0].key, text)
    with pytest.raises(InputError, match=message):
        find_records(FULL[0].key, tmp_path, store)


def test_a_damaged_line_of_a_board_is_named(tmp_path: Path, store: Store) -> None:
    write_board(tmp_path, "one", FULL[:1])
    path = tmp_path / "records" / "one.jsonl"
    path.write_text(path.read_text() + '{"key": "0", "method": "full", "seed": 1}\n')
    with pytest.raises(InputError, match=r"one.jsonl:3: status: is missing: restore the file"):
        find_records("one:full", tmp_path, store)
