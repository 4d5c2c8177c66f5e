"""The commands that work on a scenario: plan and run."""

from __future__ import annotations

import sys
from collections import Counter

from tabulate import tabulate

from harness.catalog import Catalog
from harness.core.components import Executor
from harness.core.paths import check_writable, leaderboards_root
from harness.execution.experiment import Experiment, cut_patches
from harness.execution.progress import compute
from harness.leaderboard.annotation_costs import cost_model
from harness.leaderboard.collect import collect, earlier
from harness.records.store import Store


def plan(experiment: Experiment, store: Store) -> str:
    """Every run with its key, its state, and what it needs."""
    scenario = experiment.scenario
    states = {run.key: store.state(run.key) for run in experiment.chosen}
    rows = [
        (run.method.name, run.seed, run.key[:12], states[run.key], run.needs)
        for run in experiment.chosen
    ]
    counts = Counter(states.values())
    total = ", ".join(
        f"{counts[state]} {state}"
        for state in ("done", "failed", "running", "missing")
        if counts[state]
    )
    files = {file for scene in scenario.dataset.scenes() for file in scene.files}
    size = sum(file.stat().st_size for file in files) / 1e6
    data = f"{len(files)} files, {size:.0f} MB, present" if files else "generated, no download"
    lines = [
        f"{scenario.board}: {len(rows)} runs: {total}",
        (
            f"data set {scenario.dataset.name}: {data}; model {scenario.model.name}, initialisation"
            f" {scenario.model.initialisation}; {scenario.training.epochs} epochs on device"
            f" {scenario.training.device}"
        ),
        "",
        tabulate(rows, ("method", "seed", "key", "state", "needs"), disable_numparse=True),
    ]
    return "\n".join(lines)


def run(
    catalog: Catalog, experiment: Experiment, store: Store, executor: Executor, again: bool
) -> int:
    """Computes what is not done, writes the leaderboard, prints a summary. Returns 0, or 1 if a run
    failed."""
    out = sys.stdout
    scenario = experiment.scenario
    root = leaderboards_root()
    check_writable("RUNS", "LEADERBOARDS")
    cost_model(root)  # a mistake in it, or in earlier records, stops here, not after training
    earlier(scenario, root)
    cut_patches(experiment)
    states = {run.key: store.state(run.key) for run in experiment.chosen}
    waiting = [
        run for run in experiment.chosen if again or states[run.key] in ("missing", "failed")
    ]
    done = sum(state == "done" for state in states.values()) if not again else 0
    busy = sum(state == "running" for state in states.values()) if not again else 0
    notes = [f"{done} done before"] * bool(done) + [f"{busy} running in another process"] * bool(
        busy
    )
    print(
        f"{scenario.board}: {len(waiting)} runs to do"
        + (f" ({', '.join(notes)})" if notes else ""),
        file=out,
        flush=True,
    )

    failures, interrupted = [], False
    try:
        for record in compute(catalog, waiting, store, executor, out):
            if record["status"] == "failed":
                failures.append(record)
    except KeyboardInterrupt:
        interrupted = True

    from harness.pages.leaderboard_page import headline
    from harness.pages.write import write_board

    board = collect(scenario, experiment.runs, store, root)
    written = write_board(board, root)
    print(headline(board), file=out)
    for record in failures:
        error = record["error"]
        print(
            f"failed: {record['method']}, seed {record['seed']}: {error['type']}:"
            f" {error['message']}",
            file=out,
        )
        print(f"        traceback: {store.folder(record['key']) / 'record.json'}", file=out)
    print(f"wrote {', '.join(map(str, written))}; runs are in {store.root}", file=out)
    if interrupted:
        print(
            "interrupted: what had finished is kept; the same command goes on with the rest",
            file=out,
        )
        return 130
    return 1 if failures else 0
