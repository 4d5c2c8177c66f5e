"""The error that a user can mend, and the words that help to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


class InputError(ValueError):
    """Something the user wrote or supplied cannot work; the message names it and the remedy. Exit
    code 2."""


Keys = tuple[str | int, ...]

MANY = 20


def suggestion(name: str, known: Iterable[str]) -> str:
    """ "Did you mean ...?" where known names are near, then all known names, or how many there
    are."""
    known = sorted(known)
    near = [
        other for other in known if name and (other.startswith(name) or name in other.split("-"))
    ]
    near = near or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f"Did you mean {' or '.join(map(repr, near[:3]))}? " if near else ""
    if len(known) > MANY:
        return f"{meant}{len(known)} are known, such as {', '.join(known[:3])}."
    return f"{meant}Known: {', '.join(known) or 'none'}."


def dotted(path: Keys) -> str:
    """A path as it is written on the command line: training.epochs."""
    return ".".join(map(str, path))
