"""Test a run once, by the core, after training: confusion counts, boundaries and probabilities.

Shapes: N patches, B of them in a batch, of S x S pixels, C channels, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.values import IGNORE, Pixels
from harness.run.batches import Normalisation
from harness.run.evaluation.boundaries import count_boundaries
from harness.run.evaluation.calibration import (
    BatchProbabilities,
    Probabilities,
    measure_probabilities,
    merge_probabilities,
)
from harness.run.patches import PatchSet
from harness.run.train import autocast


@dataclass(frozen=True, slots=True, eq=False)
class PatchResults:
    """What a test found on N patches."""

    indices: tuple[int, ...]
    """The patches that were tested."""
    counts: NDArray[np.int64]
    """[N, K, K]: confusion counts of each patch; rows are the truth, columns the prediction."""
    predictions: Pixels
    """uint8 [N, S, S]: the predicted classes."""
    boundaries: NDArray[np.int64] | None = None
    """[6, K]: see `count_boundaries`; None where they were not asked for."""
    probabilities: Probabilities | None = None
    """What a network's probabilities come to; None without a network, or where not asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """A network as it is applied to images."""

    model: torch.nn.Module
    """The network, in any mode."""
    normalisation: Normalisation
    """How it sees images, on its device."""
    precision: str
    """Of the forward pass: "fp32" or "bf16"."""

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return self.normalisation.mean.device

    def predict(self, images: Tensor) -> Tensor:
        """Compute the logits [B, K, S, S] of images uint8 [B, S, S, C]."""
        with autocast(self.device, self.precision):
            logits: Tensor = self.model(self.normalisation.apply(images))
        return logits


def evaluate(
    predictor: Predictor,
    patches: PatchSet,
    indices: Sequence[int],
    radius: int | None = None,
    batch_size: int = 16,
) -> PatchResults:
    """Test a network. Ignored and padded pixels are not counted.

    Args:
        predictor: the network; it is left in evaluation mode.
        patches: all patches of the data set.
        indices: those to test.
        radius: what is near a boundary, in pixels; without it, neither boundaries nor
            probabilities are looked at.
        batch_size: patches at a time; it changes no count.

    Raises:
        FloatingPointError: if the network's outputs are not finite, as after a last step that
            diverged.
    """
    classes = patches.classes
    counts: list[Tensor] = []
    predictions: list[Tensor] = []
    finite: list[Tensor] = []
    boundaries: list[Tensor] = []
    probabilities: list[BatchProbabilities] = []
    predictor.model.eval()
    with torch.inference_mode():
        # Results stay on the device until the end: fetching them batch by batch would wait for it
        # each time.
        for images, truth in _test_batches(patches, indices, batch_size, predictor.device):
            logits = predictor.predict(images)
            finite.append(torch.isfinite(logits).all())
            # Several times faster than argmax on a CPU.
            predicted = logits.max(1).indices.to(torch.uint8)
            predictions.append(predicted)
            counts.append(confusion(predicted, truth, classes))
            if radius:
                boundaries.append(count_boundaries(predicted, truth, classes, radius))
                probabilities.append(measure_probabilities(logits, predicted, truth))
    if not torch.stack(finite).all():
        raise FloatingPointError(
            "the trained network's outputs on test images are not finite: lower"
            " training.learning_rate"
        )
    results = PatchResults(
        indices=tuple(indices),
        counts=torch.cat(counts).cpu().numpy(),
        predictions=torch.cat(predictions).cpu().numpy(),
    )
    if not radius:
        return results
    summed_boundaries = torch.stack(boundaries).sum(0)
    return replace(
        results,
        boundaries=summed_boundaries.cpu().numpy(),
        probabilities=merge_probabilities(probabilities),
    )


def score(
    predictions: Iterable[Pixels], patches: PatchSet, indices: Sequence[int], radius: int
) -> PatchResults:
    """Test predictions that were made without a network, so without probabilities.

    Args:
        predictions: uint8 [S, S] for each of the patches at `indices`.
        patches: all patches of the data set.
        indices: those to test.
        radius: what is near a boundary, in pixels.
    """
    predicted = np.stack(list(predictions))
    masks = np.asarray(patches.masks[list(indices)])
    predicted_maps = torch.from_numpy(predicted)
    true_maps = torch.from_numpy(masks)
    counts = confusion(predicted_maps, true_maps, patches.classes)
    boundaries = count_boundaries(predicted_maps, true_maps, patches.classes, radius)
    return PatchResults(
        indices=tuple(indices),
        counts=counts.numpy(),
        predictions=predicted,
        boundaries=boundaries.numpy(),
    )


def confusion(predicted: Tensor, truth: Tensor, classes: int) -> Tensor:
    """Count the pixels of each pair of a true and a predicted class, without ignored pixels.

    Args:
        predicted: class maps [B, H, W].
        truth: class maps [B, H, W], with IGNORE.
        classes: number of classes, K.

    Returns:
        int64 [B, K, K]; rows are the truth, columns the prediction.
    """
    maps = len(truth)
    pairs = classes * classes
    # int64 before the product: bytes would wrap round from 17 classes on.
    cells = truth.long() * classes + predicted.long()
    # One cell more collects what is ignored, and is cut off: selecting the valid pixels instead
    # would make the host wait for their number.
    cells = torch.where(truth == IGNORE, pairs, cells)
    # One bincount for all maps, each with cells of its own: counts of whole numbers are exact, in
    # whatever order a GPU adds them.
    offsets = torch.arange(maps, device=truth.device) * (pairs + 1)
    cells = cells + offsets[:, None, None]
    counts = torch.bincount(cells.flatten(), minlength=maps * (pairs + 1))
    counted_pairs = counts.view(maps, pairs + 1)[:, :pairs]
    return counted_pairs.view(-1, classes, classes)


def by_scene(
    counts: NDArray[np.int64], patches: PatchSet, indices: Sequence[int]
) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Sum confusion counts over the patches of each test image.

    Args:
        counts: [N, K, K], of the patches at `indices`.
        patches: all patches of the data set.
        indices: those that were tested.

    Returns:
        The keys of the images in the order of their first patch, their groups, and the counts,
        int64 [images, K, K].
    """
    groups: dict[str, str] = {}
    scenes: list[str] = []
    for index in indices:
        origin = patches.origins[index]
        groups[origin.scene] = origin.group
        scenes.append(origin.scene)
    rows = {scene: row for row, scene in enumerate(groups)}
    summed = np.zeros((len(groups), *counts.shape[1:]), np.int64)
    # Not `summed[rows] += counts`: that would add only one patch of each image.
    np.add.at(summed, [rows[scene] for scene in scenes], counts)
    return list(groups), list(groups.values()), summed


def _test_batches(
    patches: PatchSet, indices: Sequence[int], batch_size: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Give images uint8 [B, S, S, C] and masks uint8 [B, S, S] on the device, in order."""
    for start in range(0, len(indices), batch_size):
        chosen = list(indices[start : start + batch_size])
        images = np.asarray(patches.images[chosen])
        masks = np.asarray(patches.masks[chosen])
        device_images = torch.from_numpy(images).to(device, non_blocking=True)
        device_masks = torch.from_numpy(masks).to(device, non_blocking=True)
        yield device_images, device_masks
