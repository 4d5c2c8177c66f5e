"""What an installed package promises: types, scenarios, one version."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
MODULES_OF_PACKAGES = [
    ROOT / "harness" / "__init__.py",
    *sorted(ROOT.glob("plugins/*/__init__.py")),
    *sorted(ROOT.glob("examples/*/*/__init__.py")),
]


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    """The content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES_OF_PACKAGES, ids=lambda path: path.parent.name)
def test_every_package_says_that_it_is_typed(module: Path) -> None:
    assert module.with_name("py.typed").is_file()


def test_the_wheel_holds_the_scenarios(declared: dict[str, Any]) -> None:
    included = declared["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"scenarios": "harness/scenarios"}
    assert (ROOT / "scenarios" / "smoke.yaml").is_file()
    # A Python package of that name would be mixed with the folder of files.
    assert not (ROOT / "harness" / "scenarios").exists()


def test_the_version_to_cite_is_the_version(declared: dict[str, Any]) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == declared["project"]["version"]


def test_every_supported_python_is_declared_and_tested(declared: dict[str, Any]) -> None:
    prefix = "Programming Language :: Python :: "
    classifiers = declared["project"]["classifiers"]
    versions = [text.removeprefix(prefix) for text in classifiers if text.startswith(prefix)]
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["linux"]["strategy"]["matrix"]["python"] == versions
