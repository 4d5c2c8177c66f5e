"""Mistakes in a scenario, in words: what pydantic found, and what published scores lack."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from harness.core.errors import Keys, dotted, suggestion
from harness.scenario.settings import SCORE, SCORES
from harness.scenario.yaml_document import Document, Problem


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


def mistakes(published: Any, methods: Collection[str], batches: bool) -> Iterable[tuple[Keys, str]]:
    """Methods and scores that do not exist, each with its path below `published` and what to do.

    `batches`: whether records have the mean IoU over batches. What has another shape than
    `published` is left to its model.
    """
    for name in _mapping(_mapping(published).get("values")):
        if name not in methods:
            yield ("values", name), f"is not a method. {suggestion(name, methods)}"
    for path, score in _written(published):
        if not re.match(SCORE, score):
            yield path, f"{score!r}: is not a score. {suggestion(score.partition(':')[0], SCORES)}"
        elif score == "batch_miou" and not batches:
            yield path, "batch_miou is computed where evaluation.batch_average is set: set it"


def unknown_classes(published: Any, classes: Collection[str]) -> Iterable[tuple[Keys, str]]:
    """The same for scores of a class, such as iou:road, that a data set does not have."""
    for path, score in _written(published):
        of = score.partition(":")[2]
        if of and of not in classes:
            yield path, f"the data set has no class {of!r}. {suggestion(of, classes)}"


def _written(published: Any) -> Iterable[tuple[Keys, str]]:
    """Every score that is named, with its path."""
    section = _mapping(published)
    compare = section.get("compare")
    if isinstance(compare, str):
        yield ("compare",), compare
    for method, value in _mapping(section.get("values")).items():
        for score in _mapping(value):
            yield ("values", method, score), score


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
