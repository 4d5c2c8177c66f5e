"""Settings and provenance of runs: what all share, then what each method has, then each run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.leaderboard.board import Board
from harness.leaderboard.statistics import DASH
from harness.pages.table import Cell, Table, number_cell, percent_cell
from harness.records.record import FinishedRecord, Record

PROVENANCE_FIELDS = (
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
"""The fields of a record that say how it came to be, beside its settings."""

LONGEST_LIST = 8
"""Entries that are shown of a list."""

RUN_COLUMNS = (
    "seed",
    "state",
    "mIoU (%)",
    "seconds",
    "peak memory (MiB)",
    "started",
    "key",
    "differs in",
)

WORD_COLUMNS = ("state", "started", "key", "differs in")

Facts = Mapping[str, str]
"""Values as text, by dotted name such as training.epochs."""


@dataclass(frozen=True, slots=True)
class MethodRuns:
    """The runs of a method."""

    method: str
    about: str
    facts: Facts
    """What its runs share with each other, and not with those of other methods."""
    runs: Table
    """A line for each run, with what it does not share."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of all runs of a board, said once each."""

    shared: Facts
    """What all runs share."""
    methods: tuple[MethodRuns, ...]


def collect_run_facts(board: Board) -> RunFacts:
    """Collect what is known of all runs. Of those without a result, that is their key."""
    facts_of_run = {record.key: _read_facts(record) for record in board.finished}
    shared = _find_shared(list(facts_of_run.values()))
    methods = []
    for method in board.header.methods:
        facts_of_method = [facts_of_run[record.key] for record in board.finished_of(method.name)]
        shared_by_method = _find_shared(facts_of_method)
        lines = []
        for record in board.runs_of(method.name):
            differing = _without(facts_of_run.get(record.key, {}), shared_by_method)
            lines.append(_run_line(record, differing))
        table = Table(f"Runs of {method.name}", RUN_COLUMNS, tuple(lines), WORD_COLUMNS)
        # What all runs of the board share stands above all methods.
        facts = _without(shared_by_method, shared)
        methods.append(MethodRuns(method.name, method.about, facts, table))
    return RunFacts(shared, tuple(methods))


def _run_line(record: Record, differing: Facts) -> tuple[Cell, ...]:
    cost = record.cost
    # Zero is what a record has that does not say.
    is_memory_known = "peak_memory_mib" in cost.model_fields_set
    # The seed has a column of its own.
    differences = [f"{name} {value}" for name, value in differing.items() if name != "seed"]
    return (
        Cell(str(record.seed), record.seed),
        Cell(_describe_state(record)),
        percent_cell(record.metrics.miou),
        number_cell(cost.seconds),
        number_cell(cost.peak_memory_mib if is_memory_known else None, 0),
        Cell(cost.started or DASH),
        Cell(record.key),
        Cell("; ".join(differences)),
    )


def _describe_state(record: Record) -> str:
    """Say whether a run has a result, and whether it is that of today's run."""
    if record.stale is None:
        return record.status
    return f"{record.status}, stale"


def _read_facts(record: FinishedRecord) -> Facts:
    """Return all that a record says about how it came to be."""
    fields = record.as_json()
    provenance = {name: fields[name] for name in PROVENANCE_FIELDS if name in fields}
    # Settings without a prefix, so that they read as in a scenario.
    facts = dict(_iterate_facts(record.settings.as_json(), ""))
    facts.update(_iterate_facts(provenance, ""))
    return facts


def _iterate_facts(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested values, each with its dotted name.

    A list of values is a leaf. Of a list of mappings, each is numbered from 1, unless it is alone.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _iterate_facts(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
        for number, inner in enumerate(value, 1):
            yield from _iterate_facts(inner, name if len(value) == 1 else f"{name} {number}")
    else:
        yield name, _show_leaf(value)


def _show_leaf(value: Any) -> str:
    if value is None or value == []:
        return "none"
    if not isinstance(value, list):
        return str(value)
    text = ", ".join(str(entry) for entry in value[:LONGEST_LIST])
    # A split may name hundreds of groups.
    if len(value) > LONGEST_LIST:
        text += f", … ({len(value)})"
    return text


def _find_shared(facts_of_runs: Sequence[Facts]) -> dict[str, str]:
    """Return the facts that are the same in all runs."""
    if not facts_of_runs:
        return {}
    # A fact that one run lacks is not shared either.
    shared = dict(facts_of_runs[0])
    for facts in facts_of_runs[1:]:
        shared = {name: value for name, value in shared.items() if facts.get(name) == value}
    return shared


def _without(facts: Facts, others: Facts) -> Facts:
    """Return the facts whose names are not among others."""
    return {name: value for name, value in facts.items() if name not in others}
