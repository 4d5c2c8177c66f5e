"""In which settings, versions and hardware runs differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.core.flatten import flatten
from harness.core.values import JsonObject
from harness.leaderboard.statistics import DASH
from harness.records.record import FinishedRecord, RunSettings

PROVENANCE = ("packages", "git", "machine", "hardware", "initialisation", "parameters")
"""The fields of a record that say what a run was computed with, in the order they are printed."""

HASH = re.compile(r"[0-9a-f]{40,64}")

Values = JsonObject
"""Values of any kind by the dotted path of where they stand in a record."""


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
    paths = dict.fromkeys([*a, *b])
    for path in paths:
        value_of_a = a.get(path)
        value_of_b = b.get(path)
        if value_of_a != value_of_b:
            difference = Difference(path, value_of_a, value_of_b)
            differences.append(difference)
    return differences


def setting_values(record: FinishedRecord) -> Values:
    """Return the settings of a run and its classes, by dotted path."""
    return list_settings(record.settings, record.class_names, record.mean_over)


def list_settings(settings: RunSettings, classes: list[str], mean_over: list[str]) -> Values:
    """Return settings by dotted path.

    Args:
        settings: the settings of a run.
        classes: the names of its classes.
        mean_over: the names of those that scores are averaged over.
    """
    values = _flatten_settings(settings)
    return {**values, "classes": classes, "mean_over": mean_over}


def _flatten_settings(settings: RunSettings) -> Values:
    nested = settings.as_json()
    # With the defaults of fields that the record is too old to have: they change nothing, so a
    # record that says them is no different from one that does not.
    for name in ("patches", "split", "training", "evaluation"):
        section = getattr(settings, name)
        nested[name] = section.model_dump(mode="json")
    return flatten(nested)


def provenance_values(record: FinishedRecord) -> Values:
    """Return what a run was computed with, by dotted path: versions, machine, initial weights."""
    # Of these fields alone: the counts of all test images would take a while to write.
    fields = record.model_dump(mode="json", exclude_unset=True, include=set(PROVENANCE))
    # In the order of printing; an older record lacks some of them.
    provenance = {name: fields[name] for name in PROVENANCE if name in fields}
    return flatten(provenance)


def merge_values(values_of_runs: Iterable[Values]) -> Values:
    """Return the values of several runs by path.

    That is the value which all runs have, or a tuple of the different ones.
    """
    runs = list(values_of_runs)
    paths: dict[str, None] = {}
    for values in runs:
        paths.update(dict.fromkeys(values))
    merged: Values = {}
    for path in paths:
        different = _list_different(runs, path)
        if len(different) == 1:
            merged[path] = different[0]
        else:
            merged[path] = tuple(different)
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
        return DASH
    if isinstance(value, tuple):
        return " | ".join(map(format_value, value))
    if isinstance(value, list):
        entries = ", ".join(map(format_value, value))
        return f"[{entries}]"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and HASH.fullmatch(value):
        return f"{value[:12]}…"
    return str(value)
