"""Ratchets on the shape of the project."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

import harness.api

ROOT = Path(__file__).parent.parent
MODULES = sorted([*ROOT.glob("harness/**/*.py"), *ROOT.glob("plugins/**/*.py")])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_every_plugin_folder_is_an_entry_point() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["harness"]
    folders = {path.parent.name for path in ROOT.glob("plugins/*/__init__.py")}
    assert folders == {module for module in declared.values() if module.startswith("harness_")}


def test_the_ignore_value_is_written_once() -> None:
    written = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value == 255 and names:
                written.append((path.name, names))
    assert written == [("data.py", ["IGNORE"])]


def test_the_public_api_is_this() -> None:
    assert harness.api.__all__ == [
        "IGNORE",
        "Batch",
        "Component",
        "Dataset",
        "Executor",
        "InputError",
        "Loss",
        "Model",
        "NotInKey",
        "Part",
        "Provision",
        "Sample",
        "Scene",
        "SegmentationClass",
        "Supervision",
        "Unit",
        "WeakLabel",
        "data_root",
        "hookimpl",
        "stream",
        "stream_seed",
        "suggestion",
    ]
    assert all(hasattr(harness.api, name) for name in harness.api.__all__)


def test_a_batch_has_no_true_mask() -> None:
    fields = set(harness.api.Batch.__dataclass_fields__)
    assert fields == {"images", "valid", "labels", "proportions", "tags", "labels_per_patch", "training_patches", "regions"}
