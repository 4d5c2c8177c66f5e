"""Keys: what changes them, and what does not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.catalog import load_catalog
from harness.plan.keys import PROTOCOL
from harness.plan.runs import Run, expand
from harness.scenario.resolve import read_scenario, resolve_document
from harness.scenario.scenario import Scenario
from harness.scenario.scenario_settings import TermSettings
from harness.scenario.settings import Evaluation, Patches, Split, Training
from harness.scenario.yaml_document import parse_document

CATALOG = load_catalog(disabled=())
TEXT = """
name: keys
dataset: {name: synthetic-landcover, images: 12}
patches: {size: 64}
model: {name: smp, encoder: resnet18}
seeds: 2
methods:
  full: {supervision: full, loss: cross-entropy}
  points: {supervision: points-per-class, loss: partial-cross-entropy}
"""


FULL_TEXT = """
name: keys
dataset: {name: synthetic-landcover, images: 12}
patches: {size: 64, padding: ignore, normalise: none}
split: {by: group, test: 0.25, validation: 0.25}
model: {name: smp, encoder: resnet18}
training: {epochs: 3, batch_size: 4, augment: [flips, rotations], validation: loss}
evaluation: {boundary_radius: 3}
seeds: [0, 4]
methods:
  full: {supervision: full, loss: {name: cross-entropy, weight: 0.5, ramp: 0.1}}
  points-{count}:
    sweep: {supervision.count: [1, 5]}
    supervision: {name: points-per-class, count: 2, unit: patch}
    loss: [partial-cross-entropy, {name: partial-cross-entropy, weight: 2}]
  floor: {floor: majority}
"""
"""A scenario with many fields, so that there is much to put in another order."""


def keys_by_run(scenario: Scenario, data: str = "d") -> dict[tuple[str, int], str]:
    """Return the keys of a scenario's runs by method and seed."""
    return {(run.method.name, run.seed): run.key for run in expand(scenario, data)}


def keys(tmp_path: Path, text: str = TEXT, data: str = "d") -> dict[tuple[str, int], str]:
    """Return the keys of the runs of a scenario file."""
    (tmp_path / "s.yaml").write_text(text)
    return keys_by_run(read_scenario(tmp_path / "s.yaml", CATALOG), data)


def runs(tmp_path: Path, text: str) -> tuple[Run, ...]:
    """Return the runs of a scenario file."""
    (tmp_path / "s.yaml").write_text(text)
    return expand(read_scenario(tmp_path / "s.yaml", CATALOG), "d")


def test_every_run_has_a_key_of_its_own(tmp_path: Path) -> None:
    assert len(set(keys(tmp_path).values())) == 4


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("images: 12", "images: 13"),
        ("size: 64", "size: 32"),
        ("size: 64", "size: 64, padding: ignore"),
        ("resnet18", "resnet34"),
        ("seeds: 2", "seeds: 2\ntraining: {epochs: 3}"),
        ("seeds: 2", "seeds: 2\nsplit: group"),
        ("seeds: 2", "seeds: 2\nevaluation: {boundary_radius: 3}"),
        ("loss: cross-entropy", "loss: partial-cross-entropy"),
        ("supervision: full", "supervision: [full, points-per-image]"),
        ("loss: cross-entropy", "loss: {name: cross-entropy, weight: 0.5}"),
    ],
)
def test_what_can_change_a_number_changes_the_key(tmp_path: Path, old: str, new: str) -> None:
    assert keys(tmp_path)["full", 0] != keys(tmp_path, TEXT.replace(old, new, 1))["full", 0]


def test_the_content_of_the_data_changes_the_key(tmp_path: Path) -> None:
    assert keys(tmp_path)["full", 0] != keys(tmp_path, data="other")["full", 0]


def test_names_and_the_number_of_seeds_do_not(tmp_path: Path) -> None:
    text = TEXT.replace("keys", "other").replace("full:", "dense:")
    text = text.replace("seeds: 2", "seeds: 3\nreference: dense")
    assert keys(tmp_path, text)["dense", 1] == keys(tmp_path)["full", 1]


def shuffled(value: Any, order: random.Random) -> Any:
    """Return nested mappings and lists with the fields of each mapping in a random order."""
    if isinstance(value, list):
        # The order of a list means something: losses are summed in it.
        return [shuffled(item, order) for item in value]
    if not isinstance(value, dict):
        return value
    fields = list(value)
    order.shuffle(fields)
    return {field: shuffled(value[field], order) for field in fields}


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
def test_the_order_of_fields_changes_no_key(order: random.Random) -> None:
    original = yaml.safe_load(FULL_TEXT)
    keys_of_text = []
    for document in (original, shuffled(original, order)):
        text = yaml.safe_dump(document, sort_keys=False)
        scenario = resolve_document(parse_document(text, "s.yaml"), CATALOG)
        keys_of_text.append(keys_by_run(scenario))
    assert keys_of_text[0] == keys_of_text[1]


def test_a_record_keeps_all_fields_in_a_fixed_order(tmp_path: Path) -> None:
    full, _, _, floor = runs(tmp_path, FULL_TEXT)[:4]
    sections = ["patches", "split", "training", "evaluation"]
    before = ["protocol", "profile", "dataset", "model", *sections, "supervision", "loss"]
    assert list(full.settings) == [*before, "seed"]
    assert list(floor.settings) == [*before, "floor", "seed"]
    assert full.settings["training"] == full.scenario.training.model_dump(mode="json")
    assert floor.settings["floor"] == "majority"


def test_runs_come_seed_by_seed(tmp_path: Path) -> None:
    order = [(run.seed, run.method.name) for run in runs(tmp_path, TEXT)]
    assert order == [(0, "full"), (0, "points"), (1, "full"), (1, "points")]


def test_defaults_of_the_core_are_pinned_since_keys_leave_them_out() -> None:
    """A change here raises PROTOCOL; a new field whose default changes nothing is added here."""
    assert Patches().model_dump() == {
        "size": 256,
        "stride": None,
        "padding": "none",
        "downsample": 1,
        "resize": None,
        "normalise": "imagenet",
    }
    assert Split().model_dump() == {"by": "official", "test": 0.2, "validation": 0.0, "seed": None}
    assert Training().model_dump() == {
        "epochs": 20,
        "batch_size": 8,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "weight_decay": 0.0,
        "momentum": 0.9,
        "schedule": "constant",
        "schedule_per": "step",
        "poly_power": 0.9,
        "augment": (),
        "jitter": 0.2,
        "validation": "none",
        "patience": None,
        "selection": "last",
        "precision": "auto",
        "device": "auto",
    }
    assert Evaluation().model_dump() == {"batch_average": None, "boundary_radius": 2}
    assert TermSettings().model_dump() == {"weight": 1.0, "ramp": 0.0}
    assert PROTOCOL == 1


def test_writing_a_default_changes_no_key(tmp_path: Path) -> None:
    text = TEXT.replace("seeds: 2", "seeds: 2\ntraining: {epochs: 20}")
    assert keys(tmp_path, text) == keys(tmp_path)
