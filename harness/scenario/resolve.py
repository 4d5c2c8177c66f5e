"""Turns a scenario file into a Scenario. Every mistake in it is reported at once, with its place
and a remedy."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.catalog import Catalog
from harness.core.components import Component, Dataset, Loss, Model, Supervision
from harness.core.errors import InputError, Keys, dotted, suggestion
from harness.scenario import mistakes as published
from harness.scenario.mistakes import explained
from harness.scenario.overrides import overridden, parse_setting, settings_in, substituted
from harness.scenario.scenario import Method, Scenario, Term
from harness.scenario.settings import ScenarioSettings, TermSettings
from harness.scenario.yaml_document import Document, Problem, ScenarioError, read_document

M = TypeVar("M", bound=BaseModel)


def read_scenario(
    path: Path, catalog: Catalog, profile: str | None = None, settings: Iterable[str] = ()
) -> Scenario:
    """The scenario in a file, with a profile and `field.field=value` settings laid over it.

    Profiles that are not asked for are checked too. Raises ScenarioError with every problem found.
    """
    document = read_document(path)
    settings = tuple(settings)
    changes = [parse_setting(text) for text in settings]
    if not isinstance(document.value, dict):
        raise ScenarioError(
            [
                Problem(
                    document.place(()),
                    "",
                    "a scenario is a mapping of fields: name, dataset, model, methods, ...",
                )
            ]
        )
    profiles = document.value.get("profiles") or {}
    if not isinstance(profiles, dict):
        raise ScenarioError(
            [
                Problem(
                    document.place(("profiles",)),
                    "profiles",
                    "is a mapping of profile names to overrides",
                )
            ]
        )
    if profile is not None and profile not in profiles:
        raise InputError(f"{path}: no profile {profile!r}. {suggestion(profile, profiles)}")
    problems: list[Problem] = []
    wanted: Scenario | None = None
    for name in [None, *profiles]:
        chosen = document
        if name is not None:
            if not isinstance(profiles[name], dict):
                problems.append(
                    Problem(
                        document.place(("profiles", name)),
                        f"profiles.{name}",
                        "is a mapping of fields to override",
                    )
                )
                continue
            forbidden = {"name", "profiles"} & set(profiles[name])
            problems += [
                Problem(
                    document.place(("profiles", name, key), key=True),
                    f"profiles.{name}.{key}",
                    "cannot be overridden",
                )
                for key in forbidden
            ]
            chosen = overridden(document, document.at("profiles", name))
        if name == profile:
            for change in changes:
                chosen = overridden(chosen, change)
        resolver = Resolver(chosen, catalog)
        scenario = resolver.scenario(name, settings if name == profile else ())
        problems += resolver.problems
        wanted = scenario if name == profile else wanted
    if problems or wanted is None:
        raise ScenarioError(problems)
    return wanted


class Resolver:
    """Turns a document into a Scenario, collecting problems instead of stopping at the first."""

    def __init__(self, document: Document, catalog: Catalog) -> None:
        self.document, self.catalog = document, catalog
        self.problems, self.names = list[Problem](), list[str]()

    def problem(self, path: Keys, message: str, *, key: bool = False) -> None:
        """Notes a mistake at a path: at its value, or at its key."""
        place = self.document.place(path, key=key)
        self.problems.append(Problem(place, dotted(path), message))

    def scenario(self, profile: str | None, overrides: tuple[str, ...]) -> Scenario | None:
        """The scenario, or None where problems were noted that leave none."""
        raw = self.document.value
        sections = self.model(ScenarioSettings, raw, ())
        # Components are checked also where a section is wrong, so that one reading reports
        # everything.
        dataset = (
            self.component("dataset", raw.get("dataset"), ("dataset",))
            if "dataset" in raw
            else None
        )
        model = self.component("model", raw.get("model"), ("model",)) if "model" in raw else None
        written = raw.get("methods")
        methods = self.methods(written) if isinstance(written, dict) else []
        self.references(raw)
        if isinstance(dataset, Dataset):
            replaced = profile is not None and "dataset" in raw["profiles"][profile]
            self.evaluated_classes(
                dataset, raw.get("mean_over"), None if replaced else raw.get("published")
            )
        if (
            sections is None
            or not isinstance(dataset, Dataset)
            or not isinstance(model, Model)
            or self.problems
        ):
            return None
        if sections.patches.size % model.patch_multiple:
            self.problem(
                ("patches", "size"),
                f"model {model.name!r} needs a multiple of {model.patch_multiple}, got"
                f" {sections.patches.size}",
            )
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
            seeds=(
                tuple(range(sections.seeds)) if isinstance(sections.seeds, int) else sections.seeds
            ),
            reference=sections.reference,
            evaluation=sections.evaluation,
            mean_over=sections.mean_over or tuple(each.name for each in dataset.classes),
            methods=tuple(methods),
            published=sections.published,
            changes=tuple(settings_in(raw["profiles"][profile])) if profile else (),
        )

    def references(self, raw: dict[str, Any]) -> None:
        """Notes a reference, or a published value, that belongs to no method, and a published score
        that is not computed."""
        reference, evaluation = raw.get("reference", "full"), raw.get("evaluation")
        if self.names and reference not in self.names:
            where: Keys = ("reference",) if "reference" in raw else ("methods",)
            self.problem(
                where,
                f"the reference {reference!r} is not a method."
                f" {suggestion(str(reference), self.names)}",
            )
        batches = isinstance(evaluation, dict) and bool(evaluation.get("batch_average"))
        self.published(published.mistakes(raw.get("published"), self.names, batches))

    def evaluated_classes(self, dataset: Dataset, mean_over: Any, reported: Any) -> None:
        """Notes a class to average over, or of a published score (such as iou:road), that the data
        set does not have."""
        try:
            classes = [each.name for each in dataset.classes]
        except InputError as error:
            self.problem(("dataset",), str(error))
            return
        for index, name in enumerate(mean_over if isinstance(mean_over, list) else ()):
            if name not in classes:
                self.problem(
                    ("mean_over", index),
                    f"the data set has no class {name!r}. {suggestion(str(name), classes)}",
                )
        self.published(published.unknown_classes(reported, classes))

    def published(self, mistakes: Iterable[tuple[Keys, str]]) -> None:
        """Notes mistakes in what a source reports: methods and scores are keys there, but for the
        one to compare."""
        for path, message in mistakes:
            self.problem(("published", *path), message, key=path[0] == "values")

    def methods(self, written: dict[str, Any]) -> list[Method]:
        """All methods, sweeps expanded, without those that have problems."""
        methods: list[Method] = []
        for template, raw in written.items():
            path: Keys = ("methods", template)
            if not isinstance(raw, dict):
                continue  # reported with the sections
            sweep = raw.get("sweep") or {}
            if not isinstance(sweep, dict) or not all(
                isinstance(values, list) and values for values in sweep.values()
            ):
                self.problem(
                    (*path, "sweep"),
                    "is a mapping of fields to lists of values, such as {supervision.count:"
                    " [1, 5]}",
                )
                continue
            for values in itertools.product(*sweep.values()):
                chosen = dict(zip(sweep, values, strict=True))
                method = self.method(template, raw, chosen, path)
                if method is not None:
                    methods.append(method)
        return methods

    def method(
        self, template: str, raw: dict[str, Any], chosen: dict[str, Any], path: Keys
    ) -> Method | None:
        """One method with the values chosen from its sweep."""
        before = len(self.problems)
        for field, value in chosen.items():
            raw = self.swept(raw, field, value, path)
        name = self.method_name(template, chosen, path)
        if len(self.problems) > before:
            return None
        supervisions = [
            self.component("supervision", *item)
            for item in _items(raw.get("supervision"), (*path, "supervision"))
        ]
        terms = [self.term(*item) for item in _items(raw.get("loss"), (*path, "loss"))]
        for field, items in (("supervision", supervisions), ("loss", terms)):
            if field in raw and not items:
                self.problem((*path, field), "is empty")
        good = [each for each in supervisions if isinstance(each, Supervision)]
        if good and len(good) == len(supervisions):
            self.compatible(
                good, terms, [where for _, where in _items(raw.get("loss"), (*path, "loss"))]
            )
        floor = raw.get("floor")
        if floor and any("labels" not in each.provides for each in good[:1]):
            self.problem(
                (*path, "floor"),
                f"floor {floor!r} needs labels, which supervision {good[0].name!r} does not"
                " provide",
            )
        if len(self.problems) > before or not (terms or floor):
            return None
        about, part = str(raw.get("about") or ""), raw.get("trains_on", "training")
        return Method(name, tuple(good), tuple(term for term in terms if term), about, floor, part)

    def swept(self, raw: dict[str, Any], field: str, value: Any, path: Keys) -> dict[str, Any]:
        """A method with one field of its supervision or loss changed."""
        if field.partition(".")[0] not in ("supervision", "loss"):
            self.problem(
                (*path, "sweep", field), "a sweep changes fields of supervision or loss", key=True
            )
            return raw
        try:
            changed: dict[str, Any] = substituted(raw, field.split("."), value)
        except (ValueError, TypeError):
            self.problem(
                (*path, "sweep", field),
                "names no field; in a list, give the position: supervision.0.count",
                key=True,
            )
            return raw
        return changed

    def method_name(self, template: str, chosen: dict[str, Any], path: Keys) -> str:
        """The template with the swept values in it, noted as taken."""
        known = {field.rpartition(".")[2]: _short(value) for field, value in chosen.items()}
        for name in re.findall(r"{(.*?)}", template):
            if name not in known:
                self.problem(
                    path, f"{{{name}}} is not in the sweep. {suggestion(name, known)}", key=True
                )
                return template
        name = re.sub(r"{(.*?)}", lambda match: known[match[1]], template)
        if name in self.names:
            self.problem(
                path,
                f"there are two methods named {name!r}: put {{field}} in the name of a sweep",
                key=True,
            )
        else:
            self.names.append(name)
        return name

    def compatible(
        self, supervisions: list[Supervision], terms: list[Term | None], places: list[Keys]
    ) -> None:
        """Notes each loss that needs what no supervision of the method provides."""
        provided = frozenset[str]().union(*(each.provides for each in supervisions))
        given = " and ".join(repr(each.name) for each in supervisions)
        for term, where in zip(terms, places, strict=True):
            if term and not term.loss.requires <= provided:
                self.problem(
                    where,
                    f"loss {term.loss.name!r} needs"
                    f" {' and '.join(sorted(term.loss.requires - provided))}, which supervision"
                    f" {given} does not provide. Supervisions that do:"
                    f" {self.matching('supervision', partial(_gives, term.loss.requires))}. Losses"
                    f" that would work: {self.matching('loss', partial(_contents, provided))}.",
                )

    def term(self, raw: Any, path: Keys) -> Term | None:
        """A loss with its weight and ramp."""
        settings = (
            {key: raw[key] for key in ("weight", "ramp") if key in raw}
            if isinstance(raw, dict)
            else {}
        )
        rest = (
            {key: value for key, value in raw.items() if key not in settings}
            if isinstance(raw, dict)
            else raw
        )
        term, loss = self.model(TermSettings, settings, path), self.component("loss", rest, path)
        return Term(loss, term.weight, term.ramp) if term and isinstance(loss, Loss) else None

    def matching(self, kind: str, condition: Callable[[Any], bool]) -> str:
        """The names of a kind's components that fulfil a condition."""
        offers = self.catalog.offers[kind]
        return (
            ", ".join(
                name for name in self.catalog.names(kind) if condition(offers[name].component)
            )
            or "none installed"
        )

    def component(self, kind: str, raw: Any, path: Keys) -> Component | None:
        """A component from its name, or from a mapping of its name and fields."""
        name = raw.get("name") if isinstance(raw, dict) else raw
        if not isinstance(name, str):
            self.problem(
                path,
                f"is a {kind}: its name, or {{name: ..., field: value}}. Known:"
                f" {', '.join(self.catalog.names(kind))}.",
            )
            return None
        try:
            component = self.catalog.find(kind, name).component
        except InputError as error:
            self.problem((*path, "name") if isinstance(raw, dict) else path, str(error))
            return None
        fields = (
            {key: value for key, value in raw.items() if key != "name"}
            if isinstance(raw, dict)
            else {}
        )
        return self.model(component, fields, path)

    def model(self, model: type[M], raw: Any, path: Keys) -> M | None:
        """A pydantic model of what is written at a path, or None with a problem for each
        mistake."""
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                problem = explained(model, details, self.document, path)
                if (problem.place, problem.field) not in [
                    (other.place, other.field) for other in self.problems
                ]:
                    # each member of a union complains; the first says enough
                    self.problems.append(problem)
            return None


def _items(raw: Any, path: Keys) -> list[tuple[Any, Keys]]:
    """A component or a list of them, each with its path."""
    if raw is None:
        return []
    return (
        [(item, (*path, index)) for index, item in enumerate(raw)]
        if isinstance(raw, list)
        else [(raw, path)]
    )


def _gives(required: frozenset[str], supervision: Any) -> bool:
    return bool(required <= supervision.provides)


def _contents(provided: frozenset[str], loss: Any) -> bool:
    return bool(loss.requires <= provided)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
