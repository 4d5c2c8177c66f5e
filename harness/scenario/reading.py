"""Reads models and components from a document, and notes what is wrong with them."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from harness.catalog import Catalog
from harness.core.components import Component
from harness.core.errors import InputError, Keys, dotted
from harness.core.validation import list_mistakes
from harness.scenario.mistakes import explain
from harness.scenario.yaml_document import Document, Problem, YamlValue

AnyModel = TypeVar("AnyModel", bound=BaseModel)


class Reader:
    """Reads parts of a document; notes each mistake and goes on, so that all are told at once."""

    document: Document
    """What is read."""
    catalog: Catalog
    """The components that it may name."""
    problems: list[Problem]
    """The mistakes noted so far."""

    def __init__(self, document: Document, catalog: Catalog) -> None:
        self.document = document
        self.catalog = catalog
        self.problems = []

    def note_problem(self, path: Keys, message: str, *, key: bool = False) -> None:
        """Note a mistake at a path: at its value, or at its key."""
        place = self.document.place(path, key=key)
        self.problems.append(Problem(place, dotted(path), message))

    def read_model(self, model: type[AnyModel], raw: YamlValue, path: Keys) -> AnyModel | None:
        """Return a pydantic model of what is written at a path; None where it has mistakes."""
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            for mistake in list_mistakes(error):
                self._note_once(explain(model, mistake, self.document, path))
            return None

    def _note_once(self, problem: Problem) -> None:
        # Each member of a union complains of the same value; the first one says enough.
        for noted in self.problems:
            if (noted.place, noted.field) == (problem.place, problem.field):
                return
        self.problems.append(problem)

    def read_component(self, kind: str, raw: YamlValue, path: Keys) -> Component | None:
        """Return a component of a kind from its name, or from a mapping of its name and fields.

        None where it has mistakes, or where no component of the kind has that name.
        """
        name, name_path = raw, path
        fields: dict[str, YamlValue] = {}
        if isinstance(raw, dict):
            fields = dict(raw)
            name = fields.pop("name", None)
            name_path = (*path, "name")
        if not isinstance(name, str):
            known_names = ", ".join(self.catalog.names(kind))
            self.note_problem(
                path,
                f"is a {kind}: its name, or {{name: ..., field: value}}. Known: {known_names}.",
            )
            return None
        try:
            component = self.catalog.find(kind, name).component
        except InputError as error:
            self.note_problem(name_path, str(error))
            return None
        return self.read_model(component, fields, path)
