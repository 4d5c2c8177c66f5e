"""The commands that work on a scenario: run and plan."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from harness.cli.exit_codes import FINDINGS, INTERRUPTED, SUCCESS
from harness.cli.options import (
    Action,
    Workers,
    changes_option,
    declare,
    gather,
    make_executor,
    worker_options,
)

if TYPE_CHECKING:
    from pathlib import Path

    from harness.catalog import Catalog
    from harness.core.components import Dataset, Executor
    from harness.execution.experiment import Experiment
    from harness.plan.runs import Run
    from harness.records.record import FailedRecord
    from harness.records.store import Store

DEVICES = ("auto", "cpu", "cuda", "mps")

STATES = ("done", "failed", "running", "missing")
"""The states of a run, in the order in which `plan` counts them."""

LEFT_ALONE = {"done": "done before", "running": "running in another process"}
"""The states of the runs that are left alone, with the words for them."""


@dataclass(frozen=True, slots=True)
class Request:
    """The runs that a user asks for, as written on the command line."""

    scenario: str
    """Path of a scenario, or its name in `scenarios/`."""
    profile: str | None
    """Name of a set of overrides in the scenario."""
    only: tuple[str, ...]
    """Names of methods; empty for all methods."""
    seeds: str | None
    """Number of seeds, instead of the scenario's."""
    device: str | None
    """Where to train, instead of the scenario's."""
    changes: tuple[str, ...]
    """Fields to change, each as FIELD=VALUE."""

    @property
    def overrides(self) -> list[str]:
        """All fields to change: `--seeds` and `--device` are short for `--set`."""
        # These two come last, so that they win where `--set` names the same field.
        overrides = list(self.changes)
        if self.seeds:
            overrides.append(f"seeds={self.seeds}")
        if self.device:
            overrides.append(f"training.device={self.device}")
        return overrides


@dataclass(slots=True)
class RunsOutcome:
    """What became of the runs that were to be computed."""

    failures: list[FailedRecord] = field(default_factory=list)
    """The records of those that failed."""
    interrupted: bool = False
    """Whether the user stopped them before all had ended."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        if self.interrupted:
            return INTERRUPTED
        if self.failures:
            return FINDINGS
        return SUCCESS


def request_options(action: Action) -> Action:
    """Declare what says which runs are meant; a command receives it as `request`."""
    declarations = (
        click.argument("scenario", type=click.Path()),
        click.option(
            "--profile",
            metavar="NAME",
            help="Apply a named set of overrides of the scenario, such as smoke or mini.",
        ),
        click.option(
            "--only", multiple=True, metavar="METHOD", help="Only this method; may be given again."
        ),
        # Text: the scenario says itself what number of seeds it can have.
        click.option("--seeds", metavar="N", help="Number of seeds, instead of the scenario's."),
        click.option(
            "--device",
            type=click.Choice(DEVICES),
            help="Where to train, instead of the scenario's device.",
        ),
        changes_option("Change a field: training.epochs=3; may be given again."),
    )
    return declare(declarations, gather(Request, "request", action))


@click.command()
@request_options
@worker_options
@click.option(
    "--again", is_flag=True, help="Compute runs again that are done; their old records are kept."
)
def run(request: Request, workers: Workers, again: bool) -> int:
    """Compute what is missing, and write the leaderboard.

    SCENARIO is the path of a scenario, or its name in scenarios/.
    """
    from harness.catalog import load_catalog
    from harness.core.paths import runs_root
    from harness.records.store import Store

    catalog = load_catalog()
    experiment = prepare_experiment(catalog, request)
    executor = make_executor(catalog, workers)
    store = Store(runs_root())
    check_before_training(experiment)
    waiting = choose_waiting(experiment, store, again)
    outcome = compute(catalog, waiting, store, executor)
    # Also after failures and an interrupt: the board says what is missing.
    written = publish(experiment, store)
    for record in outcome.failures:
        print_failure(record, store)
    paths = ", ".join(map(str, written))
    print(f"wrote {paths}; runs are in {store.root}")
    if outcome.interrupted:
        print("interrupted: what had finished is kept; the same command goes on with the rest")
    return outcome.exit_code


@click.command()
@request_options
def plan(request: Request) -> int:
    """List the runs, their keys and states.

    SCENARIO is the path of a scenario, or its name in scenarios/.
    """
    from harness.catalog import load_catalog
    from harness.core.paths import runs_root
    from harness.records.store import Store

    experiment = prepare_experiment(load_catalog(), request)
    print(describe_plan(experiment, Store(runs_root())))
    return SUCCESS


def prepare_experiment(catalog: Catalog, request: Request) -> Experiment:
    """Read the scenario of a request, and expand it into runs."""
    from harness.execution.experiment import prepare

    return prepare(catalog, request.scenario, request.profile, request.overrides, request.only)


def check_before_training(experiment: Experiment) -> None:
    """Stop at every mistake that would otherwise show only after hours of training.

    Raises:
        InputError: where a folder cannot be written to, or the annotation costs, the earlier
            records of the board, or the data cannot be used.
    """
    from harness.core.paths import check_writable, leaderboards_root
    from harness.execution.experiment import cut_patches
    from harness.leaderboard.annotation_costs import cost_model
    from harness.leaderboard.collect import earlier

    root = leaderboards_root()
    check_writable("RUNS", "LEADERBOARDS")
    # These two are read for their errors alone; `publish` reads them for the board.
    cost_model(root)
    earlier(experiment.scenario, root)
    cut_patches(experiment)


def choose_waiting(experiment: Experiment, store: Store, again: bool) -> list[Run]:
    """Choose the runs to compute, and print how many there are.

    Args:
        experiment: the scenario with its runs.
        store: where the runs are that were computed before.
        again: whether to compute also those that are done.
    """
    waiting = list(experiment.chosen)
    notes = []
    if not again:
        states = read_states(experiment, store)
        waiting = [run for run in waiting if states[run.key] in ("missing", "failed")]
        counts = Counter(states.values())
        for state, words in LEFT_ALONE.items():
            if counts[state]:
                notes.append(f"{counts[state]} {words}")
    line = f"{experiment.scenario.board}: {len(waiting)} runs to do"
    if notes:
        line += f" ({', '.join(notes)})"
    # Flushed, so that the line stands before those that workers write.
    print(line, flush=True)
    return waiting


def read_states(experiment: Experiment, store: Store) -> dict[str, str]:
    """Return the state of each run that was asked for, by key."""
    return {run.key: store.state(run.key) for run in experiment.chosen}


def compute(
    catalog: Catalog, waiting: Sequence[Run], store: Store, executor: Executor
) -> RunsOutcome:
    """Compute the waiting runs with an executor, and show their progress."""
    from harness.execution.progress import compute_runs
    from harness.records.record import FailedRecord

    outcome = RunsOutcome()
    try:
        for record in compute_runs(catalog, waiting, store, executor, sys.stdout):
            if isinstance(record, FailedRecord):
                outcome.failures.append(record)
    except KeyboardInterrupt:
        # Kept for later: what has finished goes on the board first.
        outcome.interrupted = True
    return outcome


def publish(experiment: Experiment, store: Store) -> list[Path]:
    """Write the leaderboard of a scenario, print its headline, and return the files written."""
    from harness.core.paths import leaderboards_root
    from harness.leaderboard.analysis import analyse
    from harness.leaderboard.collect import collect
    from harness.pages.leaderboard_page import to_terminal
    from harness.pages.write import write_leaderboard

    root = leaderboards_root()
    board = collect(experiment.scenario, experiment.runs, store, root)
    leaderboard = analyse(board)
    written = write_leaderboard(leaderboard, root)
    print(to_terminal(leaderboard))
    return written


def print_failure(record: FailedRecord, store: Store) -> None:
    """Print why a run failed, and where its traceback is."""
    title = f"{record.method}, seed {record.seed}"
    print(f"failed: {title}: {record.error.type}: {record.error.message}")
    print(f"        traceback: {store.folder(record.key) / 'record.json'}")


def describe_plan(experiment: Experiment, store: Store) -> str:
    """Describe every run that was asked for: its key, its state, and what it needs."""
    from tabulate import tabulate

    scenario = experiment.scenario
    states = read_states(experiment, store)
    rows = []
    for planned in experiment.chosen:
        state = states[planned.key]
        # The first 12 digits tell runs apart, and `compare` finds a run by them.
        rows.append((planned.method.name, planned.seed, planned.key[:12], state, planned.needs))
    counts = Counter(states.values())
    total = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    lines = [
        f"{scenario.board}: {len(rows)} runs: {total}",
        (
            f"data set {scenario.dataset.name}: {describe_files(scenario.dataset)}; model"
            f" {scenario.model.name}, initialisation {scenario.model.initialisation};"
            f" {scenario.training.epochs} epochs on device {scenario.training.device}"
        ),
        "",
        # Without disable_numparse, a key such as 12e456789012 would be printed as a number.
        tabulate(rows, ("method", "seed", "key", "state", "needs"), disable_numparse=True),
    ]
    return "\n".join(lines)


def describe_files(dataset: Dataset) -> str:
    """Say how many files a data set has, and how large they are together."""
    # A set, because several scenes may be cut from the same file.
    files = {file for scene in dataset.scenes() for file in scene.files}
    if not files:
        return "generated, no download"
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    return f"{len(files)} files, {megabytes:.0f} MB, present"
