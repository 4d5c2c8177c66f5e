"""Turns a scenario file into a Scenario, or tells every mistake in it with its place and remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.catalog import Catalog
from harness.core.components import Component, Dataset, Model
from harness.core.errors import InputError, suggestion
from harness.scenario.methods import MethodReader
from harness.scenario.overrides import list_changes, override, parse_setting
from harness.scenario.reading import Reader
from harness.scenario.references import check_class_names, check_methods
from harness.scenario.scenario import Scenario
from harness.scenario.scenario_settings import ScenarioSettings
from harness.scenario.yaml_document import (
    Document,
    DocumentError,
    Problem,
    YamlMapping,
    YamlValue,
    read_document,
)


def read_scenario(
    path: Path, catalog: Catalog, profile: str | None = None, settings: Iterable[str] = ()
) -> Scenario:
    """Return the scenario in a file.

    Args:
        path: The file.
        catalog: The components that it may name.
        profile: The profile to lay over it. The other profiles are checked too.
        settings: Changes to lay over the profile: field.field=value.

    Raises:
        DocumentError: With every mistake in the file and the settings.
        InputError: For a file that cannot be read, and a profile that does not exist.
    """
    document = read_document(path)
    settings = tuple(settings)
    changes = [parse_setting(text) for text in settings]
    profiles = _read_profiles(document)
    if profile is not None and profile not in profiles:
        raise InputError(f"{path}: no profile {profile!r}. {suggestion(profile, profiles)}")

    problems: list[Problem] = []
    wanted_scenario: Scenario | None = None
    # Every profile is read, so that a mistake in one shows before it is needed.
    for name in [None, *profiles]:
        if name is not None:
            problems += _check_profile(document, name, profiles[name])
            if not isinstance(profiles[name], dict):
                continue
        try:
            if name == profile:
                changed = _lay_over(document, name, changes)
                wanted_scenario = resolve_document(changed, catalog, name, settings)
            else:
                resolve_document(_lay_over(document, name, ()), catalog, name)
        except DocumentError as error:
            problems += error.problems
    if problems or wanted_scenario is None:
        raise DocumentError(problems)
    return wanted_scenario


def _read_profiles(document: Document) -> YamlMapping:
    """Return the profiles by name; raise DocumentError where the document has no place for them."""
    if not isinstance(document.value, dict):
        message = "a scenario is a mapping of fields: name, dataset, model, methods, ..."
        raise DocumentError([Problem(document.place(()), "", message)])
    profiles = document.value.get("profiles") or {}
    if not isinstance(profiles, dict):
        place = document.place(("profiles",))
        message = "is a mapping of profile names to overrides"
        raise DocumentError([Problem(place, "profiles", message)])
    return profiles


def _check_profile(document: Document, name: str, profile: YamlValue) -> list[Problem]:
    """Return what is wrong with a profile as such, whatever its fields are changed to."""
    if not isinstance(profile, dict):
        place = document.place(("profiles", name))
        return [Problem(place, f"profiles.{name}", "is a mapping of fields to override")]
    problems = []
    for field in ("name", "profiles"):
        if field in profile:
            place = document.place(("profiles", name, field), key=True)
            problems.append(Problem(place, f"profiles.{name}.{field}", "cannot be overridden"))
    return problems


def _lay_over(document: Document, profile: str | None, changes: Sequence[Document]) -> Document:
    """Return the document with a profile laid over it, and then the changes, one by one."""
    if profile is not None:
        document = override(document, document.at("profiles", profile))
    for change in changes:
        document = override(document, change)
    return document


def resolve_document(
    document: Document,
    catalog: Catalog,
    profile: str | None = None,
    overrides: tuple[str, ...] = (),
) -> Scenario:
    """Return the scenario of a document, over which everything is laid already.

    Args:
        document: A mapping of the fields of a scenario.
        catalog: The components that it may name.
        profile: The profile that was laid over it, for the scenario to keep.
        overrides: The settings that were laid over it, for the scenario to keep.

    Raises:
        DocumentError: With every mistake in the document.
    """
    reader = Reader(document, catalog)
    scenario = _read_fields(reader, profile, overrides)
    if scenario is None or reader.problems:
        raise DocumentError(reader.problems)
    return scenario


def _read_fields(
    reader: Reader, profile: str | None, overrides: tuple[str, ...]
) -> Scenario | None:
    """Return the scenario, or None where mistakes leave none."""
    raw = reader.document.value
    sections = reader.read_model(ScenarioSettings, raw, ())
    # What follows is read also where a section is wrong, so that one reading tells everything.
    dataset = _read_component(reader, "dataset")
    model = _read_component(reader, "model")
    method_reader = MethodReader(reader)
    raw_methods = raw.get("methods")
    methods = method_reader.read_methods(raw_methods if isinstance(raw_methods, dict) else {})
    check_methods(reader, raw, method_reader.names)

    profile_changes: YamlMapping = {}
    if profile:
        profile_changes = reader.document.at("profiles", profile).value
    if isinstance(dataset, Dataset):
        published = raw.get("published")
        # A paper's classes are those of the scenario's own data set: a profile with another one,
        # such as a synthetic one for a quick look, does not have them and does not show them.
        if "dataset" in profile_changes:
            published = None
        check_class_names(reader, dataset, raw.get("mean_over"), published)
    if sections is None or reader.problems:
        return None
    if not isinstance(dataset, Dataset) or not isinstance(model, Model):
        return None

    if sections.patches.size % model.patch_multiple:
        reader.note_problem(
            ("patches", "size"),
            f"model {model.name!r} needs a multiple of {model.patch_multiple}, got"
            f" {sections.patches.size}",
        )
    seeds = sections.seeds
    return Scenario(
        name=sections.name,
        about=" ".join(sections.about.split()),
        profile=profile,
        overrides=overrides,
        dataset=dataset,
        patches=sections.patches,
        split=sections.split,
        model=model,
        training=sections.training,
        seeds=tuple(range(seeds)) if isinstance(seeds, int) else seeds,
        reference=sections.reference,
        evaluation=sections.evaluation,
        mean_over=sections.mean_over or tuple(item.name for item in dataset.classes),
        methods=tuple(methods),
        published=sections.published,
        changes=tuple(list_changes(profile_changes)),
    )


def _read_component(reader: Reader, kind: str) -> Component | None:
    """Return the component in the field that is called like its kind."""
    raw = reader.document.value
    if kind not in raw:
        return None  # `ScenarioSettings` reports the missing field
    return reader.read_component(kind, raw[kind], (kind,))
