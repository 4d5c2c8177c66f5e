"""Expands a scenario into runs (method x seed), each with the key of all that can change it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.values import JsonObject
from harness.plan.keys import compute_key, recorded_settings
from harness.scenario.scenario import Method, Scenario


@dataclass(frozen=True, slots=True)
class RunTitle:
    """What a run is called in records, in events and on boards."""

    scenario: str
    """The name of its scenario."""
    profile: str | None
    """The profile that is laid over the scenario; None for the scenario as it stands."""
    overrides: tuple[str, ...]
    """The settings that are laid over the profile, as `--set` takes them."""
    method: str
    """The name of its method."""
    seed: int
    """The seed of its random draws."""

    def as_json(self) -> JsonObject:
        """Return the fields as records have them, in this order."""
        return {
            "scenario": self.scenario,
            "profile": self.profile,
            "overrides": list(self.overrides),
            "method": self.method,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Run:
    """One training and one test evaluation."""

    key: str
    """What `keys.compute_key` returns for it.

    The names of scenarios and methods are not in it, so two scenarios that ask for the same run
    share its record.
    """
    scenario: Scenario
    """The scenario that it belongs to."""
    method: Method
    """The method that is trained."""
    seed: int
    """The seed of its random draws."""
    data: str
    """The fingerprint of the data set."""
    settings: JsonObject
    """The resolved document that the record keeps (`keys.recorded_settings`)."""
    threads: int | None = None
    """The CPU threads to compute with, where the executor does not choose them.

    Not in the key: how many there are is the machine's matter.
    """

    @property
    def title(self) -> RunTitle:
        """What the run is called: scenario, profile, overrides, method and seed."""
        return RunTitle(
            scenario=self.scenario.name,
            profile=self.scenario.profile,
            overrides=self.scenario.overrides,
            method=self.method.name,
            seed=self.seed,
        )

    @property
    def needs(self) -> str:
        """What the method's losses take from its supervision."""
        required: set[str] = set()
        for term in self.method.terms:
            required |= term.loss.requires
        return ", ".join(sorted(required))


def expand(scenario: Scenario, data: str) -> tuple[Run, ...]:
    """Return all runs of a scenario; `data` is the fingerprint of its data set."""
    runs = []
    # Seed by seed, so that the first complete comparison is there early.
    for seed in scenario.seeds:
        for method in scenario.methods:
            key = compute_key(scenario, method, seed, data)
            settings = recorded_settings(scenario, method, seed, data)
            runs.append(Run(key, scenario, method, seed, data, settings))
    return tuple(runs)
