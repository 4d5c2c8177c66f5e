"""The folder of runs: `<root>/<key>/`.

A run's folder is claimed before anything is computed, and its record is moved in last, so that it
is whole or absent.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic import ValidationError

from harness.core.errors import InputError
from harness.core.files import write_json_atomically
from harness.core.jobs import AlreadyRunningError
from harness.core.values import JsonObject
from harness.records.checks import first_mistake
from harness.records.record import Record, parse_record

State = Literal["done", "failed", "running", "missing"]
"""Of a run: it has a result, or failed; another process holds it; there is nothing of it."""


@dataclass(frozen=True, slots=True)
class Store:
    """All runs below one folder."""

    root: Path

    def folder(self, key: str) -> Path:
        """Return where a run keeps its files."""
        return self.root / key

    def record(self, key: str) -> Record | None:
        """Read the record of a run, or None where it has none (yet).

        Raises:
            InputError: naming the file and field where it is damaged.
        """
        value = self._read(key)
        if value is None:
            return None
        try:
            return parse_record(value)
        except ValidationError as error:
            raise InputError(
                f"{self._record_path(key)}: {first_mistake(error)}: run it again"
                " (`harness run ... --again`)"
            ) from error

    def state(self, key: str) -> State:
        """Return the state of a run.

        Raises:
            InputError: where its record is not JSON.
        """
        folder = self.folder(key)
        if not folder.is_dir():
            return "missing"
        if _is_held(folder):
            return "running"
        # The status alone is looked at, since a plan asks for that of a thousand runs.
        value = self._read(key)
        if value is None:
            return "missing"
        has_result = isinstance(value, dict) and value.get("status") == "ok"
        return "done" if has_result else "failed"

    @contextmanager
    def claim(self, key: str, settings: JsonObject) -> Iterator[Path]:
        """Hold a run while it is computed, and yield its folder.

        The hold is a file lock: it ends with the process, however that ends. An earlier record
        stays until there is a new one (`write_record`).

        Raises:
            AlreadyRunningError: where another process holds the run.
        """
        folder = self.folder(key)
        folder.mkdir(parents=True, exist_ok=True)
        # A lock of the operating system and no file that says so: a process that is killed cannot
        # clean up, and nobody else could tell whether it is still at work.
        lock = FileLock(folder / "lock")
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise AlreadyRunningError(
                f"run {key[:12]} is being computed by another process"
            ) from error
        try:
            # Epochs are appended one by one, so those of an interrupted attempt must go first.
            (folder / "epochs.csv").unlink(missing_ok=True)
            write_json_atomically(folder / "run.json", settings)
            yield folder
        finally:
            lock.release()

    def _record_path(self, key: str) -> Path:
        return self.folder(key) / "record.json"

    def _read(self, key: str) -> Any:
        path = self._record_path(key)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise InputError(
                f"{path}: is not JSON: delete the folder and run the scenario again"
            ) from error


def _is_held(folder: Path) -> bool:
    # Asked before the lock is tried, which would make the file: a plan leaves no trace.
    if not (folder / "lock").exists():
        return False
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def write_record(folder: Path, record: Record) -> None:
    """Store the record of a run.

    An earlier one is kept beside it as record.1.json, record.2.json, ...
    """
    current = folder / "record.json"
    if current.exists():
        # Copied and not moved, so that there is a record at any moment.
        number = len(list(folder.glob("record.*.json"))) + 1
        shutil.copy2(current, folder / f"record.{number}.json")
    write_json_atomically(current, record.as_json())


def append_epoch(folder: Path, epoch: JsonObject) -> None:
    """Add a line to epochs.csv, with a header if it is the first."""
    path = folder / "epochs.csv"
    # A spreadsheet has no nested columns: each term of the loss gets one of its own.
    row = {name: value for name, value in epoch.items() if name != "terms"}
    for name, value in epoch["terms"].items():
        row[f"loss_{name}"] = value
    is_first = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if is_first:
            writer.writeheader()
        writer.writerow(row)


def write_confusion(folder: Path, images: list[str], counts: NDArray[np.int64]) -> None:
    """Store confusion counts with the keys of the images.

    Args:
        folder: the run's folder.
        images: keys of the test images.
        counts: int64 [images, K, K]: true classes by predicted ones.
    """
    np.savez_compressed(folder / "confusion.npz", images=np.array(images), counts=counts)
