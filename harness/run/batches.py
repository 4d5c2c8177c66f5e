"""Hold training patches on their device, and give the batches of an epoch.

Shapes: N patches of S x S pixels, B of them in a batch, C channels, M maps, K classes.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.randomness import stream_seed
from harness.core.values import IGNORE, Batch, Pixels
from harness.run.annotate import TrainingLabels
from harness.run.augment import apply_change, draw_change
from harness.run.patches import PatchSet, count_classes
from harness.scenario.settings import Training

PREFETCHED = 2
"""Batches that are fetched from the host while the device computes."""


@dataclass(frozen=True, slots=True, eq=False)
class Normalisation:
    """How images are standardised before a network sees them.

    Values are scaled to 0..1, less the mean of their channel, over its standard deviation.
    """

    mean: Tensor
    """float [C]."""
    std: Tensor
    """float [C]."""

    @classmethod
    def of(cls, mean: Sequence[float], std: Sequence[float], device: torch.device) -> Normalisation:
        """Put the mean and standard deviation of each channel on a device."""
        return cls(torch.tensor(mean, device=device), torch.tensor(std, device=device))

    def apply(self, images: Tensor) -> Tensor:
        """Standardise images, uint8 or float in 0..1, [B, H, W, C].

        Returns:
            float [B, C, H, W], in channels-last memory.
        """
        scaled = images
        if images.dtype == torch.uint8:
            scaled = images.float() / 255
        standardised = (scaled - self.mean) / self.std
        # A view, not a copy: convolutions on a GPU are fastest with the channels last in memory,
        # which is where patches have them already.
        return standardised.permute(0, 3, 1, 2)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """N patches with their weak labels.

    Images and maps are on the training device where they fit; else they stay on the host, and
    `batches` copies them ahead of the step loop.
    """

    images: Tensor
    """uint8 [N, S, S, C]."""
    maps: Tensor
    """uint8 [N, S, S, M]: values of each pixel. One tensor, so that augmentation moves all maps
    in the same way."""
    layers: tuple[str, ...]
    """Names of the M maps: "valid", and "labels" and "regions" where there are any."""
    proportions: Tensor | None
    """float [N, K], or [N, R, K] with R regions."""
    tags: Tensor | None
    """bool [N, K]."""
    labels_per_patch: Tensor | None
    """float [K]: the mean number of labelled pixels of each class in a patch."""
    normalisation: Normalisation
    """How the network sees the images."""
    device: torch.device
    """The training device."""


def training_set(
    patches: PatchSet,
    indices: Sequence[int],
    labels: TrainingLabels,
    normalisation: Normalisation,
    device: torch.device,
) -> TrainingSet:
    """Make tensors of patches and their weak labels.

    Args:
        patches: all patches of the data set.
        indices: those that belong to the set.
        labels: their weak labels, in the same order.
        normalisation: how the network sees images.
        device: where the network is trained.
    """
    chosen = list(indices)
    # Of the masks, only which pixels are valid goes into training: the classes stop here.
    is_valid = np.asarray(patches.masks[chosen]) != IGNORE
    layers: dict[str, Pixels] = {"valid": is_valid.astype(np.uint8)}
    if labels.labels is not None:
        layers["labels"] = labels.labels
    if labels.regions is not None:
        layers["regions"] = labels.regions
    images = torch.from_numpy(np.ascontiguousarray(patches.images[chosen]))
    stacked_layers = np.stack(list(layers.values()), -1)
    maps = torch.from_numpy(stacked_layers)
    home = _choose_home(images.numel() + maps.numel(), device)
    return TrainingSet(
        images=images.to(home),
        maps=maps.to(home),
        layers=tuple(layers),
        proportions=_on_device(labels.proportions, device),
        tags=_on_device(labels.tags, device),
        labels_per_patch=_labels_per_patch(labels.labels, patches.classes, device),
        normalisation=normalisation,
        device=device,
    )


def batches(data: TrainingSet, settings: Training, seed: int, epoch: int) -> Iterator[Batch]:
    """Give the batches of one epoch, shuffled and augmented."""
    generator = torch.Generator()
    generator.manual_seed(stream_seed(seed, "order", str(epoch)))
    order = torch.randperm(len(data.images), generator=generator)
    chunks = _split_epoch(order, settings.batch_size)
    # A stream of its own: methods, or scenarios, that differ in augmentation share the order.
    # All changes of an epoch are drawn before its first step, batch after batch.
    generator.manual_seed(stream_seed(seed, "augmentation", str(epoch)))
    changes = [draw_change(settings, len(chunk), generator) for chunk in chunks]
    gathered = _gather(data, chunks)
    for chunk, change, (images, maps) in zip(chunks, changes, gathered, strict=True):
        changed_images, changed_maps = apply_change(images, maps, change)
        yield _make_batch(data, chunk, changed_images, changed_maps)


def plain_batches(data: TrainingSet, batch_size: int) -> Iterator[Batch]:
    """Give all patches in order, as they are."""
    chunks = torch.split(torch.arange(len(data.images)), batch_size)
    for chunk, (images, maps) in zip(chunks, _gather(data, chunks), strict=True):
        yield _make_batch(data, chunk, images, maps)


def steps_per_epoch(patches: int, batch_size: int) -> int:
    """Return the number of batches in an epoch."""
    batch_count = math.ceil(patches / batch_size)
    if _last_is_lone(patches, batch_size):
        return batch_count - 1
    return batch_count


def _split_epoch(order: Tensor, batch_size: int) -> list[Tensor]:
    """Divide patch indices, int64 [N], into batches."""
    chunks = list(torch.split(order, batch_size))
    if _last_is_lone(len(order), batch_size):
        lone = chunks.pop()
        chunks[-1] = torch.cat([chunks[-1], lone])
    return chunks


def _last_is_lone(patches: int, batch_size: int) -> bool:
    """Tell whether an epoch would end with a batch of a single patch, which joins the one before.

    Batch normalisation needs two values per channel, and where the feature map is 1 x 1 a single
    patch gives one. With a batch size of 1 that is what the scenario asked for, and with one patch
    in all there is nothing to join.
    """
    return batch_size > 1 and patches > batch_size and patches % batch_size == 1


def _make_batch(data: TrainingSet, chunk: Tensor, images: Tensor, maps: Tensor) -> Batch:
    """Make what a loss sees of the patches of a chunk, from their images and maps."""
    rows = chunk.to(data.device, non_blocking=True)
    layers = dict(zip(data.layers, maps.unbind(-1), strict=True))
    # Class indices are stored as bytes, and widened for a batch alone: PyTorch indexes by int64,
    # which would take eight times the memory for the whole set.
    return Batch(
        images=data.normalisation.apply(images),
        valid=layers["valid"].bool(),
        labels=layers["labels"].long() if "labels" in layers else None,
        regions=layers["regions"].long() if "regions" in layers else None,
        proportions=data.proportions[rows] if data.proportions is not None else None,
        tags=data.tags[rows] if data.tags is not None else None,
        labels_per_patch=data.labels_per_patch,
        training_patches=len(data.images),
    )


def _gather(data: TrainingSet, chunks: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Give the images and maps of each chunk of patches, on the training device."""
    if data.images.device == data.device:
        for chunk in chunks:
            rows = chunk.to(data.device, non_blocking=True)
            yield data.images[rows], data.maps[rows]
        return

    def fetch(chunk: Tensor) -> tuple[Tensor, Tensor]:
        # Pinned memory: only from there is a copy to the device asynchronous.
        images = data.images[chunk].pin_memory()
        maps = data.maps[chunk].pin_memory()
        return images, maps

    # One thread beside the step loop keeps batches ready; more would compete with it for the CPU.
    # No more than PREFETCHED, since pinned memory is taken from everybody else on the machine.
    with ThreadPoolExecutor(1) as pool:
        fetches: deque[Future[tuple[Tensor, Tensor]]] = deque()
        for chunk in chunks[:PREFETCHED]:
            fetches.append(pool.submit(fetch, chunk))
        for index in range(len(chunks)):
            images, maps = fetches.popleft().result()
            ahead = index + PREFETCHED
            if ahead < len(chunks):
                fetches.append(pool.submit(fetch, chunks[ahead]))
            device_images = images.to(data.device, non_blocking=True)
            device_maps = maps.to(data.device, non_blocking=True)
            yield device_images, device_maps


def _choose_home(size: int, device: torch.device) -> torch.device:
    """Choose where a training set of `size` bytes lies between steps."""
    if device.type != "cuda":
        return device
    free, _ = torch.cuda.mem_get_info(device)
    # Half of what is free: the network, its gradients and its activations need the rest.
    fits = size < 0.5 * free
    return device if fits else torch.device("cpu")


def _on_device(values: NDArray[Any] | None, device: torch.device) -> Tensor | None:
    if values is None:
        return None
    return torch.from_numpy(values).to(device)


def _labels_per_patch(labels: Pixels | None, classes: int, device: torch.device) -> Tensor | None:
    """Return the mean number of labelled pixels of each class in a patch, float [K]."""
    if labels is None:
        return None
    means = count_classes(labels, classes) / len(labels)
    return torch.tensor(means, dtype=torch.float32, device=device)
