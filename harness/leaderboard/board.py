"""A board: all that its leaderboard is made from, as it stands in one file,
`leaderboards/records/<board>.jsonl`.

The first line describes the board; then comes a line per planned run, in order: its record, or a
stub where it has none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from harness.core.errors import InputError, suggestion
from harness.core.files import replace_file
from harness.leaderboard.annotation_costs import CostModel, cost_model, packaged
from harness.leaderboard.header import Header, find_problem, parse_header
from harness.records.checks import first_mistake
from harness.records.record import (
    FinishedRecord,
    MethodAndSeed,
    MissingRecord,
    Record,
    parse_record,
)

REMEDY = "restore the file, or delete it and run the scenario again"


@dataclass(frozen=True, slots=True)
class Board:
    """What a leaderboard is a pure function of."""

    header: Header
    records: tuple[Record, ...]
    """One of each planned run."""
    costs: CostModel = field(default_factory=packaged)
    """What annotation costs."""

    @property
    def name(self) -> str:
        """The stem of the board's files."""
        return self.header.board

    @property
    def reference(self) -> str:
        """The method that every other one is compared with."""
        return self.header.reference

    @property
    def is_smoke(self) -> bool:
        """Whether the board says that things run, and nothing else."""
        return self.header.is_smoke

    @property
    def ordered(self) -> list[Record]:
        """All records by method, as the header lists them, and seed."""
        names = self.header.method_names
        places = {name: place for place, name in enumerate(names)}

        def place_of_run(record: Record) -> tuple[int, int]:
            # Behind all others where the header does not have the method.
            place = places.get(record.method, len(names))
            return place, record.seed

        return sorted(self.records, key=place_of_run)

    @property
    def finished(self) -> list[FinishedRecord]:
        """The records of runs that have a result, ordered."""
        return [record for record in self.ordered if isinstance(record, FinishedRecord)]

    def runs_of(self, method: str) -> list[Record]:
        """The records of the planned runs of a method, by seed."""
        return [record for record in self.ordered if record.method == method]

    def finished_of(self, method: str) -> list[FinishedRecord]:
        """The records of the runs of a method that have a result, by seed."""
        return [record for record in self.finished if record.method == method]


def records_path(root: Path, board: str) -> Path:
    """Return where the records of a board are, below the leaderboards' folder."""
    return root / "records" / f"{board}.jsonl"


def list_boards(root: Path) -> list[str]:
    """Return the names of the boards in a leaderboards' folder."""
    return sorted(path.stem for path in (root / "records").glob("*.jsonl"))


def write_records(board: Board, root: Path) -> None:
    """Write the file of a board, below the leaderboards' folder."""
    lines = [json.dumps(board.header.as_json())]
    for record in board.records:
        lines.append(json.dumps(record.as_json()))
    text = "\n".join(lines) + "\n"
    replace_file(records_path(root, board.name), text)


def read_board_file(path: Path) -> Board:
    """Read the board in a records file, with the cost model of its leaderboards' folder.

    A planned run without a line is a missing one.

    Raises:
        InputError: naming file, line and field of what is damaged or does not fit the rest, or the
            boards there are.
    """
    header_line, *record_lines = _read_lines(path)
    header = _read_header(header_line, path)
    records: list[Record] = []
    line_of_run: dict[MethodAndSeed, int] = {}
    # Lines of a file are counted from 1, and the first one is the header.
    for number, line in enumerate(record_lines, 2):
        place = f"{path}:{number}"
        record = _read_record(line, place, header)
        first = line_of_run.setdefault(record.method_and_seed, number)
        if first != number:
            run = f"{record.method}, seed {record.seed},"
            raise _refusal(place, f"{run} is in line {first} already")
        records.append(record)
    for seed in header.seeds:
        for method in header.method_names:
            # Such a line may have been deleted, or the file be from before stubs were written.
            if (method, seed) not in line_of_run:
                stub = MissingRecord(key="unknown", method=method, seed=seed, status="missing")
                records.append(stub)
    # The costs stand beside the pages, a folder above the records.
    root = path.parent.parent
    return Board(header, tuple(records), cost_model(root))


def _read_lines(path: Path) -> list[str]:
    try:
        # Not `splitlines`, which also divides at characters that a JSON text may hold.
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError as error:
        boards = sorted(other.stem for other in path.parent.glob("*.jsonl"))
        hint = suggestion(path.stem, boards)
        raise InputError(f"no leaderboard records {path}. {hint}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _refusal(str(path), f"cannot be read ({error})") from error


def _read_header(line: str, path: Path) -> Header:
    place = f"{path}:1"
    value = _parse(line, place)
    try:
        return parse_header(value, path.stem)
    except ValueError as error:
        raise _refusal(place, str(error)) from error


def _read_record(line: str, place: str, header: Header) -> Record:
    value = _parse(line, place)
    try:
        record = parse_record(value)
    except ValidationError as error:
        raise _refusal(place, first_mistake(error)) from error
    problem = find_problem(record, header)
    if problem:
        raise _refusal(place, problem)
    return record


def _parse(line: str, place: str) -> Any:
    try:
        return from_json(line)
    except ValueError as error:
        raise _refusal(place, "is not JSON") from error


def _refusal(place: str, problem: str) -> InputError:
    return InputError(f"{place}: {problem}: {REMEDY}")
