"""Batches for losses, and partial cross-entropy in all its settings."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.components import Loss
from harness.core.values import IGNORE, Batch
from harness_points.cross_entropy import PartialCrossEntropy

Array = NDArray[Any]

K = 4
"""Number of classes."""

LABELS_PER_PATCH = [6.0, 1.5, 0.0, 0.5]
"""Mean labelled pixels of each class in a training patch: class 2 has none."""

NORMALISERS = get_args(PartialCrossEntropy.model_fields["normaliser"].annotation)
CLASS_WEIGHTS = get_args(PartialCrossEntropy.model_fields["class_weights"].annotation)
PARTIAL_CROSS_ENTROPIES = [
    PartialCrossEntropy(normaliser=normaliser, class_weights=weights)
    for normaliser in NORMALISERS
    for weights in CLASS_WEIGHTS
]


def loss_id(loss: Loss) -> str:
    """Return what tells a loss from others in the name of a test."""
    return "-".join(str(value) for value in loss.settings().values())


def make_batch(
    labels: Array | torch.Tensor, seed: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, Batch]:
    """Return random logits that want a gradient, and a batch with these labels [B, H, W]."""
    labels = torch.as_tensor(labels)
    patches, height, width = labels.shape
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn((patches, K, height, width), generator=generator, dtype=dtype)
    batch = Batch(
        images=torch.zeros(patches, 3, height, width),
        valid=labels >= 0,
        labels=labels.long(),
        labels_per_patch=torch.tensor(LABELS_PER_PATCH),
    )
    return logits.requires_grad_(), batch


def gradient(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return the gradient of a loss with respect to the logits."""
    value.backward()
    assert logits.grad is not None
    return logits.grad


def assert_zero(slope: torch.Tensor) -> None:
    """Fail where a gradient is not zero, or not a number."""
    # A comparison, because it is false for NaN too.
    assert bool((slope == 0).all())


def draw_sparse_labels(seed: int = 0, share: float = 0.3) -> Array:
    """Draw labels [3, 5, 6] without class 2; the second image has none at all."""
    generator = np.random.default_rng(seed)
    labelled = generator.random((3, 5, 6)) < share
    classes = generator.choice([0, 1, 3], (3, 5, 6))
    labels = np.where(labelled, classes, IGNORE)
    labels[1] = IGNORE
    return labels


def draw_dense_labels(seed: int = 0) -> Array:
    """Draw labels [3, 5, 6] for all pixels, of all classes."""
    return np.random.default_rng(seed).integers(0, K, (3, 5, 6))


def expect_class_weights(kind: str) -> Array:
    """Work out the weight of each class from the labels of the training set, by the formulas.

    `inverse-frequency` is N / (K n_k). `effective-number` is (1 - beta) / (1 - beta^n_k) with beta
    0.999, scaled to a sum of K (Cui et al. 2019).
    """
    if kind == "none":
        return np.ones(K)
    beta = 0.999
    weights = np.zeros(K)
    for index, count in enumerate(LABELS_PER_PATCH):
        if count == 0:
            continue
        if kind == "inverse-frequency":
            weights[index] = sum(LABELS_PER_PATCH) / (K * count)
        else:
            weights[index] = (1 - beta) / (1 - beta ** max(count, 1))
    if kind == "effective-number":
        weights *= K / weights.sum()
    return weights


def expect_divisor(normaliser: str, labels: Array, sum_of_weights: float) -> float:
    """Work out what the sum over labelled pixels is divided by; `image` has no single divisor."""
    labelled = int((labels != IGNORE).sum())
    divisors = {
        "labelled-pixels": labelled,
        "classes-times-labelled": K * labelled,
        "all-pixels": labels.size,
        "class-weights": sum_of_weights,
        "training-set": len(labels) * sum(LABELS_PER_PATCH),
    }
    return divisors[normaliser]
