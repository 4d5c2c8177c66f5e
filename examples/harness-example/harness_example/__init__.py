"""A plugin in one file: a small network, a loss that needs no labels, and an observer."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from harness.api import Batch, Loss, Model, Provision, hookimpl

if TYPE_CHECKING:
    import torch


class TinyConvnet(Model):
    """Three convolutions: fast enough for tests, too small for results."""

    name: ClassVar[str] = "tiny-convnet"

    width: int = Field(16, ge=1, description="Channels of the hidden layers.")

    def build(self, channels: int, classes: int) -> torch.nn.Module:
        """Build a network from [B, channels, H, W] to logits [B, classes, H, W]."""
        # Here, so that listing and planning start without torch.
        from torch import nn

        return nn.Sequential(
            nn.Conv2d(channels, self.width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(self.width, self.width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(self.width, classes, 1),
        )


class Entropy(Loss):
    """Mean entropy of the predictions over valid pixels, in nats: a term beside a loss on labels.

    H(p) = -sum_k p_k log p_k, as in Grandvalet and Bengio (2004).
    """

    name: ClassVar[str] = "entropy"
    requires: ClassVar[frozenset[Provision]] = frozenset()

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return a scalar from 0 (certain) to log K (uniform)."""
        # log_softmax, because the logarithm of a softmax that rounds to 0 is infinite.
        log_p = logits.log_softmax(1)
        entropy = -(log_p.exp() * log_p).sum(1)
        return (entropy * batch.valid).sum() / batch.valid.sum().clamp(min=1)


@hookimpl
def harness_models() -> list[type[Model]]:
    """Offer the networks of this plugin."""
    return [TinyConvnet]


@hookimpl
def harness_losses() -> list[type[Loss]]:
    """Offer the losses of this plugin."""
    return [Entropy]


@hookimpl
def harness_run_finished(run: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Append a line per run to the file named by HARNESS_EXAMPLE_LOG, if it is set."""
    path = os.environ.get("HARNESS_EXAMPLE_LOG")
    if not path:
        return
    line = {"method": run["method"], "seed": run["seed"], "status": record["status"]}
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
