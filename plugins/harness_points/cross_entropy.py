"""Cross-entropy over all valid pixels, and over the labelled ones only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.api import IGNORE, Batch, Loss, Provision
from harness_points.normalise import ClassWeights, Normaliser, normalised

if TYPE_CHECKING:
    from torch import Tensor


class CrossEntropy(Loss):
    """Mean cross-entropy over the valid pixels of dense masks."""

    name: ClassVar[str] = "cross-entropy"
    requires: ClassVar[frozenset[Provision]] = frozenset({"dense"})

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Scalar: sum over valid pixels of -log p(label), divided by their number in the batch."""
        values, labelled = pixel_cross_entropy(logits, batch)
        return values.sum() / labelled.sum().clamp(min=1)


class PartialCrossEntropy(Loss):
    """Cross-entropy over labelled pixels only (partial cross-entropy, S000 and S002), with the
    normalisers found in published code.

    They differ in what the sum over labelled pixels is divided by, so in how batches and images
    with few labels count.
    """

    name: ClassVar[str] = "partial-cross-entropy"
    requires: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    normaliser: Normaliser = Field(
        "labelled-pixels",
        description=(
            "labelled-pixels: the labelled pixels of the batch (S002, PyTorch's ignore_index)."
            " image: those of each image, then the mean over images with labels."
            " classes-times-labelled: K times the labelled pixels (S000's code). all-pixels: B x H"
            " x W, so the scale follows label density. class-weights: the weights of the labelled"
            " pixels (PyTorch's weighted mean). training-set: the mean number of labelled pixels"
            " per training patch, times B."
        ),
    )
    class_weights: ClassWeights = Field(
        "none",
        description=(
            "Factor of each pixel by its class, from the labelled pixels n of each class in the"
            " training set; 0 for a class without labels. inverse-frequency: sum n / (K n)."
            " effective-number: (1 - beta) / (1 - beta^n), scaled to a sum of K (Cui et al. 2019)."
        ),
    )
    beta: float = Field(0.999, ge=0, lt=1, description="beta of effective-number.")

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Scalar; zero, with a gradient of zero, for a batch without labels."""
        values, _ = pixel_cross_entropy(logits, batch)
        return normalised(
            values, batch, logits.shape[1], self.normaliser, self.class_weights, self.beta
        )


def pixel_cross_entropy(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """-log softmax(logits) at the label, float [B, H, W], 0 where unlabelled; and which pixels are
    labelled, bool [B, H, W]."""
    # Imported here so that listing and planning start without torch.
    import torch.nn.functional as F  # noqa: N812 - torch's own idiom

    assert batch.labels is not None
    return (
        F.cross_entropy(logits, batch.labels, ignore_index=IGNORE, reduction="none"),
        batch.labels != IGNORE,
    )
