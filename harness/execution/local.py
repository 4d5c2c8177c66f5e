"""The built-in executors, offered like any plugin's."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from harness.core.components import Executor
from harness.core.jobs import Event, RunFinished
from harness.hookspecs import hookimpl
from harness.plan.runs import Run
from harness.records.store import AlreadyRunningError, Store


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shared(cores: int, jobs: int | None, count: int, wanted: int) -> tuple[int, int]:
    """How many of `count` runs to do at a time, where `jobs` does not say, and the threads of each;
    `wanted` is what one needs at most."""
    at_once = min(jobs or max(1, cores // wanted), count)
    return at_once, max(1, cores // at_once)


class Local(Executor):
    """Runs on this machine, each in a process of its own, several at a time."""

    name: ClassVar[str] = "local"

    jobs: int | None = Field(
        None,
        ge=1,
        description=(
            "Runs at a time. Default: one per CPU core, or two per GPU where runs use one. Cores"
            " are shared out evenly as threads."
        ),
    )

    def execute(self, runs: Iterable[Run], store: Store) -> Iterator[Event]:
        """Performs the runs in order. A process that dies takes only its own run with it, which is
        recorded as failed."""
        waiting = deque(runs)
        if not waiting:
            return
        gpus = _gpus() if waiting[0].scenario.training.device in ("auto", "cuda") else 0
        wanted = max(run.threads or 1 for run in waiting)
        jobs, threads = shared(cores(), self.jobs or 2 * gpus or None, len(waiting), wanted)
        context = _context(waiting)
        active: dict[Connection, tuple[BaseProcess, Run, int]] = {}
        try:
            while waiting or active:
                while waiting and len(active) < jobs:
                    run, slot = (
                        waiting.popleft(),
                        min(set(range(jobs)) - {slot for _, _, slot in active.values()}),
                    )
                    receiver, sender = context.Pipe(duplex=False)
                    arguments = (run, store, threads, slot % gpus if gpus else None, sender)
                    process = context.Process(  # type: ignore[attr-defined]
                        target=_work, args=arguments, daemon=True
                    )
                    process.start()
                    sender.close()
                    active[receiver] = process, run, slot
                for ready in wait(list(active)):
                    assert isinstance(ready, Connection)
                    process, run, _ = active[ready]
                    try:
                        event: Event = ready.recv()
                    except EOFError:
                        process.join()
                        event = abandon_dead(run, store, process.exitcode)
                    if isinstance(event, RunFinished):
                        del active[ready]
                        ready.close()
                        process.join()
                    yield event
        finally:
            for process, _, _ in active.values():
                process.terminate()
            for process, _, _ in active.values():
                process.join()


class Inline(Executor):
    """Runs in this process, one after the other: for debuggers and notebooks."""

    name: ClassVar[str] = "inline"

    def execute(self, runs: Iterable[Run], store: Store) -> Iterator[Event]:
        """Performs the runs in order."""
        from harness.run.perform import perform

        for run in runs:
            yield from perform(run, store)


def _work(run: Run, store: Store, threads: int, gpu: int | None, sender: Connection) -> None:
    """What a child process does: the run, its events sent to the parent."""
    # Ctrl-C reaches the whole group; the parent ends its children
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if gpu is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        os.environ["CUDA_VISIBLE_DEVICES"] = (
            visible[gpu] if gpu < len(visible) and visible[gpu] else str(gpu)
        )
    from harness.run.perform import perform

    try:
        for event in perform(run, store, threads):
            sender.send(event)
    except AlreadyRunningError as error:
        failure = {
            "status": "failed",
            **run.title,
            "key": run.key,
            "error": {"type": "AlreadyRunning", "message": str(error)},
        }
        sender.send(RunFinished(run.key, failure))
    except BrokenPipeError:
        pass  # the parent is gone


def _end_with_parent() -> None:
    """Waits for the end of the parent process, and ends this one: nobody would hear of its run, and
    its claim is on it.

    A pipe that only the parent holds open tells it at once, however the parent ended; nothing asks
    again and again.
    """
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)


def abandon_dead(run: Run, store: Store, exitcode: int | None) -> RunFinished:
    """The failed record of a run whose process died."""
    from harness.run.perform import abandon

    how = (
        f"was killed by signal {-exitcode}"
        if exitcode is not None and exitcode < 0
        else f"exited with code {exitcode}"
    )
    hint = (
        " (out of memory? lower training.batch_size, or run fewer at a time with --jobs)"
        if exitcode == -signal.SIGKILL
        else ""
    )
    return abandon(run, store, f"the process {how}{hint}")


def _context(runs: Iterable[Run]) -> BaseContext:
    """Processes forked from a server that has imported the slow modules once; spawned where there
    is no such server."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    modules = {"harness.run.perform": None}
    for run in runs:
        for component in (
            run.scenario.model,
            *run.method.supervisions,
            *(term.loss for term in run.method.terms),
        ):
            modules |= dict.fromkeys((type(component).__module__, *component.preload))
    context.set_forkserver_preload(list(modules))
    return context


def _gpus() -> int:
    if not (Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()):
        return 0  # importing torch to ask would take seconds
    import torch

    return torch.cuda.device_count()


@hookimpl
def harness_executors() -> list[type[Executor]]:
    """The executors of the core."""
    return [Inline, Local]
