"""Change training patches at random, on the training device.

Maps are moved by index arithmetic and never interpolated, so a label stays a label. Shapes: B
patches of H x W pixels, C channels, M maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.scenario.settings import Training


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What happens to each of B patches; None where a change is not asked for."""

    horizontal: Tensor | None
    """bool [B]: whether a patch is flipped left to right."""
    vertical: Tensor | None
    """bool [B]: whether a patch is flipped top to bottom."""
    turns: Tensor | None
    """int64 [B]: quarter turns, counterclockwise."""
    factors: Tensor | None
    """float [3, B]: factors of brightness, contrast and saturation."""


def draw_change(settings: Training, count: int, generator: torch.Generator) -> Change:
    """Draw the changes of a batch of `count` patches."""
    wanted = set(settings.augment)
    if "flips" in wanted:
        wanted |= {"horizontal-flip", "vertical-flip"}
    # On the host, so that every device sees the same changes. The order of these four draws is a
    # part of the protocol: another order moves the numbers of every run.
    horizontal = None
    vertical = None
    turns = None
    factors = None
    if "horizontal-flip" in wanted:
        horizontal = torch.rand(count, generator=generator) < 0.5
    if "vertical-flip" in wanted:
        vertical = torch.rand(count, generator=generator) < 0.5
    if "rotations" in wanted:
        turns = torch.randint(4, (count,), generator=generator)
    if "color-jitter" in wanted:
        symmetric = 2 * torch.rand(3, count, generator=generator) - 1
        factors = 1 + settings.jitter * symmetric
    return Change(horizontal, vertical, turns, factors)


def apply_change(images: Tensor, maps: Tensor, change: Change) -> tuple[Tensor, Tensor]:
    """Change images and maps together.

    Args:
        images: uint8 [B, H, W, C].
        maps: uint8 [B, H, W, M].
        change: what happens to each patch.

    Returns:
        The images, as float in 0..1 under colour jitter and else as uint8, and the maps.
    """
    device = images.device
    # Copies that do not block: a wait for the device in each batch would stall the step loop.
    if change.horizontal is not None:
        chosen = change.horizontal.to(device, non_blocking=True)
        images = _flip(images, chosen, dimension=2)
        maps = _flip(maps, chosen, dimension=2)
    if change.vertical is not None:
        chosen = change.vertical.to(device, non_blocking=True)
        images = _flip(images, chosen, dimension=1)
        maps = _flip(maps, chosen, dimension=1)
    if change.turns is not None:
        turns = change.turns.to(device, non_blocking=True)
        images = _turn(images, turns)
        maps = _turn(maps, turns)
    if change.factors is not None:
        factors = change.factors.to(device, non_blocking=True)
        images = _jitter(images.float() / 255, factors)
    return images, maps


def _flip(patches: Tensor, chosen: Tensor, dimension: int) -> Tensor:
    """Flip the chosen patches, bool [B], along a dimension of [B, H, W, ...]."""
    return torch.where(chosen[:, None, None, None], patches.flip(dimension), patches)


def _turn(patches: Tensor, turns: Tensor) -> Tensor:
    """Turn each patch of [B, S, S, ...] by its number of quarter turns, int64 [B]."""
    # All four versions of all patches: to sort patches by turn, the host would have to know how
    # many there are of each, and so to wait for the device.
    versions = [patches]
    for count in (1, 2, 3):
        versions.append(patches.rot90(count, (1, 2)))
    rows = torch.arange(len(patches), device=patches.device)
    return torch.stack(versions)[turns, rows]


def _jitter(images: Tensor, factors: Tensor) -> Tensor:
    """Change brightness, then contrast about the patch mean, then saturation about the grey value.

    Args:
        images: float [B, H, W, C] in 0..1.
        factors: float [3, B].
    """
    brightness, contrast, saturation = factors[:, :, None, None, None]
    images = images * brightness
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (images - mean) * contrast + mean
    grey = images.mean(3, keepdim=True)
    images = (images - grey) * saturation + grey
    # Only at the end: clipping in between would lose what a later step brings back into bounds.
    return torch.clamp(images, 0, 1)
