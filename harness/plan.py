"""Expands a scenario into runs (method x seed), each with the key of everything that can change its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.components import Component
from harness.data import PROTOCOL
from harness.fingerprints import digest, source_fingerprint
from harness.scenario import Method, Scenario


@dataclass(frozen=True, slots=True)
class Run:
    """One training and one test evaluation. `settings` is the resolved document whose sha256 is `key`; names are not in it, so two
    scenarios that ask for the same run share it."""

    key: str
    scenario: Scenario
    method: Method
    seed: int
    data: str
    settings: dict[str, Any]

    @property
    def title(self) -> dict[str, Any]:
        """What the run is called: scenario, profile, overrides, method and seed."""
        scenario = self.scenario
        return {
            "scenario": scenario.name,
            "profile": scenario.profile,
            "overrides": list(scenario.overrides),
            "method": self.method.name,
            "seed": self.seed,
        }

    @property
    def needs(self) -> str:
        """What the method's losses take from its supervision."""
        return ", ".join(sorted(frozenset[str]().union(*(term.loss.requires for term in self.method.terms))))


def expand(scenario: Scenario, data: str) -> tuple[Run, ...]:
    """All runs of a scenario, seed by seed, so that the first complete comparison is there early. `data` is the data fingerprint."""
    shared = {
        "protocol": PROTOCOL,
        "profile": scenario.profile,
        "dataset": _identity(scenario.dataset) | {"content": data},
        "patches": scenario.patches.model_dump(mode="json"),
        "split": scenario.split.model_dump(mode="json"),
        "model": _identity(scenario.model),
        "training": scenario.training.model_dump(mode="json"),
    }
    methods = [
        (
            method,
            {
                "supervision": [_identity(supervision) for supervision in method.supervisions],
                "loss": [_identity(term.loss) | {"weight": term.weight, "ramp": term.ramp} for term in method.terms],
            },
        )
        for method in scenario.methods
    ]
    runs = []
    for seed in scenario.seeds:
        for method, own in methods:
            settings = {**shared, **own, "seed": seed}
            runs.append(Run(digest(settings), scenario, method, seed, data, settings))
    return tuple(runs)


def _identity(component: Component) -> dict[str, Any]:
    return component.identity() | {"version": component.version, "source": source_fingerprint(type(component))}
