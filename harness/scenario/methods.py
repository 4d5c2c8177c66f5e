"""Reads the methods of a scenario: sweeps, supervisions, and the losses that suit them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.core.components import Loss, Supervision
from harness.core.errors import Keys, suggestion
from harness.scenario.overrides import substitute
from harness.scenario.reading import Reader
from harness.scenario.scenario import Method, Term
from harness.scenario.scenario_settings import TermSettings
from harness.scenario.yaml_document import YamlMapping, YamlValue

SweptValues = Mapping[str, YamlValue]
"""A value for each field that a method sweeps, by dotted path: {"supervision.count": 5}."""


@dataclass(frozen=True, slots=True)
class WrittenComponent:
    """A component of a method as it is written: a name, or a mapping."""

    value: YamlValue
    """What is written."""
    path: Keys
    """Where it stands."""


@dataclass(frozen=True, slots=True)
class WrittenMethod:
    """A method as it is written, without its sweep; `MethodSettings` describes the fields."""

    supervisions: list[WrittenComponent]
    """What `supervision` lists; a component alone is a list of one."""
    losses: list[WrittenComponent]
    """What `loss` lists, likewise."""
    empty_fields: list[str]
    """Those of these two fields that are there, and hold nothing."""
    floor: YamlValue
    """The kind of floor; None where there is none."""
    trains_on: YamlValue
    """The part that is trained on."""
    about: str
    """One line for the leaderboard."""


class MethodReader:
    """Reads the methods of a scenario, and notes their mistakes."""

    names: list[str]
    """The names of all methods read so far."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        # A broken method counts too: a reference to it would otherwise be a second mistake.
        self.names = []

    def read_methods(self, raw_methods: YamlMapping) -> list[Method]:
        """Return every method that has no mistake; a sweep is one method for each combination."""
        methods: list[Method] = []
        for template, raw in raw_methods.items():
            if not isinstance(raw, dict):
                continue  # `ScenarioSettings`, which is read as well, reports it
            path: Keys = ("methods", template)
            sweep = raw.get("sweep") or {}
            if not _is_sweep(sweep):
                self.reader.note_problem(
                    (*path, "sweep"),
                    "is a mapping of fields to lists of values, such as {supervision.count:"
                    " [1, 5]}",
                )
                continue
            # Without a sweep there is one combination, of no values: the method as it is.
            for values in itertools.product(*sweep.values()):
                swept_values = dict(zip(sweep, values, strict=True))
                method = self.read_method(raw, swept_values, path)
                if method is not None:
                    methods.append(method)
        return methods

    def read_method(self, raw: YamlMapping, swept_values: SweptValues, path: Keys) -> Method | None:
        """Return one method, with the values that its sweep has for it; None for a mistake.

        Args:
            raw: The method as it is written.
            swept_values: A value for each field that the method sweeps, by dotted path.
            path: The path of the method; its last step is the name, with fields in braces.
        """
        problems_before = len(self.reader.problems)
        for field, value in swept_values.items():
            raw = self.set_swept_field(raw, field, value, path)
        name = self.name_method(swept_values, path)
        # A field that a sweep did not reach has a wrong value: a complaint of it would mislead.
        if len(self.reader.problems) > problems_before:
            return None
        method = self.read_fields(name, _take_apart(raw, path), path)
        if len(self.reader.problems) > problems_before:
            return None
        return method

    def read_fields(self, name: str, written: WrittenMethod, path: Keys) -> Method | None:
        """Return a method of a name from what is written; None where it trains nothing.

        Components with mistakes are noted and left out.
        """
        supervisions = self.read_supervisions(written.supervisions)
        terms = self.read_terms(written.losses)
        for field in written.empty_fields:
            self.reader.note_problem((*path, field), "is empty")
        # A supervision that could not be read might provide what a loss needs.
        if supervisions and len(supervisions) == len(written.supervisions):
            self.check_losses(terms, supervisions)
        if written.floor and supervisions:
            self.check_floor(written.floor, supervisions[0], path)
        if not terms and not written.floor:
            # `MethodSettings` reports a method with neither, `read_terms` a loss with mistakes.
            return None
        return Method(
            name=name,
            supervisions=tuple(supervisions),
            terms=tuple(terms.values()),
            about=written.about,
            floor=written.floor,
            trains_on=written.trains_on,
        )

    def set_swept_field(
        self, raw: YamlMapping, field: str, value: YamlValue, path: Keys
    ) -> YamlMapping:
        """Return a method with one field of its supervision or loss changed, by dotted path."""
        if field.partition(".")[0] not in ("supervision", "loss"):
            self.reader.note_problem(
                (*path, "sweep", field), "a sweep changes fields of supervision or loss", key=True
            )
            return raw
        try:
            changed: YamlMapping = substitute(raw, field.split("."), value)
        except (ValueError, TypeError):
            self.reader.note_problem(
                (*path, "sweep", field),
                "names no field; in a list, give the position: supervision.0.count",
                key=True,
            )
            return raw
        return changed

    def name_method(self, swept_values: SweptValues, path: Keys) -> str:
        """Return the name of a method with the swept values in it, and note it as taken."""
        template = str(path[-1])
        text_by_field: dict[str, str] = {}
        for field, value in swept_values.items():
            text_by_field[field.rpartition(".")[2]] = _format_swept_value(value)
        for field in re.findall(r"{(.*?)}", template):
            if field not in text_by_field:
                remedy = suggestion(field, text_by_field)
                self.reader.note_problem(
                    path, f"{{{field}}} is not in the sweep. {remedy}", key=True
                )
                return template
        name = re.sub(r"{(.*?)}", lambda match: text_by_field[match[1]], template)
        if name in self.names:
            self.reader.note_problem(
                path,
                f"there are two methods named {name!r}: put {{field}} in the name of a sweep",
                key=True,
            )
        else:
            self.names.append(name)
        return name

    def read_supervisions(self, written: list[WrittenComponent]) -> list[Supervision]:
        """Return the supervisions of a method, without those that have mistakes."""
        supervisions: list[Supervision] = []
        for component in written:
            supervision = self.reader.read_component("supervision", component.value, component.path)
            if isinstance(supervision, Supervision):
                supervisions.append(supervision)
        return supervisions

    def read_terms(self, written: list[WrittenComponent]) -> dict[Keys, Term]:
        """Return the terms of a method by their paths, without those that have mistakes."""
        terms: dict[Keys, Term] = {}
        for component in written:
            term = self.read_term(component)
            if term is not None:
                terms[component.path] = term
        return terms

    def read_term(self, written: WrittenComponent) -> Term | None:
        """Return a loss with its weight and ramp, which are written among the loss's own fields."""
        settings: dict[str, YamlValue] = {}
        fields_of_loss = written.value
        if isinstance(written.value, dict):
            fields_of_loss = dict(written.value)
            for field in TermSettings.model_fields:
                if field in fields_of_loss:
                    settings[field] = fields_of_loss.pop(field)
        term = self.reader.read_model(TermSettings, settings, written.path)
        loss = self.reader.read_component("loss", fields_of_loss, written.path)
        if term is None or not isinstance(loss, Loss):
            return None
        return Term(loss, term.weight, term.ramp)

    def check_losses(self, terms: Mapping[Keys, Term], supervisions: list[Supervision]) -> None:
        """Note each loss that needs what no supervision of its method provides."""
        provided = frozenset[str]().union(*(item.provides for item in supervisions))
        names = " and ".join(repr(item.name) for item in supervisions)
        for path, term in terms.items():
            if not term.loss.requires <= provided:
                message = self.explain_mismatch(term.loss, names, provided)
                self.reader.note_problem(path, message)

    def explain_mismatch(self, loss: Loss, names: str, provided: frozenset[str]) -> str:
        """Return what a loss lacks of what the named supervisions provide, and what would suit."""
        missing = " and ".join(sorted(loss.requires - provided))
        supervisions = self.list_names(
            "supervision", lambda supervision: loss.requires <= supervision.provides
        )
        losses = self.list_names("loss", lambda other: other.requires <= provided)
        return (
            f"loss {loss.name!r} needs {missing}, which supervision {names} does not provide."
            f" Supervisions that do: {supervisions}. Losses that would work: {losses}."
        )

    def check_floor(self, floor: YamlValue, supervision: Supervision, path: Keys) -> None:
        """Note a floor whose method begins with a supervision that gives no labels to fit it on."""
        if "labels" not in supervision.provides:
            self.reader.note_problem(
                (*path, "floor"),
                f"floor {floor!r} needs labels, which supervision {supervision.name!r} does not"
                " provide",
            )

    def list_names(self, kind: str, suits: Callable[[Any], bool]) -> str:
        """Return the names of the installed components of a kind that suit, for a message."""
        offers = self.reader.catalog.offers[kind]
        names = []
        for name in self.reader.catalog.names(kind):
            if suits(offers[name].component):
                names.append(name)
        return ", ".join(names) or "none installed"


def _is_sweep(sweep: YamlValue) -> bool:
    """Return True for a mapping of fields to lists that are not empty."""
    if not isinstance(sweep, dict):
        return False
    return all(isinstance(values, list) and values for values in sweep.values())


def _take_apart(raw: YamlMapping, path: Keys) -> WrittenMethod:
    """Return the fields of a method that stands at a path, none of them checked."""
    supervisions = _list_components(raw.get("supervision"), (*path, "supervision"))
    losses = _list_components(raw.get("loss"), (*path, "loss"))
    empty_fields = []
    for field, components in (("supervision", supervisions), ("loss", losses)):
        if field in raw and not components:
            empty_fields.append(field)
    return WrittenMethod(
        supervisions=supervisions,
        losses=losses,
        empty_fields=empty_fields,
        floor=raw.get("floor"),
        trains_on=raw.get("trains_on", "training"),
        about=str(raw.get("about") or ""),
    )


def _list_components(raw: YamlValue, path: Keys) -> list[WrittenComponent]:
    """Return a component, or each of a list of them, with its path."""
    if raw is None:
        return []
    if isinstance(raw, list):
        return [WrittenComponent(item, (*path, index)) for index, item in enumerate(raw)]
    return [WrittenComponent(raw, path)]


def _format_swept_value(value: YamlValue) -> str:
    """Return a swept value as it stands in a method's name: 0.1 for 0.10."""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
