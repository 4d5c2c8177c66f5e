"""Training patches on their device, and the batches of an epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.randomness import stream_seed
from harness.core.values import IGNORE, Batch
from harness.run.annotate import TrainingLabels
from harness.run.augment import augmented, draw
from harness.scenario.settings import Training


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
