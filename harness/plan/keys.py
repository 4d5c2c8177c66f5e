"""What is in the key of a run: the settings that can change its numbers.

Runs with the same key share one record, and a record whose key changes is stale.
"""

from __future__ import annotations

from harness.core.components import Component
from harness.core.hashing import digest
from harness.core.values import JsonObject
from harness.plan.fingerprints import source_fingerprint
from harness.scenario.scenario import Method, Scenario

PROTOCOL = 1
"""Version of everything in the core that can change a number, and of the defaults of its settings.

Part of every key: raise it with such a change, and every recorded result is stale.
"""


def compute_key(scenario: Scenario, method: Method, seed: int, data: str) -> str:
    """Return the key of a run: sha256 of its keyed settings.

    Args:
        scenario: The scenario.
        method: The method that is trained.
        seed: The seed of the random draws.
        data: The fingerprint of the data set.
    """
    return digest(keyed_settings(scenario, method, seed, data))


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
        # Known gap: with `validation: miou`, changing mean_over can change which network is chosen,
        # and the old record is still used; to be closed with the next protocol.
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
