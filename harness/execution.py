"""The commands that work on a scenario: plan and run."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tabulate import tabulate
from tqdm import tqdm

from harness.boards import collect, earlier
from harness.catalog import Catalog
from harness.components import Executor
from harness.costs import cost_model
from harness.data import InputError
from harness.events import EpochFinished, Event, RunFinished, RunStarted
from harness.folders import cache_root, check_writable, leaderboards_root
from harness.patches import PatchSet, check_channels, data_fingerprint, open_patches
from harness.plan import Run, expand
from harness.resolve import read_scenario
from harness.scenario import Scenario
from harness.splits import check_valid, divide
from harness.store import Store
from harness.suggestions import suggestion


@dataclass(frozen=True, slots=True)
class Experiment:
    """A scenario with its data fingerprint and all its runs; `chosen` are those asked for."""

    scenario: Scenario
    data: str
    runs: tuple[Run, ...]
    chosen: tuple[Run, ...]


def find_scenario(text: str) -> Path:
    """The file of a scenario given by path, or by name below `scenarios/`. Raises InputError with
    the nearest name."""
    path = Path(text)
    if path.is_file():
        return path
    known = Path("scenarios") / f"{text}.yaml"
    if known.is_file():
        return known
    folder = (
        path.parent
        if path.parent.is_dir() and path.suffix in (".yaml", ".yml")
        else Path("scenarios")
    )
    near = suggestion(path.stem, (file.stem for file in folder.glob("*.yaml")))
    raise InputError(
        f"no scenario {text}: give the path of a YAML file, or a name in scenarios/. {near}"
    )


def prepare(
    catalog: Catalog, text: str, profile: str | None, settings: Sequence[str], only: Sequence[str]
) -> Experiment:
    """Reads and expands a scenario. Raises InputError for every mistake that can be seen before
    anything is computed."""
    scenario = read_scenario(find_scenario(text), catalog, profile, settings)
    names = [method.name for method in scenario.methods]
    for name in only:
        if name not in names:
            raise InputError(f"--only {name}: no such method. {suggestion(name, names)}")
    check_writable("CACHE")
    data = data_fingerprint(scenario.dataset, cache_root() / "digests.json")
    runs = expand(scenario, data)
    return Experiment(
        scenario, data, runs, tuple(run for run in runs if not only or run.method.name in only)
    )


def cut_patches(experiment: Experiment) -> PatchSet:
    """The patches of an experiment, cut now if need be; checks that a network can take them, and
    that every seed can be split."""
    scenario = experiment.scenario
    patches = open_patches(scenario.dataset, experiment.data, scenario.patches, cache_root())
    if not all(method.floor for method in scenario.methods):
        check_channels(patches.images.shape[3], scenario.patches.normalise)
    for seed in scenario.seeds:
        parts = divide(patches.origins, scenario.split, scenario.patches.size, seed)
        check_valid(patches, parts, seed)
        if scenario.training.validation != "none" and not parts["validation"]:
            raise InputError(
                f"training.validation: {scenario.training.validation} needs a validation part: set"
                " split.validation above 0"
            )
        for method in scenario.methods:
            if not parts[method.part]:
                raise InputError(
                    f"methods.{method.name}.trains_on: validation needs a validation part: set"
                    " split.validation above 0"
                )
    return patches


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
        for record in computed(catalog, waiting, store, executor, out):
            if record["status"] == "failed":
                failures.append(record)
    except KeyboardInterrupt:
        interrupted = True

    from harness.pages import headline  # with scipy, which the runs need not wait for
    from harness.publish import write_board

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


def computed(
    catalog: Catalog, runs: Sequence[Run], store: Store, executor: Executor, out: TextIO
) -> Iterator[dict[str, Any]]:
    """Performs runs, tells observers, shows progress, and yields the records as runs end. An
    interruption ends what is running."""
    with closing(_observed(catalog, runs, executor.execute(runs, store))) as events:
        yield from _progress(events, runs, out)


def _observed(
    catalog: Catalog, runs: Iterable[Run], events: Iterator[Event]
) -> Generator[Event, None, None]:
    """The events, told to the observers of all plugins on their way."""
    titles = {run.key: {**run.title, "key": run.key, "settings": run.settings} for run in runs}
    try:
        for event in events:
            title = titles[event.key]
            if isinstance(event, RunStarted):
                problems = catalog.notify("harness_run_started", run=title)
            elif isinstance(event, EpochFinished):
                problems = catalog.notify("harness_epoch_finished", run=title, epoch=event.epoch)
            else:
                problems = catalog.notify("harness_run_finished", run=title, record=event.record)
            for problem in problems:
                print(f"warning: {problem}", file=sys.stderr)
            yield event
    finally:
        if isinstance(events, Generator):
            events.close()  # ends the processes of an executor that is not finished


def _progress(
    events: Iterator[Event], runs: Sequence[Run], out: TextIO
) -> Iterator[dict[str, Any]]:
    """Shows progress, and yields the records as runs end: a bar over all epochs on a terminal, a
    line per run elsewhere."""
    names = {run.key: f"{run.method.name}, seed {run.seed}" for run in runs}
    epochs = {run.key: 0 for run in runs}
    per_run = runs[0].scenario.training.epochs if runs else 0
    started, ended = time.perf_counter(), 0
    terminal = out.isatty()
    with tqdm(
        total=per_run * len(runs), disable=not terminal, unit="epoch", file=out, dynamic_ncols=True
    ) as bar:
        bar.set_description(f"run 0/{len(runs)}")
        for event in events:
            if isinstance(event, EpochFinished):
                epochs[event.key] += 1
                bar.update()
                bar.set_postfix_str(
                    f"{names[event.key]}: epoch {event.epoch['epoch']}/{per_run}, loss"
                    f" {event.epoch['loss']:.3f}"
                )
            elif isinstance(event, RunFinished):
                ended += 1
                bar.update(per_run - epochs[event.key])
                bar.set_description(f"run {ended}/{len(runs)}")
                record = event.record
                ok = record["status"] == "ok"
                outcome = (
                    f"mIoU {100 * record['metrics']['miou']:.1f} %"
                    if ok
                    else f"failed: {record['error']['type']}"
                )
                took = record.get("cost", {}).get("seconds")
                left = (time.perf_counter() - started) / ended * (len(runs) - ended)
                line = f"[{ended}/{len(runs)}] {names[event.key]}: {outcome}" + (
                    f", {took:.0f} s" if took else ""
                )
                tqdm.write(
                    line + (f"; about {_duration(left)} left" if ended < len(runs) else ""),
                    file=out,
                )
                out.flush()
                yield record


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
