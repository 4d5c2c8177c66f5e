"""Changes of a document: profiles, `--set` and sweeps."""

from __future__ import annotations

import math
from collections.abc import Mapping

import yaml

from harness.core.errors import InputError, Keys
from harness.scenario.scenario_settings import write_out
from harness.scenario.yaml_document import (
    Document,
    Place,
    YamlMapping,
    YamlValue,
    parse_document,
    places_below,
)


def list_changes(changes: YamlMapping, parent: str = "") -> list[str]:
    """Return changes one by one, as `--set` takes them: training.epochs=3.

    `parent` is the dotted path that the changes lie below, with a dot at its end.
    """
    settings = []
    for name, value in changes.items():
        if isinstance(value, Mapping):
            settings += list_changes(value, f"{parent}{name}.")
        else:
            settings.append(f"{parent}{name}={_as_one_line(value)}")
    return settings


def _as_one_line(value: YamlValue) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf)
    # PyYAML ends a document that is a scalar alone with a line of dots.
    return text.removesuffix("\n...\n").strip()


def override(base: Document, changes: Document) -> Document:
    """Return a document with changes laid over it: mappings merge, everything else replaces.

    A component given by name alone ("points") merges as {name: points}, a split as {by: official};
    naming another component replaces the whole of it.
    """
    overlay = _Overlay(base, changes)
    value = overlay.merge(base.value, changes.value, ())
    return Document(value, overlay.values, overlay.keys)


class _Overlay:
    """Lays changes over a document, and keeps the place of everything that is left or new."""

    def __init__(self, base: Document, changes: Document) -> None:
        self.changes = changes
        self.values = dict(base.values)
        self.keys = dict(base.keys)

    def merge(self, old: YamlValue, new: YamlValue, path: Keys) -> YamlValue:
        """Return `old` with `new` laid over it, both of them standing at a path."""
        if path and isinstance(old, str) and isinstance(new, dict) and "name" not in new:
            # Fields of a component that was given by its name alone: they belong to that component.
            old = write_out(path, old)
        if not isinstance(old, dict) or not isinstance(new, dict):
            return self.replace(new, path)
        # Another component has other fields: what is left of the first would be refused as unknown.
        # The name of the scenario itself, at the root, is no component's.
        if path and _is_another_component(old, new):
            return self.replace(new, path)
        self.move(path)
        merged = dict(old)
        for key, value in new.items():
            merged[key] = self.merge(old.get(key), value, (*path, key))
        return merged

    def move(self, path: Keys) -> None:
        """Let a path, without what is below it, stand where the changes have it."""
        self.values[path] = self.changes.values[path]
        if path in self.changes.keys:  # everything but the root has a key
            self.keys[path] = self.changes.keys[path]

    def replace(self, new: YamlValue, path: Keys) -> YamlValue:
        """Let a path and all below it stand where the changes have it; return the new value."""
        # Places of what is no longer there would make a later message point to the wrong line.
        _replace_places(self.values, self.changes.values, path)
        _replace_places(self.keys, self.changes.keys, path)
        return new


def _is_another_component(old: YamlMapping, new: YamlMapping) -> bool:
    """Return True where both mappings have a name, and not the same."""
    match old, new:
        case {"name": old_name}, {"name": new_name}:
            return bool(old_name != new_name)
    return False


def _replace_places(places: dict[Keys, Place], changes: Mapping[Keys, Place], path: Keys) -> None:
    for rest in places_below(places, path):
        del places[(*path, *rest)]
    for rest, place in places_below(changes, path).items():
        places[(*path, *rest)] = place


def parse_setting(text: str) -> Document:
    """Return `--set training.epochs=3` as a document of changes.

    Raises InputError for another form.
    """
    name, equals, raw = text.partition("=")
    path = name.split(".")
    if not equals or not all(path):
        raise InputError(
            f"--set {text}: write it as field.field=value, for example --set training.epochs=3"
        )
    source = f"--set {text}"
    inner = parse_document(raw or "null", source)
    value = inner.value
    for step in reversed(path):
        value = {step: value}
    # A line and a column mean nothing on a command line: everything stands at the option.
    place = Place(source)
    values: dict[Keys, Place] = {}
    for depth in range(len(path)):
        values[tuple(path[:depth])] = place
    for inner_path in inner.values:
        values[(*path, *inner_path)] = place
    keys = {full_path: place for full_path in values if full_path}
    return Document(value, values, keys)


def substitute(value: YamlValue, path: list[str], replacement: YamlValue) -> YamlValue:
    """Return a copy of nested dicts and lists with the value at one path replaced.

    A component given by name becomes {name: ..., field: ...}. Raises ValueError or TypeError where
    the path leads nowhere.
    """
    if not path:
        return replacement
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        items = list(value)
        index = int(step)
        # A position that the list does not have changes nothing.
        if 0 <= index < len(items):
            items[index] = substitute(items[index], rest, replacement)
        return items
    fields = {"name": value} if isinstance(value, str) else dict(value or {})
    fields[step] = substitute(fields.get(step), rest, replacement)
    return fields
