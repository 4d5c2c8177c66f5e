"""One run, from patches to record: the flow of the whole system as code."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from harness.core.jobs import EpochFinished, Event, RunFinished, RunStarted
from harness.plan.runs import Run
from harness.records.store import Store, append_epoch, write_confusion, write_record
from harness.run.evaluation.outcome import evaluate_floor
from harness.run.make_record import begin_findings, make_abandoned_record, make_record
from harness.run.network import build_network, evaluate_network, write_weights
from harness.run.prepare import annotate_training_part, divide_patches
from harness.run.samples import write_samples


def perform(run: Run, store: Store, threads: int | None = None) -> Iterator[Event]:
    """Compute a run and store its record, yielding events as they happen.

    A failure is a record too, with its traceback and with what the run had found out before.

    Args:
        run: what to compute.
        store: the folder of runs.
        threads: how many CPU threads PyTorch may use, if the run does not say. Default: leave
            PyTorch as it is.

    Raises:
        AlreadyRunningError: if another process holds the run.
    """
    threads = run.threads or threads
    if threads:
        torch.set_num_threads(threads)
    with store.claim(run.key, {**run.title.as_json(), "settings": run.settings}) as folder:
        yield RunStarted(run.key)
        findings = begin_findings()
        error: Exception | None = None
        try:
            # Each finding is kept at once: what comes after it may fail.
            data = divide_patches(run)
            findings.data = data
            annotated = annotate_training_part(run, data)
            findings.annotated = annotated
            findings.prepare_seconds = time.perf_counter() - findings.clock

            if run.method.floor:
                test = evaluate_floor(run, data, annotated)
                findings.test = test
            else:
                network = build_network(run, data, annotated)
                findings.network = network
                training_began = time.perf_counter()
                for result in network.training:
                    epoch = result.as_event()
                    append_epoch(folder, epoch)
                    findings.epochs.append(result)
                    yield EpochFinished(run.key, epoch)
                test_began = time.perf_counter()
                findings.train_seconds = test_began - training_began
                test = evaluate_network(run, data, network, len(findings.epochs))
                findings.test = test
                findings.test_seconds = time.perf_counter() - test_began
                write_weights(network.predictor.model, folder)

            confusion = test.outcome.confusion
            write_confusion(folder, confusion.images, confusion.array)
            classes = run.scenario.dataset.classes
            write_samples(folder / "samples", data.patches, test.result, classes, annotated.draw)
        except Exception as problem:
            # Whatever it is: it is recorded, shown on the board and told by the exit code, and the
            # runs after this one go on.
            error = problem
        # Last of all, so that a folder with a record has everything else.
        record = make_record(run, findings, error)
        write_record(folder, record)
    yield RunFinished(run.key, record.as_json())


def abandon(run: Run, store: Store, reason: str) -> RunFinished:
    """Record a run whose process died.

    Args:
        run: the run.
        store: the folder of runs.
        reason: how its process died.

    Raises:
        AlreadyRunningError: if another process holds the run.
    """
    with store.claim(run.key, {**run.title.as_json(), "settings": run.settings}) as folder:
        record = make_abandoned_record(run, reason)
        write_record(folder, record)
    return RunFinished(run.key, record.as_json())
