"""What losses on proportions share: the proportions a network predicts, and the mean over images."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def predicted_proportions(logits: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax of logits [B, K, H, W] averaged over the valid pixels of each image, [B, K], and how many those are, [B].

    The proportions of an image without valid pixels are zeros, with a gradient of zero.
    """
    pixels = valid.flatten(1).sum(1)
    summed = (logits.softmax(1) * valid[:, None]).sum((2, 3))
    return summed / pixels.clamp(min=1)[:, None], pixels


def mean_over_images(values: Tensor, pixels: Tensor) -> Tensor:
    """The mean of values [B] over the images that have valid pixels; zero where none has."""
    seen = pixels > 0
    return values.where(seen, 0.0).sum() / seen.sum().clamp(min=1)
