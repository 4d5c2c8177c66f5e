"""Mistakes that pydantic finds, in words, and at the place where they were written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from harness.core.errors import Keys, dotted, suggestion
from harness.core.validation import Mistake
from harness.scenario.yaml_document import Document, Problem, YamlValue


def explain(model: type[BaseModel], mistake: Mistake, document: Document, path: Keys) -> Problem:
    """Return a mistake that pydantic found as a problem of the document.

    Args:
        model: The model that refused what it was given.
        mistake: The mistake.
        document: The document in which that was written.
        path: Where the model's part of the document begins.
    """
    full_path = (*path, *_written_location(mistake, _value_at(document.value, path)))
    field = dotted(full_path)
    if mistake.kind == "extra_forbidden":
        place = document.place(full_path, key=True)
        fields = _fields_at(model, mistake.path[:-1])
        remedy = suggestion(str(mistake.path[-1]), fields)
        return Problem(place, field, f"unknown field. {remedy}")
    if mistake.kind == "missing":
        # It was written nowhere: what should hold it is the nearest place.
        return Problem(document.place(full_path[:-1], key=True), field, "is missing")
    return Problem(document.place(full_path), field, _explain_value(mistake))


def _explain_value(mistake: Mistake) -> str:
    """Return what is wrong with a value: the value, if it is short, and the reason."""
    reason = mistake.message.removeprefix("Value error, ")
    if mistake.kind == "literal_error":
        # Pydantic lists all choices; the nearest one helps more with a typing mistake.
        choices = re.findall(r"'([^']*)'", mistake.expected)
        reason = f"is not a choice. {suggestion(str(mistake.value), choices)}"
    reason = f"{reason[:1].lower()}{reason[1:]}"
    if isinstance(mistake.value, dict | list | BaseModel):
        return reason
    return f"{mistake.value!r}: {reason}"


def _value_at(value: YamlValue, path: Keys) -> YamlValue:
    """Return what stands at a path, or None where there is nothing."""
    for step in path:
        if not _holds(value, step):
            return None
        value = value[step]
    return value


def _written_location(mistake: Mistake, value: YamlValue) -> list[str | int]:
    """Return pydantic's location without the steps that nobody wrote."""
    location: list[str | int] = []
    for step in mistake.path:
        # Pydantic also names the members of unions; they are no part of the file.
        if _holds(value, step):
            location.append(step)
            value = value[step]
        elif isinstance(step, str) and mistake.kind == "missing":
            location.append(step)
            value = None
    return location


def _holds(value: YamlValue, step: str | int) -> bool:
    """Return True where a dict or a list has something at a step."""
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _fields_at(model: type[BaseModel], location: Iterable[str | int]) -> list[str]:
    """Return the names of the fields of the model that a location of pydantic leads to."""
    for step in location:
        if str(step) in model.model_fields:
            model = _inner_model(model.model_fields[str(step)].annotation) or model
    return list(model.model_fields)


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation is, or that it has among its arguments."""
    inner_model = None
    # The last of several wins: in dict[str, MethodSettings] and X | None there is but one.
    for candidate in [annotation, *getattr(annotation, "__args__", ())]:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            inner_model = candidate
    return inner_model
