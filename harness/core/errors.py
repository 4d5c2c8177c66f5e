"""The error that a user can mend, and the words that help to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

Keys = tuple[str | int, ...]
"""Where a value is in a document: the names and list positions that lead to it."""

MAX_NAMES = 20
"""A message lists at most so many known names."""

NAMED = 3
"""A message names at most so many near names, or examples of many."""


class InputError(ValueError):
    """Something the user wrote or supplied cannot work.

    The message names it and the remedy. The exit code is 2.
    """


def suggestion(name: str, known: Iterable[str]) -> str:
    """Say which known names may have been meant, and which there are.

    Args:
        name: A name that is not known.
        known: The names that would have been right.

    Returns:
        "Did you mean ...?" where known names are near; then all known names, or their number.
    """
    names = sorted(known)
    near_names = _near_names(name, names)[:NAMED]
    question = ""
    if near_names:
        question = f"Did you mean {' or '.join(map(repr, near_names))}? "
    if len(names) > MAX_NAMES:
        return f"{question}{len(names)} are known, such as {', '.join(names[:NAMED])}."
    return f"{question}Known: {', '.join(names) or 'none'}."


def _near_names(name: str, names: list[str]) -> list[str]:
    """Return the names that begin with this one or have it as a word, or else the most similar."""
    # An empty name begins every name, and tells nothing about what was meant.
    if name:
        longer = [other for other in names if other.startswith(name) or name in other.split("-")]
        if longer:
            return longer
    return difflib.get_close_matches(name, names, n=1, cutoff=0.5)


def dotted(path: Keys) -> str:
    """Write a path as on the command line: training.epochs."""
    return ".".join(map(str, path))
