"""Claims, states and records of runs."""

from __future__ import annotations

import csv
import json
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from demo import record

from harness.core.errors import InputError
from harness.core.files import write_json_atomically
from harness.core.jobs import AlreadyRunningError
from harness.records.record import parse_record
from harness.records.store import (
    Store,
    append_epoch,
    write_confusion,
    write_record,
)


def hold(root: Path, ready: Connection) -> None:
    with Store(root).claim("k", {}):
        ready.send("held")
        ready.recv()


def test_states(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.state("k") == "missing"
    with store.claim("k", {"a": 1}) as folder:
        assert json.loads((folder / "run.json").read_text()) == {"a": 1}
    assert store.state("k") == "missing"  # claimed, given up without a record
    for status, state in (("ok", "done"), ("failed", "failed")):
        write_json_atomically(tmp_path / "k" / "record.json", {"status": status})
        assert store.state("k") == state


@pytest.mark.slow
def test_a_run_is_held_by_one_process_and_freed_when_it_dies(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=hold, args=(tmp_path, there))
    process.start()
    assert here.recv() == "held"
    store = Store(tmp_path)
    assert store.state("k") == "running"
    with pytest.raises(AlreadyRunningError), store.claim("k", {}):
        pass
    process.kill()
    process.join()
    assert store.state("k") == "missing"
    with store.claim("k", {}):
        pass


def test_an_earlier_record_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    records = [
        parse_record(record("full", 0, [[number, 1], [0, 2]], pixels=9, seconds=1.0))
        for number in range(3)
    ]
    for written in records:
        with store.claim("k", {}) as folder:
            write_record(folder, written)
    with store.claim("k", {}):
        pass  # interrupted
    assert store.state("k") == "done"
    assert store.record("k") == records[2]
    for number in (1, 2):
        kept = json.loads((tmp_path / "k" / f"record.{number}.json").read_text())
        assert parse_record(kept) == records[number - 1]


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_json_atomically(tmp_path / "k" / "record.json", {"status": "ok", "key": "k"})
    with pytest.raises(InputError, match=r"record\.json: method: is missing: run it again"):
        store.record("k")
    (tmp_path / "k" / "record.json").write_text("{")
    with pytest.raises(InputError, match=r"record\.json: is not JSON"):
        store.record("k")


def test_epochs_and_confusion_files(tmp_path: Path) -> None:
    for epoch in (1, 2):
        append_epoch(
            tmp_path,
            {
                "epoch": epoch,
                "loss": 0.5,
                "terms": {"a": 0.25},
                "learning_rate": 0.1,
                "seconds": 1.0,
            },
        )
    lines = list(csv.DictReader((tmp_path / "epochs.csv").read_text().splitlines()))
    assert [(line["epoch"], line["loss_a"]) for line in lines] == [("1", "0.25"), ("2", "0.25")]
    counts = np.arange(8).reshape(2, 2, 2)
    write_confusion(tmp_path, ["x", "y"], counts)
    with np.load(tmp_path / "confusion.npz") as file:
        assert file["images"].tolist() == ["x", "y"]
        assert (file["counts"] == counts).all()
