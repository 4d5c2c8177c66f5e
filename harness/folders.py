"""Where things are on disk. Each place is an environment variable with a default below the current folder."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.data import InputError


def data_root() -> Path:
    """Where data sets are: HARNESS_DATA, default `data`."""
    return Path(os.environ.get("HARNESS_DATA") or "data").expanduser()


def runs_root() -> Path:
    """Where runs are written: HARNESS_RUNS, default `runs`."""
    return Path(os.environ.get("HARNESS_RUNS") or "runs").expanduser()


def leaderboards_root() -> Path:
    """Where leaderboards and their records are: HARNESS_LEADERBOARDS, default `leaderboards`."""
    return Path(os.environ.get("HARNESS_LEADERBOARDS") or "leaderboards").expanduser()


def cache_root() -> Path:
    """Where decoded patches and file digests are kept: HARNESS_CACHE, default `~/.cache/weakseg-harness`."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return Path(os.environ.get("HARNESS_CACHE") or base / "weakseg-harness").expanduser()


def replace_file(path: Path, text: str) -> None:
    """Writes a text file, and its folder, so that a reader sees the old one or the new one, never a part.

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
        raise InputError(f"{path}: cannot be written ({error.strerror}): make way for it, or set HARNESS_LEADERBOARDS") from error
