"""The one evaluation of a run, by the core, after training: confusion counts of every test image,
boundaries and probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.values import IGNORE
from harness.run.batches import normalised
from harness.run.boundaries import boundary_counts
from harness.run.calibration import Probabilities, measured, merged
from harness.run.patches import PatchSet
from harness.run.train import autocast


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What was found on N patches. counts: confusion int64 [N, K, K] (rows: truth). predictions:
    uint8 [N, S, S]. boundaries: int64 [6, K], see `boundary_counts`, and probabilities, of a
    network: where they were asked for."""

    counts: NDArray[np.int64]
    predictions: NDArray[np.uint8]
    boundaries: NDArray[np.int64] | None = None
    probabilities: Probabilities | None = None


def evaluate(
    model: torch.nn.Module,
    patches: PatchSet,
    indices: Sequence[int],
    statistics: tuple[Tensor, Tensor],
    precision: str,
    radius: int | None = None,
    batch_size: int = 16,
) -> Result:
    """Tests a network on the patches at `indices`; with a boundary radius, in pixels, boundaries
    and probabilities are looked at too.

    Ignored and padded pixels are not counted. `statistics` are mean and std, float [C], on the
    device of the model. Raises FloatingPointError if the network's outputs are not finite, as after
    a last step that diverged.
    """
    device, classes = statistics[0].device, patches.classes
    model.eval()
    counts, predictions, finite, boundaries, probabilities = [], [], [], [], []
    with torch.inference_mode():
        for start in range(0, len(indices), batch_size):
            chosen = list(indices[start : start + batch_size])
            images = torch.from_numpy(np.asarray(patches.images[chosen])).to(
                device, non_blocking=True
            )
            truth = torch.from_numpy(np.asarray(patches.masks[chosen])).to(
                device, non_blocking=True
            )
            with autocast(device, precision):
                logits = model(normalised(images, *statistics))
            finite.append(torch.isfinite(logits).all())
            # several times faster than argmax on a CPU
            predicted = logits.max(1).indices.to(torch.uint8)
            counts.append(confusion(predicted, truth, classes))
            predictions.append(predicted)
            if radius:
                boundaries.append(boundary_counts(predicted, truth, classes, radius))
                probabilities.append(measured(logits, predicted, truth))
    if not torch.stack(finite).all():
        raise FloatingPointError(
            "the trained network's outputs on test images are not finite: lower"
            " training.learning_rate"
        )
    return Result(
        torch.cat(counts).cpu().numpy(),
        torch.cat(predictions).cpu().numpy(),
        torch.stack(boundaries).sum(0).cpu().numpy() if boundaries else None,
        merged(probabilities) if probabilities else None,
    )


def score(
    predicted: Iterable[NDArray[np.uint8]], patches: PatchSet, indices: Sequence[int], radius: int
) -> Result:
    """Tests predictions uint8 [S, S] that were made without a network, so without probabilities."""
    maps = np.stack(list(predicted))
    pair = torch.from_numpy(maps), torch.from_numpy(np.asarray(patches.masks[list(indices)]))
    counts, boundaries = (
        confusion(*pair, patches.classes),
        boundary_counts(*pair, patches.classes, radius),
    )
    return Result(counts.numpy(), maps, boundaries.numpy())


def confusion(predicted: Tensor, truth: Tensor, classes: int) -> Tensor:
    """Counts int64 [B, K, K] (rows: truth, columns: prediction) of class maps [B, H, W], without
    pixels whose truth is IGNORE."""
    size = classes * classes
    cells = truth.long() * classes + predicted.long()
    cells = torch.where(truth == IGNORE, size, cells)  # one extra cell collects what is ignored
    offsets = torch.arange(len(truth), device=truth.device)[:, None, None] * (size + 1)
    counted = torch.bincount((cells + offsets).flatten(), minlength=len(truth) * (size + 1))
    return counted.view(len(truth), size + 1)[:, :size].view(-1, classes, classes)


def by_scene(
    counts: NDArray[np.int64], patches: PatchSet, indices: Sequence[int]
) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Counts summed over the patches of each test image: image keys, their groups, and counts int64
    [images, K, K]."""
    scenes = list(dict.fromkeys(patches.origins[index].scene for index in indices))
    groups = {patches.origins[index].scene: patches.origins[index].group for index in indices}
    summed = np.zeros((len(scenes), *counts.shape[1:]), np.int64)
    rows = {scene: row for row, scene in enumerate(scenes)}
    np.add.at(summed, [rows[patches.origins[index].scene] for index in indices], counts)
    return scenes, [groups[scene] for scene in scenes], summed
