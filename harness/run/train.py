"""Train a network, as a generator that gives one result per epoch.

Nothing in the step loop waits for the device. Shapes: B patches of H x W pixels, K classes, T
terms.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.values import Batch
from harness.run.batches import TrainingSet, batches, steps_per_epoch
from harness.scenario.scenario import Term
from harness.scenario.settings import Training


@dataclass(frozen=True, slots=True)
class Procedure:
    """How a network is trained in one run."""

    settings: Training
    """What the scenario says."""
    precision: str
    """Of the forward pass: "fp32" or "bf16", as chosen for the device."""
    seed: int
    """Decides the order of the patches and their augmentation."""


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What one pass over the training patches came to."""

    epoch: int
    """From 1."""
    loss: float
    """The objective, the mean over steps; auxiliary logits are in it."""
    terms: Mapping[str, float]
    """Of each term, by its name (`name_terms`): its value without its weight, on the main logits,
    the mean over steps."""
    learning_rate: float
    """Of the last step."""
    seconds: float
    """How long it took."""
    validation: float | None = None
    """The validation value after it, where the training is followed (`early_stopping`)."""

    def as_event(self) -> dict[str, Any]:
        """Return the dictionary that observers get and `epochs.csv` is written from."""
        event: dict[str, Any] = {
            "epoch": self.epoch,
            "loss": self.loss,
            "terms": dict(self.terms),
            "learning_rate": self.learning_rate,
            "seconds": self.seconds,
        }
        # Absent where nothing follows the training, or epochs.csv would have an empty column.
        if self.validation is not None:
            event["validation"] = self.validation
        return event


def train(
    model: torch.nn.Module,
    data: TrainingSet,
    terms: Sequence[Term],
    procedure: Procedure,
    auxiliary_weights: Sequence[float] = (),
) -> Iterator[EpochResult]:
    """Train a network in place.

    Args:
        model: the network.
        data: patches and weak labels.
        terms: the losses that make up the objective.
        procedure: how it is trained.
        auxiliary_weights: weights of the network's auxiliary logits (`Model.auxiliary_weights`).

    Yields:
        The result of each epoch, once it has ended.

    Raises:
        FloatingPointError: at the end of the first epoch with a loss that is not finite, naming
            the term and the step.
    """
    settings = procedure.settings
    optimizer = make_optimizer(model, settings, data.device)
    steps = steps_per_epoch(len(data.images), settings.batch_size)
    model.train()
    for epoch in range(settings.epochs):
        started = time.perf_counter()
        losses: list[Tensor] = []
        epoch_batches = batches(data, settings, procedure.seed, epoch)
        for step, batch in enumerate(epoch_batches):
            progress = (epoch + step / steps) / settings.epochs
            _set_learning_rate(optimizer, settings, progress, epoch)
            optimizer.zero_grad(set_to_none=True)
            with autocast(data.device, procedure.precision):
                outputs = model(batch.images)
            # A network without auxiliary logits gives a tensor, which must not be unpacked.
            all_logits = outputs if auxiliary_weights else (outputs,)
            logits, *auxiliary_logits = all_logits
            loss, values = objective(terms, logits, batch, progress)
            for weight, other_logits in zip(auxiliary_weights, auxiliary_logits, strict=True):
                auxiliary_loss, _ = objective(terms, other_logits, batch, progress)
                loss = loss + weight * auxiliary_loss
            loss.backward()
            optimizer.step()
            losses.append(_detach(loss, values))
        # The epoch's one wait for the device: reading a loss in each step would stop the host from
        # preparing the next one while the device computes.
        history = torch.stack(losses).cpu().double().numpy()
        _check_finite(history, terms, epoch, steps)
        mean_loss, *mean_values = history.mean(0).tolist()
        seconds = time.perf_counter() - started
        yield EpochResult(
            epoch=epoch + 1,
            loss=mean_loss,
            terms=dict(zip(name_terms(terms), mean_values, strict=True)),
            learning_rate=optimizer.param_groups[0]["lr"],
            seconds=round(seconds, 3),
        )


def objective(
    terms: Sequence[Term], logits: Tensor, batch: Batch, progress: float
) -> tuple[Tensor, list[Tensor]]:
    """Compute the weighted sum of the terms.

    Args:
        terms: losses with their weights.
        logits: [B, K, H, W], in any precision.
        batch: the weak labels.
        progress: how much of the training is done, 0 to 1; ramped weights depend on it.

    Returns:
        The sum, and the value of each term without its weight.
    """
    # Losses take logarithms and sums over many pixels, which bf16 is too coarse for.
    logits = logits.float()
    values: list[Tensor] = []
    weighted: list[Tensor] = []
    for term in terms:
        value = term.loss(logits, batch)
        weight = term.weight * ramp(progress, term.ramp)
        values.append(value)
        weighted.append(weight * value)
    return torch.stack(weighted).sum(), values


def ramp(progress: float, length: float) -> float:
    """Return the factor of a ramped weight (Laine and Aila 2017).

    It is exp(-5 (1 - t)^2), where t goes from 0 to 1 over the first part of training.

    Args:
        progress: how much of the training is done, 0 to 1.
        length: the part of the training over which the weight rises; 0 for no ramp.
    """
    if not length:
        return 1.0
    t = min(1.0, progress / length)
    return math.exp(-5 * (1 - t) ** 2)


def learning_rate_factor(settings: Training, progress: float) -> float:
    """Return what the initial learning rate is multiplied by at a progress of 0 to 1."""
    if settings.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if settings.schedule == "poly":
        return float((1 - progress) ** settings.poly_power)
    return 1.0


def make_optimizer(
    model: torch.nn.Module, settings: Training, device: torch.device
) -> torch.optim.Optimizer:
    """Make the optimiser of a scenario."""
    options: dict[str, Any] = {
        "lr": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        # One kernel for all weights, where PyTorch has it, instead of several for each.
        "fused": device.type in ("cpu", "cuda"),
    }
    match settings.optimizer:
        case "sgd":
            return torch.optim.SGD(model.parameters(), momentum=settings.momentum, **options)
        case "adam":
            return torch.optim.Adam(model.parameters(), **options)
        case "adamw":
            return torch.optim.AdamW(model.parameters(), **options)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Use bf16 for the forward pass where `precision` says so."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def name_terms(terms: Sequence[Term]) -> list[str]:
    """Name each term by its loss, numbered where a loss occurs again."""
    names: list[str] = []
    occurrences: Counter[str] = Counter()
    for term in terms:
        name = term.loss.name
        occurrences[name] += 1
        if occurrences[name] > 1:
            name = f"{name}#{occurrences[name]}"
        names.append(name)
    return names


def _set_learning_rate(
    optimizer: torch.optim.Optimizer, settings: Training, progress: float, epoch: int
) -> None:
    # Published recipes differ in this: some lower the rate after each step, some after an epoch.
    scheduled = progress
    if settings.schedule_per == "epoch":
        scheduled = epoch / settings.epochs
    rate = settings.learning_rate * learning_rate_factor(settings, scheduled)
    for group in optimizer.param_groups:
        group["lr"] = rate


def _detach(loss: Tensor, values: Sequence[Tensor]) -> Tensor:
    """Return the loss of a step and the values of its terms, [1 + T], without their graph.

    They stay on the device; keeping the graph would keep every activation of the epoch.
    """
    detached = [loss.detach()]
    for value in values:
        detached.append(value.detach())
    return torch.stack(detached)


def _check_finite(
    history: NDArray[np.float64], terms: Sequence[Term], epoch: int, steps: int
) -> None:
    """Raise FloatingPointError where a loss is not finite.

    Args:
        history: float64 [steps, 1 + T], the loss and its terms in each step of an epoch.
        terms: the terms.
        epoch: the epoch, from 0.
        steps: steps in an epoch.
    """
    finite_steps = np.isfinite(history).all(1)
    if finite_steps.all():
        return
    # The first such step names the culprit: after it the weights are broken, and every term is.
    first = int(np.flatnonzero(~finite_steps)[0])
    values: list[float] = history[first, 1:].tolist()
    blamed: list[str] = []
    listed: list[str] = []
    for name, value in zip(name_terms(terms), values, strict=True):
        listed.append(f"{name} {value:g}")
        if not math.isfinite(value):
            blamed.append(name)
    # Finite terms can overflow once they are weighted and summed.
    culprit = " and ".join(blamed) or "the weighted sum"
    step = epoch * steps + first + 1
    raise FloatingPointError(
        f"loss term {culprit} is not finite at step {step} (epoch {epoch + 1}):"
        f" {', '.join(listed)}. Lower training.learning_rate, or look at the term."
    )
