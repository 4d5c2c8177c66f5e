"""Finds stored records by what a person calls them, and reads their scores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness import metrics
from harness.core.errors import InputError, suggestion
from harness.leaderboard.board import Board, read_board, records_path
from harness.records.store import Store

Record = Mapping[str, Any]


NLL = "NLL (nats)"


OFF = {"hard": "proportions off, hard", "soft": "proportions off, soft"}
"""How far predicted class shares of a patch are from the true ones, by how pixels are counted."""


ERRORS = (*OFF.values(), "calibration error", NLL)


NAMES = "give BOARD, BOARD:METHOD, BOARD:METHOD:SEED, or the first digits of a run's key"


@dataclass(frozen=True, slots=True)
class Selection:
    """The finished runs that a name stands for: one run, a row (a method over its seeds) or a
    board."""

    name: str
    kind: Literal["run", "row", "board"]
    records: tuple[Record, ...]


def find(text: str, root: Path, store: Store) -> Selection:
    """What `text` names in the leaderboards' folder `root`, or by key in the folder of runs too.

    Raises InputError with the nearest names where there is nothing of that name, or nothing that
    finished.
    """
    name, _, rest = text.partition(":")
    boards = sorted(path.stem for path in (root / "records").glob("*.jsonl"))
    if name not in boards:
        if re.fullmatch(r"[0-9a-f]{4,64}", text):
            return Selection(text, "run", (_by_key(text, root, boards, store),))
        raise InputError(f"{text}: no board {name!r}: {NAMES}. {suggestion(name, boards)}")
    board = read_board(records_path(root, name))
    if not rest:
        return Selection(text, "board", _finished(text, board.records))
    methods = [entry["name"] for entry in board.header["methods"]]
    method, _, seed = rest.rpartition(":")
    if rest not in methods and method in methods and seed.isdigit():
        own = tuple(record for record in row(board, method) if record["seed"] == int(seed))
        if not own:
            seeds = ", ".join(str(record["seed"]) for record in row(board, method))
            raise InputError(
                f"{text}: board {name} has no seed {seed} of {method!r}: its seeds are {seeds}"
            )
        return Selection(text, "run", _finished(text, own))
    return Selection(text, "row", _finished(text, row(board, rest)))


def row(board: Board, method: str) -> tuple[Record, ...]:
    """The planned runs of a method. Raises InputError with the nearest name where the board has no
    such method."""
    methods = [entry["name"] for entry in board.header["methods"]]
    if method not in methods:
        raise InputError(
            f"board {board.header['board']} has no method {method!r}. {suggestion(method, methods)}"
        )
    return tuple(record for record in board.records if record["method"] == method)


def _finished(text: str, records: tuple[Record, ...]) -> tuple[Record, ...]:
    done = tuple(record for record in records if record["status"] == "ok")
    if not done:
        states = ", ".join(sorted({record["status"] for record in records})) or "nothing planned"
        raise InputError(f"{text}: has no finished run ({states}): compute it with harness run")
    return done


def _by_key(prefix: str, root: Path, boards: list[str], store: Store) -> Record:
    folders = sorted(store.root.glob(f"{prefix}*")) if store.root.is_dir() else []
    found: dict[str, Record] = {}
    for folder in folders:
        try:
            own = store.record(folder.name)
        except ValueError as error:
            raise InputError(
                f"{folder / 'record.json'}: is not JSON: delete the folder and run the scenario"
                " again"
            ) from error
        if own:
            found[folder.name] = own
    for board in boards:
        for record in read_board(records_path(root, board)).records:
            if record["key"].startswith(prefix):
                found.setdefault(record["key"], record)
    if not found:
        raise InputError(
            f"{prefix}: no board and no run of that key, in {store.root} and {root / 'records'}:"
            f" {NAMES}"
        )
    if len(found) > 1:
        listed = ", ".join(
            f"{key[: len(prefix) + 4]} ({r.get('method')}, seed {r.get('seed')})"
            for key, r in list(found.items())[:4]
        )
        raise InputError(
            f"{prefix}: {len(found)} runs have a key that begins so: {listed}: give more of it"
        )
    return _finished(prefix, tuple(found.values()))[0]


def counts(record: Record) -> NDArray[np.int64]:
    """The confusion counts [K, K] of the whole test."""
    total: NDArray[np.int64] = np.array(record["confusion"]["counts"], np.int64).sum(0)
    return total


def scores(record: Record) -> dict[str, float]:
    """Scores by name, as fractions: mIoU first; what `details` give where the record has them; NaN
    where nothing was counted.

    Of those in `ERRORS`, less is better; `NLL` is no fraction.
    """
    total, names = counts(record), [entry["name"] for entry in record["classes"]]
    listed = [names.index(name) for name in record["mean_over"]]
    found = {"mIoU": metrics.mean_iou(total, listed), "accuracy": float(metrics.accuracy(total))}
    found["mean F1"] = _mean(metrics.f1(total)[listed])
    found |= {
        f"IoU {name}": float(value) for name, value in zip(names, metrics.iou(total), strict=True)
    }
    details = record.get("details", {})
    if "boundary" in details:
        radius = details["boundary"]["radius"]
        found[f"boundary IoU, {radius} px"] = _mean(
            metrics.boundary_iou(details["boundary"])[listed]
        )
        found[f"boundary F1, {radius} px"] = _mean(metrics.boundary_f1(details["boundary"])[listed])
    shares = details.get("proportions", {})
    found |= {name: float(shares[kind]["error"]) for kind, name in OFF.items() if kind in shares}
    if "calibration" in details:
        found["calibration error"] = metrics.expected_calibration_error(details["calibration"])
        found[NLL] = metrics.negative_log_likelihood(details["calibration"])
    return found


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
