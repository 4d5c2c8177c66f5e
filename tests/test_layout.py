"""Ratchets on the shape of the project."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from density import Density, measure_density

import harness.api

ROOT = Path(__file__).parent.parent
MODULES = sorted([*ROOT.glob("harness/**/*.py"), *ROOT.glob("plugins/**/*.py")])


CEILINGS = {
    "harness": Density(nodes=4.8, comprehensions=2.0, conditionals=1.0, long_lines=0),
    # Their syntax is hashed into every key, so they wait for the next protocol.
    "plugins": Density(nodes=5.1, comprehensions=2.5, conditionals=2.2, long_lines=0),
    "tests": Density(nodes=5.51, comprehensions=2.5, conditionals=0.4, long_lines=0),
}
"""How densely code may be written. These only fall."""


@pytest.mark.slow
@pytest.mark.parametrize("folder", CEILINGS)
def test_code_is_no_denser_than_it_was(folder: str) -> None:
    density = measure_density(sorted((ROOT / folder).rglob("*.py")))
    ceiling = CEILINGS[folder]
    assert density.nodes <= ceiling.nodes
    assert density.comprehensions <= ceiling.comprehensions
    assert density.conditionals <= ceiling.conditionals
    assert density.long_lines <= ceiling.long_lines


def test_every_plugin_folder_is_an_entry_point() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        "harness"
    ]
    folders = {path.parent.name for path in ROOT.glob("plugins/*/__init__.py")}
    assert folders == {module for module in declared.values() if module.startswith("harness_")}


@pytest.mark.slow
def test_the_ignore_value_is_written_once() -> None:
    written = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and ast.unparse(node.value) == "255":
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                written.append((path.name, names))
    assert written == [("values.py", ["IGNORE"])]


def test_the_public_api_is_this() -> None:
    assert harness.api.__all__ == [
        "IGNORE",
        "AlreadyRunningError",
        "Batch",
        "Component",
        "Dataset",
        "EpochFinished",
        "Event",
        "Executor",
        "InputError",
        "Job",
        "Loss",
        "Model",
        "NotInKey",
        "Part",
        "Provision",
        "RunFinished",
        "RunStarted",
        "Sample",
        "Scene",
        "SegmentationClass",
        "Supervision",
        "Unit",
        "WeakLabel",
        "data_root",
        "hookimpl",
        "refuse_running",
        "stream",
        "stream_seed",
        "suggestion",
    ]
    assert all(hasattr(harness.api, name) for name in harness.api.__all__)


def test_a_batch_has_no_true_mask() -> None:
    fields = set(harness.api.Batch.__dataclass_fields__)
    assert fields == {
        "images",
        "valid",
        "labels",
        "proportions",
        "tags",
        "labels_per_patch",
        "training_patches",
        "regions",
    }


def test_no_folder_is_crowded() -> None:
    modules_of_folder = Counter(path.parent for path in ROOT.glob("harness/**/*.py"))
    assert {folder: count for folder, count in modules_of_folder.items() if count > 20} == {}
