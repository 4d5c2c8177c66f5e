"""YAML text as plain values that know the line and column they came from, and overrides that keep
them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.data import InputError

Keys = tuple[str | int, ...]


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


def read_text(path: Path) -> str:
    """A text file, in UTF-8 with or without a byte order mark. Raises InputError naming a file that
    cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text") from error


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


def dotted(path: Keys) -> str:
    """A path as it is written on the command line: training.epochs."""
    return ".".join(map(str, path))


def settings_in(changes: Mapping[str, Any], at: str = "") -> list[str]:
    """Overrides one by one, as `--set` takes them: training.epochs=3."""
    found = []
    for name, value in changes.items():
        if isinstance(value, Mapping):
            found += settings_in(value, f"{at}{name}.")
        else:
            text = yaml.safe_dump(value, default_flow_style=True, width=math.inf).removesuffix(
                "\n...\n"
            )
            found.append(f"{at}{name}={text.strip()}")
    return found


def overridden(base: Document, changes: Document, at: Keys = ()) -> Document:
    """The base with changes laid over it: mappings merge, everything else replaces.

    A component given by name alone ("points") merges as {name: points}, a split as {by: official};
    naming another component replaces the whole of it.
    """
    values, keys = dict(base.values), dict(base.keys)

    def drop(path: Keys) -> None:
        for places in (values, keys):
            for known in [
                known for known in places if known[: len(path)] == path and known != path
            ]:
                del places[known]

    def merge(old: Any, new: Any, path: Keys) -> Any:
        if isinstance(old, str) and isinstance(new, dict) and "name" not in new and path:
            old = {"by" if path == ("split",) else "name": old}
        components = (
            path
            and isinstance(old, dict)
            and isinstance(new, dict)
            and "name" in old
            and "name" in new
        )
        replaces = components and new["name"] != old["name"]
        values[path] = (
            changes.values[path[len(at) :]] if path[len(at) :] in changes.values else values[path]
        )
        if path[len(at) :] in changes.keys:
            keys[path] = changes.keys[path[len(at) :]]
        if isinstance(old, dict) and isinstance(new, dict) and not replaces:
            merged = dict(old)
            for key, value in new.items():
                merged[key] = merge(old.get(key), value, (*path, key))
            return merged
        drop(path)
        for places, fresh in ((values, changes.values), (keys, changes.keys)):
            inner = path[len(at) :]
            places.update(
                {
                    (*at, *known): place
                    for known, place in fresh.items()
                    if known[: len(inner)] == inner
                }
            )
        return new

    return Document(merge(base.value, changes.value, at), values, keys)


def parse_setting(text: str) -> Document:
    """`--set training.epochs=3` as a document of changes. Raises InputError for another form."""
    path, equals, raw = text.partition("=")
    steps = path.split(".")
    if not equals or not all(steps):
        raise InputError(
            f"--set {text}: write it as field.field=value, for example --set training.epochs=3"
        )
    source = f"--set {text}"
    inner = parse_document(raw or "null", source)
    value, place = inner.value, Place(source)
    for step in reversed(steps):
        value = {step: value}
    values: dict[Keys, Place] = {tuple(steps[:depth]): place for depth in range(len(steps) + 1)}
    values |= {(*steps, *known): place for known in inner.values}
    return Document(value, values, {known: place for known in values if known})


def substituted(value: Any, path: list[str], replacement: Any) -> Any:
    """A copy of nested dicts and lists with one place set; a component given by name becomes {name:
    ..., field: ...}."""
    if not path:
        return replacement
    if isinstance(value, list):
        index = int(path[0])
        return [
            substituted(item, path[1:], replacement) if i == index else item
            for i, item in enumerate(value)
        ]
    inner = {"name": value} if isinstance(value, str) else dict(value or {})
    return {**inner, path[0]: substituted(inner.get(path[0]), path[1:], replacement)}
