"""Train a network, as a generator that gives one record per epoch.

Nothing in the step loop waits for the device. Shapes: B patches of H x W pixels, K classes, T
terms.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
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


def train(
    model: torch.nn.Module,
    data: TrainingSet,
    terms: Sequence[Term],
    procedure: Procedure,
    auxiliary_weights: Sequence[float] = (),
) -> Iterator[dict[str, Any]]:
    """Train a network in place.

    Args:
        model: the network.
        data: patches and weak labels.
        terms: the losses that make up the objective.
        procedure: how it is trained.
        auxiliary_weights: weights of the network's auxiliary logits (`Model.auxiliary_weights`).

    Yields:
        After each epoch: epoch (from 1), loss, terms, learning_rate and seconds. The auxiliary
        logits are in the loss; terms are those of the main logits.

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
        losses = []
        for step, batch in enumerate(batches(data, settings, procedure.seed, epoch)):
            progress = (epoch + step / steps) / settings.epochs
            _set_learning_rate(optimizer, settings, progress, epoch)
            optimizer.zero_grad(set_to_none=True)
            with autocast(data.device, procedure.precision):
                outputs = model(batch.images)
            logits, *others = outputs if auxiliary_weights else (outputs,)
            loss, values = objective(terms, logits, batch, progress)
            for weight, other in zip(auxiliary_weights, others, strict=True):
                auxiliary_loss, _ = objective(terms, other, batch, progress)
                loss = loss + weight * auxiliary_loss
            loss.backward()
            optimizer.step()
            losses.append(_detach(loss, values))
        # The epoch's one wait for the device: reading a loss in each step would stop the host from
        # preparing the next one while the device computes.
        history = torch.stack(losses).cpu().double().numpy()
        _check_finite(history, terms, epoch, steps)
        means: list[float] = history.mean(0).tolist()
        yield {
            "epoch": epoch + 1,
            "loss": means[0],
            "terms": dict(zip(name_terms(terms), means[1:], strict=True)),
            "learning_rate": optimizer.param_groups[0]["lr"],
            "seconds": round(time.perf_counter() - started, 3),
        }


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
        values.append(value)
        weighted.append(term.weight * ramp(progress, term.ramp) * value)
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
    times: Counter[str] = Counter()
    for term in terms:
        name = term.loss.name
        times[name] += 1
        names.append(f"{name}#{times[name]}" if times[name] > 1 else name)
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
    return torch.stack([loss.detach(), *(value.detach() for value in values)])


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
    values = dict(zip(name_terms(terms), history[first, 1:].tolist(), strict=True))
    # Finite terms can overflow once they are weighted and summed.
    blamed = [name for name, value in values.items() if not math.isfinite(value)]
    culprit = " and ".join(blamed) or "the weighted sum"
    listed = ", ".join(f"{name} {value:g}" for name, value in values.items())
    raise FloatingPointError(
        f"loss term {culprit} is not finite at step {epoch * steps + first + 1}"
        f" (epoch {epoch + 1}): {listed}. Lower training.learning_rate, or look at the term."
    )
