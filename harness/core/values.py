"""The values that travel through a run.

Shapes: B patches in a batch, K classes, R regions, H and W pixels, C channels. Arrays are NumPy on
the way in (no torch is needed to list, plan or annotate); a `Batch` holds tensors on the training
device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import InputError

if TYPE_CHECKING:
    # For types alone: importing it takes seconds, which `harness list` need not wait for.
    import torch

IGNORE = 255
"""Mask and label value of a pixel that is neither trained on nor scored."""

JsonObject = dict[str, Any]
"""A JSON object whose fields are not known here, such as the settings of some component."""

Pixels = NDArray[np.uint8]
"""Values of 8 bits a pixel: an image, a mask, a map of labels; or many of them."""

Floats = NDArray[np.float64]
"""Numbers to compute with, of any shape."""

Part = Literal["train", "validation", "test"]

Provision = Literal["labels", "dense", "proportions", "tags"]
"""What a weak label can carry: labels (sparse or not), dense (every valid pixel labelled),
proportions, tags."""


@dataclass(frozen=True, slots=True)
class SegmentationClass:
    """A class of a data set."""

    name: str
    """What it is called, in records and on pages."""
    color: tuple[int, int, int]
    """The colour it is drawn in: red, green and blue, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A source image with its mask, decoded only when `read` is called."""

    key: str
    """A name that no other scene of the data set has."""
    group: str
    """What must not be divided between parts, such as a tile or a volume."""
    read: Callable[[], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    """Returns the image (uint8 [H, W, C]) and the mask (uint8 [H, W], a class or IGNORE)."""
    part: Part | None = None
    """The part that the official split of the data set gives it, if there is one."""
    files: tuple[Path, ...] = ()
    """The files that it is made from, whose content is part of the keys of runs."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a supervision sees: a scene or a patch, with its mask."""

    key: str
    """The name of the scene, or of the patch."""
    image: NDArray[np.uint8]
    """uint8 [H, W, C]."""
    mask: NDArray[np.uint8]
    """uint8 [H, W]: the class of each pixel, or IGNORE where it has none."""
    classes: int
    """The number of classes, K."""

    @property
    def valid(self) -> NDArray[np.bool_]:
        """The pixels that may be labelled: bool [H, W]."""
        return np.not_equal(self.mask, IGNORE)

    def shares(
        self, regions: NDArray[np.uint8] | None = None, count: int = 1
    ) -> NDArray[np.float64]:
        """Return the share of each class in the valid pixels of each region.

        Args:
            regions: The region of each pixel, uint8 [H, W], IGNORE where it is in none. Without
                it, the sample is one region.
            count: The number of regions, R.

        Returns:
            float64 [R, K]; all zero for a region without valid pixels.
        """
        if regions is None:
            region_of_pixel = np.zeros(self.mask.shape, np.int64)
        else:
            region_of_pixel = regions.astype(np.int64)
        counted = self.valid & (region_of_pixel < count)
        # Each pair of a region and a class has a number of its own, so that one pass counts all.
        pairs = region_of_pixel[counted] * self.classes + self.mask[counted]
        counts = np.bincount(pairs, minlength=count * self.classes).reshape(count, self.classes)
        totals = counts.sum(1, keepdims=True)
        shares: NDArray[np.float64] = counts / np.maximum(1, totals)
        return shares


@dataclass(frozen=True, slots=True)
class WeakLabel:
    """All that training sees of a mask."""

    labels: NDArray[np.uint8] | None = None
    """The labelled pixels: uint8 [H, W], IGNORE where unlabelled."""
    proportions: NDArray[np.float32] | None = None
    """The share of each class, summing to 1: float32 [K].

    With regions, float32 [R, K]: one vector for each region, all zero for a region without valid
    pixels. R is from 1 to IGNORE, and the same for all patches.
    """
    tags: NDArray[np.bool_] | None = None
    """Whether each class is present: bool [K]."""
    regions: NDArray[np.uint8] | None = None
    """The region of each pixel: uint8 [H, W], IGNORE where it is in none."""
    shared: bool = False
    """Whether the proportions are those of another unit, and took no annotation here."""

    @property
    def annotated(self) -> bool:
        """Whether somebody looked at this unit, so that not all it has is shared."""
        return self.labels is not None or self.tags is not None or not self.shared

    def merged(self, other: WeakLabel) -> WeakLabel:
        """Return this label completed by another: a pixel that is labelled keeps its label.

        Raises:
            InputError: where both give proportions, or both give tags.
        """
        for kind in ("proportions", "tags"):
            if getattr(self, kind) is not None and getattr(other, kind) is not None:
                raise InputError(f"two supervisions of one method both provide {kind}: keep one")
        labels = self.labels
        if labels is None:
            labels = other.labels
        elif other.labels is not None:
            labels = np.where(labels == IGNORE, other.labels, labels)
        tags = other.tags if self.tags is None else self.tags
        # Regions, and whether they are shared, belong to the proportions and come with them.
        source = other if self.proportions is None else self
        return WeakLabel(labels, source.proportions, tags, source.regions, source.shared)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a loss sees. There is no true mask in it, so no loss can leak one."""

    images: torch.Tensor
    """float [B, C, H, W], normalised."""
    valid: torch.Tensor
    """bool [B, H, W]: False on padding and on ignored pixels."""
    labels: torch.Tensor | None = None
    """int64 [B, H, W], IGNORE where unlabelled."""
    proportions: torch.Tensor | None = None
    """float [B, K], or [B, R, K] with regions."""
    tags: torch.Tensor | None = None
    """bool [B, K]."""
    labels_per_patch: torch.Tensor | None = None
    """float [K]: the labelled pixels of each class in a training patch, on average over the whole
    training set."""
    training_patches: int = 1
    """The number of patches in the training set."""
    regions: torch.Tensor | None = None
    """int64 [B, H, W]: the region of each pixel, IGNORE where it is in none."""
