"""What losses on proportions share: the proportions a network predicts, those it was given, and the
mean over regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from harness.api import Batch


def proportions(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Predicted and given proportions, both [B, R, K], and the valid pixels of each region, [B, R].
    Without regions, R is 1.

    Predicted is the softmax of logits [B, K, H, W] averaged over the valid pixels of a region:
    zeros, with a gradient of zero, where there is none.
    """
    import torch

    given, probabilities = batch.proportions, logits.softmax(1)
    assert given is not None
    if batch.regions is None:
        pixels = batch.valid.flatten(1).sum(1, keepdim=True)
        summed = (probabilities * batch.valid[:, None]).sum((2, 3))[:, None]
        given = given[:, None]
    else:
        numbers = torch.arange(given.shape[1], device=logits.device)[:, None, None]
        # [B, R, H W]
        members = ((batch.regions[:, None] == numbers) & batch.valid[:, None]).flatten(2)
        pixels = members.sum(2)
        # A matrix product: scattering sums on a GPU adds up in any order, and a mask for each
        # region takes K times the memory.
        summed = members.to(probabilities.dtype) @ probabilities.flatten(2).mT
    return summed / pixels.clamp(min=1)[..., None], given, pixels


def mean_over_regions(values: Tensor, pixels: Tensor) -> Tensor:
    """The mean of values [B, R] over the regions that have valid pixels, all images together; zero
    where none has."""
    seen = pixels > 0
    return values.where(seen, 0.0).sum() / seen.sum().clamp(min=1)
