"""Settings and provenance of runs: what all share is told once, then what each method has, then
what each run has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.leaderboard.board import Board
from harness.pages.table import Cell, Table, number_cell, percent_cell

PARTS = (
    "settings",
    "initialisation",
    "parameters",
    "mean_over",
    "selection",
    "split",
    "ledger",
    "hardware",
    "packages",
    "machine",
    "git",
)


LONGEST = 8


Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MethodRuns:
    """A method: what it is, the settings of its runs that other methods do not have, and a line per
    run."""

    method: str
    about: str
    facts: Facts
    runs: Table


def provenance(board: Board) -> tuple[Facts, list[MethodRuns]]:
    """What all runs share, and every method's runs. Runs without a result have only their key."""
    facts = {record["key"]: _facts(record) for record in board.records if record["status"] == "ok"}
    shared = _shared(list(facts.values()))
    methods = []
    for entry in board.header["methods"]:
        records = [record for record in board.ordered if record["method"] == entry["name"]]
        own = _shared([facts[record["key"]] for record in records if record["key"] in facts])
        told = {name: value for name, value in own.items() if name not in shared}
        lines = tuple(
            _line(record, _without(facts.get(record["key"], {}), own)) for record in records
        )
        columns = (
            "seed",
            "state",
            "mIoU (%)",
            "seconds",
            "peak memory (MiB)",
            "started",
            "key",
            "differs in",
        )
        table = Table(
            f"Runs of {entry['name']}", columns, lines, ("state", "started", "key", "differs in")
        )
        methods.append(MethodRuns(entry["name"], entry["about"], told, table))
    return shared, methods


def _line(record: Mapping[str, Any], own: Facts) -> tuple[Cell, ...]:
    cost, seed = record.get("cost", {}), Cell(str(record["seed"]), record["seed"])
    miou = percent_cell(record.get("metrics", {}).get("miou"))
    told = "; ".join(f"{name} {value}" for name, value in own.items() if name != "seed")
    figures = (miou, number_cell(cost.get("seconds")), number_cell(cost.get("peak_memory_mib"), 0))
    return (
        seed,
        Cell(record["status"]),
        *figures,
        Cell(cost.get("started", "–")),
        Cell(record["key"]),
        Cell(told),
    )


def _facts(record: Mapping[str, Any]) -> dict[str, str]:
    """All that a record says about how it came to be, by dotted name."""
    found = {part: record[part] for part in PARTS if part in record}
    settings = found.pop("settings", {})
    return dict(_flat(settings, "")) | dict(_flat(found, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """The leaves of nested values; lists of plain values are one leaf, shortened where they are
    long."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for index, inner in enumerate(value, 1):
            yield from _flat(inner, name if len(value) == 1 else f"{name} {index}")
    elif isinstance(value, list):
        rest = f", … ({len(value)})" if len(value) > LONGEST else ""
        yield name, (", ".join(map(str, value[:LONGEST])) + rest) or "none"
    else:
        yield name, "none" if value is None else str(value)


def _shared(each: Sequence[Facts]) -> dict[str, str]:
    first = each[0] if each else {}
    return {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in each)
    }


def _without(facts: Facts, known: Facts) -> Facts:
    return {name: value for name, value in facts.items() if name not in known}
