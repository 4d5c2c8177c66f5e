"""Training as a generator: one record per epoch. Nothing in the step loop waits for the device."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.augment import augmented, draw
from harness.data import IGNORE, Batch, stream_seed
from harness.scenario import Term
from harness.settings import Training
from harness.supervise import TrainingLabels


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """N patches with their weak labels. images uint8 [N, S, S, C]; maps uint8 [N, S, S, M], named
    by `layers`: valid, labels?, regions?

    Both are on the training device where they fit; else they stay on the host and `batches` copies
    ahead of the step loop. mean and std: float [C], of values scaled to 0..1.
    """

    images: Tensor
    maps: Tensor
    layers: tuple[str, ...]
    proportions: Tensor | None
    tags: Tensor | None
    labels_per_patch: Tensor | None
    mean: Tensor
    std: Tensor
    device: torch.device


def training_set(
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    labels: TrainingLabels,
    statistics: tuple[Sequence[float], Sequence[float]],
    classes: int,
    device: torch.device,
) -> TrainingSet:
    """Patches [N, S, S, C] and their weak labels as tensors; of the masks only which pixels are
    valid is kept."""
    given = {
        "valid": (masks != IGNORE).astype(np.uint8),
        "labels": labels.labels,
        "regions": labels.regions,
    }
    maps = {layer: values for layer, values in given.items() if values is not None}
    per_patch = None
    if labels.labels is not None:
        counted = np.bincount(labels.labels.ravel(), minlength=256)[:classes] / len(images)
        per_patch = torch.tensor(counted, dtype=torch.float32, device=device)
    host = (
        torch.from_numpy(np.ascontiguousarray(images)),
        torch.from_numpy(np.stack(list(maps.values()), -1)),
    )
    resident = (
        device.type != "cuda"
        or sum(t.numel() for t in host) < 0.5 * torch.cuda.mem_get_info(device)[0]
    )
    where = device if resident else torch.device("cpu")
    return TrainingSet(
        host[0].to(where),
        host[1].to(where),
        tuple(maps),
        None if labels.proportions is None else torch.from_numpy(labels.proportions).to(device),
        None if labels.tags is None else torch.from_numpy(labels.tags).to(device),
        per_patch,
        torch.tensor(statistics[0], device=device),
        torch.tensor(statistics[1], device=device),
        device,
    )


def normalised(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """uint8 or 0..1 float [B, H, W, C] to standardised float [B, C, H, W] in channels-last
    memory."""
    scaled = images.float() / 255 if images.dtype == torch.uint8 else images
    return ((scaled - mean) / std).permute(0, 3, 1, 2)


def batches(data: TrainingSet, settings: Training, seed: int, epoch: int) -> Iterator[Batch]:
    """The batches of one epoch, shuffled and augmented. A last batch of a single patch joins the
    one before: batch norm needs two."""
    generator = torch.Generator().manual_seed(stream_seed(seed, "order", str(epoch)))
    chunks = list(
        torch.split(torch.randperm(len(data.images), generator=generator), settings.batch_size)
    )
    if steps_per_epoch(len(data.images), settings.batch_size) < len(chunks):
        chunks[-2:] = [torch.cat(chunks[-2:])]
    generator.manual_seed(stream_seed(seed, "augmentation", str(epoch)))
    changes = [draw(settings, len(chunk), generator) for chunk in chunks]
    for chunk, change, (images, maps) in zip(chunks, changes, _gathered(data, chunks), strict=True):
        yield _batch(data, chunk, *augmented(images, maps, change))


def plain_batches(data: TrainingSet, batch_size: int) -> Iterator[Batch]:
    """All patches in order, as they are."""
    chunks = list(torch.split(torch.arange(len(data.images)), batch_size))
    for chunk, (images, maps) in zip(chunks, _gathered(data, chunks), strict=True):
        yield _batch(data, chunk, images, maps)


def _batch(data: TrainingSet, chunk: Tensor, images: Tensor, maps: Tensor) -> Batch:
    picked = chunk.to(data.device, non_blocking=True)
    layers = dict(zip(data.layers, maps.unbind(-1), strict=True))
    return Batch(
        images=normalised(images, data.mean, data.std),
        valid=layers["valid"].bool(),
        labels=layers["labels"].long() if "labels" in layers else None,
        regions=layers["regions"].long() if "regions" in layers else None,
        proportions=None if data.proportions is None else data.proportions[picked],
        tags=None if data.tags is None else data.tags[picked],
        labels_per_patch=data.labels_per_patch,
        training_patches=len(data.images),
    )


def steps_per_epoch(patches: int, batch_size: int) -> int:
    """Batches in an epoch."""
    lone = batch_size > 1 and patches > batch_size and patches % batch_size == 1
    return math.ceil(patches / batch_size) - lone


def _gathered(data: TrainingSet, chunks: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    if data.images.device == data.device:
        for chunk in chunks:
            picked = chunk.to(data.device, non_blocking=True)
            yield data.images[picked], data.maps[picked]
        return

    def fetch(chunk: Tensor) -> tuple[Tensor, Tensor]:
        return data.images[chunk].pin_memory(), data.maps[chunk].pin_memory()

    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(fetch, chunk) for chunk in chunks[:2]]
        for index in range(len(chunks)):
            images, maps = waiting.pop(0).result()
            if index + 2 < len(chunks):
                waiting.append(pool.submit(fetch, chunks[index + 2]))
            yield images.to(data.device, non_blocking=True), maps.to(data.device, non_blocking=True)


def term_names(terms: Sequence[Term]) -> list[str]:
    """A name for each term: its loss, numbered where a loss occurs again."""
    names: list[str] = []
    for term in terms:
        again = sum(name.split("#")[0] == term.loss.name for name in names)
        names.append(f"{term.loss.name}#{again + 1}" if again else term.loss.name)
    return names


def ramp(progress: float, length: float) -> float:
    """The factor of a ramped weight at a progress of 0..1: exp(-5 (1 - t)^2) with t = progress /
    length up to 1 (Laine and Aila 2017)."""
    return math.exp(-5 * (1 - min(1.0, progress / length)) ** 2) if length else 1.0


def learning_rate_factor(settings: Training, progress: float) -> float:
    """What the initial learning rate is multiplied with at a progress of 0..1."""
    if settings.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if settings.schedule == "poly":
        return float((1 - progress) ** settings.poly_power)
    return 1.0


def optimizer_for(
    model: torch.nn.Module, settings: Training, device: torch.device
) -> torch.optim.Optimizer:
    """The optimiser of a scenario, fused into one kernel where PyTorch has it."""
    common: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    common["fused"] = device.type in ("cpu", "cuda")
    if settings.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), momentum=settings.momentum, **common)
    return (torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW)(
        model.parameters(), **common
    )


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """bf16 for the forward pass where `precision` says so."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def objective(
    terms: Sequence[Term], logits: Tensor, batch: Batch, progress: float
) -> tuple[Tensor, list[Tensor]]:
    """The weighted sum of the terms at a progress of 0..1, and the value of each, of logits [B, K,
    H, W] in any precision."""
    logits = logits.float()
    values = [term.loss(logits, batch) for term in terms]
    return (
        torch.stack(
            [t.weight * ramp(progress, t.ramp) * v for t, v in zip(terms, values, strict=True)]
        ).sum(),
        values,
    )


def train(
    model: torch.nn.Module,
    data: TrainingSet,
    terms: Sequence[Term],
    settings: Training,
    precision: str,
    seed: int,
    auxiliary: Sequence[float] = (),
) -> Iterator[dict[str, Any]]:
    """Trains `model` in place, yielding after each epoch: epoch (from 1), loss, terms,
    learning_rate, seconds.

    `auxiliary` are the weights of the model's auxiliary logits (`Model.auxiliary_weights`): loss
    has them in it, terms are those of the main logits. Raises FloatingPointError at the end of the
    first epoch with a loss that is not finite, naming the term and the step.
    """
    model.train()
    names = term_names(terms)
    optimizer = optimizer_for(model, settings, data.device)
    steps = steps_per_epoch(len(data.images), settings.batch_size)
    step = 0
    for epoch in range(settings.epochs):
        started = time.perf_counter()
        history = []
        for position, batch in enumerate(batches(data, settings, seed, epoch)):
            progress = (epoch + position / steps) / settings.epochs
            scheduled = progress if settings.schedule_per == "step" else epoch / settings.epochs
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * learning_rate_factor(settings, scheduled)
            optimizer.zero_grad(set_to_none=True)
            with autocast(data.device, precision):
                outputs = model(batch.images)
            logits, *others = outputs if auxiliary else (outputs,)
            loss, values = objective(terms, logits, batch, progress)
            for weight, other in zip(auxiliary, others, strict=True):
                loss = loss + weight * objective(terms, other, batch, progress)[0]
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            history.append(torch.stack([loss.detach(), *(value.detach() for value in values)]))
        seen = torch.stack(history).cpu().double().numpy()  # the epoch's one wait for the device
        if not np.isfinite(seen).all():
            raise FloatingPointError(_not_finite(seen, names, step, epoch + 1))
        step += len(seen)
        means = seen.mean(0).tolist()
        yield {
            "epoch": epoch + 1,
            "loss": means[0],
            "terms": dict(zip(names, means[1:], strict=True)),
            "learning_rate": optimizer.param_groups[0]["lr"],
            "seconds": round(time.perf_counter() - started, 3),
        }


def _not_finite(seen: NDArray[np.float64], names: Sequence[str], before: int, epoch: int) -> str:
    first = int(np.flatnonzero(~np.isfinite(seen).all(1))[0])
    values = dict(zip(names, seen[first, 1:].tolist(), strict=True))
    blamed = [name for name, value in values.items() if not math.isfinite(value)] or [
        "the weighted sum"
    ]
    where = (
        f"step {before + first + 1} (epoch {epoch}):"
        f" {', '.join(f'{name} {value:g}' for name, value in values.items())}"
    )
    return (
        f"loss term {' and '.join(blamed)} is not finite at {where}. Lower training.learning_rate,"
        " or look at the term."
    )
