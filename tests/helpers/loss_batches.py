"""Batches for losses, and the losses of points in all their settings."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.components import Loss
from harness.core.values import IGNORE, Batch
from harness_points.cross_entropy import PartialCrossEntropy

Array = NDArray[Any]


NORMALISERS = get_args(PartialCrossEntropy.model_fields["normaliser"].annotation)


CLASS_WEIGHTS = get_args(PartialCrossEntropy.model_fields["class_weights"].annotation)


EVERY = [
    PartialCrossEntropy(normaliser=normaliser, class_weights=weights)
    for normaliser in NORMALISERS
    for weights in CLASS_WEIGHTS
]


K = 4


PER_PATCH = [6.0, 1.5, 0.0, 0.5]
"""Mean labelled pixels of each class in a training patch: class 2 has none."""


def called(loss: Loss) -> str:
    return "-".join(map(str, loss.settings().values()))


def a_batch(
    labels: Array | torch.Tensor, seed: int = 0, kind: torch.dtype = torch.float32
) -> tuple[torch.Tensor, Batch]:
    """Random logits that want a gradient, and a batch with these labels [B, H, W]."""
    labels = torch.as_tensor(labels)
    shape = (len(labels), K, *labels.shape[1:])
    logits = 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=kind)
    batch = Batch(
        images=torch.zeros(len(labels), 3, *labels.shape[1:]),
        valid=labels >= 0,
        labels=labels.long(),
    )
    batch = Batch(batch.images, batch.valid, batch.labels, labels_per_patch=torch.tensor(PER_PATCH))
    return logits.requires_grad_(), batch


def sparse(seed: int = 0, share: float = 0.3) -> Array:
    """Labels [3, 5, 6] without class 2; the second image has none at all."""
    generator = np.random.default_rng(seed)
    labels = np.where(
        generator.random((3, 5, 6)) < share, generator.choice([0, 1, 3], (3, 5, 6)), IGNORE
    )
    labels[1] = IGNORE
    return labels


def dense(seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, K, (3, 5, 6))
