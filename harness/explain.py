"""Says in terms of the scenario file what pydantic found wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from harness.documents import Document, Keys, Problem, dotted
from harness.suggestions import suggestion


def explained(
    model: type[BaseModel], details: ErrorDetails, document: Document, path: Keys
) -> Problem:
    """One of pydantic's findings about a model written at a path, as a problem of the document."""
    location, inside = list[str | int](), document.value
    for step in path:
        inside = inside[step] if _holds(inside, step) else None
    for step in details["loc"]:  # pydantic also names union members, which are no part of the file
        if _holds(inside, step):
            location.append(step)
            inside = inside[step]
        elif isinstance(step, str) and details["type"] == "missing":
            location.append(step)
            inside = None
    where: Keys = (*path, *location)
    if details["type"] == "extra_forbidden":
        known = _fields_at(model, details["loc"][:-1])
        return Problem(
            document.place(where, key=True),
            dotted(where),
            f"unknown field. {suggestion(str(details['loc'][-1]), known)}",
        )
    if details["type"] == "missing":
        return Problem(document.place(where[:-1], key=True), dotted(where), "is missing")
    message, given = details["msg"].removeprefix("Value error, "), details["input"]
    if details["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'", details["ctx"]["expected"])
        message = f"is not a choice. {suggestion(str(given), choices)}"
    shown = "" if isinstance(given, dict | list | BaseModel) else f"{given!r}: "
    return Problem(
        document.place(where), dotted(where), f"{shown}{message[:1].lower()}{message[1:]}"
    )


def _holds(value: Any, step: str | int) -> bool:
    """Whether a dict or list has something at a step."""
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _fields_at(model: type[BaseModel], location: Iterable[str | int]) -> list[str]:
    """The field names of the model found by following a pydantic location."""
    for step in location:
        field = model.model_fields.get(str(step))
        annotation = field.annotation if field else None
        for candidate in [annotation, *getattr(annotation, "__args__", ())]:
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return list(model.model_fields)
