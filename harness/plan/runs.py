"""Expands a scenario into runs (method x seed), each with the key of all that can change it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.components import Component
from harness.core.hashing import digest
from harness.core.values import JsonObject
from harness.plan.keys import PROTOCOL, source_fingerprint
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
    """sha256 of `keyed_settings`.

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
    """The resolved document that the record keeps (`recorded_settings`)."""
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
            key = digest(keyed_settings(scenario, method, seed, data))
            settings = recorded_settings(scenario, method, seed, data)
            runs.append(Run(key, scenario, method, seed, data, settings))
    return tuple(runs)


def keyed_settings(scenario: Scenario, method: Method, seed: int, data: str) -> JsonObject:
    """Return all that can change a number of a run, and nothing else.

    Its digest is the run's key. The order of the fields does not matter, but a new entry would
    change every key, even one whose value is null.
    """
    keyed = {
        # All code of the core, and the defaults of the sections below.
        "protocol": PROTOCOL,
        # Results of profiles never mix, even where a profile happens to change nothing.
        "profile": scenario.profile,
        "dataset": _dataset_settings(scenario, data),
        "model": _component_settings(scenario.model),
        # Only what differs from the defaults (`Section.identity`): a field that is added with a
        # default that changes nothing must not change the key of a run that does not use it.
        "patches": scenario.patches.identity(),
        "split": scenario.split.identity(),
        "training": scenario.training.identity(),
        "supervision": _supervision_settings(method),
        "loss": _loss_settings(method),
        # Each seed is a run of its own; how many there are changes none of them.
        "seed": seed,
        # Left out: the names of scenario and method, the reference and what a paper reports, which
        # only say how results are shown; and `mean_over`, since scores are taken of stored counts.
        # (Where `validation: miou` chooses the network, though, the choice depends on `mean_over`.)
    }
    # These are younger than the first keys: at their defaults, a run is what it was without them.
    evaluation = scenario.evaluation.identity()
    if evaluation:
        keyed["evaluation"] = evaluation
    keyed.update(_method_options(method))
    return keyed


def recorded_settings(scenario: Scenario, method: Method, seed: int, data: str) -> JsonObject:
    """Return the resolved document that a record keeps.

    It has what the key has, but the sections with all their fields, so that a reader need not know
    which defaults were in force; records are written in this order.
    """
    return {
        "protocol": PROTOCOL,
        "profile": scenario.profile,
        "dataset": _dataset_settings(scenario, data),
        "model": _component_settings(scenario.model),
        "patches": scenario.patches.model_dump(mode="json"),
        "split": scenario.split.model_dump(mode="json"),
        "training": scenario.training.model_dump(mode="json"),
        "evaluation": scenario.evaluation.model_dump(mode="json"),
        "supervision": _supervision_settings(method),
        "loss": _loss_settings(method),
        # Absent at their defaults, as in the key.
        **_method_options(method),
        "seed": seed,
    }


def _dataset_settings(scenario: Scenario, data: str) -> JsonObject:
    return {**_component_settings(scenario.dataset), "content": data}


def _supervision_settings(method: Method) -> list[JsonObject]:
    return [_component_settings(supervision) for supervision in method.supervisions]


def _loss_settings(method: Method) -> list[JsonObject]:
    settings = []
    for term in method.terms:
        loss = _component_settings(term.loss)
        settings.append({**loss, "weight": term.weight, "ramp": term.ramp})
    return settings


def _method_options(method: Method) -> JsonObject:
    """Return the options of a method that differ from the defaults."""
    options: JsonObject = {}
    if method.floor:
        options["floor"] = method.floor
    if method.trains_on != "training":
        options["trains_on"] = method.trains_on
    return options


def _component_settings(component: Component) -> JsonObject:
    """Return what decides what a component does: its fields, its version and its source."""
    return {
        # Without fields that say where something lies (`NotInKey`).
        **component.identity(),
        "version": component.version,
        "source": source_fingerprint(type(component)),
    }
