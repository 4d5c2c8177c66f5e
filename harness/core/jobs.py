"""Jobs, which an executor performs, and the events that they report.

A job reports one RunStarted, an EpochFinished for each epoch and one RunFinished, in this order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from harness.core.values import JsonObject


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began."""

    key: str
    """The key of the run, as in `Job.key`."""


@dataclass(frozen=True, slots=True)
class EpochFinished:
    """An epoch of a run ended."""

    key: str
    """The key of the run."""
    epoch: JsonObject
    """The number of the epoch (from 1), its loss, terms, learning_rate and seconds."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run ended, well or not."""

    key: str
    """The key of the run."""
    record: JsonObject
    """The record of the run, whose status is "ok" or "failed"."""


Event = RunStarted | EpochFinished | RunFinished


class AlreadyRunningError(Exception):
    """Another process holds this run."""


class Job(Protocol):
    """A run to perform, as an executor sees it. A job can be pickled and sent to a process."""

    @property
    def key(self) -> str:
        """The key of the run, which is also in each of its events."""

    @property
    def title(self) -> JsonObject:
        """What the run is called: scenario, profile, overrides, method and seed."""

    @property
    def threads(self) -> int | None:
        """The CPU threads that the run must use, or None where the executor may choose."""

    @property
    def device(self) -> str:
        """The device as the scenario has it: auto, cpu, cuda or mps."""

    @property
    def preload(self) -> tuple[str, ...]:
        """Slow modules, to be imported once before processes are started for many jobs."""

    def perform(self, threads: int | None = None) -> Iterator[Event]:
        """Perform the run in this process, store its record, and yield events as they happen.

        A run that fails does not raise: its record says so.

        Args:
            threads: The CPU threads to compute with, where `Job.threads` is None; None leaves the
                number as it is.

        Raises:
            AlreadyRunningError: where another process holds the run.
        """

    def abandon(self, reason: str) -> RunFinished:
        """Store the record of a run that failed because its process died.

        Args:
            reason: How it died, such as "the process exited with code 3".

        Raises:
            AlreadyRunningError: where another process holds the run.
        """


def refuse_running(job: Job, error: AlreadyRunningError) -> RunFinished:
    """Return the end of a job that another process holds.

    Nothing is stored: the record that counts is the one that the other process will write.
    """
    record = {
        "status": "failed",
        **job.title,
        "key": job.key,
        "error": {"type": "AlreadyRunning", "message": str(error)},
    }
    return RunFinished(job.key, record)
