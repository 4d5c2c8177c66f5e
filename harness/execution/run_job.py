"""A run together with the store that its record goes to, as executors take it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.core.jobs import Event, RunFinished
from harness.core.values import JsonObject
from harness.plan.runs import Run
from harness.records.store import Store

PERFORMING = "harness.run.perform"
"""The module that performs runs, by its name: importing it takes seconds, since it needs torch."""


@dataclass(frozen=True, slots=True)
class RunJob:
    """A `Job`: one run, performed into a store. It can be pickled."""

    run: Run
    """What is computed."""
    store: Store
    """Where the record goes."""

    @property
    def key(self) -> str:
        """The key of the run."""
        return self.run.key

    @property
    def title(self) -> JsonObject:
        """What the run is called: scenario, profile, overrides, method and seed."""
        return self.run.title.as_json()

    @property
    def threads(self) -> int | None:
        """The CPU threads that the run must use, or None where the executor may choose."""
        return self.run.threads

    @property
    def device(self) -> str:
        """The device as the scenario has it: auto, cpu, cuda or mps."""
        return self.run.scenario.training.device

    @property
    def preload(self) -> tuple[str, ...]:
        """The module that performs runs, those of the components, and what they ask for."""
        method = self.run.method
        losses = [term.loss for term in method.terms]
        modules = [PERFORMING]
        for component in (self.run.scenario.model, *method.supervisions, *losses):
            modules += [type(component).__module__, *component.preload]
        return tuple(dict.fromkeys(modules))

    def perform(self, threads: int | None = None) -> Iterator[Event]:
        """Perform the run in this process, and yield events as they happen.

        Args:
            threads: The CPU threads to compute with, where the run does not say.

        Raises:
            AlreadyRunningError: where another process holds the run.
        """
        # Imported here so that the commands that only look, and the parent of worker processes,
        # do not wait for torch.
        from harness.run.perform import perform

        return perform(self.run, self.store, threads)

    def abandon(self, reason: str) -> RunFinished:
        """Store a failed record of a run whose process died for this reason.

        Raises:
            AlreadyRunningError: where another process holds the run.
        """
        from harness.run.perform import abandon

        return abandon(self.run, self.store, reason)
