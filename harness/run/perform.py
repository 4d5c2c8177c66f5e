"""One run, from patches to record: the flow of the whole system as code."""

from __future__ import annotations

import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from harness.core.hashing import digest
from harness.core.jobs import EpochFinished, Event, RunFinished, RunStarted
from harness.core.paths import cache_root
from harness.core.randomness import stream_seed
from harness.plan.runs import Run
from harness.records.store import Store, append_epoch, write_confusion, write_record
from harness.run.annotate import TrainingLabels, annotate, whole_masks
from harness.run.batches import Normalisation, TrainingSet, training_set
from harness.run.early_stopping import followed, validation_loss, validation_miou
from harness.run.environment import (
    choose_device,
    choose_precision,
    git_state,
    hardware,
    machine,
    package_versions,
    peak_memory_mib,
)
from harness.run.evaluate import Predictor, TestResult, evaluate, score
from harness.run.floors import predictions
from harness.run.outcome import details, outcome
from harness.run.patches import PatchSet, check_channels, open_patches
from harness.run.samples import Draw, write_samples
from harness.run.splits import Parts, divide
from harness.run.train import Procedure, train

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


SCHEMA_VERSION = 1


Statistics = tuple[list[float], list[float]]


def perform(run: Run, store: Store, threads: int | None = None) -> Iterator[Event]:
    """Computes a run and stores its record, yielding events as they happen. A failure is a record
    too, with its traceback.

    `threads` is the number of CPU threads PyTorch may use (default: leave as is), if the run does
    not say. Raises AlreadyRunningError if another process holds it.
    """
    threads = run.threads or threads
    if threads:
        torch.set_num_threads(threads)
    with store.claim(run.key, {**run.title, "settings": run.settings}) as folder:
        yield RunStarted(run.key)
        started, clock, history = (
            datetime.now(UTC).isoformat(timespec="seconds"),
            time.perf_counter(),
            list[dict[str, Any]](),
        )
        parts: dict[str, Any] = {}
        try:
            for event in _steps(run, folder, parts):
                if isinstance(event, EpochFinished):
                    history.append(event.epoch)
                    append_epoch(folder, event.epoch)
                    yield event
            outcome: dict[str, Any] = {"status": "ok"}
        except Exception as error:  # recorded, shown on the leaderboard, and told by the exit code
            outcome = {"status": "failed", "error": _error(error)}
        cost = parts.pop("cost", {})
        cost |= {
            "started": started,
            "seconds": round(time.perf_counter() - clock, 3),
            "peak_memory_mib": peak_memory_mib(),
        }
        cost["epoch_seconds"] = [epoch["seconds"] for epoch in history]
        record = {
            **_header(run),
            **outcome,
            **parts,
            "history": [
                {key: value for key, value in epoch.items() if key != "seconds"}
                for epoch in history
            ],
            "cost": cost,
        }
        write_record(folder, record)
    yield RunFinished(run.key, record)


def abandon(run: Run, store: Store, reason: str) -> RunFinished:
    """Records a run whose process died: `reason` says how."""
    with store.claim(run.key, {**run.title, "settings": run.settings}) as folder:
        record = {
            **_header(run),
            "status": "failed",
            "error": {"type": "ProcessDied", "message": reason, "traceback": ""},
        }
        record |= {
            "history": [],
            "cost": {"started": datetime.now(UTC).isoformat(timespec="seconds")},
        }
        write_record(folder, record)
    return RunFinished(run.key, record)


def _error(error: Exception) -> dict[str, str]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }


def _header(run: Run) -> dict[str, Any]:
    distributions = {type(component).__module__.partition(".")[0] for component in _components(run)}
    return {
        "schema_version": SCHEMA_VERSION,
        "key": run.key,
        **run.title,
        "classes": [
            {"name": each.name, "color": list(each.color)} for each in run.scenario.dataset.classes
        ],
        "mean_over": list(run.scenario.mean_over),
        "initialisation": run.scenario.model.initialisation,
        "settings": run.settings,
        "packages": package_versions(distributions),
        "git": git_state(),
        "machine": machine(),
    }


def _components(run: Run) -> list[Any]:
    losses = [term.loss for term in run.method.terms]
    return [run.scenario.dataset, run.scenario.model, *run.method.supervisions, *losses]


def _steps(run: Run, folder: Path, parts: dict[str, Any]) -> Iterator[EpochFinished]:
    """The run itself. What it finds out goes into `parts` as it is known, so that a failed run
    keeps what it had."""
    scenario, method, clock = run.scenario, run.method, time.perf_counter()
    radius = scenario.evaluation.boundary_radius
    patches = open_patches(scenario.dataset, run.data, scenario.patches, cache_root())
    split = divide(patches.origins, scenario.split, scenario.patches.size, run.seed)
    own = split[method.part]
    parts["split"] = _split_sizes(
        patches, split, by_group=scenario.split.by not in ("scene", "patch")
    )
    present = patches.class_counts(split["train"]) > 0
    parts["split"]["train"]["absent_classes"] = [
        each.name
        for each, there in zip(scenario.dataset.classes, present, strict=True)
        if not there
    ]
    draw: Draw = whole_masks
    followed_weakly = (
        scenario.training.validation == "loss"
        and method.trains_on == "training"
        and not method.floor
    )
    held_out = split["validation"] if followed_weakly else ()
    if method.supervisions:
        draw = partial(annotate, supervisions=method.supervisions, seed=run.seed)
        labels, parts["ledger"] = annotate(patches, own, method.supervisions, run.seed, held_out)
    else:
        labels, parts["ledger"] = whole_masks(patches, own)
    parts["cost"] = {"prepare_seconds": round(time.perf_counter() - clock, 3)}
    if method.floor:
        assert labels.labels is not None, "checked when the scenario was read"
        pairs = (
            (patches.images[index], labelled)
            for index, labelled in zip(own, labels.labels, strict=True)
        )
        found = predictions(
            method.floor, pairs, (patches.images[index] for index in split["test"]), patches.classes
        )
        tested = score(found, patches, split["test"], radius)
        parts["test_evaluations"] = {"floor": 1}
        parts |= {
            "parameters": 0,
            "hardware": {
                "device": "cpu",
                "name": machine()["processor"],
                "precision": "fp64",
                "threads": 1,
            },
        }
    else:
        tested = yield from _network(run, folder, patches, split, labels, parts)
    parts |= outcome(tested.counts, patches, split["test"], scenario) | {
        "details": details(tested, radius)
    }
    write_confusion(
        folder, parts["confusion"]["images"], np.array(parts["confusion"]["counts"], np.int64)
    )
    write_samples(folder / "samples", patches, tested, scenario.dataset.classes, draw)


def _network(
    run: Run,
    folder: Path,
    patches: PatchSet,
    split: Parts,
    labels: TrainingLabels,
    parts: dict[str, Any],
) -> Generator[EpochFinished, None, TestResult]:
    """Trains, follows and tests a network; returns the test that is reported."""
    scenario, method, own = run.scenario, run.method, split[run.method.part]
    settings = scenario.training if method.trains_on == "training" else scenario.training.fixed()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    parts["hardware"] = hardware(device, precision)
    images = np.asarray(patches.images[list(own)])
    statistics = _statistics(images, scenario.patches.normalise)
    tensors = partial(_tensors, patches=patches, statistics=statistics, device=device)
    trained_on, held_out = labels.divided(len(own))
    data = tensors(own, trained_on)
    torch.manual_seed(stream_seed(run.seed, "initialisation"))
    model = scenario.model.build(images.shape[3], patches.classes).to(
        device, memory_format=torch.channels_last
    )  # type: ignore[call-overload]
    parts["parameters"] = sum(parameter.numel() for parameter in model.parameters())
    measure: Callable[[], float] | None = None
    if settings.validation == "miou":
        names = [each.name for each in scenario.dataset.classes]
        listed = [names.index(name) for name in scenario.mean_over]
        measure = partial(
            validation_miou, model, patches, split["validation"], listed, data, precision
        )
        if settings.selects:
            dense = whole_masks(patches, split["validation"])[1]
            parts["ledger"]["selection"] = {
                counted: dense[counted] for counted in ("scenes", "patches", "labelled_pixels")
            }
    elif settings.validation == "loss":
        measure = partial(
            validation_loss,
            model,
            tensors(split["validation"], held_out),
            method.terms,
            settings,
            precision,
        )

    clock, best, epochs = time.perf_counter(), None, 0
    training = train(
        model,
        data,
        method.terms,
        Procedure(settings, precision, run.seed),
        scenario.model.auxiliary_weights,
    )
    following = followed(model, training, measure, settings)
    while True:
        try:
            epoch = next(following)
        except StopIteration as end:
            best = end.value
            break
        epochs = epoch["epoch"]
        yield EpochFinished(run.key, epoch)
    trained = time.perf_counter()
    parts["test_evaluations"] = Counter[str]()

    def test(network: str) -> TestResult:
        parts["test_evaluations"][network] += 1
        return evaluate(
            Predictor(model, data.normalisation, precision),
            patches,
            split["test"],
            scenario.evaluation.boundary_radius,
        )

    tested = test("last")
    parts["selection"] = {"rule": settings.selection, "last_epoch": epochs}
    if best:
        last, state = tested, {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(best.state)
        chosen = test("best-validation")
        parts["selection"] |= {"best_epoch": best.epoch, "best_value": best.value}
        parts["selection"]["last"] = outcome(last.counts, patches, split["test"], scenario)
        parts["selection"]["best-validation"] = outcome(
            chosen.counts, patches, split["test"], scenario
        )
        if settings.selection == "best-validation":
            tested = chosen
        else:
            model.load_state_dict(state)
    parts["cost"] |= {
        "train_seconds": round(trained - clock, 3),
        "test_seconds": round(time.perf_counter() - trained, 3),
    }
    if device.type == "cuda":
        parts["cost"]["peak_device_memory_mib"] = round(
            torch.cuda.max_memory_allocated(device) / 2**20, 1
        )
    _write_weights(model, folder)
    return tested


def _tensors(
    indices: Sequence[int],
    labels: TrainingLabels,
    patches: PatchSet,
    statistics: Statistics,
    device: torch.device,
) -> TrainingSet:
    normalisation = Normalisation.of(*statistics, device)
    return training_set(patches, indices, labels, normalisation, device)


def _write_weights(model: torch.nn.Module, folder: Path) -> None:
    partial_file = folder / f".weights.{os.getpid()}"
    safetensors.torch.save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()}, partial_file
    )
    partial_file.replace(folder / "weights.safetensors")


def _split_sizes(patches: PatchSet, split: Parts, by_group: bool) -> dict[str, Any]:
    return {
        part: {
            "patches": len(indices),
            "scenes": len({patches.origins[index].scene for index in indices}),
            "groups": sorted({patches.origins[index].group for index in indices})
            if by_group
            else [],
            "digest": digest(sorted(patches.patch(index).key for index in indices)),
        }
        for part, indices in split.items()
    }


def _statistics(images: NDArray[np.uint8], normalise: str) -> Statistics:
    channels = images.shape[3]
    check_channels(channels, normalise)
    if normalise == "none":
        return [0.0] * channels, [1.0] * channels
    if normalise == "imagenet":
        return list(IMAGENET[0]), list(IMAGENET[1])
    flat = images.reshape(-1, channels)
    return (flat.mean(0) / 255).tolist(), np.maximum(flat.std(0) / 255, 1e-6).tolist()
