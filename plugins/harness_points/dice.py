"""Dice loss over the labelled pixels only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.api import IGNORE, Batch, Loss, Provision

if TYPE_CHECKING:
    from torch import Tensor


class PartialDice(Loss):
    """Soft Dice loss over labelled pixels only, the mean of 1 - Dice over classes: partial Dice of
    nnU-Net (Gotkowski et al. 2024).

    Dice of a class is (2 sum y g + epsilon) / (sum y + sum g + epsilon), with y its probability and
    g whether it is the label, summed over labelled pixels. A class without labels is left out,
    since nothing says whether it occurs. nnU-Net adds partial cross-entropy.
    """

    name: ClassVar[str] = "partial-dice"
    requires: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    epsilon: float = Field(
        1e-5, gt=0, description="Added to both parts of the fraction, in pixels; nnU-Net's is 1e-5."
    )
    per: Literal["batch", "image"] = Field(
        "batch",
        description=(
            "What is summed over: the labelled pixels of the batch, or of each image, with the mean"
            " over images and classes."
        ),
    )
    first_class: bool = Field(
        True, description="Whether class 0 counts. nnU-Net leaves it out, as it is its background."
    )

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Scalar from 0 to 1; zero, with a gradient of zero, for a batch without labels."""
        import torch

        assert batch.labels is not None
        over = (0, 2, 3) if self.per == "batch" else (2, 3)
        indices = torch.arange(logits.shape[1], device=logits.device)
        truth = batch.labels[:, None] == indices[:, None, None]
        probabilities = logits.softmax(1) * (batch.labels != IGNORE)[:, None]
        labelled = truth.sum(over)
        shared = (probabilities * truth).sum(over)
        dice = (2 * shared + self.epsilon) / (probabilities.sum(over) + labelled + self.epsilon)
        counted = labelled > 0
        if not self.first_class:
            counted = counted & (indices > 0)
        return ((1 - dice) * counted).sum() / counted.sum().clamp(min=1)
