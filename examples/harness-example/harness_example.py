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
        """From [B, channels, H, W] to logits [B, classes, H, W], for any H and W."""
        from torch import nn  # imported here, so that listing and planning start without torch

        return nn.Sequential(
            nn.Conv2d(channels, self.width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(self.width, self.width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(self.width, classes, 1),
        )


class Entropy(Loss):
    """Mean entropy of the predictions over valid pixels, in nats (Grandvalet and Bengio 2004): a
    term beside a loss on labels."""

    name: ClassVar[str] = "entropy"
    requires: ClassVar[frozenset[Provision]] = frozenset()

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Scalar from 0 (certain) to log K (uniform)."""
        logs = logits.log_softmax(1)
        entropy = -(logs.exp() * logs).sum(1)
        return (entropy * batch.valid).sum() / batch.valid.sum().clamp(min=1)


@hookimpl
def harness_models() -> list[type[Model]]:
    """The networks of this plugin."""
    return [TinyConvnet]


@hookimpl
def harness_losses() -> list[type[Loss]]:
    """The losses of this plugin."""
    return [Entropy]


@hookimpl
def harness_run_finished(run: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Appends a line per run to the file named by HARNESS_EXAMPLE_LOG, if it is set."""
    path = os.environ.get("HARNESS_EXAMPLE_LOG")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(
                json.dumps(
                    {"method": run["method"], "seed": run["seed"], "status": record["status"]}
                )
                + "\n"
            )
