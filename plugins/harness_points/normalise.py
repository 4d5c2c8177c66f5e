"""From the loss of each labelled pixel to one number: class weights, and what the sum is divided
by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from harness.api import IGNORE, Batch

if TYPE_CHECKING:
    from torch import Tensor

ClassWeights = Literal["none", "inverse-frequency", "effective-number"]
Normaliser = Literal[
    "labelled-pixels",
    "image",
    "classes-times-labelled",
    "all-pixels",
    "class-weights",
    "training-set",
]


def normalised(
    values: Tensor,
    batch: Batch,
    classes: int,
    normaliser: Normaliser,
    class_weights: ClassWeights,
    beta: float,
) -> Tensor:
    """The scalar of values float [B, H, W] that are 0 where unlabelled; zero for a batch without
    labels."""
    assert batch.labels is not None
    labelled = batch.labels != IGNORE
    weights = labelled.float()
    if class_weights != "none":
        weights = weights * weight_map(batch, class_weights, beta)
        values = values * weights
    if normaliser == "image":
        per_image = values.flatten(1).sum(1) / labelled.flatten(1).sum(1).clamp(min=1)
        return per_image.sum() / labelled.flatten(1).any(1).sum().clamp(min=1)
    if normaliser == "training-set":
        assert batch.labels_per_patch is not None
        return values.sum() / (len(labelled) * batch.labels_per_patch.sum()).clamp(min=1e-12)
    if normaliser == "class-weights":
        return values.sum() / weights.sum().clamp(min=1e-12)
    if normaliser == "all-pixels":
        return values.sum() / labelled.numel()
    return values.sum() / (
        labelled.sum().clamp(min=1) * (classes if normaliser == "classes-times-labelled" else 1)
    )


def weight_map(batch: Batch, kind: ClassWeights, beta: float) -> Tensor:
    """The class weight of each labelled pixel, float [B, H, W]; where unlabelled, any value."""
    assert batch.labels is not None
    assert batch.labels_per_patch is not None
    weights = class_weights(batch.labels_per_patch * batch.training_patches, kind, beta)
    return weights[batch.labels.where(batch.labels != IGNORE, 0)]


def class_weights(counts: Tensor, kind: ClassWeights, beta: float) -> Tensor:
    """Weights float [K] from the labelled pixels of each class in the training set; 0 for a class
    without labels."""
    if kind == "inverse-frequency":
        weights = counts.sum() / (len(counts) * counts.clamp(min=1e-12))
    else:
        weights = (1 - beta) / (1 - beta ** counts.clamp(min=1))
        weights = weights * len(counts) / weights.where(counts > 0, 0.0).sum().clamp(min=1e-12)
    return weights.where(counts > 0, 0.0)
