"""What a network's class probabilities say beyond the largest one: shares, confidence and
likelihood. `metrics` has the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.values import IGNORE

BINS = 15
"""Bins of equal width of the confidence; bin b holds b / BINS < confidence <= (b + 1) / BINS (Guo
et al. 2017)."""


@dataclass(frozen=True, slots=True, eq=False)
class Probabilities:
    """Of N patches, over valid pixels, float64: shares [N, K], the mean probabilities of each patch
    (zero where no pixel is valid); pixels, correct and confidence [BINS], per bin the pixels, how
    many are right and their summed confidence; nll [], the summed negative log likelihood of the
    truth, in nats."""

    shares: NDArray[np.float64]
    pixels: NDArray[np.float64]
    correct: NDArray[np.float64]
    confidence: NDArray[np.float64]
    nll: NDArray[np.float64]


def measured(logits: Tensor, predicted: Tensor, truth: Tensor) -> tuple[Tensor, ...]:
    """The fields of Probabilities for a batch of logits [B, K, H, W], with predictions and truth
    uint8 [B, H, W]. Softmax in float32.

    Sums over pixels are reductions, not scattered additions, so that a GPU repeats them exactly.
    """
    logits = logits.float().contiguous()
    valid = truth != IGNORE
    softmax = logits.softmax(1)
    confidence = softmax.amax(1)
    bins = torch.where(valid, (confidence * BINS).ceil().clamp(1, BINS) - 1, BINS).to(torch.uint8)
    right = torch.where(predicted == truth, bins, BINS)
    return (
        (softmax * valid[:, None]).sum((2, 3)) / valid.sum((1, 2)).clamp(min=1)[:, None],
        *(torch.bincount(each.flatten(), minlength=BINS + 1)[:BINS] for each in (bins, right)),
        torch.stack([torch.where(bins == index, confidence, 0).sum() for index in range(BINS)]),
        torch.nn.functional.cross_entropy(
            logits, truth.long(), ignore_index=IGNORE, reduction="none"
        ).sum(),
    )


def merged(batches: Sequence[tuple[Tensor, ...]]) -> Probabilities:
    """Batches in order as one, on the host."""
    shares, *sums = zip(*batches, strict=True)
    return Probabilities(
        torch.cat(shares).cpu().double().numpy(),
        *(torch.stack(each).cpu().double().sum(0).numpy() for each in sums),
    )
