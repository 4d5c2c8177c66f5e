"""Every installed component keeps the contract, and the contract notices one that does not."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
import torch
from pydantic import Field

from harness.core.components import Model
from harness.testing import catalog_components, check_component


@pytest.mark.parametrize("component", catalog_components())
def test_contract(component: Any) -> None:
    check_component(component)


class Outputs(torch.nn.Module):
    """A main convolution and others; it gives so many of their logits in training and in eval mode,
    0 for a tensor alone."""

    def __init__(self, channels: int, classes: int, training: int, testing: int) -> None:
        super().__init__()
        self.heads = torch.nn.ModuleList(
            torch.nn.Conv2d(channels, classes, 1) for _ in range(max(1, training, testing))
        )
        self.counts = training, testing

    def forward(self, images: torch.Tensor) -> Any:
        count = self.counts[0 if self.training else 1]
        return [head(images) for head in self.heads[:count]] if count else self.heads[0](images)


class Several(Model):
    """Convolutions."""

    name: ClassVar[str] = "several"

    training: int = Field(description="Logits in training mode.")
    testing: int = Field(0, description="Logits in eval mode.")
    weights: tuple[float, ...] = Field((), description="Auxiliary weights.")

    @property
    def auxiliary_weights(self) -> tuple[float, ...]:
        return self.weights

    def build(self, channels: int, classes: int) -> torch.nn.Module:
        return Outputs(channels, classes, self.training, self.testing)


def test_auxiliary_logits_keep_the_contract() -> None:
    check_component(Several, training=0)
    check_component(Several, training=3, weights=(0.5, 0.1))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"training": 2}, "several gives a list: declare auxiliary_weights, or give logits"),
        (
            {"training": 1, "weights": (0.5,)},
            (
                "several gives [(2, 2, 64, 64)] for images of 64 x 64, 2 classes and 1 auxiliary"
                " weights"
            ),
        ),
        (
            {"training": 3, "weights": (0.5,)},
            "several gives [(2, 2, 64, 64), (2, 2, 64, 64), (2, 2, 64, 64)] for images",
        ),
        (
            {"training": 2, "testing": 2, "weights": (0.5,)},
            "several must give the main logits alone in eval mode",
        ),
    ],
)
def test_a_model_that_breaks_it(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        check_component(Several, **fields)
