"""Focal loss over the labelled pixels only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.api import Batch, Loss, Provision
from harness_points.cross_entropy import pixel_cross_entropy
from harness_points.normalise import ClassWeights, Normaliser, normalised

if TYPE_CHECKING:
    from torch import Tensor


class PartialFocal(Loss):
    """Focal loss over labelled pixels only: alpha (1 - p)^gamma times the cross-entropy, p of the
    label (Lin et al. 2017, S003, S004).

    With gamma 0 it is partial cross-entropy, whose normalisers and class weights it shares.
    """

    name: ClassVar[str] = "partial-focal"
    requires: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    gamma: float = Field(
        2.0,
        ge=0,
        description="Exponent of 1 - p: how much less a pixel counts that is nearly right.",
    )
    alpha: float | None = Field(
        None,
        gt=0,
        description=(
            "Constant factor of the loss, as in S004 (0.25). It weighs no class against another, so"
            " it only scales the loss. null: none."
        ),
    )
    normaliser: Normaliser = Field(
        "labelled-pixels", description="What the sum is divided by, as in partial-cross-entropy."
    )
    class_weights: ClassWeights = Field(
        "none", description="Factor of each pixel by its class, as in partial-cross-entropy."
    )
    beta: float = Field(0.999, ge=0, lt=1, description="beta of effective-number.")

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Scalar; zero, with a gradient of zero, for a batch without labels."""
        import torch

        values, _ = pixel_cross_entropy(logits, batch)
        # 1 - p without cancellation. The bound keeps the gradient finite at p = 1, and on
        # unlabelled pixels, when gamma is below 1.
        modulation = (-torch.expm1(-values)).clamp(min=1e-12) ** self.gamma
        values = modulation * values * (1.0 if self.alpha is None else self.alpha)
        return normalised(
            values, batch, logits.shape[1], self.normaliser, self.class_weights, self.beta
        )
