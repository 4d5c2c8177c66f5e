"""An executor of someone else, written from `harness.api` alone, computes what ours do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from installed import TINY, Workplace, install

PLUGIN = '''
"""Executors that know nothing of the harness but its api."""
import multiprocessing
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ClassVar

from harness.api import AlreadyRunningError, Event, Executor, Job, hookimpl, refuse_running


class InOrder(Executor):
    """Runs in this process."""

    name: ClassVar[str] = "in-order"

    def execute(self, jobs: Iterable[Job]) -> Iterator[Event]:
        for job in jobs:
            print("performing", job.title["method"], job.device, job.threads, file=sys.stderr)
            yield from job.perform()


def collect(job: Job) -> list[Event]:
    try:
        return list(job.perform())
    except AlreadyRunningError as error:
        return [refuse_running(job, error)]


class Pool(Executor):
    """Runs in processes of a pool."""

    name: ClassVar[str] = "pool"

    def execute(self, jobs: Iterable[Job]) -> Iterator[Event]:
        for job in jobs:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                try:
                    yield from pool.submit(collect, job).result()
                except BrokenProcessPool:
                    yield job.abandon("the process of the pool died")


@hookimpl
def harness_executors() -> list[type[Executor]]:
    return [InOrder, Pool]
'''

DYING_LOSS = '''
import os
from typing import ClassVar
from harness.api import Loss, hookimpl
class Dying(Loss):
    """Ends its process."""
    name: ClassVar[str] = "dying"
    requires: ClassVar[frozenset[str]] = frozenset({"labels"})
    def __call__(self, logits, batch):
        os._exit(7)
@hookimpl
def harness_losses():
    return [Dying]
'''


def stored_records(runs: Path) -> dict[str, dict[str, Any]]:
    """Return the records below a folder of runs by method."""
    records = [json.loads(path.read_text()) for path in runs.glob("*/record.json")]
    return {record["method"]: record for record in records}


def run_with(workplace: Workplace, executor: str) -> dict[str, dict[str, Any]]:
    """Run the tiny scenario with an executor, and return its records by method."""
    runs = workplace.folder / f"runs of {executor}"
    done = workplace.harness("run", "tiny.yaml", "--executor", executor, HARNESS_RUNS=str(runs))
    assert done.returncode == 0, done.stderr
    if executor == "in-order":
        assert "performing full auto None" in done.stderr
    return stored_records(runs)


@pytest.mark.slow
def test_its_scores_are_those_of_the_built_in_executor(workplace: Workplace) -> None:
    install(workplace.site, "harness_others", PLUGIN)
    expected = run_with(workplace, "inline")
    assert set(expected) == {"full", "points-5"}
    for executor in ("in-order", "pool"):
        records = run_with(workplace, executor)
        assert set(records) == set(expected)
        for method, record in records.items():
            assert record["key"] == expected[method]["key"]
            assert record["confusion"] == expected[method]["confusion"]
            assert record["history"] == expected[method]["history"]


@pytest.mark.slow
def test_it_records_a_run_whose_process_died(workplace: Workplace) -> None:
    install(workplace.site, "harness_others", PLUGIN)
    install(workplace.site, "harness_dying", DYING_LOSS)
    losses = "[partial-cross-entropy, {name: entropy, weight: 0.1, ramp: 0.5}]"
    workplace.write("tiny.yaml", TINY.replace(losses, "dying"))
    done = workplace.harness("run", "tiny.yaml", "--executor", "pool", "--only", "points-5")
    assert done.returncode == 1
    assert "ProcessDied: the process of the pool died" in done.stdout
    record = stored_records(workplace.folder / "runs")["points-5"]
    assert record["status"] == "failed"
