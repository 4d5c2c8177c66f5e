"""A loss for proportions that are known up to a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.api import Batch, Loss, Provision
from harness_proportions.predicted import mean_over_regions, proportions

if TYPE_CHECKING:
    from torch import Tensor


class SizeBounds(Loss):
    """Penalty on predicted class sizes outside an interval around the given ones (Kervadec et al.
    2019).

    With n valid pixels, the size S_c = n r_c (r: softmax averaged over them), the bounds a_c, b_c =
    n r*_c (1 -+ margin), the penalty is the mean over images of sum_c [max(S_c - b_c, 0)^2 +
    max(a_c - S_c, 0)^2] / n. It grows with n: Kervadec et al. weigh it with 1e-2 or 0.05. Regions
    count as images do. The interval is made here, so annotations of intervals are `proportions`
    with this loss.
    """

    name: ClassVar[str] = "size-bounds"
    requires: ClassVar[frozenset[Provision]] = frozenset({"proportions"})

    margin: float = Field(
        0.1,
        ge=0,
        description="Half the width of the interval, relative to the given size: 0.1 is +-10 %.",
    )
    skip_first_class: bool = Field(
        False, description="Leave class 0 free, where it is the background, as Kervadec et al. do."
    )

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Scalar; images, or regions, without valid pixels do not count."""
        predicted, given, pixels = proportions(logits, batch)
        above = (predicted - given * (1 + self.margin)).relu()
        below = (given * (1 - self.margin) - predicted).relu()
        excess = (above.square() + below.square())[..., int(self.skip_first_class) :].sum(-1)
        return mean_over_regions(excess * pixels, pixels)  # n^2 of the squared sizes over n
