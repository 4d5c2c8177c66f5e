"""Makes a run again from its record alone: the settings stored there become a scenario, not today's
scenario file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.catalog import Catalog
from harness.comparison.find import Record
from harness.core.components import Dataset, NotInKey
from harness.core.errors import InputError
from harness.scenario.overrides import override, parse_setting
from harness.scenario.resolve import resolve_document
from harness.scenario.scenario import Scenario
from harness.scenario.yaml_document import Document, Place

PARTS = ("dataset", "model", "patches", "split", "training")


PROVENANCE = frozenset({"version", "source", "content"})
"""What a record notes about a component beside its fields."""


METHOD = "row"
"""What the only method is called while it is read: a stored name may have braces, which stand for
swept values in a scenario."""


def rebuild(
    record: Record, seed: int, catalog: Catalog, where: str, changes: Sequence[str] = ()
) -> Scenario:
    """The scenario of one method and one seed that a record was made by.

    `changes` say where data lies (`dataset.folder=...`), which records do not. Raises InputError
    naming `where` for settings that are missing, or that the installed components do not have.
    """
    missing = [
        name
        for name in ("settings", "classes", "mean_over", "scenario", "method")
        if name not in record
    ]
    missing += [f"settings.{name}" for name in PARTS if name not in record.get("settings", PARTS)]
    if missing:
        raise InputError(
            f"{where}: the record lacks {', '.join(missing)}: the run cannot be made again"
        )
    settings, profile = record["settings"], record.get("profile")
    method: dict[str, Any] = {
        name: [_component(each) for each in settings[name]]
        for name in ("supervision", "loss")
        if settings.get(name)
    }
    method |= {name: settings[name] for name in ("floor", "trains_on") if name in settings}
    value: dict[str, Any] = {
        "name": record["scenario"],
        **{name: _component(settings[name]) for name in PARTS},
        **({"evaluation": settings["evaluation"]} if "evaluation" in settings else {}),
        "seeds": [seed],
        "reference": METHOD,
        "mean_over": list(record["mean_over"]),
        "methods": {METHOD: method},
        "profiles": {profile: {}} if profile else {},
    }
    document = Document(value, {(): Place(where)}, {})
    _check_located(settings["dataset"], changes, catalog, where)
    for change in changes:
        document = override(document, parse_setting(change))
    overrides = tuple(record.get("overrides", ()))
    scenario = resolve_document(document, catalog, profile, overrides)
    (only,) = scenario.methods
    return replace(
        scenario, reference=record["method"], methods=(replace(only, name=record["method"]),)
    )


def _component(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in PROVENANCE}


def _check_located(
    dataset: Mapping[str, Any], changes: Sequence[str], catalog: Catalog, where: str
) -> None:
    """Refuses changes of anything but where data lies, and says which of that must be given."""
    fields = catalog.component(Dataset, dataset["name"]).model_fields
    located = [name for name, field in fields.items() if field.json_schema_extra == NotInKey]
    given = [change.partition("=")[0] for change in changes]
    for name in given:
        if name not in [f"dataset.{field}" for field in located]:
            known = ", ".join(f"dataset.{field}" for field in located) or "nothing"
            raise InputError(
                f"--set {name}: a run is made again as it was: of data set {dataset['name']!r},"
                f" {known} may be set"
            )
    for name in located:
        if fields[name].is_required() and f"dataset.{name}" not in given:
            raise InputError(
                f"{where}: the record does not say where its data lies: give --set"
                f" dataset.{name}=..."
            )
