"""Makes the scenario of a run again from its record alone: the settings stored there, and not
today's scenario file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.catalog import Catalog
from harness.core.components import Dataset, NotInKey
from harness.core.errors import InputError, Keys
from harness.core.values import JsonObject
from harness.records.record import ComponentSettings, FinishedRecord, LossSettings
from harness.scenario.overrides import override, parse_setting
from harness.scenario.resolve import resolve_document
from harness.scenario.scenario import Scenario
from harness.scenario.yaml_document import Document, Place

PLACEHOLDER_NAME = "row"
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
    # Messages can name the record alone: what is made here stands on no line of a file.
    places: dict[Keys, Place] = {(): Place(where)}
    document = Document(_make_document(record, seed), places, {})
    _check_changes(record.settings.dataset.name, changes, catalog, where)
    for change in changes:
        document = override(document, parse_setting(change))
    overrides = tuple(record.overrides or ())
    scenario = resolve_document(document, catalog, record.profile, overrides)
    (method,) = scenario.methods
    renamed = replace(method, name=record.method)
    return replace(scenario, reference=record.method, methods=(renamed,))


def _make_document(record: FinishedRecord, seed: int) -> JsonObject:
    """Return what the YAML file of the scenario would hold."""
    # The sections as they were written, so without fields that are newer than the record: whoever
    # reads the document gives these the default, which changes nothing.
    written = record.settings.as_json()
    sections = ("patches", "split", "training", "evaluation")
    document: JsonObject = {
        "name": record.scenario,
        "dataset": _write_component(record.settings.dataset),
        "model": _write_component(record.settings.model),
        "seeds": [seed],
        "reference": PLACEHOLDER_NAME,
        "mean_over": list(record.mean_over),
        "methods": {PLACEHOLDER_NAME: _write_method(record)},
    }
    for name in sections:
        if name in written:
            document[name] = written[name]
    if record.profile:
        # It must be known, and changes nothing: what it sets is in the settings already.
        document.update(profiles={record.profile: {}})
    return document


def _write_method(record: FinishedRecord) -> JsonObject:
    settings = record.settings
    method = {
        "trains_on": settings.trains_on,
        "supervision": list(map(_write_component, settings.supervision)),
        "loss": list(map(_write_loss, settings.loss)),
        "floor": settings.floor,
    }
    # A scenario refuses an empty list: a floor has no loss, and a network is no floor.
    return {name: value for name, value in method.items() if value}


def _write_component(settings: ComponentSettings) -> JsonObject:
    return {"name": settings.name, **settings.fields}


def _write_loss(settings: LossSettings) -> JsonObject:
    component = _write_component(settings)
    return {**component, "weight": settings.weight, "ramp": settings.ramp}


def _check_changes(dataset: str, changes: Sequence[str], catalog: Catalog, where: str) -> None:
    """Check that changes say where data lies, all that is needed of it and nothing else.

    Args:
        dataset: the name of the data set.
        changes: as `rebuild` takes them.
        catalog: the components that are installed.
        where: what messages call the record.
    """
    fields = catalog.component(Dataset, dataset).model_fields
    settable = []
    required = []
    for name, field in fields.items():
        # What is not in keys may differ between two runs that are the same: where data lies.
        if field.json_schema_extra == NotInKey:
            path = f"dataset.{name}"
            settable.append(path)
            if field.is_required():
                required.append(path)
    changed = []
    for change in changes:
        path, _, _ = change.partition("=")
        changed.append(path)
    for path in changed:
        if path not in settable:
            choices = ", ".join(settable) or "nothing"
            raise InputError(
                f"--set {path}: a run is made again as it was: of data set {dataset!r},"
                f" {choices} may be set"
            )
    for path in required:
        if path not in changed:
            raise InputError(
                f"{where}: the record does not say where its data lies: give --set {path}=..."
            )
