"""Runs a leaderboard's row again from its records, and says whether the new results are those of
the row."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tabulate import tabulate

from harness.catalog import Catalog
from harness.comparison.differences import (
    Difference,
    find_differences,
    format_value,
    list_settings,
    merge_values,
    provenance_values,
    setting_values,
)
from harness.comparison.find import list_seeds, list_states, planned_runs
from harness.comparison.rebuild import rebuild
from harness.comparison.verdict import (
    RecordsBySeed,
    compute_mious,
    is_identical,
    judge,
)
from harness.core.components import Executor
from harness.core.errors import InputError
from harness.core.paths import cache_root, check_writable
from harness.execution.experiment import Experiment, cut_patches
from harness.execution.local import cores
from harness.execution.progress import compute_runs
from harness.leaderboard.board import read_board_file, records_path
from harness.leaderboard.rows import CONSTANT
from harness.leaderboard.statistics import DASH
from harness.plan.fingerprints import data_fingerprint
from harness.plan.runs import Run, expand
from harness.records.record import FailedRecord, FinishedRecord, Record, RunSettings
from harness.records.store import Store
from harness.scenario.scenario import Scenario

AS_RECORDED = "settings, source and data are as recorded"


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """A row of a board with its records, which new runs are held against."""

    board: str
    """The name of the board."""
    method: str
    """The method."""
    path: Path
    """The records file of the board."""
    planned: tuple[Record, ...]
    """All planned runs of the method; at least one has a result."""

    @property
    def finished(self) -> dict[int, FinishedRecord]:
        """The records of the runs that have a result, by seed."""
        records = {}
        for record in self.planned:
            if isinstance(record, FinishedRecord):
                records[record.seed] = record
        return records


@dataclass(frozen=True, slots=True)
class Rerun:
    """A run that is made again."""

    run: Run
    """What is computed."""
    record: FinishedRecord
    """The record that it is made from."""
    is_same_seed: bool
    """Whether that record is of the same seed. One that has no result has no settings either, and
    is made with those of another seed."""


def read_row(board: str, method: str, root: Path) -> RecordedRow:
    """Read a row of a board.

    Args:
        board: the name of the board.
        method: one of its methods.
        root: the leaderboards' folder.

    Raises:
        InputError: for an unknown board or row, and a row without a finished run.
    """
    if method == CONSTANT:
        raise InputError(
            f"{CONSTANT!r} is computed from the records of the other rows: there is nothing to run"
        )
    path = records_path(root, board)
    planned = planned_runs(read_board_file(path), method)
    row = RecordedRow(board, method, path, planned)
    if not row.finished:
        states = list_states(row.planned, "no runs")
        raise InputError(
            f"{board}, {method}: no finished run is recorded ({states}): nothing to reproduce"
        )
    return row


def plan_reruns(
    row: RecordedRow, seeds: Sequence[int], catalog: Catalog, changes: Sequence[str] = ()
) -> list[Rerun]:
    """Plan the runs of a row again, with the CPU threads of their records.

    Args:
        row: the row.
        seeds: which of its seeds; all that finished where there are none.
        catalog: the components that are installed.
        changes: where data lies: `dataset.folder=...`.

    Raises:
        InputError: for an unknown seed, a record that cannot be made again, and data that is
            absent.
    """
    planned_seeds = [record.seed for record in row.planned]
    for seed in seeds:
        if seed not in planned_seeds:
            raise InputError(
                f"--seed {seed}: {row.board} has no such seed of {row.method!r}: its seeds are"
                f" {list_seeds(planned_seeds)}"
            )
    # Before data is read, which takes a while.
    check_writable("RUNS", "CACHE")
    finished = row.finished
    first = next(iter(finished.values()))
    reruns = []
    for seed in dict.fromkeys(seeds or finished):
        record = finished.get(seed, first)
        where = f"{row.path}, {row.method}, seed {record.seed}"
        scenario = rebuild(record, seed, catalog, where, changes)
        run = _prepare_run(scenario, record)
        reruns.append(Rerun(run, record, is_same_seed=seed in finished))
    return reruns


def _prepare_run(scenario: Scenario, record: FinishedRecord) -> Run:
    """Return the only run of a scenario, its patches cut."""
    data = data_fingerprint(scenario.dataset, cache_root() / "digests.json")
    runs = expand(scenario, data)
    cut_patches(Experiment(scenario, data, runs, runs))
    (run,) = runs
    threads = record.hardware.threads
    if not threads:
        return run
    # With another number of threads sums are made in another order, which changes scores.
    return replace(run, threads=min(threads, cores()))


def reproduce(
    row: RecordedRow, reruns: Sequence[Rerun], catalog: Catalog, store: Store, executor: Executor
) -> int:
    """Run a row again, and print what changed, every score beside the recorded one, and a verdict.

    No board is written: that is for `harness run` alone.

    Args:
        row: the row.
        reruns: its runs, see `plan_reruns`.
        catalog: the plugins, whose observers are told.
        store: the folder of runs.
        executor: what computes the runs.

    Returns:
        The exit code: 0 where the new results agree with the records, else 1.
    """
    recorded = row.finished
    seeds = [rerun.run.seed for rerun in reruns]
    running = list_seeds(seeds)
    print(
        f"{row.board}, {row.method}: recorded seeds {list_seeds(recorded)}; running seeds"
        f" {running}",
        flush=True,
    )
    # Before anything is computed: who reads that data has changed may not want to wait.
    for line in (*describe_changes(reruns), *describe_threads(reruns)):
        print(line, flush=True)
    runs = [rerun.run for rerun in reruns]
    records = compute_runs(catalog, runs, store, executor, sys.stdout)
    fresh = _compute(records)
    table = _tabulate_seed_scores(seeds, recorded, fresh)
    print(f"\n{table}\n")
    print(
        f"runs are in {store.root}; earlier records of the same keys are kept beside the new ones"
    )
    provenance = _provenance_differences(reruns, fresh.values())
    if provenance:
        print(_show_provenance(provenance))
    # Where a run failed, the mean of the others says nothing of the row.
    if len(fresh) < len(reruns):
        return 1
    verdict = judge(recorded, fresh)
    print(verdict.sentence)
    return 0 if verdict.agrees else 1


def _compute(records: Iterable[Record]) -> dict[int, FinishedRecord]:
    """Return the records that have a result, by seed; print why runs failed as they do."""
    fresh = {}
    for record in records:
        if isinstance(record, FinishedRecord):
            fresh[record.seed] = record
        elif isinstance(record, FailedRecord):
            error = record.error
            print(f"failed: seed {record.seed}: {error.type}: {error.message}")
    return fresh


def describe_changes(reruns: Iterable[Rerun]) -> list[str]:
    """Say what in the settings, source or data is not as recorded, or that all is."""
    # Of all runs of a row the same has changed most often: each line is printed once.
    lines: dict[str, None] = {}
    for rerun in reruns:
        changes = _describe_changes_of_run(rerun)
        lines.update(dict.fromkeys(changes))
    return list(lines) or [AS_RECORDED]


def _describe_changes_of_run(rerun: Rerun) -> list[str]:
    lines = []
    for change in _find_changes(rerun):
        recorded = format_value(change.a)
        now = format_value(change.b)
        lines.append(f"changed since: {change.path}: {recorded} recorded, {now} now")
    key = rerun.run.key
    recorded_key = rerun.record.key
    # The key of another seed is another one in any case.
    if rerun.is_same_seed and key != recorded_key:
        seed = rerun.run.seed
        lines.append(f"so the key of seed {seed} is {key[:12]}, not {recorded_key[:12]}")
    return lines


def _find_changes(rerun: Rerun) -> list[Difference]:
    recorded = setting_values(rerun.record)
    scenario = rerun.run.scenario
    # As a record would have them, so that a tuple of settings equals the list in JSON.
    settings = RunSettings.model_validate(rerun.run.settings)
    classes = [entry.name for entry in scenario.dataset.classes]
    planned = list_settings(settings, classes, list(scenario.mean_over))
    # The seed of the record is another one on purpose where the run has no record of its own.
    for values in (recorded, planned):
        values.pop("seed", None)
    return find_differences(recorded, planned)


def describe_threads(reruns: Iterable[Rerun]) -> list[str]:
    """Say with how many CPU threads runs are made, a line for each number that is recorded."""
    # Most often all runs were made with the same number, so that it is one line.
    lines: dict[str, None] = {}
    for rerun in reruns:
        recorded = rerun.record.hardware.threads
        lines[_compare_threads(recorded, rerun.run.threads)] = None
    return list(lines)


def _compare_threads(recorded: int | None, now: int | None) -> str:
    if not recorded or not now:
        return (
            "the record does not say how many CPU threads it had: with another number, mIoU can be"
            " tenths of a point off"
        )
    if recorded != now:
        return (
            f"recorded with {recorded} CPU threads, of which this machine has {now}: mIoU can be"
            " tenths of a point off"
        )
    noun = "thread" if now == 1 else "threads"
    return f"computed with {now} CPU {noun}, as recorded"


def _provenance_differences(
    reruns: Iterable[Rerun], fresh: Iterable[FinishedRecord]
) -> list[Difference]:
    """Find the versions and hardware in which new runs differ from their records."""
    values_now = merge_values(map(provenance_values, fresh))
    # Without a result nothing is known of now, which is no difference.
    if not values_now:
        return []
    values_before = merge_values(provenance_values(rerun.record) for rerun in reruns)
    return find_differences(values_before, values_now)


def _show_provenance(differences: Iterable[Difference]) -> str:
    lines = []
    for entry in differences:
        recorded = format_value(entry.a)
        now = format_value(entry.b)
        lines.append((entry.path, recorded, now))
    columns = ("computed with", "recorded", "now")
    return tabulate(lines, columns, disable_numparse=True, maxcolwidths=[None, 50, 50])


def _tabulate_seed_scores(
    seeds: Iterable[int], recorded: RecordsBySeed, fresh: RecordsBySeed
) -> str:
    """Show the mIoU of each seed, recorded and now."""
    recorded_scores = compute_mious(recorded)
    fresh_scores = compute_mious(fresh)
    lines = []
    for seed in seeds:
        old = recorded_scores.get(seed)
        new = fresh_scores.get(seed)
        difference = DASH
        counts = DASH
        # A seed may have no record, or its new run no result.
        if old is not None and new is not None:
            points = 100 * (new - old)
            difference = f"{points:+.2f}"
            is_same = is_identical(recorded[seed], fresh[seed])
            counts = "identical" if is_same else "differ"
        cells = (
            str(seed),
            _format_score(old),
            _format_score(new),
            difference,
            counts,
        )
        lines.append(cells)
    columns = ("seed", "recorded mIoU (%)", "now", "difference (pp)", "confusion counts")
    alignment = ("left", "right", "right", "right", "right")
    return tabulate(lines, columns, disable_numparse=True, colalign=alignment)


def _format_score(score: float | None) -> str:
    if score is None:
        return DASH
    return f"{100 * score:.2f}"
