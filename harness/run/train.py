"""Training as a generator: one record per epoch. Nothing in the step loop waits for the device."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.values import Batch
from harness.run.batches import TrainingSet, batches, steps_per_epoch
from harness.scenario.scenario import Term
from harness.scenario.settings import Training


def term_names(terms: Sequence[Term]) -> list[str]:
    """A name for each term: its loss, numbered where a loss occurs again."""
    names: list[str] = []
    for term in terms:
        again = sum(name.split("#")[0] == term.loss.name for name in names)
        names.append(f"{term.loss.name}#{again + 1}" if again else term.loss.name)
    return names


def ramp(progress: float, length: float) -> float:
    """The factor of a ramped weight at a progress of 0..1: exp(-5 (1 - t)^2) with t = progress /
    length up to 1 (Laine and Aila 2017)."""
    return math.exp(-5 * (1 - min(1.0, progress / length)) ** 2) if length else 1.0


def learning_rate_factor(settings: Training, progress: float) -> float:
    """What the initial learning rate is multiplied with at a progress of 0..1."""
    if settings.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if settings.schedule == "poly":
        return float((1 - progress) ** settings.poly_power)
    return 1.0


def optimizer_for(
    model: torch.nn.Module, settings: Training, device: torch.device
) -> torch.optim.Optimizer:
    """The optimiser of a scenario, fused into one kernel where PyTorch has it."""
    common: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    common["fused"] = device.type in ("cpu", "cuda")
    if settings.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), momentum=settings.momentum, **common)
    return (torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW)(
        model.parameters(), **common
    )


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """bf16 for the forward pass where `precision` says so."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def objective(
    terms: Sequence[Term], logits: Tensor, batch: Batch, progress: float
) -> tuple[Tensor, list[Tensor]]:
    """The weighted sum of the terms at a progress of 0..1, and the value of each, of logits [B, K,
    H, W] in any precision."""
    logits = logits.float()
    values = [term.loss(logits, batch) for term in terms]
    return (
        torch.stack(
            [t.weight * ramp(progress, t.ramp) * v for t, v in zip(terms, values, strict=True)]
        ).sum(),
        values,
    )


def train(
    model: torch.nn.Module,
    data: TrainingSet,
    terms: Sequence[Term],
    settings: Training,
    precision: str,
    seed: int,
    auxiliary: Sequence[float] = (),
) -> Iterator[dict[str, Any]]:
    """Trains `model` in place, yielding after each epoch: epoch (from 1), loss, terms,
    learning_rate, seconds.

    `auxiliary` are the weights of the model's auxiliary logits (`Model.auxiliary_weights`): loss
    has them in it, terms are those of the main logits. Raises FloatingPointError at the end of the
    first epoch with a loss that is not finite, naming the term and the step.
    """
    model.train()
    names = term_names(terms)
    optimizer = optimizer_for(model, settings, data.device)
    steps = steps_per_epoch(len(data.images), settings.batch_size)
    step = 0
    for epoch in range(settings.epochs):
        started = time.perf_counter()
        history = []
        for position, batch in enumerate(batches(data, settings, seed, epoch)):
            progress = (epoch + position / steps) / settings.epochs
            scheduled = progress if settings.schedule_per == "step" else epoch / settings.epochs
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * learning_rate_factor(settings, scheduled)
            optimizer.zero_grad(set_to_none=True)
            with autocast(data.device, precision):
                outputs = model(batch.images)
            logits, *others = outputs if auxiliary else (outputs,)
            loss, values = objective(terms, logits, batch, progress)
            for weight, other in zip(auxiliary, others, strict=True):
                loss = loss + weight * objective(terms, other, batch, progress)[0]
            loss.backward()
            optimizer.step()
            history.append(torch.stack([loss.detach(), *(value.detach() for value in values)]))
        seen = torch.stack(history).cpu().double().numpy()  # the epoch's one wait for the device
        if not np.isfinite(seen).all():
            raise FloatingPointError(_not_finite(seen, names, step, epoch + 1))
        step += len(seen)
        means = seen.mean(0).tolist()
        yield {
            "epoch": epoch + 1,
            "loss": means[0],
            "terms": dict(zip(names, means[1:], strict=True)),
            "learning_rate": optimizer.param_groups[0]["lr"],
            "seconds": round(time.perf_counter() - started, 3),
        }


def _not_finite(seen: NDArray[np.float64], names: Sequence[str], before: int, epoch: int) -> str:
    first = int(np.flatnonzero(~np.isfinite(seen).all(1))[0])
    values = dict(zip(names, seen[first, 1:].tolist(), strict=True))
    blamed = [name for name, value in values.items() if not math.isfinite(value)] or [
        "the weighted sum"
    ]
    where = (
        f"step {before + first + 1} (epoch {epoch}):"
        f" {', '.join(f'{name} {value:g}' for name, value in values.items())}"
    )
    return (
        f"loss term {' and '.join(blamed)} is not finite at {where}. Lower training.learning_rate,"
        " or look at the term."
    )
