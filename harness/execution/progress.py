"""Many runs at work: observers are told, progress is shown, records come back."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, TextIO

from tqdm import tqdm

from harness.catalog import Catalog
from harness.core.components import Executor
from harness.core.jobs import EpochFinished, Event, RunFinished, RunStarted
from harness.plan.runs import Run
from harness.records.store import Store


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
