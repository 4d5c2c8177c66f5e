"""Where things are on disk. Each place is an environment variable with a default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from harness.core.errors import InputError


def data_root() -> Path:
    """Return where data sets are: HARNESS_DATA, by default `data`."""
    return Path(os.environ.get("HARNESS_DATA") or "data").expanduser()


def runs_root() -> Path:
    """Return where runs are written: HARNESS_RUNS, by default `runs`."""
    return Path(os.environ.get("HARNESS_RUNS") or "runs").expanduser()


def leaderboards_root() -> Path:
    """Return where boards and records are: HARNESS_LEADERBOARDS, by default `leaderboards`."""
    return Path(os.environ.get("HARNESS_LEADERBOARDS") or "leaderboards").expanduser()


def cache_root() -> Path:
    """Return where patches and digests of files are kept.

    That is HARNESS_CACHE, by default `weakseg-harness` in the user's cache folder.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return Path(os.environ.get("HARNESS_CACHE") or base / "weakseg-harness").expanduser()


def check_writable(*names: Literal["RUNS", "LEADERBOARDS", "CACHE"]) -> None:
    """Check that these places can be written to, before hours go into what they would hold.

    Raises:
        InputError: naming the first that cannot be, and the variable that moves it.
    """
    folders = {"RUNS": runs_root(), "LEADERBOARDS": leaderboards_root(), "CACHE": cache_root()}
    for name in names:
        folder = folders[name]
        # A folder that is absent will be made: what counts is the nearest one that is there.
        existing = folder.absolute()
        while not existing.exists():
            existing = existing.parent
        if not existing.is_dir():
            problem = "is not a folder"
        elif not os.access(existing, os.W_OK | os.X_OK):
            problem = "cannot be written to"
        else:
            continue
        raise InputError(
            f"{existing}: {problem}: set HARNESS_{name} (now {folder}) to a folder that can be"
            " written to"
        )
