"""Digests of JSON values and of the contents of files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.core.errors import InputError


def digest(value: Any) -> str:
    """sha256 (hex) of a JSON value in canonical form."""
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def files_fingerprint(files: Iterable[Path], memory: Path) -> str:
    """sha256 over the contents of files, in order, by content alone: not by name or place.

    `memory` is a JSON file that remembers digests by path, size and modification time, so that
    unchanged files are read once. Raises InputError naming a file that cannot be read, such as a
    link to nothing.
    """
    try:
        known: dict[str, str] = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    digests, fresh = [], {}
    for file in files:
        try:
            status = file.stat()
            tag = f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}"
            if tag not in known:
                with file.open("rb") as stream:
                    fresh[tag] = known[tag] = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from error
        digests.append(known[tag])
    if fresh:
        memory.parent.mkdir(parents=True, exist_ok=True)
        partial = memory.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(known), encoding="utf-8")
        partial.replace(memory)
    return digest(digests)
