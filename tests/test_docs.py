"""Documentation that is generated is up to date, and what it shows works."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from installed import Workplace

from harness.catalog import load_catalog
from harness.scenario.scenario_settings import ScenarioSettings

ROOT = Path(__file__).parent.parent


def generator() -> object:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_up_to_date() -> None:
    texts = generator().generated()  # type: ignore[attr-defined]
    assert [
        path.name for path, text in texts.items() if path.read_text(encoding="utf-8") != text
    ] == []


def test_every_field_is_documented() -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    catalog = load_catalog(disabled=())
    expected = [field for field in ScenarioSettings.model_fields]
    for kind in ("dataset", "supervision", "loss", "model"):
        for name, offer in catalog.offers[kind].items():
            if offer.plugin.distribution == "weakseg-harness":
                expected += [name, *offer.component.model_fields]
    assert [name for name in expected if f"`{name}`" not in page] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("scenarios/*.yaml")), ids=lambda path: path.stem)
def test_the_schema_accepts_shipped_scenarios_and_refuses_a_typo(path: Path) -> None:
    schema = json.loads((ROOT / "scenarios" / "scenario.schema.json").read_text())
    document = yaml.safe_load(path.read_text())
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "trainig": {}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "model": {"name": "smp", "encodr": "x"}}, schema)


def test_the_example_scenario_of_the_docs_works(workplace: Workplace) -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(.*?)```", page, re.S)[0]
    workplace.write("mine.yaml", example)
    done = workplace.harness("plan", "mine.yaml")
    assert done.returncode == 2  # the folder of images is not there, and nothing else is wrong
    assert "my-buildings" in done.stderr
    assert "HARNESS_DATA" in done.stderr


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("leaderboards/*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
