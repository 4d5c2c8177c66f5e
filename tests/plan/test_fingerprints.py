"""Fingerprints: source and content count, sentences and places do not."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from harness.core.components import Component
from harness.core.hashing import files_fingerprint
from harness.plan.fingerprints import source_fingerprint

SOURCE = '''"""A plugin."""
from helper_{tag} import shift
from harness.api import Loss
class Shifted(Loss):
    """A loss."""
    name = "shifted"
    requires = frozenset()
    def __call__(self, logits, batch):
        return shift(logits)
'''
HELPERS = ("def shift(x): return x.sum()", "def shift(x): return x.mean()")


def test_source_counts_but_sentences_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SOURCE.replace("from helper_{tag} import shift\n", "")
    text = text.replace("shift(logits)", "logits.sum()")
    sentence = text.replace("A loss.", "Another sentence.")
    comment = text.replace("        return", "        # why\n        return")
    other_code = text.replace(".sum", ".mean")
    monkeypatch.syspath_prepend(tmp_path)
    fingerprint = package_fingerprint(tmp_path, {"loss": text})
    assert package_fingerprint(tmp_path, {"loss": sentence}) == fingerprint
    assert package_fingerprint(tmp_path, {"loss": comment}) == fingerprint
    assert package_fingerprint(tmp_path, {"loss": other_code}) != fingerprint


def package_fingerprint(tmp_path: Path, modules: dict[str, str]) -> str:
    """Write a package and import it anew; return the fingerprint of `Shifted` in its `loss`."""
    package = tmp_path / "packaged_plugin"
    package.mkdir(exist_ok=True)
    for name, text in {"__init__": "", **modules}.items():
        file = package / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    for name in list(sys.modules):
        if name.startswith("packaged_plugin"):
            del sys.modules[name]
    importlib.invalidate_caches()
    component: type[Component] = importlib.import_module("packaged_plugin.loss").Shifted
    return source_fingerprint(component)


def test_a_helper_of_the_same_package_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    loss = SOURCE.replace("helper_{tag}", ".helper")
    fingerprints = set()
    for helper in HELPERS:
        fingerprints.add(package_fingerprint(tmp_path, {"loss": loss, "helper": helper}))
    assert len(fingerprints) == 2


@pytest.mark.parametrize(
    ("loss_import", "inner_import"),
    [
        (".inner", "from ..helper import shift"),
        (".inner", "from packaged_plugin.helper import shift"),
        ("packaged_plugin.inner", "from .deep import shift"),
    ],
)
def test_imports_of_imports_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss_import: str, inner_import: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    modules = {
        "loss": SOURCE.replace("helper_{tag}", loss_import),
        "inner/__init__": inner_import,
        "inner/deep": "from ..helper import shift",
    }
    fingerprints = set()
    for helper in HELPERS:
        fingerprints.add(package_fingerprint(tmp_path, {**modules, "helper": helper}))
    assert len(fingerprints) == 2


def test_modules_may_import_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    modules = {
        "loss": SOURCE.replace("helper_{tag}", ".helper"),
        "helper": f"import packaged_plugin.loss\n{HELPERS[0]}",
    }
    first = package_fingerprint(tmp_path, modules)
    assert package_fingerprint(tmp_path, modules) == first


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
