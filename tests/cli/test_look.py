"""list, show, plugins and schema."""

from __future__ import annotations

import json

import pytest
from installed import Workplace, install

from harness import catalog
from harness.cli.look import KIND_NAMES
from harness.cli.main import commands, main

Captured = pytest.CaptureFixture[str]


def test_kinds_are_those_of_the_catalog() -> None:
    assert tuple(catalog.KINDS) == KIND_NAMES
    text = commands.commands["list"].help or ""
    assert all(kind in text for kind in KIND_NAMES)


def test_list_shows_all_kinds_or_one(capsys: Captured) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["kind", "name", "plugin", "what", "it", "is"]
    kinds = [line.split()[0] for line in lines[2:]]
    assert sorted(set(kinds), key=KIND_NAMES.index) == list(KIND_NAMES)
    assert kinds == sorted(kinds, key=KIND_NAMES.index)
    assert main(["list", "supervision"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines[2:]} == {"supervision"}
    assert any(" points-per-class " in line for line in lines)


def test_list_as_json(workplace: Workplace) -> None:
    entries = json.loads(workplace.harness("list", "--json").stdout)
    named = [
        (entry["kind"], entry["name"]) for entry in entries if entry["plugin"] == "harness_example"
    ]
    assert named == [("loss", "entropy"), ("model", "tiny-convnet")]
    fields = ["kind", "name", "plugin", "distribution", "version", "about"]
    assert all(list(entry) == fields for entry in entries)


def test_show_prints_facts_and_fields(capsys: Captured) -> None:
    assert main(["show", "points-per-class"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("supervision points-per-class   from plugin 'points' (")
    assert "\nprovides: labels" in text
    assert "\nfield " in text
    assert "\ncount " in text


def test_show_a_component_without_fields(capsys: Captured) -> None:
    assert main(["show", "inline"]) == 0
    assert capsys.readouterr().out.endswith("\n\nNo fields.\n")


def test_show_suggests_the_nearest_name(capsys: Captured) -> None:
    assert main(["show", "points-per-clas"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("harness: no component named 'points-per-clas'. Did you mean")
    assert "'points-per-class'" in message


def test_schema_and_its_tables(capsys: Captured) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert "model-smp" in schema["$defs"]
    assert main(["schema", "--markdown"]) == 0
    assert "points-per-class" in capsys.readouterr().out


@pytest.mark.slow
def test_an_installed_plugin_is_seen_everywhere(workplace: Workplace) -> None:
    assert "width" in workplace.harness("show", "tiny-convnet").stdout
    assert "harness_example" in workplace.harness("plugins").stdout
    schema = json.loads(workplace.harness("schema").stdout)
    assert "model-tiny-convnet" in schema["$defs"]


@pytest.mark.slow
def test_a_broken_plugin_is_listed_with_its_error(workplace: Workplace) -> None:
    install(workplace.site, "harness_broken", "raise RuntimeError('no such luck')")
    line = "plugin 'harness_broken' (harness_broken 1.0) is broken: RuntimeError: no such luck"
    assert line in workplace.harness("list").stdout
    table = workplace.harness("plugins").stdout
    assert "RuntimeError: no such luck" in table
    assert "Traceback" not in table
    assert "Traceback" in workplace.harness("plugins", "--details").stdout
    entries = json.loads(workplace.harness("plugins", "--json").stdout)
    states = {entry["name"]: (entry["status"], entry["error"]) for entry in entries}
    assert states["harness_broken"] == ("broken", "RuntimeError: no such luck")
    assert states["harness_example"] == ("ok", "")
