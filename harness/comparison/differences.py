"""In which settings, versions and hardware records differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from harness.comparison.find import Record
from harness.scenario.settings import Evaluation, Patches, Section, Split, Training

SECTIONS: Mapping[str, type[Section]] = {
    "patches": Patches,
    "split": Split,
    "training": Training,
    "evaluation": Evaluation,
}


Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that differs, by dotted path; None where a side has none."""

    path: str
    a: Any
    b: Any


def differing(a: Values, b: Values) -> list[Difference]:
    """The paths at which two flat mappings differ, in their order."""
    return [
        Difference(path, a.get(path), b.get(path))
        for path in dict.fromkeys([*a, *b])
        if a.get(path) != b.get(path)
    ]


def setting_values(record: Record) -> dict[str, Any]:
    """The settings of a run by dotted path, fields that its record is too old to have at their
    defaults; and its classes."""
    found = dict(record["settings"])
    for name, section in SECTIONS.items():
        found[name] = filled(section, found.get(name, {}))
    return flat(found) | {
        "classes": [entry["name"] for entry in record["classes"]],
        "mean_over": record["mean_over"],
    }


def filled(section: type[Section], written: Mapping[str, Any]) -> Mapping[str, Any]:
    """A section with the defaults of fields that a record does not have; as it is where today's
    fields do not fit."""
    try:
        return section.model_validate(written).model_dump(mode="json")
    except ValidationError:
        return written


def provenance_values(record: Record) -> dict[str, Any]:
    """What a run was computed with, by dotted path: versions, git state, machine, hardware, initial
    weights."""
    parts = {
        name: record.get(name)
        for name in ("packages", "git", "machine", "hardware", "initialisation", "parameters")
    }
    return flat({name: part for name, part in parts.items() if part is not None})


def merged(values: Sequence[Values]) -> dict[str, Any]:
    """The values of several runs by path: the one that all have, or a tuple of the different
    ones."""
    found: dict[str, Any] = {}
    for path in dict.fromkeys(path for own in values for path in own):
        every = [own.get(path) for own in values]
        different = [value for index, value in enumerate(every) if value not in every[:index]]
        found[path] = different[0] if len(different) == 1 else tuple(different)
    return found


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Nested mappings, and lists of mappings, as one mapping by dotted path."""
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        value = {str(index): item for index, item in enumerate(value)}
    if not isinstance(value, Mapping):
        return {path: value}
    inner = [flat(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()]
    return {key: item for part in inner for key, item in part.items()}


def shown(value: Any) -> str:
    """A value for a table: hashes short, several values side by side."""
    if isinstance(value, tuple):
        return " | ".join(map(shown, value))
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{40,64}", value):
        return f"{value[:12]}…"
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
