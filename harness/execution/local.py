"""The built-in executors, offered like any plugin's."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ClassVar, cast

from pydantic import Field

from harness.core.components import Executor
from harness.core.jobs import AlreadyRunningError, Event, Job, RunFinished, refuse_running
from harness.hookspecs import hookimpl

RUNS_PER_GPU = 2
"""Runs at a time on each GPU, where `Local.jobs` does not say."""


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

    def execute(self, jobs: Iterable[Job]) -> Iterator[Event]:
        """Perform the jobs in order.

        A process that dies takes only its own run with it, which is recorded as failed.
        """
        waiting = deque(jobs)
        if not waiting:
            return
        # All jobs of a scenario have its device.
        may_use_gpus = waiting[0].device in ("auto", "cuda")
        gpus = _count_gpus() if may_use_gpus else 0
        at_once = self.jobs
        if at_once is None and gpus > 0:
            at_once = RUNS_PER_GPU * gpus
        threads_needed = max(job.threads or 1 for job in waiting)
        at_once, threads = share_cores(cores(), at_once, len(waiting), threads_needed)
        context = _process_context(waiting)
        workers: dict[Connection, _Worker] = {}
        try:
            while waiting or workers:
                while waiting and len(workers) < at_once:
                    job = waiting.popleft()
                    slot = _free_slot(workers.values())
                    # The next run takes the slot, and with it the GPU, of one that has ended. Dealt
                    # out in turn instead, long runs would pile up on one GPU.
                    gpu = slot % gpus if gpus else None
                    connection, worker = _start_worker(context, job, slot, threads, gpu)
                    workers[connection] = worker
                for connection in _readable(workers):
                    worker = workers[connection]
                    event = _receive(connection, worker)
                    if isinstance(event, RunFinished):
                        del workers[connection]
                        connection.close()
                        worker.process.join()
                    yield event
        finally:
            # Also reached where the reader of the events stops early, such as on Ctrl-C.
            for worker in workers.values():
                worker.process.terminate()
            for worker in workers.values():
                worker.process.join()


class Inline(Executor):
    """Runs in this process, one after the other: for debuggers and notebooks."""

    name: ClassVar[str] = "inline"

    def execute(self, jobs: Iterable[Job]) -> Iterator[Event]:
        """Perform the jobs in order."""
        for job in jobs:
            yield from _perform_or_refuse(job)


@hookimpl
def harness_executors() -> list[type[Executor]]:
    """Return the executors of the core."""
    return [Inline, Local]


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    # A container or a batch system may give a process fewer cores than the machine has; macOS and
    # Windows cannot be asked.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_cores(
    core_count: int, at_once: int | None, job_count: int, threads_needed: int
) -> tuple[int, int]:
    """Share CPU cores out among jobs.

    Args:
        core_count: How many cores there are.
        at_once: How many jobs to do at a time; None where the cores decide.
        job_count: How many jobs there are.
        threads_needed: The threads that the most demanding job must have.

    Returns:
        How many jobs to do at a time, and the threads of each.
    """
    if at_once is None:
        at_once = max(1, core_count // threads_needed)
    at_once = min(at_once, job_count)
    threads = max(1, core_count // at_once)
    return at_once, threads


def _perform_or_refuse(job: Job, threads: int | None = None) -> Iterator[Event]:
    """Perform a job in this process; one that another process holds ends as refused."""
    try:
        yield from job.perform(threads)
    except AlreadyRunningError as error:
        yield refuse_running(job, error)


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process at work."""

    process: BaseProcess
    job: Job
    slot: int
    """The place of the job among those that run at the same time: the smallest free number."""


def _free_slot(workers: Iterable[_Worker]) -> int:
    """Return the smallest number that no worker has as its slot."""
    taken = {worker.slot for worker in workers}
    slot = 0
    while slot in taken:
        slot += 1
    return slot


def _start_worker(
    context: BaseContext, job: Job, slot: int, threads: int, gpu: int | None
) -> tuple[Connection, _Worker]:
    """Start a process for a job; return the connection that its events come through as well."""
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(  # type: ignore[attr-defined]
        target=_work, args=(job, threads, gpu, sender), daemon=True
    )
    process.start()
    # While this process holds the sending end too, the death of the child would not end the pipe.
    sender.close()
    return receiver, _Worker(process, job, slot)


def _readable(connections: Iterable[Connection]) -> list[Connection]:
    """Wait until at least one connection has an event, or has been closed by its process."""
    # `wait` is typed for sockets and handles as well; on Windows the connections are of a class
    # of their own, so that `isinstance` would not do.
    return cast("list[Connection]", wait(list(connections)))


def _receive(connection: Connection, worker: _Worker) -> Event:
    """Return the next event of a worker, or the failed end of one that died."""
    try:
        event: Event = connection.recv()
        return event
    except EOFError:
        worker.process.join()
    reason = _describe_death(worker.process.exitcode)
    try:
        return worker.job.abandon(reason)
    except AlreadyRunningError as error:
        # Somebody else has taken up the run since its process died.
        return refuse_running(worker.job, error)


def _describe_death(exitcode: int | None) -> str:
    """Say how a process ended that had not reported the end of its run."""
    if exitcode is None or exitcode >= 0:
        return f"the process exited with code {exitcode}"
    death = f"the process was killed by signal {-exitcode}"
    # Linux kills with SIGKILL what takes the last of the memory. Windows has no such signal.
    if -exitcode == getattr(signal, "SIGKILL", None):
        death += " (out of memory? lower training.batch_size, or run fewer at a time with --jobs)"
    return death


def _work(job: Job, threads: int, gpu: int | None, sender: Connection) -> None:
    """Perform a job in a child process, and send its events to the parent."""
    # Ctrl-C reaches the whole group; the parent ends its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = _visible_device(gpu)
    # A broken pipe means that the parent is gone.
    with suppress(BrokenPipeError):
        for event in _perform_or_refuse(job, threads):
            sender.send(event)


def _visible_device(gpu: int) -> str:
    """Return what CUDA calls the GPU of this number, among those that this process may use."""
    # The variable may hold numbers or identifiers; the counting begins at its first one.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    if gpu < len(visible) and visible[gpu]:
        return visible[gpu]
    return str(gpu)


def _end_with_parent() -> None:
    """Wait for the end of the parent process, and end this one.

    Nobody would hear of its run, and its claim would keep others from it. A pipe that only the
    parent holds open tells at once, however the parent ended; nothing asks again and again.
    """
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)


def _process_context(jobs: Iterable[Job]) -> BaseContext:
    """Return a context whose processes start quickly.

    They are forked from a server that has imported the slow modules once. Where there is no such
    server, as on Windows, they are spawned.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    modules: list[str] = []
    for job in jobs:
        modules += job.preload
    # The server ignores a module that it cannot import, and each run is then seconds slower.
    context.set_forkserver_preload(list(dict.fromkeys(modules)))
    return context


def _count_gpus() -> int:
    # Importing torch to ask would take seconds, and these files are there wherever CUDA is.
    if not (Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()):
        return 0
    import torch

    return torch.cuda.device_count()
