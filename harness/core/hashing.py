"""Digests of JSON values and of the contents of files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.core.files import write_json_atomically


def digest(value: Any) -> str:
    """Return the sha256 (hex) of a JSON value in canonical form."""
    # Keys of runs depend on every character here: the order of names, and no blanks.
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def files_fingerprint(files: Iterable[Path], memory: Path) -> str:
    """Return the sha256 over the contents of files, in order: not over their names or places.

    Args:
        files: The files to read.
        memory: A JSON file that remembers digests by path, size and modification time, so that
            unchanged files are read once. With os.devnull, nothing is remembered.

    Raises:
        InputError: naming a file that cannot be read, such as a link to nothing.
    """
    remembered = _read_memory(memory)
    count_before = len(remembered)
    digests = []
    for file in files:
        try:
            status = file.stat()
            tag = f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}"
            if tag not in remembered:
                remembered[tag] = _file_digest(file)
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from error
        digests.append(remembered[tag])
    if len(remembered) > count_before and memory != Path(os.devnull):
        write_json_atomically(memory, remembered)
    return digest(digests)


def _read_memory(memory: Path) -> dict[str, str]:
    # The memory only saves time: one that is absent or damaged is begun anew.
    try:
        remembered: dict[str, str] = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return remembered


def _file_digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
