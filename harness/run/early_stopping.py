"""Follows training on the validation part: stops early, and remembers the best network. The test
part is not in sight here."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness import metrics
from harness.run.batches import TrainingSet, plain_batches
from harness.run.evaluate import Predictor, evaluate
from harness.run.patches import PatchSet
from harness.run.train import autocast, objective
from harness.scenario.scenario import Term
from harness.scenario.settings import Training


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The network of the best validation value: its epoch (from 1), the value, and its weights, on
    the host."""

    epoch: int
    value: float
    state: dict[str, Tensor]


def followed(
    model: torch.nn.Module,
    epochs: Iterator[dict[str, Any]],
    measure: Callable[[], float] | None,
    settings: Training,
) -> Generator[dict[str, Any], None, Best | None]:
    """The epochs of a training, each with its `validation` value where there is a measure, up to
    where patience ends.

    Returns the best network; None without a measure. A value that is not finite is never the best.
    """
    best: Best | None = None
    for epoch in epochs:
        if measure is None:
            yield epoch
            continue
        value = measure()
        model.train()
        yield epoch | {"validation": value}
        if math.isfinite(value) and (best is None or _better(value, best.value, settings)):
            state = {
                name: tensor.detach().to("cpu", copy=True)
                for name, tensor in model.state_dict().items()
            }
            best = Best(epoch["epoch"], value, state)
        if settings.patience and epoch["epoch"] - (best.epoch if best else 0) >= settings.patience:
            break
    return best


def _better(value: float, best: float, settings: Training) -> bool:
    return value < best if settings.validation == "loss" else value > best


def validation_miou(
    model: torch.nn.Module,
    patches: PatchSet,
    indices: Sequence[int],
    classes: Sequence[int],
    data: TrainingSet,
    precision: str,
) -> float:
    """Mean IoU over `classes` of the validation patches, against their whole masks."""
    tested = evaluate(Predictor(model, data.normalisation, precision), patches, indices)
    return metrics.mean_iou(tested.counts.sum(0), classes)


def validation_loss(
    model: torch.nn.Module,
    data: TrainingSet,
    terms: Sequence[Term],
    settings: Training,
    precision: str,
) -> float:
    """The objective, with full weights, averaged over the patches of a validation set with weak
    labels."""
    model.eval()
    total = torch.zeros((), device=data.device)
    with torch.inference_mode():
        for batch in plain_batches(data, settings.batch_size):
            with autocast(data.device, precision):
                logits = model(batch.images)
            total += objective(terms, logits, batch, 1.0)[0] * len(batch.images)
    return float(total) / len(data.images)
