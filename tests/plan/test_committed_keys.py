"""The keys of all shipped scenarios, in every profile, are those that were committed.

A change of a key makes recorded results stale. Where one is meant, write the list again:

    HARNESS_WRITE_KEYS=1 pytest tests/plan/test_committed_keys.py
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from places import ROOT

from harness.catalog import load_catalog
from harness.core.errors import InputError
from harness.plan.fingerprints import data_fingerprint, source_fingerprint
from harness.plan.runs import expand
from harness.scenario.resolve import read_scenario

COMMITTED = Path(__file__).with_name("committed_keys.txt")
SCENARIOS = sorted(ROOT.glob("scenarios/*.yaml"))
CATALOG = load_catalog(disabled=())
KEY_DIGITS = 16
POINTS_PER_CLASS = "19e0dbcb"
"""The first digits of the fingerprint of `points-per-class`, which Python 3.11 to 3.13 agree on."""

FINGERPRINT_SCRIPT = """
import ast, sys
sys.dont_write_bytecode = True
from types import ModuleType
# pydantic is compiled for one version of Python: stand-ins let others import what is tested.
components = ModuleType("harness.core.components")
components.Component = components.Dataset = type
sys.modules["harness.core.components"] = components
from harness.plan.fingerprints import portable_dump, without_docstrings
import hashlib
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        tree = without_docstrings(ast.parse(file.read()))
    print(hashlib.sha256(portable_dump(tree).encode()).hexdigest())
"""


def committed_keys() -> dict[str, list[str]]:
    """Return the committed lines (method, seed, key) by board."""
    lines_by_board: dict[str, list[str]] = {}
    for line in COMMITTED.read_text(encoding="utf-8").splitlines():
        board, _, line_of_board = line.partition("\t")
        lines_by_board.setdefault(board, []).append(line_of_board)
    return lines_by_board


def planned_keys(path: Path, scratch: Path) -> dict[str, list[str]]:
    """Return the lines (method, seed, key) of all profiles of a scenario, by board."""
    profiles = [None, *yaml.safe_load(path.read_text(encoding="utf-8")).get("profiles", {})]
    lines_by_board = {}
    for profile in profiles:
        scenario = read_scenario(path, CATALOG, profile)
        data = data_fingerprint(scenario.dataset, scratch / "digests.json")
        runs = expand(scenario, data)
        lines = [f"{run.method.name}\t{run.seed}\t{run.key[:KEY_DIGITS]}" for run in runs]
        lines_by_board[scenario.board] = lines
    return lines_by_board


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_keys_of_a_shipped_scenario_are_the_committed_ones(path: Path, tmp_path: Path) -> None:
    try:
        planned = planned_keys(path, tmp_path)
    except InputError as error:
        pytest.skip(f"needs data: {error}")
    committed = committed_keys()
    assert planned == {board: committed.get(board, []) for board in planned}


@pytest.mark.skipif(
    "HARNESS_WRITE_KEYS" not in os.environ, reason="writes the list only when it is asked to"
)
def test_write_the_committed_keys(tmp_path: Path) -> None:
    lines = []
    for path in SCENARIOS:
        for board, lines_of_board in planned_keys(path, tmp_path).items():
            lines += [f"{board}\t{line}\n" for line in lines_of_board]
    COMMITTED.write_text("".join(lines), encoding="utf-8")


def test_a_fingerprint_is_pinned() -> None:
    component = CATALOG.find("supervision", "points-per-class").component
    assert source_fingerprint(component).startswith(POINTS_PER_CLASS)


def other_interpreters() -> list[str]:
    """Return the other versions of Python, from 3.11, that pyenv or the system has installed."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    pythons = sorted(pyenv.glob("versions/3.*/bin/python"))
    pythons += [Path(f"/usr/bin/python3.{minor}") for minor in range(11, 15)]
    interpreters = {}
    for python in pythons:
        if python.is_file():
            shown = subprocess.run(
                [python, "-c", "import sys; print(*sys.version_info[:2])"],
                capture_output=True,
                text=True,
                check=True,
            )
            major, minor = map(int, shown.stdout.split())
            if (major, minor) >= (3, 11):
                interpreters[major, minor] = str(python)
    return list(interpreters.values())


def test_all_interpreters_agree_on_fingerprints() -> None:
    interpreters = other_interpreters()
    if len(interpreters) < 2:
        pytest.skip("only one version of Python is installed")
    modules = sorted(str(path) for path in ROOT.glob("plugins/**/*.py"))
    digests_by_interpreter = []
    for python in interpreters:
        command = [python, "-c", FINGERPRINT_SCRIPT, *modules]
        finished = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        digests_by_interpreter.append(finished.stdout.split())
    for digests in digests_by_interpreter:
        assert len(digests) == len(modules)
        assert digests == digests_by_interpreter[0]
