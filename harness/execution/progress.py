"""Many runs at work: observers are told, progress is shown, records come back."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TextIO

from tqdm import tqdm

from harness.catalog import Catalog
from harness.core.components import Executor
from harness.core.jobs import EpochFinished, Event, RunFinished, RunStarted
from harness.core.values import JsonObject
from harness.execution.run_job import RunJob
from harness.plan.runs import Run
from harness.records.record import Record, parse_record
from harness.records.store import Store


def compute_runs(
    catalog: Catalog, runs: Sequence[Run], store: Store, executor: Executor, out: TextIO
) -> Iterator[Record]:
    """Perform runs, tell observers, show progress, and yield the records as runs end.

    Closing the iterator, or an interruption, ends what is running.

    Args:
        catalog: The plugins, whose observers are told.
        runs: What to perform.
        store: Where records go.
        executor: What performs the runs.
        out: Where progress is shown.
    """
    jobs = [RunJob(run, store) for run in runs]
    events = executor.execute(jobs)
    with closing(_tell_observers(catalog, runs, events)) as told_events:
        yield from _show_progress(told_events, runs, out)


def _tell_observers(
    catalog: Catalog, runs: Iterable[Run], events: Iterator[Event]
) -> Generator[Event, None, None]:
    """Yield the events, after the observers of all plugins have been told."""
    titles: dict[str, JsonObject] = {}
    for run in runs:
        titles[run.key] = {**run.title.as_json(), "key": run.key, "settings": run.settings}
    try:
        for event in events:
            for problem in _notify(catalog, titles[event.key], event):
                print(f"warning: {problem}", file=sys.stderr)
            yield event
    finally:
        # An executor that is not finished ends its processes when its generator is closed. Left to
        # the garbage collector, that might be long after Ctrl-C.
        if isinstance(events, Generator):
            events.close()


def _notify(catalog: Catalog, title: JsonObject, event: Event) -> Iterator[str]:
    """Call the hook that an event belongs to; yield a line for each plugin that raised."""
    if isinstance(event, RunStarted):
        return catalog.notify("harness_run_started", run=title)
    if isinstance(event, EpochFinished):
        return catalog.notify("harness_epoch_finished", run=title, epoch=event.epoch)
    return catalog.notify("harness_run_finished", run=title, record=event.record)


def _show_progress(events: Iterator[Event], runs: Sequence[Run], out: TextIO) -> Iterator[Record]:
    """Show progress, and yield the records as runs end.

    On a terminal there is a bar over all epochs; elsewhere there is a line for each run.
    """
    names = {run.key: f"{run.method.name}, seed {run.seed}" for run in runs}
    epochs_seen = dict.fromkeys(names, 0)
    epochs_per_run = runs[0].scenario.training.epochs if runs else 0
    count = len(runs)
    ended = 0
    started = time.perf_counter()
    with tqdm(
        total=epochs_per_run * count,
        disable=not out.isatty(),
        unit="epoch",
        file=out,
        dynamic_ncols=True,
    ) as bar:
        bar.set_description(f"run 0/{count}")
        for event in events:
            if isinstance(event, EpochFinished):
                epoch = event.epoch["epoch"]
                loss = event.epoch["loss"]
                name = names[event.key]
                epochs_seen[event.key] += 1
                bar.update()
                bar.set_postfix_str(f"{name}: epoch {epoch}/{epochs_per_run}, loss {loss:.3f}")
            elif isinstance(event, RunFinished):
                ended += 1
                # A run may end before its last epoch: it failed, or stopped early.
                bar.update(epochs_per_run - epochs_seen[event.key])
                bar.set_description(f"run {ended}/{count}")
                record = parse_record(event.record)
                line = f"[{ended}/{count}] {names[event.key]}: {_describe_ended(record)}"
                waiting = count - ended
                if waiting:
                    seconds_per_run = (time.perf_counter() - started) / ended
                    line += f"; about {_format_duration(seconds_per_run * waiting)} left"
                # `tqdm.write` keeps the line from being drawn over by the bar.
                tqdm.write(line, file=out)
                out.flush()
                yield record


def _describe_ended(record: Record) -> str:
    """Say how a run ended and, where its record knows, how long it took."""
    outcome = "ended"
    if record.metrics.miou is not None:
        outcome = f"mIoU {100 * record.metrics.miou:.1f} %"
    if record.error is not None:
        outcome = f"failed: {record.error.type}"
    if record.cost.seconds:
        outcome += f", {record.cost.seconds:.0f} s"
    return outcome


def _format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
