"""Where things are on disk. Each place is an environment variable with a default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from harness.core.errors import InputError


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
    """Where decoded patches and file digests are kept: HARNESS_CACHE, default
    `~/.cache/weakseg-harness`."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return Path(os.environ.get("HARNESS_CACHE") or base / "weakseg-harness").expanduser()


def check_writable(*names: Literal["RUNS", "LEADERBOARDS", "CACHE"]) -> None:
    """Raises InputError where one of these could not be written to, before hours go into what it
    would hold."""
    folders = {"RUNS": runs_root(), "LEADERBOARDS": leaderboards_root(), "CACHE": cache_root()}
    for name in names:
        folder = folders[name]
        there = next(
            path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()
        )
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            why = "cannot be written to" if there.is_dir() else "is not a folder"
            raise InputError(
                f"{there}: {why}: set HARNESS_{name} (now {folder}) to a folder that can be"
                " written to"
            )
