"""Random changes of training patches, on the training device. Labels are moved by index arithmetic,
never interpolated."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.scenario.settings import Training


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What happens to each of B patches: flips bool [B], quarter turns int [B], colour factors
    float [3, B]; None where not asked for."""

    horizontal: Tensor | None
    vertical: Tensor | None
    turns: Tensor | None
    factors: Tensor | None


def draw(settings: Training, count: int, generator: torch.Generator) -> Change:
    """The changes of one batch, drawn on the host so that they are the same on every device."""
    wanted = set(settings.augment)
    both = "flips" in wanted
    return Change(
        (
            torch.rand(count, generator=generator) < 0.5
            if both or "horizontal-flip" in wanted
            else None
        ),
        torch.rand(count, generator=generator) < 0.5 if both or "vertical-flip" in wanted else None,
        torch.randint(4, (count,), generator=generator) if "rotations" in wanted else None,
        (
            1 + settings.jitter * (2 * torch.rand(3, count, generator=generator) - 1)
            if "color-jitter" in wanted
            else None
        ),
    )


def augmented(images: Tensor, maps: Tensor, change: Change) -> tuple[Tensor, Tensor]:
    """images uint8 [B, H, W, C] and maps uint8 [B, H, W, M], changed together; images become float
    0..1 under colour-jitter."""
    device = images.device

    def where(chosen: Tensor, moved: Tensor, kept: Tensor) -> Tensor:
        return torch.where(chosen.to(device, non_blocking=True)[:, None, None, None], moved, kept)

    if change.horizontal is not None:
        images, maps = (where(change.horizontal, x.flip(2), x) for x in (images, maps))
    if change.vertical is not None:
        images, maps = (where(change.vertical, x.flip(1), x) for x in (images, maps))
    if change.turns is not None:
        turned = [
            torch.stack([x, *(x.rot90(k, (1, 2)) for k in (1, 2, 3))]) for x in (images, maps)
        ]
        rows = torch.arange(len(images), device=device)
        images, maps = (x[change.turns.to(device, non_blocking=True), rows] for x in turned)
    if change.factors is not None:
        images = _jittered(images.float() / 255, change.factors.to(device, non_blocking=True))
    return images, maps


def _jittered(images: Tensor, factors: Tensor) -> Tensor:
    """Brightness, then contrast about the patch mean, then saturation about the pixel's grey
    value."""
    brightness, contrast, saturation = factors[:, :, None, None, None]
    images = images * brightness
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (images - mean) * contrast + mean
    grey = images.mean(3, keepdim=True)
    return torch.clamp((images - grey) * saturation + grey, 0, 1)
