"""One run from patches to record: what it tells, what it stores, and what is kept of a failure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tiny_runs import FLOOR, FULL, POINTS, make_run, method_of

from harness.core.components import Loss, Supervision
from harness.core.jobs import AlreadyRunningError, EpochFinished, Event, RunFinished, RunStarted
from harness.core.values import Batch, Provision, Sample, WeakLabel
from harness.plan.runs import Run
from harness.records.record import FailedRecord, FinishedRecord, Record
from harness.records.store import Store
from harness.run.perform import abandon, perform
from harness.scenario.scenario import Method, Term

pytestmark = pytest.mark.usefixtures("own_cache", "one_thread")


class Absent(Supervision):
    """Finds nobody who annotates."""

    name: ClassVar[str] = "absent"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        raise RuntimeError(f"nobody has looked at {sample.key}")


class Tiring(Loss):
    """Gives up at the first step of the second epoch."""

    name: ClassVar[str] = "tiring"
    requires: ClassVar[frozenset[Provision]] = frozenset()
    steps: ClassVar[list[int]] = []

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        self.steps.append(len(logits))
        # Twelve patches, four at a time.
        if len(self.steps) > 3:
            raise RuntimeError("too tired")
        return logits.mean()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def stored_record(run: Run, store: Store) -> Record:
    """The record of a run, read from its file: so it is valid."""
    record = store.record(run.key)
    assert record is not None
    return record


def kinds(events: Iterable[Event]) -> list[type]:
    return [type(event) for event in events]


def test_a_run_tells_its_epochs_and_ends_with_the_record_that_it_stores(store: Store) -> None:
    run = make_run(POINTS)
    events = list(perform(run, store))
    assert kinds(events) == [RunStarted, EpochFinished, EpochFinished, RunFinished]
    assert {event.key for event in events} == {run.key}
    record = stored_record(run, store)
    assert isinstance(record, FinishedRecord)
    end = events[-1]
    assert isinstance(end, RunFinished)
    assert end.record == record.as_json()
    assert record.ledger.labelled_pixels == 9
    assert record.confusion.total.sum() == 8 * 8 * 8
    assert len(record.history) == len(record.cost.epoch_seconds) == 2


def test_an_epoch_is_told_as_it_is_documented(store: Store) -> None:
    run = make_run(POINTS, epochs=1, validation="miou")
    _, told, _ = perform(run, store)
    assert isinstance(told, EpochFinished)
    fields = ["epoch", "loss", "terms", "learning_rate", "seconds", "validation"]
    assert list(told.epoch) == fields
    assert told.epoch["epoch"] == 1
    assert list(told.epoch["terms"]) == ["partial-cross-entropy"]
    header, _ = (store.folder(run.key) / "epochs.csv").read_text().splitlines()
    columns = "epoch,loss,learning_rate,seconds,validation,loss_partial-cross-entropy"
    assert header == columns


@pytest.mark.parametrize(
    ("method", "files"),
    [
        (FULL, {"epochs.csv", "weights.safetensors"}),
        # A floor has neither epochs nor weights.
        (FLOOR, set()),
    ],
    ids=["network", "floor"],
)
def test_the_files_of_a_run(store: Store, method: Method, files: set[str]) -> None:
    run = make_run(method)
    list(perform(run, store))
    always = {"run.json", "record.json", "confusion.npz", "samples", "lock"}
    folder = store.folder(run.key)
    names = {path.name for path in folder.iterdir()}
    # On some systems a lock leaves no file.
    assert names | {"lock"} == always | files
    stored = np.load(folder / "confusion.npz")
    assert stored["images"].tolist() == ["scene-4", "scene-5"]
    assert stored["counts"].shape == (2, 2, 2)


def test_a_supervision_that_fails_leaves_the_split(store: Store) -> None:
    run = make_run(method_of(Absent()))
    events = list(perform(run, store))
    assert kinds(events) == [RunStarted, RunFinished]
    record = stored_record(run, store)
    assert isinstance(record, FailedRecord)
    assert record.error.type == "RuntimeError"
    assert record.error.message == "nobody has looked at scene-0@0,0"
    assert record.split is not None
    assert record.split.train.patches == 12
    assert record.ledger is None
    assert record.cost.prepare_seconds is None


def test_a_training_that_fails_leaves_ledger_hardware_and_epochs(store: Store) -> None:
    Tiring.steps.clear()
    method = Method("tiring", POINTS.supervisions, (Term(Tiring()),))
    run = make_run(method)
    events = list(perform(run, store))
    assert kinds(events) == [RunStarted, EpochFinished, RunFinished]
    record = stored_record(run, store)
    assert isinstance(record, FailedRecord)
    assert record.error.message == "too tired"
    assert record.ledger is not None
    assert record.ledger.labelled_pixels == 9
    assert record.hardware is not None
    assert record.parameters == 8
    assert [epoch.epoch for epoch in record.history] == [1]
    assert record.cost.prepare_seconds is not None
    assert record.cost.train_seconds is None
    assert record.confusion is None
    assert not (store.folder(run.key) / "weights.safetensors").exists()


def test_the_test_is_kept_where_what_comes_after_it_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("harness.run.perform.write_weights", refuse)
    run = make_run()
    list(perform(run, store))
    record = stored_record(run, store)
    assert isinstance(record, FailedRecord)
    assert record.error.message == "no space left"
    assert record.confusion is not None
    assert record.test_evaluations == {"last": 1}


def test_a_run_that_another_process_holds_is_refused(store: Store) -> None:
    run = make_run()
    with store.claim(run.key, {}), pytest.raises(AlreadyRunningError):
        next(perform(run, store))
    assert store.record(run.key) is None


def test_a_run_whose_process_died_is_recorded(store: Store) -> None:
    run = make_run()
    end = abandon(run, store, "the process exited with code 3")
    record = stored_record(run, store)
    assert isinstance(record, FailedRecord)
    assert record.error.type == "ProcessDied"
    assert end == RunFinished(run.key, record.as_json())


def test_a_reader_who_stops_early_frees_the_run(store: Store) -> None:
    run = make_run()
    events = perform(run, store)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert store.record(run.key) is None
    assert kinds(perform(run, store))[-1] is RunFinished
