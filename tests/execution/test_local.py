"""Jobs as executors see them, and how the local executor shares a machine out."""

from __future__ import annotations

import importlib.util
import pickle
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

from harness.catalog import load_catalog
from harness.core.jobs import AlreadyRunningError, Event, RunFinished, RunStarted
from harness.execution.experiment import prepare
from harness.execution.local import Inline, Local, share_cores
from harness.execution.run_job import RunJob
from harness.records.store import Store

HELD = "run is being computed by another process"


@dataclass(frozen=True)
class FakeJob:
    """A job that does something else than training a network."""

    key: str
    does: str = "end"
    threads: int | None = None
    device: str = "cpu"
    preload: tuple[str, ...] = ()
    title: dict[str, Any] = field(default_factory=lambda: {"method": "full", "seed": 0})

    def perform(self, threads: int | None = None) -> Iterator[Event]:
        yield RunStarted(self.key)
        if self.does.startswith("die"):
            signal.raise_signal(signal.SIGKILL)
        if self.does == "exit":
            raise SystemExit(3)
        if self.does == "held":
            raise AlreadyRunningError(HELD)
        yield RunFinished(self.key, {"status": "ok", "threads": threads})

    def abandon(self, reason: str) -> RunFinished:
        if self.does == "die and be taken up":
            raise AlreadyRunningError(HELD)
        return RunFinished(self.key, {"status": "failed", "error": reason})


def finished_records(events: Iterable[Event]) -> dict[str, dict[str, Any]]:
    """Return the records of the runs that ended, by their keys."""
    records = {}
    for event in events:
        if isinstance(event, RunFinished):
            records[event.key] = event.record
    return records


@pytest.fixture
def smoke_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunJob]:
    """The jobs of a shipped scenario that needs no data."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    catalog = load_catalog(disabled=())
    experiment = prepare(catalog, str(ROOT / "scenarios" / "smoke.yaml"), None, [], [])
    return [RunJob(run, Store(tmp_path)) for run in experiment.runs]


def test_modules_to_preload_exist(smoke_jobs: list[RunJob]) -> None:
    """The fork server ignores a name that it cannot import, and nobody would notice."""
    modules: set[str] = set()
    for job in smoke_jobs:
        modules.update(job.preload)
    assert "harness.run.perform" in modules
    for module in modules:
        assert importlib.util.find_spec(module) is not None, module


def test_a_job_says_what_an_executor_needs(smoke_jobs: list[RunJob]) -> None:
    job = smoke_jobs[0]
    assert job.key == job.run.key
    assert job.title["scenario"] == "smoke"
    assert job.device == job.run.scenario.training.device
    assert job.threads is None
    assert pickle.loads(pickle.dumps(job)).key == job.key  # noqa: S301 - written in this line


def refused(key: str) -> dict[str, Any]:
    """The record of a job that another process holds."""
    return {
        "status": "failed",
        "method": "full",
        "seed": 0,
        "key": key,
        "error": {"type": "AlreadyRunning", "message": HELD},
    }


@pytest.mark.slow
def test_each_job_ends_with_its_own_event() -> None:
    doings = ("end", "die", "exit", "held", "die and be taken up", "end")
    jobs = [FakeJob(str(number), does) for number, does in enumerate(doings)]
    events = list(Local(jobs=2).execute(jobs))
    started = [event.key for event in events if isinstance(event, RunStarted)]
    assert sorted(started) == ["0", "1", "2", "3", "4", "5"]
    records = finished_records(events)
    assert records["0"]["status"] == records["5"]["status"] == "ok"
    assert "the process was killed by signal 9 (out of memory?" in records["1"]["error"]
    assert records["2"]["error"] == "the process exited with code 3"
    assert records["3"] == refused("3")
    # Its process died, and somebody else has begun the run since.
    assert records["4"] == refused("4")


def test_in_this_process_too_a_run_that_is_held_is_refused_and_the_next_one_goes_on() -> None:
    jobs = [FakeJob("0", "held"), FakeJob("1")]
    records = finished_records(Inline().execute(jobs))
    assert records["0"] == refused("0")
    assert records["1"]["status"] == "ok"


def test_nothing_to_do_is_no_event() -> None:
    assert list(Local().execute([])) == []
    assert list(Inline().execute([])) == []


@pytest.mark.slow
def test_cores_are_shared_out_as_threads() -> None:
    assert share_cores(core_count=8, at_once=None, job_count=20, threads_needed=1) == (8, 1)
    assert share_cores(core_count=8, at_once=3, job_count=20, threads_needed=1) == (3, 2)
    records = finished_records(Local(jobs=1).execute([FakeJob("0"), FakeJob("1")]))
    assert records["0"]["threads"] == records["1"]["threads"] >= 1


@pytest.mark.slow
def test_a_platform_without_a_fork_server_spawns(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, which has no SIGKILL either."""
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    monkeypatch.delattr(signal, "SIGKILL")
    events = list(Local(jobs=1).execute([FakeJob("0", "exit")]))
    assert events == [
        RunStarted("0"),
        RunFinished("0", {"status": "failed", "error": "the process exited with code 3"}),
    ]
