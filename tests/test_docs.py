"""Documentation that is generated is up to date, and what it shows works."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest
import yaml
from installed import Workplace
from places import ROOT

from harness.catalog import load_catalog
from harness.scenario.scenario_settings import ScenarioSettings

SCENARIOS = sorted(ROOT.glob("scenarios/*.yaml"))


def load_generator() -> ModuleType:
    """Import docs/generate.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_generated_files_are_up_to_date() -> None:
    pages: dict[Path, str] = load_generator().generate_pages()
    stale = [path.name for path, text in pages.items() if read_text(path) != text]
    assert stale == []


def test_every_field_is_documented() -> None:
    page = read_text(ROOT / "docs" / "scenarios.md")
    catalog = load_catalog(disabled=())
    names = list(ScenarioSettings.model_fields)
    for kind in ("dataset", "supervision", "loss", "model"):
        for name, offer in catalog.offers[kind].items():
            # A plugin that somebody has installed beside documents itself.
            if offer.plugin.distribution == "weakseg-harness":
                names += [name, *offer.component.model_fields]
    undocumented = [name for name in names if f"`{name}`" not in page]
    assert undocumented == []


@pytest.mark.slow
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_schema_accepts_shipped_scenarios_and_refuses_a_typo(path: Path) -> None:
    schema = json.loads(read_text(ROOT / "scenarios" / "scenario.schema.json"))
    document = yaml.safe_load(read_text(path))
    jsonschema.validate(document, schema)

    unknown_key = {**document, "trainig": {}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(unknown_key, schema)

    unknown_setting_of_a_component = {**document, "model": {"name": "smp", "encodr": "x"}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(unknown_setting_of_a_component, schema)


@pytest.mark.slow
def test_the_example_scenario_of_the_docs_works(workplace: Workplace) -> None:
    page = read_text(ROOT / "docs" / "scenarios.md")
    examples = re.findall(r"```yaml\n(.*?)```", page, re.S)
    workplace.write("mine.yaml", examples[0])
    process = workplace.harness("plan", "mine.yaml")
    # The folder of images is not there, and nothing else is wrong.
    assert process.returncode == 2
    assert "my-buildings" in process.stderr
    assert "HARNESS_DATA" in process.stderr


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("leaderboards/*.md")]
    for page in pages:
        # The path of a link, without the heading that it may point at.
        targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", read_text(page))
        for target in targets:
            if "://" in target:
                continue
            assert (page.parent / target).exists(), f"{page.name}: {target}"
