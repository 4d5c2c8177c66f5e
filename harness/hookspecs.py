"""Everything that a plugin can implement: the plugin system on one page.

Import `hookimpl` from `harness.api` and decorate functions of these names. The first five return
component classes. The last three are for observers, such as loggers: they receive copies, so they
cannot change a run, and an exception in one is reported with its plugin's name and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from harness.core.components import Dataset, Executor, Loss, Model, Supervision
from harness.core.values import JsonObject

hookspec = pluggy.HookspecMarker("harness")

hookimpl = pluggy.HookimplMarker("harness")


@hookspec
def harness_datasets() -> Iterable[type[Dataset]]:  # type: ignore[empty-body]
    """Return the data sets this plugin adds."""


@hookspec
def harness_supervisions() -> Iterable[type[Supervision]]:  # type: ignore[empty-body]
    """Return the supervisions this plugin adds."""


@hookspec
def harness_losses() -> Iterable[type[Loss]]:  # type: ignore[empty-body]
    """Return the losses this plugin adds."""


@hookspec
def harness_models() -> Iterable[type[Model]]:  # type: ignore[empty-body]
    """Return the models this plugin adds."""


@hookspec
def harness_executors() -> Iterable[type[Executor]]:  # type: ignore[empty-body]
    """Return the executors this plugin adds."""


@hookspec
def harness_run_started(run: JsonObject) -> None:
    """A run began. `run`: scenario, profile, method, seed, key and resolved settings."""


@hookspec
def harness_epoch_finished(run: JsonObject, epoch: JsonObject) -> None:
    """An epoch ended. `epoch`: epoch (from 1), loss, the loss terms, learning_rate, seconds."""


@hookspec
def harness_run_finished(run: JsonObject, record: JsonObject) -> None:
    """A run ended, well or not. `record` is the stored record; its `status` is "ok" or "failed"."""
