"""Reading and writing files.

All writing here is atomic: a reader sees the old file or the new one, never a part, whatever
happens to the writer.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.core.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Offer a place for a new file or folder, which then takes the place of the one at `path`.

        with replacing(folder / "weights.safetensors") as partial:
            save_file(weights, partial)

    The folder around `path` is made where it is absent. Nothing is at the place that is offered:
    write a file there, or make a folder. Where the block raises, what it wrote is removed and
    `path` stays as it was. A folder can only take the place of nothing, or of an empty one.

    Raises:
        OSError: where the place cannot be written to, or `path` is a device.
    """
    # Renaming a file over /dev/null would work, for a user who may, and would break the machine.
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise PermissionError(errno.EPERM, "Is a device", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside `path`, because a rename is atomic within one file system alone. The number keeps
    # processes apart that write the same file.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    # A process that had the same number may have died here.
    _remove(partial)
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            _remove(partial)
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """Write a text file in UTF-8, and its folder. Raises OSError where it cannot be written."""
    with replacing(path) as partial:
        # As bytes, so that line ends are the same on every system.
        partial.write_bytes(text.encode("utf-8"))


def write_json_atomically(path: Path, value: Any) -> None:
    """Write a JSON file, indented by one. Raises OSError where it cannot be written."""
    write_text_atomically(path, json.dumps(value, indent=1) + "\n")


def replace_file(path: Path, text: str) -> None:
    """Write a text file of the leaderboards, atomically.

    Raises:
        InputError: where it cannot be written.
    """
    try:
        write_text_atomically(path, text)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}): make way for it, or set"
            " HARNESS_LEADERBOARDS"
        ) from error


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises:
        InputError: where it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text") from error


def _remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
