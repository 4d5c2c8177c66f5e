"""S001's loss on labelled keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.api import Batch, Loss, Provision

if TYPE_CHECKING:
    from torch import Tensor


class KeypointBCE(Loss):
    """Binary cross-entropy of softmax probabilities at labelled pixels, each class of an image
    weighted alike (SPSS+, S001 eq. 3).

    sum over images i, sum over classes j labelled in i, of the mean of f over the pixels of i
    labelled j. f at a pixel is the sum over classes c of the binary cross-entropy of the softmax
    probability y_c: -log y_c for the labelled class, -log(1 - y_c) for the others.
    """

    name: ClassVar[str] = "keypoint-bce"
    requires: ClassVar[frozenset[Provision]] = frozenset({"labels"})

    over_classes: Literal["sum", "mean"] = Field(
        "sum",
        description=(
            "How f joins the cross-entropies of all classes at a pixel. mean: as Keras'"
            " binary_crossentropy does."
        ),
    )
    reduction: Literal["sum", "mean"] = Field(
        "sum",
        description=(
            "sum over the images of a batch, as S001's eq. 3 has no mean: the loss grows with the"
            " batch. mean: over images with labels."
        ),
    )

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Scalar; zero, with a gradient of zero, for a batch without labels."""
        import torch

        assert batch.labels is not None
        classes = logits.shape[1]
        # [B, K, H, W]
        labelled = (
            batch.labels[:, None] == torch.arange(classes, device=logits.device)[:, None, None]
        )
        present, absent = log_probabilities(logits)
        values = -torch.where(labelled, present, absent).sum(1, keepdim=True) / (
            classes if self.over_classes == "mean" else 1
        )
        counts = labelled.sum((2, 3))
        total = ((values * labelled).sum((2, 3)) / counts.clamp(min=1)).sum()
        return total if self.reduction == "sum" else total / counts.any(1).sum().clamp(min=1)


def log_probabilities(logits: Tensor) -> tuple[Tensor, Tensor]:
    """log y and log(1 - y) of the softmax y, both [B, K, H, W], finite where y rounds to 1.

    For the largest class, 1 - y is summed up from the other classes; for these y is at most 1/2,
    and nothing is lost.
    """
    import torch

    largest = logits.argmax(1, keepdim=True)
    logs = logits.log_softmax(1)
    rest = logits.scatter(1, largest, -torch.inf).logsumexp(1, keepdim=True) - logits.logsumexp(
        1, keepdim=True
    )
    return logs, torch.log1p(-logs.exp().scatter(1, largest, 0.0)).scatter(1, largest, rest)
