"""The one evaluation of a run: confusion counts of every test image, by the core, after training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.data import IGNORE
from harness.patches import PatchSet
from harness.train import autocast, normalised


def evaluate(
    model: torch.nn.Module,
    patches: PatchSet,
    indices: Sequence[int],
    statistics: tuple[Tensor, Tensor],
    precision: str,
    batch_size: int = 16,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Confusion counts int64 [N, K, K] (rows: truth) and predictions uint8 [N, S, S] of the patches at `indices`.

    Ignored and padded pixels are not counted. `statistics` are mean and std, float [C], on the device of the model.
    Raises FloatingPointError if the network's outputs are not finite, as after a last step that diverged.
    """
    device, classes = statistics[0].device, patches.classes
    model.eval()
    counts, predictions, finite = [], [], []
    with torch.inference_mode():
        for start in range(0, len(indices), batch_size):
            chosen = list(indices[start : start + batch_size])
            images = torch.from_numpy(np.asarray(patches.images[chosen])).to(device, non_blocking=True)
            truth = torch.from_numpy(np.asarray(patches.masks[chosen])).to(device, non_blocking=True)
            with autocast(device, precision):
                logits = model(normalised(images, *statistics))
            finite.append(torch.isfinite(logits).all())
            predicted = logits.argmax(1)
            counts.append(confusion(predicted, truth, classes))
            predictions.append(predicted.to(torch.uint8))
    if not torch.stack(finite).all():
        raise FloatingPointError("the trained network's outputs on test images are not finite: lower training.learning_rate")
    return torch.cat(counts).cpu().numpy(), torch.cat(predictions).cpu().numpy()


def score(predicted: Iterable[NDArray[np.uint8]], patches: PatchSet, indices: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Confusion counts [N, K, K] and the stacked maps [N, S, S] of predictions made without a network."""
    maps = np.stack(list(predicted))
    truth = torch.from_numpy(np.asarray(patches.masks[list(indices)]))
    return confusion(torch.from_numpy(maps), truth, patches.classes).numpy(), maps


def confusion(predicted: Tensor, truth: Tensor, classes: int) -> Tensor:
    """Counts int64 [B, K, K] (rows: truth, columns: prediction) of class maps [B, H, W], without pixels whose truth is IGNORE."""
    size = classes * classes
    cells = truth.long() * classes + predicted.long()
    cells = torch.where(truth == IGNORE, size, cells)  # one extra cell collects what is ignored
    offsets = torch.arange(len(truth), device=truth.device)[:, None, None] * (size + 1)
    counted = torch.bincount((cells + offsets).flatten(), minlength=len(truth) * (size + 1))
    return counted.view(len(truth), size + 1)[:, :size].view(-1, classes, classes)


def by_scene(counts: NDArray[np.int64], patches: PatchSet, indices: Sequence[int]) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Counts summed over the patches of each test image: image keys, their groups, and counts int64 [images, K, K]."""
    scenes = list(dict.fromkeys(patches.origins[index].scene for index in indices))
    groups = {patches.origins[index].scene: patches.origins[index].group for index in indices}
    summed = np.zeros((len(scenes), *counts.shape[1:]), np.int64)
    rows = {scene: row for row, scene in enumerate(scenes)}
    np.add.at(summed, [rows[patches.origins[index].scene] for index in indices], counts)
    return scenes, [groups[scene] for scene in scenes], summed
