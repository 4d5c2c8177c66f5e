"""YAML text as plain values that know the line and column they were written at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.core.errors import InputError, Keys, dotted
from harness.core.files import read_text

YamlValue = Any
"""A value as it is written in YAML, checked by nobody: a scalar, a list, or a dict by names."""

YamlMapping = Mapping[str, YamlValue]
"""A mapping as it is written in YAML; its keys are always text."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written: in a file, or in a command-line option."""

    source: str
    """The file, or the option."""
    line: int = 0
    """The line, from 1; 0 in an option."""
    column: int = 0
    """The column, from 1; 0 in an option."""

    def __str__(self) -> str:
        if not self.line:
            return self.source
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document."""

    place: Place
    """Where it was written."""
    field: str
    """The field, dotted; empty where the document as a whole is wrong."""
    message: str
    """What is wrong, and the remedy."""

    def __str__(self) -> str:
        if not self.field:
            return f"{self.place}: {self.message}"
        return f"{self.place}: {self.field}: {self.message}"


class DocumentError(InputError):
    """All mistakes of one document, a line each, in order of their place."""

    def __init__(self, problems: list[Problem]) -> None:
        ordered = sorted(problems, key=_reading_order)
        # A mistake outside the profiles shows again in each profile that is read: say it once.
        self.problems = list(dict.fromkeys(ordered))
        super().__init__("\n".join(map(str, self.problems)))


def _reading_order(problem: Problem) -> tuple[str, int, int]:
    place = problem.place
    return place.source, place.line, place.column


@dataclass(frozen=True, slots=True)
class Document:
    """A tree of dicts, lists and scalars that knows where each of them was written."""

    value: YamlValue
    """The tree."""
    values: Mapping[Keys, Place]
    """The place of each value, by its path; the path of the whole tree is ()."""
    keys: Mapping[Keys, Place]
    """The place of each key of a mapping, by the path of its value."""

    def place(self, path: Keys, *, key: bool = False) -> Place:
        """Return the place of the value at a path, or of its key.

        Where a path was not written, such as that of a missing field, the nearest thing around it
        stands for it.
        """
        for length in range(len(path), -1, -1):
            nearest = path[:length]
            if key and nearest in self.keys:
                return self.keys[nearest]
            if nearest in self.values:
                return self.values[nearest]
        raise KeyError(path)

    def at(self, *path: str | int) -> Document:
        """Return the part of the document below a path as a document of its own."""
        value = self.value
        for step in path:
            value = value[step]
        keys = places_below(self.keys, path)
        # The part is the whole of the new document, and the whole has no key.
        keys.pop((), None)
        return Document(value, places_below(self.values, path), keys)


def places_below(places: Mapping[Keys, Place], path: Keys) -> dict[Keys, Place]:
    """Return the places at and below a path, by the rest of their paths."""
    below = {}
    for full_path, place in places.items():
        if full_path[: len(path)] == path:
            below[full_path[len(path) :]] = place
    return below


class _Loader(yaml.SafeLoader):
    """YAML 1.1's safe loader, with numbers such as 1e-3 read as numbers (YAML 1.2)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def read_document(path: Path) -> Document:
    """Return the YAML file at a path.

    Raises DocumentError for bad syntax, duplicate keys and aliases, InputError for a file that
    cannot be read.
    """
    return parse_document(read_text(path), str(path))


def parse_document(text: str, source: str) -> Document:
    """Return YAML text as a document, as `read_document` does; places name it `source`."""
    try:
        _refuse_aliases(text, source)
        return _build_document(text, source)
    except yaml.YAMLError as error:
        raise DocumentError([_explain_syntax(error, source)]) from error
    except RecursionError as error:
        raise DocumentError([Problem(Place(source), "", "is nested too deeply")]) from error


def _refuse_aliases(text: str, source: str) -> None:
    # Two paths would share one place; and a few aliases of aliases can fill the memory.
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.AliasEvent):
            message = "aliases (*name) are not used here: write the value"
            raise DocumentError([Problem(_place_of(source, event), "", message)])


def _build_document(text: str, source: str) -> Document:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise DocumentError([Problem(Place(source, 1, 1), "", "the file is empty")])
        builder = _Builder(loader, source)
        value = builder.build(root, ())
    finally:
        loader.dispose()
    if builder.problems:
        raise DocumentError(builder.problems)
    return Document(value, builder.values, builder.keys)


def _explain_syntax(error: yaml.YAMLError, source: str) -> Problem:
    place = Place(source)
    mark = getattr(error, "problem_mark", None)
    if mark:
        place = Place(source, mark.line + 1, mark.column + 1)
    # Errors without a mark, such as that of a forbidden character, tell the cause in one line.
    cause = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return Problem(place, "", f"is not valid YAML: {cause}")


def _place_of(source: str, element: yaml.Node | yaml.Event) -> Place:
    """Return where a node or an event begins."""
    mark = element.start_mark
    assert mark is not None  # the parser marks all that it reads
    return Place(source, mark.line + 1, mark.column + 1)


class _Builder:
    """Builds the values of YAML nodes, and notes their places and what is wrong with them."""

    def __init__(self, loader: _Loader, source: str) -> None:
        self.loader = loader
        self.source = source
        self.values: dict[Keys, Place] = {}
        self.keys: dict[Keys, Place] = {}
        self.problems: list[Problem] = []

    def build(self, node: yaml.Node, path: Keys) -> YamlValue:
        """Return the value of a node that stands at a path."""
        self.values[path] = _place_of(self.source, node)
        if isinstance(node, yaml.MappingNode):
            return self.build_mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.loader.construct_object(node, deep=True)

    def build_mapping(self, node: yaml.MappingNode, path: Keys) -> dict[str, YamlValue]:
        """Return the mapping of a node; keys are text, also those that look like numbers."""
        mapping: dict[str, YamlValue] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.note_problem(key_node, path, "a key must be plain text")
                continue
            key = str(key_node.value)
            inner_path = (*path, key)
            # YAML itself would let the last of two equal keys win in silence.
            if key in mapping:
                self.note_problem(key_node, inner_path, "is written twice: keep one")
                continue
            self.keys[inner_path] = _place_of(self.source, key_node)
            mapping[key] = self.build(value_node, inner_path)
        return mapping

    def note_problem(self, node: yaml.Node, path: Keys, message: str) -> None:
        """Note a mistake where a node begins."""
        self.problems.append(Problem(_place_of(self.source, node), dotted(path), message))
