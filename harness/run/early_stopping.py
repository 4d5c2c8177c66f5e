"""Follows a training on the validation part: stops early, and remembers the best network.

It is handed no test patch, so that no epoch can be chosen on one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness import metrics
from harness.run.batches import TrainingSet, plain_batches
from harness.run.evaluation.evaluate import Predictor, evaluate
from harness.run.patches import PatchSet
from harness.run.train import autocast, objective
from harness.scenario.scenario import Term
from harness.scenario.settings import Training


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The network of the best validation value."""

    epoch: int
    """From 1."""
    value: float
    state: dict[str, Tensor]
    """Its weights, on the host."""


class FollowedTraining:
    """The epochs of a training, up to where patience ends.

    Each has its `validation` value where there is a measure. `best` is the best network so far,
    None without a measure; a value that is not finite is never the best.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        epochs: Iterable[dict[str, Any]],
        measure: Callable[[], float] | None,
        settings: Training,
    ) -> None:
        self.best: Best | None = None
        self._model = model
        self._epochs = epochs
        self._measure = measure
        self._settings = settings

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for epoch in self._epochs:
            if self._measure is None:
                yield epoch
                continue
            value = self._measure()
            self._model.train()  # the measure left it in eval mode
            yield epoch | {"validation": value}
            if self._is_better(value):
                self.best = Best(epoch["epoch"], value, _copy_state(self._model))
            if self._is_out_of_patience(epoch["epoch"]):
                break

    def _is_better(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        if self.best is None:
            return True
        if self._settings.validation == "loss":
            return value < self.best.value
        return value > self.best.value

    def _is_out_of_patience(self, epoch: int) -> bool:
        best_epoch = self.best.epoch if self.best else 0
        patience = self._settings.patience
        return patience is not None and epoch - best_epoch >= patience


def _copy_state(model: torch.nn.Module) -> dict[str, Tensor]:
    # Copies, since later epochs change the weights in place.
    state = model.state_dict()
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.items()}


def validation_miou(
    predictor: Predictor, patches: PatchSet, indices: Sequence[int], classes: Sequence[int]
) -> float:
    """Return the mean IoU over `classes` of the validation patches, against their whole masks."""
    tested = evaluate(predictor, patches, indices)
    return metrics.mean_iou(tested.counts.sum(0), classes)


def validation_loss(
    model: torch.nn.Module,
    data: TrainingSet,
    terms: Sequence[Term],
    settings: Training,
    precision: str,
) -> float:
    """Return the objective, with full weights, averaged over the patches of a validation set."""
    model.eval()
    total = torch.zeros((), device=data.device)
    with torch.inference_mode():
        for batch in plain_batches(data, settings.batch_size):
            with autocast(data.device, precision):
                logits = model(batch.images)
            # A batch counts by its patches, since the last one may be smaller.
            total += objective(terms, logits, batch, 1.0)[0] * len(batch.images)
    return float(total) / len(data.images)
