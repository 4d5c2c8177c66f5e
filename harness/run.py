"""One run, from patches to record: the flow of the whole system as code."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from harness import metrics
from harness.data import InputError, stream_seed
from harness.evaluate import by_scene, evaluate
from harness.events import EpochFinished, Event, RunFinished, RunStarted
from harness.folders import cache_root
from harness.patches import open_patches
from harness.plan import Run
from harness.provenance import git_state, machine, package_versions, peak_memory_mib
from harness.samples import write_samples
from harness.splits import divide
from harness.store import Store, append_epoch, write_confusion, write_json
from harness.supervise import annotate
from harness.train import train, training_set

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SCHEMA_VERSION = 1


def perform(run: Run, store: Store, threads: int | None = None) -> Iterator[Event]:
    """Computes a run and stores its record, yielding events as they happen. A failure is a record too, with its traceback.

    `threads` is the number of CPU threads PyTorch may use (default: leave as is). Raises AlreadyRunningError if another process holds it.
    """
    if threads:
        torch.set_num_threads(threads)
    with store.claim(run.key, {**run.title, "settings": run.settings}) as folder:
        yield RunStarted(run.key)
        started, clock, history = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter(), list[dict[str, Any]]()
        parts: dict[str, Any] = {}
        try:
            for event in _steps(run, store, parts):
                if isinstance(event, EpochFinished):
                    history.append(event.epoch)
                    append_epoch(folder, event.epoch)
                    yield event
            outcome: dict[str, Any] = {"status": "ok"}
        except Exception as error:  # recorded, shown on the leaderboard, and told by the exit code
            outcome = {"status": "failed", "error": _error(error)}
        cost = parts.pop("cost", {})
        cost |= {"started": started, "seconds": round(time.perf_counter() - clock, 3), "peak_memory_mib": peak_memory_mib()}
        cost["epoch_seconds"] = [epoch["seconds"] for epoch in history]
        record = {
            **_header(run),
            **outcome,
            **parts,
            "history": [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in history],
            "cost": cost,
        }
        write_json(folder / "record.json", record)
    yield RunFinished(run.key, record)


def abandon(run: Run, store: Store, reason: str) -> RunFinished:
    """Records a run whose process died: `reason` says how."""
    with store.claim(run.key, {**run.title, "settings": run.settings}) as folder:
        record = {**_header(run), "status": "failed", "error": {"type": "ProcessDied", "message": reason, "traceback": ""}}
        record |= {"history": [], "cost": {"started": datetime.now(UTC).isoformat(timespec="seconds")}}
        write_json(folder / "record.json", record)
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
        "classes": [{"name": each.name, "color": list(each.color)} for each in run.scenario.dataset.classes],
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


def _steps(run: Run, store: Store, parts: dict[str, Any]) -> Iterator[EpochFinished]:
    """The run itself. What it finds out goes into `parts` as it is known, so that a failed run keeps what it had."""
    scenario, seed, folder = run.scenario, run.seed, store.folder(run.key)
    settings, clock = scenario.training, time.perf_counter()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    parts["hardware"] = {"device": device.type, "name": _device_name(device), "precision": precision, "threads": torch.get_num_threads()}
    patches = open_patches(scenario.dataset, run.data, scenario.patches, cache_root())
    split = divide(patches.origins, scenario.split, scenario.patches.size, seed)
    parts["split"] = {
        part: {
            "patches": len(indices),
            "scenes": len({patches.origins[index].scene for index in indices}),
            "groups": sorted({patches.origins[index].group for index in indices}) if scenario.split.by != "patch" else [],
        }
        for part, indices in split.items()
    }
    labels, ledger = annotate(patches, split["train"], run.method.supervisions, seed)
    parts["ledger"] = ledger
    train_indices = list(split["train"])
    images = np.asarray(patches.images[train_indices])
    statistics = _statistics(images, scenario.patches.normalise)
    data = training_set(images, np.asarray(patches.masks[train_indices]), labels, statistics, patches.classes, device)
    torch.manual_seed(stream_seed(seed, "initialisation"))
    model = scenario.model.build(images.shape[3], patches.classes).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    parts["parameters"] = sum(parameter.numel() for parameter in model.parameters())
    prepared = time.perf_counter()
    for epoch in train(model, data, run.method.terms, settings, precision, seed):
        yield EpochFinished(run.key, epoch)
    trained = time.perf_counter()
    counts, predictions = evaluate(model, patches, split["test"], (data.mean, data.std), precision)
    evaluated = time.perf_counter()
    scenes, groups, counted = by_scene(counts, patches, split["test"])
    parts["confusion"] = {"images": scenes, "groups": groups, "counts": counted.tolist()}
    parts["metrics"] = summary(counted.sum(0), [each.name for each in scenario.dataset.classes], scenario.mean_over)
    parts["cost"] = {
        "prepare_seconds": round(prepared - clock, 3),
        "train_seconds": round(trained - prepared, 3),
        "test_seconds": round(evaluated - trained, 3),
    }
    if device.type == "cuda":
        parts["cost"]["peak_device_memory_mib"] = round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    write_confusion(folder, scenes, counted)
    write_samples(folder / "samples", patches, split["test"], predictions, scenario.dataset.classes)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(state, folder / f".weights.{os.getpid()}")
    (folder / f".weights.{os.getpid()}").replace(folder / "weights.safetensors")


def choose_device(wanted: str) -> torch.device:
    """The training device. Raises InputError for one that this machine, or this build of PyTorch, does not have."""
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if has[name]))
    if not has[wanted]:
        raise InputError(f"training.device: {wanted} is not available here; use auto or cpu")
    return torch.device(wanted)


def choose_precision(wanted: str, device: torch.device) -> str:
    """fp32 or bf16; `auto` takes bf16 where the hardware computes in it, not where it is emulated."""
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    elif device.type == "cpu":
        native = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and torch.cpu._is_avx512_bf16_supported()
    else:
        native = False
    return "bf16" if native else "fp32"


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(machine()["processor"])


def _statistics(images: NDArray[np.uint8], normalise: str) -> tuple[list[float], list[float]]:
    channels = images.shape[3]
    if normalise == "none":
        return [0.0] * channels, [1.0] * channels
    if normalise == "imagenet":
        if channels != 3:
            raise InputError(f"patches.normalise: imagenet has statistics for 3 channels, the data has {channels}: use training-set")
        return list(IMAGENET[0]), list(IMAGENET[1])
    flat = images.reshape(-1, channels)
    return (flat.mean(0) / 255).tolist(), np.maximum(flat.std(0) / 255, 1e-6).tolist()


def summary(counts: NDArray[np.int64], classes: list[str], mean_over: tuple[str, ...]) -> dict[str, Any]:
    """The scores of counts [K, K] for a person to read in a record; leaderboards compute theirs from the counts."""

    def listed(values: NDArray[np.float64]) -> dict[str, float | None]:
        return {name: None if np.isnan(v) else round(float(v), 6) for name, v in zip(classes, values, strict=True)}

    return {
        "miou": round(metrics.mean_iou(counts, [classes.index(name) for name in mean_over]), 6),
        "accuracy": round(float(metrics.accuracy(counts)), 6),
        "iou": listed(metrics.iou(counts)),
        "f1": listed(metrics.f1(counts)),
        "precision": listed(metrics.precision(counts)),
        "recall": listed(metrics.recall(counts)),
    }
