"""Expands a scenario into runs (method x seed), each with the key of everything that can change its
numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.core.components import Component
from harness.core.hashing import digest
from harness.plan.keys import PROTOCOL, source_fingerprint
from harness.scenario.scenario import Method, Scenario


@dataclass(frozen=True, slots=True)
class Run:
    """One training and one test evaluation. `settings` is the resolved document that the record
    keeps; `key` is the sha256 of what in it can change a number. Names of scenarios and methods
    cannot, so two scenarios that ask for the same run share it. `threads`: the CPU threads to
    compute with, where that is not left to the executor; not in the key."""

    key: str
    scenario: Scenario
    method: Method
    seed: int
    data: str
    settings: dict[str, Any]
    threads: int | None = None

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
        return ", ".join(
            sorted(frozenset[str]().union(*(term.loss.requires for term in self.method.terms)))
        )


def expand(scenario: Scenario, data: str) -> tuple[Run, ...]:
    """All runs of a scenario, seed by seed, so that the first complete comparison is there early.
    `data` is the data fingerprint."""
    sections = {
        "patches": scenario.patches,
        "split": scenario.split,
        "training": scenario.training,
        "evaluation": scenario.evaluation,
    }
    components = {
        "protocol": PROTOCOL,
        "profile": scenario.profile,
        "dataset": _identity(scenario.dataset) | {"content": data},
        "model": _identity(scenario.model),
    }
    shared = components | {
        name: section.model_dump(mode="json") for name, section in sections.items()
    }
    keyed = components | {
        name: section.identity()
        for name, section in sections.items()
        if name in ("patches", "split", "training") or section.identity()
    }
    methods = [
        (
            method,
            {
                "supervision": [_identity(supervision) for supervision in method.supervisions],
                "loss": [
                    _identity(term.loss) | {"weight": term.weight, "ramp": term.ramp}
                    for term in method.terms
                ],
                **({"floor": method.floor} if method.floor else {}),
                **({"trains_on": method.trains_on} if method.trains_on != "training" else {}),
            },
        )
        for method in scenario.methods
    ]
    return tuple(
        Run(
            digest({**keyed, **own, "seed": seed}),
            scenario,
            method,
            seed,
            data,
            {**shared, **own, "seed": seed},
        )
        for seed in scenario.seeds
        for method, own in methods
    )


def _identity(component: Component) -> dict[str, Any]:
    return component.identity() | {
        "version": component.version,
        "source": source_fingerprint(type(component)),
    }
