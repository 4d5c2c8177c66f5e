"""Makes the scenario of a run again from its record alone: the settings stored there, and not
today's scenario file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.catalog import Catalog
from harness.core.components import Dataset, NotInKey
from harness.core.errors import InputError
from harness.records.record import ComponentSettings, FinishedRecord, LossSettings
from harness.scenario.overrides import override, parse_setting
from harness.scenario.resolve import resolve_document
from harness.scenario.scenario import Scenario
from harness.scenario.yaml_document import Document, Place

METHOD = "row"
"""What the only method is called while it is read: a stored name may have braces, which stand for
swept values in a scenario."""


def rebuild(
    record: FinishedRecord, seed: int, catalog: Catalog, where: str, changes: Sequence[str] = ()
) -> Scenario:
    """Make the scenario of one method and one seed that a record was made by.

    Args:
        record: the record.
        seed: the only seed of the scenario; not that of the record where it has no result.
        catalog: the components that are installed.
        where: what messages call the record.
        changes: where data lies, which records do not say: `dataset.folder=...`.

    Raises:
        InputError: naming `where`, for a change of anything else, and for settings that the
            installed components do not have.
    """
    if record.scenario is None:
        raise InputError(f"{where}: the record lacks scenario: the run cannot be made again")
    document = Document(_make_document(record, seed), {(): Place(where)}, {})
    _check_changes(record.settings.dataset.name, changes, catalog, where)
    for change in changes:
        document = override(document, parse_setting(change))
    overrides = tuple(record.overrides or ())
    scenario = resolve_document(document, catalog, record.profile, overrides)
    (method,) = scenario.methods
    renamed = replace(method, name=record.method)
    return replace(scenario, reference=record.method, methods=(renamed,))


def _make_document(record: FinishedRecord, seed: int) -> dict[str, Any]:
    """Return what the YAML file of the scenario would hold."""
    # The sections as they were written, so without fields that are newer than the record: whoever
    # reads the document gives these the default, which changes nothing.
    written = record.settings.as_json()
    sections = ("patches", "split", "training", "evaluation")
    document: dict[str, Any] = {
        "name": record.scenario,
        "dataset": _write_component(record.settings.dataset),
        "model": _write_component(record.settings.model),
        "seeds": [seed],
        "reference": METHOD,
        "mean_over": list(record.mean_over),
        "methods": {METHOD: _write_method(record)},
    }
    for name in sections:
        if name in written:
            document[name] = written[name]
    if record.profile:
        # It must be known, and changes nothing: what it sets is in the settings already.
        document["profiles"] = {record.profile: {}}
    return document


def _write_method(record: FinishedRecord) -> dict[str, Any]:
    settings = record.settings
    method: dict[str, Any] = {"trains_on": settings.trains_on}
    if settings.supervision:
        method["supervision"] = list(map(_write_component, settings.supervision))
    if settings.loss:
        method["loss"] = list(map(_write_loss, settings.loss))
    if settings.floor is not None:
        method["floor"] = settings.floor
    return method


def _write_component(settings: ComponentSettings) -> dict[str, Any]:
    return {"name": settings.name, **settings.fields}


def _write_loss(settings: LossSettings) -> dict[str, Any]:
    return {**_write_component(settings), "weight": settings.weight, "ramp": settings.ramp}


def _check_changes(dataset: str, changes: Sequence[str], catalog: Catalog, where: str) -> None:
    """Check that changes say where data lies, all that is needed of it and nothing else.

    Args:
        dataset: the name of the data set.
        changes: as `rebuild` takes them.
        catalog: the components that are installed.
        where: what messages call the record.
    """
    fields = catalog.component(Dataset, dataset).model_fields
    locations = [name for name, field in fields.items() if field.json_schema_extra == NotInKey]
    settable = [f"dataset.{name}" for name in locations]
    changed = [change.partition("=")[0] for change in changes]
    for name in changed:
        if name not in settable:
            raise InputError(
                f"--set {name}: a run is made again as it was: of data set {dataset!r},"
                f" {', '.join(settable) or 'nothing'} may be set"
            )
    for name in locations:
        if fields[name].is_required() and f"dataset.{name}" not in changed:
            raise InputError(
                f"{where}: the record does not say where its data lies: give --set"
                f" dataset.{name}=..."
            )
