"""Changes of a document: profiles, `--set` and sweeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import yaml

from harness.core.errors import InputError, Keys
from harness.scenario.yaml_document import Document, Place, parse_document


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
