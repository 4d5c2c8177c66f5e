"""The folder of runs: `<root>/<key>/`. Claimed before anything is computed; the record is moved in
last, so it is whole or absent."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from harness.core.errors import InputError
from harness.core.jobs import AlreadyRunningError

State = Literal["done", "failed", "running", "missing"]


@dataclass(frozen=True, slots=True)
class Store:
    """All runs below one folder."""

    root: Path

    def folder(self, key: str) -> Path:
        """Where a run keeps its files."""
        return self.root / key

    def record(self, key: str) -> dict[str, Any] | None:
        """The record of a run, or None where it has none (yet). Raises InputError where it is
        damaged."""
        path = self.folder(key) / "record.json"
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise InputError(
                f"{path}: is not JSON: delete the folder and run the scenario again"
            ) from error
        return record

    def state(self, key: str) -> State:
        """done, failed, running (another process holds it) or missing."""
        folder = self.folder(key)
        if not folder.is_dir():
            return "missing"
        if _held(folder):
            return "running"
        record = self.record(key)
        if record is None:
            return "missing"
        return "done" if record["status"] == "ok" else "failed"

    @contextmanager
    def claim(self, key: str, settings: Mapping[str, Any]) -> Iterator[Path]:
        """Holds a run while it is computed; the hold ends with the process, however that ends.
        Raises AlreadyRunningError.

        An earlier record stays until there is a new one (`write_record`).
        """
        folder = self.folder(key)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise AlreadyRunningError(
                f"run {key[:12]} is being computed by another process"
            ) from error
        try:
            (folder / "epochs.csv").unlink(missing_ok=True)
            write_json(folder / "run.json", settings)
            yield folder
        finally:
            lock.release()


def _held(folder: Path) -> bool:
    if not (folder / "lock").exists():
        return False
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def write_json(path: Path, value: Any) -> None:
    """Writes JSON so that a reader sees the old file or the new one, never a part."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Stores the record of a run. An earlier one is kept beside it as record.1.json, record.2.json,
    ..."""
    current = folder / "record.json"
    if current.exists():
        shutil.copy2(current, folder / f"record.{len(list(folder.glob('record.*.json'))) + 1}.json")
    write_json(current, record)


def append_epoch(folder: Path, epoch: Mapping[str, Any]) -> None:
    """Adds a line to epochs.csv, with a header if it is the first."""
    path = folder / "epochs.csv"
    row = {key: value for key, value in epoch.items() if key != "terms"} | {
        f"loss_{k}": v for k, v in epoch["terms"].items()
    }
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def write_confusion(folder: Path, images: list[str], counts: NDArray[np.int64]) -> None:
    """Stores confusion counts int64 [images, K, K] (rows: truth, columns: prediction) with the
    images' keys."""
    np.savez_compressed(folder / "confusion.npz", images=np.array(images), counts=counts)
