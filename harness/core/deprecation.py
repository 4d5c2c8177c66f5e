"""How a public name leaves: it warns for one minor version, and the next one does without it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

import typing_extensions

Public = TypeVar("Public", bound=Callable[..., object])


def deprecated(*, leaves_in: str, instead: str) -> Callable[[Public], Public]:
    """Mark a public function or class that a coming version will not have.

    Calling the function, or making or subclassing the class, warns with a DeprecationWarning that
    names the line of the caller. Python's default filter shows such a warning once for each line
    of a script, and pytest shows all of them. Calls, types and signatures stay as they are: a class
    is the same object as before.

    Args:
        leaves_in: The version that will not have the name any more, such as "0.4".
        instead: What to write instead, such as "harness.api.stream".

    Returns:
        A decorator.
    """

    def mark(target: Public) -> Public:
        message = f"{target.__name__} leaves in version {leaves_in}: use {instead} instead"
        signature = inspect.signature(target)
        marked = typing_extensions.deprecated(message)(target)
        # A class warns in a `__new__` that takes anything, which would hide its parameters from
        # help(), editors and pydantic.
        marked.__signature__ = signature  # type: ignore[attr-defined]
        return marked

    return mark
