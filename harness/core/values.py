"""The values that travel through a run, and its random streams.

Shapes: B patches in a batch, K classes, R regions, H and W pixels, C channels. Arrays are NumPy on
the way in (no torch needed to list, plan or annotate); a `Batch` holds tensors on the training
device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import InputError

if TYPE_CHECKING:
    import torch

IGNORE = 255
"""Mask and label value of a pixel that is neither trained on nor scored."""


Part = Literal["train", "validation", "test"]


Provision = Literal["labels", "dense", "proportions", "tags"]
"""What a weak label can carry: labels (sparse or not), dense (every valid pixel labelled),
proportions, tags."""


@dataclass(frozen=True, slots=True)
class SegmentationClass:
    """One class of a data set: its name and the colour it is drawn in."""

    name: str
    color: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Scene:
    """A source image with its mask, decoded only when `read` is called.

    `read()` returns the image (uint8 [H, W, C]) and the mask (uint8 [H, W], class index or IGNORE).
    `group` names what must not be divided between splits (a tile, a volume); `part` is the official
    split, if there is one; `files` are the sources of the content.
    """

    key: str
    group: str
    read: Callable[[], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    part: Part | None = None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """What a supervision sees: a scene or a patch. image uint8 [H, W, C], mask uint8 [H, W] with
    IGNORE where invalid."""

    key: str
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    classes: int

    @property
    def valid(self) -> NDArray[np.bool_]:
        """bool [H, W]: pixels that may be labelled."""
        return np.not_equal(self.mask, IGNORE)

    def shares(
        self, regions: NDArray[np.uint8] | None = None, count: int = 1
    ) -> NDArray[np.float64]:
        """float64 [R, K]: the share of each class in the valid pixels of each of `count` regions;
        all zero where a region has none.

        regions: uint8 [H, W], the region of each pixel, IGNORE where in none. Without it, the
        sample is one region.
        """
        where = np.zeros(self.mask.shape, np.int64) if regions is None else regions.astype(np.int64)
        counted = self.valid & (where < count)
        cells = where[counted] * self.classes + self.mask[counted]
        counts = np.bincount(cells, minlength=count * self.classes).reshape(count, self.classes)
        shares: NDArray[np.float64] = counts / np.maximum(1, counts.sum(1, keepdims=True))
        return shares


@dataclass(frozen=True, slots=True)
class WeakLabel:
    """All that training sees of a mask: labels uint8 [H, W] (IGNORE = unlabelled), proportions
    float32 [K] summing to 1, tags bool [K].

    With regions uint8 [H, W] (the region of each pixel, IGNORE where in none), proportions are
    float32 [R, K]: one vector for each region, all zero for a region without valid pixels. R is
    from 1 to IGNORE, and the same for all patches.

    shared: the proportions are those of another unit, which was annotated, and cost no annotation
    of their own.
    """

    labels: NDArray[np.uint8] | None = None
    proportions: NDArray[np.float32] | None = None
    tags: NDArray[np.bool_] | None = None
    regions: NDArray[np.uint8] | None = None
    shared: bool = False

    @property
    def annotated(self) -> bool:
        """Whether somebody looked at this unit, so that not all it has is shared."""
        return self.labels is not None or self.tags is not None or not self.shared

    def merged(self, other: WeakLabel) -> WeakLabel:
        """This label completed by another: an already labelled pixel keeps its label.

        Raises InputError where both give proportions, or both give tags.
        """
        for kind in ("proportions", "tags"):
            if getattr(self, kind) is not None and getattr(other, kind) is not None:
                raise InputError(f"two supervisions of one method both provide {kind}: keep one")
        labels = self.labels if self.labels is not None else other.labels
        if self.labels is not None and other.labels is not None:
            labels = np.where(self.labels == IGNORE, other.labels, self.labels)
        counted = self if self.proportions is not None else other
        tags = self.tags if self.tags is not None else other.tags
        return WeakLabel(labels, counted.proportions, tags, counted.regions, counted.shared)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a loss sees. There is no true mask in it, so no loss can leak one.

    images: float [B, C, H, W], normalised. valid: bool [B, H, W], False on padding and ignored
    pixels. labels: int64 [B, H, W] with IGNORE where unlabelled. proportions: float [B, K], or [B,
    R, K] with regions: int64 [B, H, W], IGNORE where in none. tags: bool [B, K]. labels_per_patch:
    float [K], the mean number of labelled pixels of each class in a training patch, over the whole
    training set of `training_patches`.
    """

    images: torch.Tensor
    valid: torch.Tensor
    labels: torch.Tensor | None = None
    proportions: torch.Tensor | None = None
    tags: torch.Tensor | None = None
    labels_per_patch: torch.Tensor | None = None
    training_patches: int = 1
    regions: torch.Tensor | None = None
