"""Keys: what changes them, and what does not."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from harness.catalog import load_catalog
from harness.core.components import Component
from harness.core.hashing import files_fingerprint
from harness.plan.keys import PROTOCOL, source_fingerprint
from harness.plan.runs import expand
from harness.scenario.resolve import read_scenario
from harness.scenario.scenario_settings import TermSettings
from harness.scenario.settings import Evaluation, Patches, Split, Training

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


def keys(tmp_path: Path, text: str = TEXT, data: str = "d") -> dict[tuple[str, int], str]:
    (tmp_path / "s.yaml").write_text(text)
    return {
        (run.method.name, run.seed): run.key
        for run in expand(read_scenario(tmp_path / "s.yaml", CATALOG), data)
    }


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
    text = (
        TEXT.replace("keys", "other")
        .replace("full:", "dense:")
        .replace("seeds: 2", "seeds: 3\nreference: dense")
    )
    assert keys(tmp_path, text)["dense", 1] == keys(tmp_path)["full", 1]


SOURCE = '''"""A plugin."""
from helper_{tag} import shift
from harness.api import Loss
class Own(Loss):
    """A loss."""
    name = "own"
    requires = frozenset()
    def __call__(self, logits, batch):
        return shift(logits)
'''


def test_source_counts_but_sentences_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = SOURCE.replace("from helper_{tag} import shift\n", "").replace(
        "shift(logits)", "logits.sum()"
    )
    same = plain.replace("A loss.", "Another sentence.").replace(
        "        return", "        # why\n        return"
    )
    other = plain.replace(".sum", ".mean")
    monkeypatch.syspath_prepend(tmp_path)
    prints = [package_fingerprint(tmp_path, {"loss": text}) for text in (plain, same, other)]
    assert prints[0] == prints[1] != prints[2]


def package_fingerprint(tmp_path: Path, modules: dict[str, str]) -> str:
    """The fingerprint of Own in module `loss` of a package that is written and imported anew."""
    package = tmp_path / "packaged_plugin"
    package.mkdir(exist_ok=True)
    for name, text in {"__init__": "", **modules}.items():
        (package / f"{name}.py").write_text(text)
    for name in [name for name in sys.modules if name.startswith("packaged_plugin")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    component: type[Component] = importlib.import_module("packaged_plugin.loss").Own
    return source_fingerprint(component)


def test_a_helper_of_the_same_package_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    loss = SOURCE.replace("helper_{tag}", ".helper")
    helpers = ("def shift(x): return x.sum()", "def shift(x): return x.mean()")
    prints = [package_fingerprint(tmp_path, {"loss": loss, "helper": helper}) for helper in helpers]
    assert prints[0] != prints[1]


def test_files_are_hashed_by_content_and_remembered(tmp_path: Path) -> None:
    file, memory = tmp_path / "a", tmp_path / "memory.json"
    file.write_text("one")
    first = files_fingerprint([file], memory)
    assert files_fingerprint([file], memory) == first
    moved = tmp_path / "b"
    moved.write_text("one")
    assert files_fingerprint([moved], memory) == first
    file.write_text("three")
    assert files_fingerprint([file], memory) != first
    memory.write_text("not json")
    assert files_fingerprint([moved], memory) == first


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
    assert keys(tmp_path, TEXT.replace("seeds: 2", "seeds: 2\ntraining: {epochs: 20}")) == keys(
        tmp_path
    )
