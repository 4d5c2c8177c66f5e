"""What a run reports while it happens, in order: one RunStarted, an EpochFinished per epoch, one
RunFinished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run with this key began."""

    key: str


@dataclass(frozen=True, slots=True)
class EpochFinished:
    """One epoch ended; `epoch` holds epoch (from 1), loss, terms, learning_rate and seconds."""

    key: str
    epoch: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended with this record, of status "ok" or "failed"."""

    key: str
    record: dict[str, Any]


Event = RunStarted | EpochFinished | RunFinished
