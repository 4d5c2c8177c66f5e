"""Every installed component keeps the contract, and the contract notices one that does not."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from pydantic import Field

from harness.core.components import Loss, Model, Supervision
from harness.core.values import IGNORE, Batch, Sample, WeakLabel
from harness.testing import catalog_components, check_component


@pytest.mark.slow
@pytest.mark.parametrize("component", catalog_components())
def test_contract(component: Any) -> None:
    check_component(component)


class Outputs(torch.nn.Module):
    """A main convolution and others.

    It gives so many of their logits in training and in eval mode; with 0, a tensor alone.
    """

    def __init__(self, channels: int, classes: int, training: int, testing: int) -> None:
        super().__init__()
        count = max(1, training, testing)
        self.heads = torch.nn.ModuleList(
            torch.nn.Conv2d(channels, classes, 1) for _ in range(count)
        )
        self.count_in_training = training
        self.count_in_testing = testing

    def forward(self, images: torch.Tensor) -> Any:
        count = self.count_in_training if self.training else self.count_in_testing
        if count == 0:
            return self.heads[0](images)
        return [head(images) for head in self.heads[:count]]


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


class Undescribed(Loss):
    """A loss with a field that nobody explains."""

    name: ClassVar[str] = "undescribed"
    requires: ClassVar[frozenset[Any]] = frozenset({"labels"})

    sharpness: float
    scale: float = Field(1.0, description="Times this.")

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return logits.sum() * self.scale


class MeanOverLabels(Loss):
    """A mean over labelled pixels, which is NaN where there are none."""

    name: ClassVar[str] = "mean-over-labels"
    requires: ClassVar[frozenset[Any]] = frozenset({"labels"})

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        assert batch.labels is not None
        return logits.square().mean(1)[batch.labels != IGNORE].mean()


class Forgetful(Supervision):
    """Tags that depend on how often they were asked for."""

    name: ClassVar[str] = "forgetful"
    provides: ClassVar[frozenset[Any]] = frozenset({"tags"})
    asked: ClassVar[list[int]] = []

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        self.asked.append(1)
        return WeakLabel(tags=np.full(sample.classes, len(self.asked) % 2 == 0))


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (Undescribed, "Undescribed.sharpness needs a description"),
        (MeanOverLabels, "mean-over-labels of a batch without labels must be zero, is nan"),
    ],
)
def test_a_loss_that_breaks_it(component: type[Loss], message: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        check_component(component)


def test_a_supervision_that_remembers_breaks_it() -> None:
    with pytest.raises(AssertionError, match="tags must depend on the generator alone"):
        check_component(Forgetful)


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
