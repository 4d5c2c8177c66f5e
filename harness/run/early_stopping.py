"""Follow a training on the validation part: stop early, and remember the best network.

Nothing here is handed a test patch, so that no epoch can be chosen on one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness import metrics
from harness.run.batches import TrainingSet, plain_batches
from harness.run.evaluation.evaluate import Predictor, evaluate
from harness.run.patches import PatchSet
from harness.run.train import EpochResult, autocast, objective
from harness.scenario.scenario import Term
from harness.scenario.settings import Training


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The network of the best validation value."""

    epoch: int
    """The epoch that it is of, from 1."""
    value: float
    """Its validation value."""
    state: dict[str, Tensor]
    """Its weights, on the host."""


class FollowedTraining:
    """The epochs of a training, up to where patience ends.

    Each has its validation value where there is a measure. `best` is the best network so far,
    None without a measure; a value that is not finite is never the best.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        epochs: Iterable[EpochResult],
        measure: Callable[[], float] | None,
        settings: Training,
    ) -> None:
        """Follow a training.

        Args:
            model: the network that the epochs train.
            epochs: trains an epoch each time it is asked for the next result.
            measure: computes the validation value of the network as it is.
            settings: whether smaller or larger values are better, and the patience.
        """
        self.best: Best | None = None
        self._model = model
        self._epochs = epochs
        self._measure = measure
        self._settings = settings

    def __iter__(self) -> Iterator[EpochResult]:
        for result in self._epochs:
            if self._measure is None:
                yield result
                continue
            value = self._measure()
            # The measure left it in evaluation mode.
            self._model.train()
            # Looked at before the epoch is handed on: a reader who stops here has seen the best.
            if self._is_better(value):
                self.best = Best(result.epoch, value, _copy_state(self._model))
            yield replace(result, validation=value)
            if self._is_out_of_patience(result.epoch):
                break

    def _is_better(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        # Of equal values the first counts: it took the shorter training.
        if self.best is None:
            return True
        if self._settings.validation == "loss":
            return value < self.best.value
        return value > self.best.value

    def _is_out_of_patience(self, epoch: int) -> bool:
        patience = self._settings.patience
        if patience is None:
            return False
        # Without a finite value there is no best: patience then counts from the beginning.
        best_epoch = self.best.epoch if self.best else 0
        return epoch - best_epoch >= patience


def validation_miou(
    predictor: Predictor, patches: PatchSet, indices: Sequence[int], classes: Sequence[int]
) -> float:
    """Compute the mean IoU of a network on validation patches, against their whole masks.

    Args:
        predictor: the network; it is left in evaluation mode.
        patches: all patches of the data set.
        indices: those of the validation part.
        classes: the classes to take the mean over.
    """
    results = evaluate(predictor, patches, indices)
    counts = results.counts.sum(0)
    return metrics.mean_iou(counts, classes)


def validation_loss(
    predictor: Predictor, data: TrainingSet, terms: Sequence[Term], batch_size: int
) -> float:
    """Compute the objective of a network, with full weights, as the mean over validation patches.

    Args:
        predictor: the network; it is left in evaluation mode.
        data: the validation patches and their weak labels.
        terms: the losses that make up the objective.
        batch_size: patches at a time.
    """
    predictor.model.eval()
    total = torch.zeros((), device=data.device)
    with torch.inference_mode():
        for batch in plain_batches(data, batch_size):
            # A batch holds images that are standardised already, which `predict` would do again.
            with autocast(data.device, predictor.precision):
                logits = predictor.model(batch.images)
            # A progress of 1: the values of all epochs are compared, so a ramp must not move them.
            loss, _ = objective(terms, logits, batch, progress=1.0)
            # A batch counts by its patches, since the last one may be smaller.
            total += loss * len(batch.images)
    return float(total) / len(data.images)


def _copy_state(model: torch.nn.Module) -> dict[str, Tensor]:
    """Copy the weights of a network to the host, since later epochs change them in place."""
    copied: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        copied[name] = tensor.detach().to("cpu", copy=True)
    return copied
