"""What pydantic finds wrong with a value, as values of our own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness.core.errors import Keys


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a value that a model was given."""

    kind: str
    """What pydantic calls it, such as "missing" or "extra_forbidden"."""
    message: str
    """A sentence that says what is wrong."""
    path: Keys
    """The way to what is wrong. Pydantic also names the members of unions on it."""
    value: Any
    """What was given there; of a missing field, what should hold it."""
    expected: str = ""
    """Of a value that is none of several choices: the choices, each in quotes."""


def list_mistakes(error: ValidationError) -> list[Mistake]:
    """Return all mistakes that pydantic found, of which there is at least one."""
    return [_read_details(details) for details in error.errors(include_url=False)]


def _read_details(details: ErrorDetails) -> Mistake:
    context = details.get("ctx", {})
    return Mistake(
        kind=details["type"],
        message=details["msg"],
        path=details["loc"],
        value=details["input"],
        expected=str(context.get("expected", "")),
    )
