"""Nested settings as one flat mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.errors import Keys, dotted
from harness.core.values import JsonObject


def flatten(value: Any) -> JsonObject:
    """Return nested mappings, and lists of mappings, as one mapping by dotted path.

    Lists of anything else are values: {"a": {"b": 1}, "c": [{"d": [2, 3]}]} becomes
    {"a.b": 1, "c.0.d": [2, 3]}.
    """
    return {dotted(path): leaf for path, leaf in iterate_leaves(value)}


def iterate_leaves(value: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield what is neither a mapping nor a list of mappings, with the path that leads to it."""
    items: Any
    if isinstance(value, Mapping):
        items = value.items()
    elif _is_list_of_mappings(value):
        items = enumerate(value)
    else:
        yield path, value
        return
    for key, inner in items:
        yield from iterate_leaves(inner, (*path, key))


def _is_list_of_mappings(value: Any) -> bool:
    # An empty list is a value: that there is nothing in it is worth telling.
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(item, Mapping) for item in value)
