"""Finds records by what a person calls them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from harness.core.errors import InputError, suggestion
from harness.leaderboard.board import Board, list_boards, read_board_file, records_path
from harness.records.record import FinishedRecord, Record
from harness.records.store import Store

NAMES = "give BOARD, BOARD:METHOD, BOARD:METHOD:SEED, or the first digits of a run's key"

KEY = re.compile(r"[0-9a-f]{4,64}")
"""The first digits of a key."""

EXAMPLES = 4
"""A message names at most so many of the runs that a few digits stand for."""


NameKind = Literal["run", "row", "board"]
"""What a name can stand for."""


@dataclass(frozen=True, slots=True)
class NamedRecords:
    """The finished runs that a name stands for."""

    name: str
    """What the person wrote."""
    kind: NameKind
    """One run, a method over its seeds, or all runs of a board."""
    records: tuple[FinishedRecord, ...]
    """At least one."""


def find_records(text: str, root: Path, store: Store) -> NamedRecords:
    """Find the finished runs that a person names.

    Args:
        text: a board, row or run, or the first digits of a run's key.
        root: the leaderboards' folder.
        store: the folder of runs, where keys are looked up too.

    Raises:
        InputError: with the nearest names, where there is nothing of that name, or nothing that
            finished.
    """
    name, _, rest = text.partition(":")
    boards = list_boards(root)
    if name in boards:
        board = read_board_file(records_path(root, name))
        return _find_on_board(text, board, rest)
    # Boards come first: a name of nothing but hexadecimal digits could be a key too.
    if KEY.fullmatch(text):
        record = _find_by_key(text, root, store)
        return _name_finished(text, "run", [record])
    raise InputError(f"{text}: no board {name!r}: {NAMES}. {suggestion(name, boards)}")


def _find_on_board(text: str, board: Board, rest: str) -> NamedRecords:
    """Find finished runs of a board.

    Args:
        text: what the person wrote.
        board: the board.
        rest: what follows the name of the board: nothing, METHOD or METHOD:SEED.
    """
    if not rest:
        return _name_finished(text, "board", board.records)
    methods = board.header.method_names
    method, _, seed = rest.rpartition(":")
    # A method may have a colon in its name, and then the whole of it comes first.
    is_run = rest not in methods and method in methods and seed.isdigit()
    if is_run:
        run = _find_seed(text, board, method, int(seed))
        return _name_finished(text, "run", [run])
    runs = planned_runs(board, rest)
    return _name_finished(text, "row", runs)


def planned_runs(board: Board, method: str) -> tuple[Record, ...]:
    """Return the runs that a board plans of a method, in the order of its file.

    Raises:
        InputError: with the nearest name, where the board has no such method.
    """
    methods = board.header.method_names
    if method not in methods:
        raise InputError(
            f"board {board.name} has no method {method!r}. {suggestion(method, methods)}"
        )
    return tuple(record for record in board.records if record.method == method)


def list_states(records: Iterable[Record], otherwise: str) -> str:
    """Return the states that runs are in, for a message; or other words where there are no runs."""
    states = {record.status for record in records}
    return ", ".join(sorted(states)) or otherwise


def list_seeds(seeds: Iterable[int]) -> str:
    """Write seeds for a sentence."""
    return ", ".join(map(str, seeds))


def name_seeds(seeds: Collection[int]) -> str:
    """Write seeds with the word for them: `seed 0` or `seeds 0, 1`."""
    noun = "seed" if len(seeds) == 1 else "seeds"
    return f"{noun} {list_seeds(seeds)}"


def _find_seed(text: str, board: Board, method: str, seed: int) -> Record:
    runs = planned_runs(board, method)
    for record in runs:
        if record.seed == seed:
            return record
    seeds = list_seeds(record.seed for record in runs)
    raise InputError(
        f"{text}: board {board.name} has no seed {seed} of {method!r}: its seeds are {seeds}"
    )


def _name_finished(text: str, kind: NameKind, records: Sequence[Record]) -> NamedRecords:
    """Give those of some runs that have a result the name that a person wrote.

    Raises:
        InputError: where none has one.
    """
    finished = []
    for record in records:
        if isinstance(record, FinishedRecord):
            finished.append(record)
    if not finished:
        states = list_states(records, "nothing planned")
        raise InputError(f"{text}: has no finished run ({states}): compute it with harness run")
    return NamedRecords(text, kind, tuple(finished))


def _find_by_key(prefix: str, root: Path, store: Store) -> Record:
    records = _records_by_key(prefix, root, store)
    if not records:
        raise InputError(
            f"{prefix}: no board and no run of that key, in {store.root} and {root / 'records'}:"
            f" {NAMES}"
        )
    if len(records) > 1:
        raise InputError(
            f"{prefix}: {len(records)} runs have a key that begins so:"
            f" {_list_examples(prefix, records)}: give more of it"
        )
    (record,) = records.values()
    return record


def _records_by_key(prefix: str, root: Path, store: Store) -> dict[str, Record]:
    """Return all records whose key begins with some digits, by key."""
    records: dict[str, Record] = {}
    for folder in sorted(store.root.glob(f"{prefix}*")):
        record = store.record(folder.name)
        if record is not None:
            records[folder.name] = record
    for name in list_boards(root):
        board = read_board_file(records_path(root, name))
        for record in board.records:
            # What the folder of runs has is newer than what was collected from it.
            if record.key.startswith(prefix):
                records.setdefault(record.key, record)
    return records


def _list_examples(prefix: str, records: Mapping[str, Record]) -> str:
    examples = []
    # Four digits more than were given are most often enough to tell the runs apart.
    length = len(prefix) + 4
    for key, record in islice(records.items(), EXAMPLES):
        digits = key[:length]
        examples.append(f"{digits} ({record.method}, seed {record.seed})")
    return ", ".join(examples)
