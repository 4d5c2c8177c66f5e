"""Reading and writing files: a reader sees the old file or the new one, never a part."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.core.errors import InputError


def replace_file(path: Path, text: str) -> None:
    """Writes a text file, and its folder, so that a reader sees the old one or the new one, never a
    part.

    Raises InputError where it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(text.encode("utf-8"))
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise InputError(
            f"{path}: cannot be written ({error.strerror}): make way for it, or set"
            " HARNESS_LEADERBOARDS"
        ) from error


def read_text(path: Path) -> str:
    """A text file, in UTF-8 with or without a byte order mark. Raises InputError naming a file that
    cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text") from error
