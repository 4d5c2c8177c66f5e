"""Sum up what a network's class probabilities say beyond the largest one: shares, confidence and
likelihood.

`metrics` makes scores of them. Shapes: N patches, B of them in a batch, of H x W pixels, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.core.values import IGNORE, Floats

BINS = 15
"""Bins of equal width of the confidence; bin b holds b / BINS < confidence <= (b + 1) / BINS (Guo
et al. 2017)."""


@dataclass(frozen=True, slots=True, eq=False)
class Probabilities:
    """What the probabilities of N patches come to, over valid pixels."""

    shares: Floats
    """[N, K]: the mean probabilities of each patch; zero where no pixel is valid."""
    pixels: Floats
    """[BINS]: pixels whose confidence is in the bin."""
    correct: Floats
    """[BINS]: those of them that are predicted right."""
    confidence: Floats
    """[BINS]: their summed confidence."""
    nll: Floats
    """[]: the summed negative log likelihood of the truth, in nats."""


@dataclass(frozen=True, slots=True, eq=False)
class BatchProbabilities:
    """The same of one batch, on its device, so that the test waits for the device only once."""

    shares: Tensor
    """float32 [B, K]."""
    pixels: Tensor
    """int64 [BINS]."""
    correct: Tensor
    """int64 [BINS]."""
    confidence: Tensor
    """float32 [BINS]."""
    nll: Tensor
    """float32 []."""


def measure_probabilities(logits: Tensor, predicted: Tensor, truth: Tensor) -> BatchProbabilities:
    """Sum up the probabilities of a batch.

    Args:
        logits: [B, K, H, W], in any precision.
        predicted: uint8 [B, H, W], the predicted classes.
        truth: uint8 [B, H, W], the true classes, or IGNORE.
    """
    # Softmax in float32: in bf16 every confidence near 1 would fall on a few values.
    logits = logits.float().contiguous()
    valid = truth != IGNORE
    softmax = logits.softmax(1)
    confidence = softmax.amax(1)

    # ceil - 1, not floor: bins are open below and closed above. One bin more collects what is
    # ignored, or wrong, and is cut off.
    bins = (confidence * BINS).ceil().clamp(1, BINS) - 1
    bins = torch.where(valid, bins, BINS).to(torch.uint8)
    bins_where_right = torch.where(predicted == truth, bins, BINS)
    # Sums by masked reductions: a scattered addition of floats on a GPU has no fixed order, and
    # would not be repeated exactly.
    confidences: list[Tensor] = []
    for index in range(BINS):
        in_bin = torch.where(bins == index, confidence, 0)
        confidences.append(in_bin.sum())

    valid_pixels = valid.sum((1, 2)).clamp(min=1)
    summed_softmax = (softmax * valid[:, None]).sum((2, 3))
    losses = torch.nn.functional.cross_entropy(
        logits, truth.long(), ignore_index=IGNORE, reduction="none"
    )
    return BatchProbabilities(
        shares=summed_softmax / valid_pixels[:, None],
        pixels=_count_bins(bins),
        correct=_count_bins(bins_where_right),
        confidence=torch.stack(confidences),
        nll=losses.sum(),
    )


def merge_probabilities(batches: Sequence[BatchProbabilities]) -> Probabilities:
    """Merge batches, in order, into what they come to together, on the host."""
    shares = torch.cat([batch.shares for batch in batches])
    return Probabilities(
        shares=shares.cpu().double().numpy(),
        pixels=_sum_up([batch.pixels for batch in batches]),
        correct=_sum_up([batch.correct for batch in batches]),
        confidence=_sum_up([batch.confidence for batch in batches]),
        nll=_sum_up([batch.nll for batch in batches]),
    )


def _count_bins(bins: Tensor) -> Tensor:
    return torch.bincount(bins.flatten(), minlength=BINS + 1)[:BINS]


def _sum_up(values: Sequence[Tensor]) -> Floats:
    # In float64: float32 loses whole pixels once a sum passes 2^24, about 256 patches of 256 x 256.
    in_float64 = torch.stack(list(values)).cpu().double()
    summed: Floats = in_float64.sum(0).numpy()
    return summed
