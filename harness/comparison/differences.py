"""In which settings, versions and hardware runs differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.core.flatten import flatten
from harness.records.record import FinishedRecord, RunSettings

PROVENANCE = ("packages", "git", "machine", "hardware", "initialisation", "parameters")
"""The fields of a record that say what a run was computed with, in the order they are printed."""

HASH = re.compile(r"[0-9a-f]{40,64}")

Values = Mapping[str, Any]
"""Values by the dotted path of where they stand in a record."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that differs between two sides, A and B."""

    path: str
    """Where it stands, such as training.epochs."""
    a: Any
    """The value of A; None where it has none, a tuple where its runs have different ones."""
    b: Any
    """The same of B."""


def find_differences(a: Values, b: Values) -> list[Difference]:
    """Find the paths at which two flat mappings differ, in their order."""
    differences = []
    for path in dict.fromkeys([*a, *b]):
        difference = Difference(path, a.get(path), b.get(path))
        if difference.a != difference.b:
            differences.append(difference)
    return differences


def setting_values(record: FinishedRecord) -> dict[str, Any]:
    """Return the settings of a run and its classes, by dotted path."""
    values = flatten_settings(record.settings)
    values["classes"] = record.class_names
    values["mean_over"] = record.mean_over
    return values


def flatten_settings(settings: RunSettings) -> dict[str, Any]:
    """Return settings by dotted path."""
    nested = settings.as_json()
    # With the defaults of fields that the record is too old to have: they change nothing, so a
    # record that says them is no different from one that does not.
    for name in ("patches", "split", "training", "evaluation"):
        section = getattr(settings, name)
        nested[name] = section.model_dump(mode="json")
    return flatten(nested)


def provenance_values(record: FinishedRecord) -> dict[str, Any]:
    """Return what a run was computed with, by dotted path: versions, machine, initial weights."""
    fields = record.model_dump(mode="json", exclude_unset=True, include=set(PROVENANCE))
    return flatten({name: fields[name] for name in PROVENANCE if name in fields})


def merge_values(values_of_runs: Iterable[Values]) -> dict[str, Any]:
    """Return the values of several runs by path.

    That is the value which all runs have, or a tuple of the different ones.
    """
    runs = list(values_of_runs)
    paths: dict[str, None] = {}
    for values in runs:
        paths.update(dict.fromkeys(values))
    merged: dict[str, Any] = {}
    for path in paths:
        different = _list_different(runs, path)
        merged[path] = different[0] if len(different) == 1 else tuple(different)
    return merged


def _list_different(runs: Sequence[Values], path: str) -> list[Any]:
    """Return the values that runs have at a path, each once; None where a run has none."""
    different: list[Any] = []
    for values in runs:
        value = values.get(path)
        # Not a set, because a value may be a list.
        if value not in different:
            different.append(value)
    return different


def format_value(value: Any) -> str:
    """Write a value for a table: hashes are short, several values stand side by side."""
    if value is None:
        return "–"
    if isinstance(value, tuple):
        return " | ".join(map(format_value, value))
    if isinstance(value, list):
        return f"[{', '.join(map(format_value, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and HASH.fullmatch(value):
        return f"{value[:12]}…"
    return str(value)
