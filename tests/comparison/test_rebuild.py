"""A run comes back from its record: the same settings, and the same key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from places import ROOT
from stored_runs import FULL, make_records, write_scenario

from harness.catalog import load_catalog
from harness.comparison.rebuild import rebuild
from harness.core.errors import InputError
from harness.plan.runs import Run, expand
from harness.records.record import FinishedRecord

CATALOG = load_catalog(disabled=())

ELSEWHERE = "{name: massachusetts-buildings, folder: a}"


def list_profiles() -> list[tuple[Path, str | None]]:
    """Return every scenario that is shipped, as it is and with each of its profiles."""
    profiles: list[tuple[Path, str | None]] = []
    for path in sorted(ROOT.glob("scenarios/*.yaml")):
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
        for profile in (None, *written.get("profiles", {})):
            profiles.append((path, profile))
    return profiles


def rebuild_run(record: dict[str, Any], seed: int = 0) -> Run:
    """Return the only run of a scenario that is made from a record's JSON."""
    scenario = rebuild(FinishedRecord.model_validate(record), seed, CATALOG, "record")
    (run,) = expand(scenario, "content")
    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "profile"), list_profiles(), ids=lambda value: getattr(value, "stem", str(value))
)
def test_every_run_of_every_scenario_comes_back_from_its_settings(
    path: Path, profile: str | None
) -> None:
    for record in make_records(path, CATALOG, profile)[-12:]:
        run = rebuild_run(record, record["seed"])
        assert run.key == record["key"]
        assert run.settings == {**record["settings"], "evaluation": run.settings["evaluation"]}
        title = run.title.as_json()
        assert title == {name: record[name] for name in title}


def test_a_record_from_before_a_field_existed_has_the_same_key(tmp_path: Path) -> None:
    (record,) = make_records(write_scenario(tmp_path), CATALOG)
    del record["settings"]["patches"]["resize"]
    del record["settings"]["training"]["patience"]
    del record["settings"]["evaluation"]
    assert rebuild_run(record).key == record["key"]


def test_names_with_braces_and_another_seed(tmp_path: Path) -> None:
    (record,) = make_records(write_scenario(tmp_path), CATALOG)
    # Braces stand for swept values in a scenario, and for nothing in the name that came of it.
    record["method"] = "{supervision} {x"
    record["settings"]["seed"] = 0
    run = rebuild_run(record, seed=7)
    assert (run.method.name, run.seed) == ("{supervision} {x", 7)
    assert run.scenario.reference == "{supervision} {x"


def name_another_field(settings: dict[str, Any]) -> None:
    settings["loss"][0]["gamma"] = 2


def misspell_the_loss(settings: dict[str, Any]) -> None:
    settings["loss"][0]["name"] = "cros-entropy"


def name_another_dataset(settings: dict[str, Any]) -> None:
    settings["dataset"]["name"] = "folder"


def use_a_dataset_with_files(settings: dict[str, Any]) -> None:
    settings["dataset"]["name"] = "image-folder"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (name_another_field, r"here: methods\.row\.loss\.0\.gamma: unknown field"),
        (misspell_the_loss, "no loss named 'cros-entropy'. Did you mean"),
        (name_another_dataset, "no dataset named 'folder'"),
        (use_a_dataset_with_files, r"give --set dataset\.folder=\.\.\."),
    ],
)
def test_settings_that_the_installed_components_do_not_have(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    (record,) = make_records(write_scenario(tmp_path), CATALOG)
    change(record["settings"])
    with pytest.raises(InputError, match=message):
        rebuild(FinishedRecord.model_validate(record), 0, CATALOG, "here")


def test_a_class_that_the_data_set_does_not_have(tmp_path: Path) -> None:
    (record,) = make_records(write_scenario(tmp_path), CATALOG)
    record["mean_over"].append("sea")
    with pytest.raises(InputError, match="has no class 'sea'"):
        rebuild_run(record)


def test_a_record_that_does_not_name_its_scenario(tmp_path: Path) -> None:
    (record,) = make_records(write_scenario(tmp_path), CATALOG)
    del record["scenario"]
    with pytest.raises(InputError, match=r"record: the record lacks scenario: .* be made again"):
        rebuild_run(record)


def test_only_where_data_lies_may_be_set(tmp_path: Path) -> None:
    (json_record,) = make_records(write_scenario(tmp_path, FULL, ELSEWHERE), CATALOG)
    record = FinishedRecord.model_validate(json_record)
    scenario = rebuild(record, 0, CATALOG, "here", ["dataset.folder=elsewhere"])
    assert scenario.dataset.settings()["folder"] == "elsewhere"
    message = r"--set training.epochs: .* dataset.folder, dataset.layout may be set"
    with pytest.raises(InputError, match=message):
        rebuild(record, 0, CATALOG, "here", ["training.epochs=1"])
