"""YAML text as plain values that know the line and column they came from, and overrides that keep
them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.core.errors import InputError, Keys, dotted
from harness.core.files import read_text


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written: a file with line and column (from 1), or a command-line option."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where, in which field (dotted), and what is wrong with the remedy."""

    place: Place
    field: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.place}: {self.field}: {self.message}"
            if self.field
            else f"{self.place}: {self.message}"
        )


class ScenarioError(InputError):
    """All mistakes of one scenario, a line each, in order of their place."""

    def __init__(self, problems: list[Problem]) -> None:
        unique = dict.fromkeys(
            sorted(problems, key=lambda p: (p.place.source, p.place.line, p.place.column))
        )
        self.problems = list(unique)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Document:
    """A tree of dicts, lists and scalars, with the place of each key and of each value by path."""

    value: Any
    values: Mapping[Keys, Place]
    keys: Mapping[Keys, Place]

    def place(self, path: Keys, *, key: bool = False) -> Place:
        """The place of the value (or the key) at a path, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            places = self.keys if key and path[:length] in self.keys else self.values
            if path[:length] in places:
                return places[path[:length]]
        raise KeyError(path)

    def at(self, *path: str | int) -> Document:
        """The part of the document below a path, as a document of its own."""
        value = self.value
        for step in path:
            value = value[step]
        size = len(path)
        return Document(
            value,
            {keys[size:]: place for keys, place in self.values.items() if keys[:size] == path},
            {
                keys[size:]: place
                for keys, place in self.keys.items()
                if keys[:size] == path and len(keys) > size
            },
        )


class _Loader(yaml.SafeLoader):
    """YAML 1.1's safe loader, with numbers such as 1e-3 read as numbers (YAML 1.2)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def read_document(path: Path) -> Document:
    """The YAML file at a path. Raises ScenarioError for bad syntax, duplicate keys and aliases;
    InputError if it cannot be read."""
    return parse_document(read_text(path), str(path))


def parse_document(text: str, source: str) -> Document:
    """`read_document` on text; `source` is what places are called."""
    try:
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.AliasEvent):
                raise ScenarioError(
                    [
                        Problem(
                            _place(source, event),
                            "",
                            "aliases (*name) are not used here: write the value",
                        )
                    ]
                )
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise ScenarioError([Problem(Place(source, 1, 1), "", "the file is empty")])
            values: dict[Keys, Place] = {}
            keys: dict[Keys, Place] = {}
            problems: list[Problem] = []
            value = _build(loader, node, (), source, values, keys, problems)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
        message = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise ScenarioError([Problem(place, "", f"is not valid YAML: {message}")]) from error
    except RecursionError as error:
        raise ScenarioError([Problem(Place(source), "", "is nested too deeply")]) from error
    if problems:
        raise ScenarioError(problems)
    return Document(value, values, keys)


def _place(source: str, node: Any) -> Place:
    return Place(source, node.start_mark.line + 1, node.start_mark.column + 1)


def _build(
    loader: _Loader,
    node: yaml.Node,
    path: Keys,
    source: str,
    values: dict[Keys, Place],
    keys: dict[Keys, Place],
    problems: list[Problem],
) -> Any:
    values[path] = _place(source, node)
    if isinstance(node, yaml.MappingNode):
        mapping = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                problems.append(
                    Problem(_place(source, key_node), dotted(path), "a key must be plain text")
                )
                continue
            key = str(key_node.value)
            if key in mapping:
                problems.append(
                    Problem(
                        _place(source, key_node), dotted((*path, key)), "is written twice: keep one"
                    )
                )
                continue
            keys[*path, key] = _place(source, key_node)
            mapping[key] = _build(loader, value_node, (*path, key), source, values, keys, problems)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [
            _build(loader, item, (*path, i), source, values, keys, problems)
            for i, item in enumerate(node.value)
        ]
    return loader.construct_object(node, deep=True)
