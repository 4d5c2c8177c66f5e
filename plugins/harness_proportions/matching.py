"""Losses that pull predicted proportions to the given ones.

All three have a solution without use: every pixel predicts the given proportions. Only what a
network finds easy keeps it from there. Where proportions are given for regions, each region counts
as an image does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.api import Batch, Loss, Provision
from harness_proportions.predicted import mean_over_regions, proportions

if TYPE_CHECKING:
    from torch import Tensor


class ProportionL2(Loss):
    """Squared difference of predicted and given proportions (SPSS, S001 eq. 1).

    Mean over images of sum_c (r_c - r*_c)^2, where r is the softmax averaged over valid pixels.
    SPSS+ is the weighted sum of this and keypoint-bce, with the weights alpha and 1 - alpha.
    """

    name: ClassVar[str] = "proportion-l2"
    requires: ClassVar[frozenset[Provision]] = frozenset({"proportions"})

    over_classes: Literal["sum", "mean"] = Field(
        "sum",
        description=(
            "sum: as S001 writes it. mean: divided by the number of classes too, as Keras' mse"
            " does."
        ),
    )

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Scalar; images, or regions, without valid pixels do not count."""
        predicted, given, pixels = proportions(logits, batch)
        squares = (predicted - given).square()
        return mean_over_regions(
            squares.sum(-1) if self.over_classes == "sum" else squares.mean(-1), pixels
        )


class ProportionL1(Loss):
    """Absolute difference of predicted and given proportions, summed over classes: twice their
    total variation.

    Mean over images of sum_c |r_c - r*_c|, where r is the softmax averaged over valid pixels.
    """

    name: ClassVar[str] = "proportion-l1"
    requires: ClassVar[frozenset[Provision]] = frozenset({"proportions"})

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Scalar; images, or regions, without valid pixels do not count."""
        predicted, given, pixels = proportions(logits, batch)
        return mean_over_regions((predicted - given).abs().sum(-1), pixels)


class ProportionKL(Loss):
    """Cross-entropy of predicted proportions under the given ones (LLP-VAT, Tsai and Lin 2020): KL
    divergence plus a constant.

    Mean over images of -sum_c r*_c log(r_c + eps), where r is the softmax averaged over valid
    pixels. Its least value is the entropy of r*, not 0; the gradient is that of the divergence.
    """

    name: ClassVar[str] = "proportion-kl"
    requires: ClassVar[frozenset[Provision]] = frozenset({"proportions"})

    eps: float = Field(
        1e-8,
        gt=0,
        lt=1,
        description=(
            "Added to predicted proportions; LLP-VAT cuts them off there, which loses the gradient"
            " below it."
        ),
    )

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Scalar; images, or regions, without valid pixels do not count."""
        predicted, given, pixels = proportions(logits, batch)
        return mean_over_regions(-(given * (predicted + self.eps).log()).sum(-1), pixels)
