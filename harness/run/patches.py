"""Cuts scenes into patches once and keeps them in a memory-mapped cache keyed by content. A second
start decodes nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from harness.core.components import Dataset
from harness.core.errors import InputError
from harness.core.hashing import digest
from harness.core.values import IGNORE, Part, Sample, Scene
from harness.plan.keys import PROTOCOL
from harness.scenario.settings import Patches


@dataclass(frozen=True, slots=True)
class PatchOrigin:
    """Where a patch was cut: scene, its group and official part, and the top left pixel after
    resizing or downsampling."""

    scene: str
    group: str
    part: Part | None
    row: int
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class PatchSet:
    """All patches of a data set. images uint8 [N, S, S, C] and masks uint8 [N, S, S] are
    memory-mapped; `origins` has N entries."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    origins: tuple[PatchOrigin, ...]
    classes: int

    def patch(self, index: int) -> Sample:
        """One patch, as a supervision sees it."""
        origin = self.origins[index]
        key = f"{origin.scene}@{origin.row},{origin.column}"
        return Sample(key, self.images[index], self.masks[index], self.classes)

    def class_counts(self, indices: Sequence[int]) -> NDArray[np.int64]:
        """Pixels of each class, int64 [K], in the patches at `indices`."""
        counts = np.zeros(IGNORE + 1, np.int64)
        for index in indices:
            counts += np.bincount(self.masks[index].ravel(), minlength=IGNORE + 1)
        return counts[: self.classes]

    def valid(self, indices: Sequence[int]) -> bool:
        """Whether the patches at `indices` have a pixel that is not ignored."""
        return any((self.masks[index] != IGNORE).any() for index in indices)

    def scene(self, indices: Sequence[int]) -> Sample:
        """A whole scene put together from its patches. What no patch covers is IGNORE, so no label
        is spent where none trains."""
        size = self.masks.shape[1]
        origins = [self.origins[index] for index in indices]
        height, width = max(o.row for o in origins) + size, max(o.column for o in origins) + size
        image = np.zeros((height, width, self.images.shape[3]), np.uint8)
        mask = np.full((height, width), IGNORE, np.uint8)
        for index, origin in zip(indices, origins, strict=True):
            window = np.s_[origin.row : origin.row + size, origin.column : origin.column + size]
            image[window], mask[window] = self.images[index], self.masks[index]
        return Sample(origins[0].scene, image, mask, self.classes)


def open_patches(dataset: Dataset, fingerprint: str, settings: Patches, cache: Path) -> PatchSet:
    """The patches of a data set, cut now if the cache has none. Raises InputError naming the scene
    for data that cannot be used."""
    cutting = settings.model_dump(include={"size", "stride", "padding", "downsample", "resize"})
    folder = cache / "patches" / digest([PROTOCOL, fingerprint, cutting])[:32]
    if not (folder / "index.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not (folder / "index.json").exists():
                _write_patches(dataset, settings, folder)
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    count, size, channels = len(index["origins"]), settings.size, index["channels"]
    images = np.memmap(folder / "images.bin", np.uint8, "r", shape=(count, size, size, channels))
    masks = np.memmap(folder / "masks.bin", np.uint8, "r", shape=(count, size, size))
    return PatchSet(
        images, masks, tuple(PatchOrigin(*origin) for origin in index["origins"]), index["classes"]
    )


def check_channels(channels: int, normalise: str) -> None:
    """Raises InputError where there are no statistics for that many channels."""
    if normalise == "imagenet" and channels != 3:
        raise InputError(
            f"patches.normalise: imagenet has statistics for 3 channels, the data has {channels}:"
            " use training-set, or none"
        )


def _write_patches(dataset: Dataset, settings: Patches, folder: Path) -> None:
    classes, origins, channels = len(dataset.classes), list[PatchOrigin](), 0
    partial = folder.with_suffix(f".{os.getpid()}")
    partial.mkdir()
    try:
        with (
            (partial / "images.bin").open("wb") as images,
            (partial / "masks.bin").open("wb") as masks,
        ):
            for scene in dataset.scenes():
                image, mask = _checked(scene, classes, channels)
                channels = image.shape[2]
                if settings.resize:
                    image, mask = resized(image, mask, settings.resize)
                else:
                    image, mask = downsampled(image, mask, settings.downsample)
                for origin, image_patch, mask_patch in cut(scene, image, mask, settings):
                    images.write(image_patch.tobytes())
                    masks.write(mask_patch.tobytes())
                    origins.append(origin)
        if not origins:
            raise InputError(f"data set {dataset.name!r} has no scenes")
        index = {
            "origins": [list(asdict(origin).values()) for origin in origins],
            "channels": channels,
            "classes": classes,
        }
        (partial / "index.json").write_text(json.dumps(index), encoding="utf-8")
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _checked(
    scene: Scene, classes: int, channels: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image, mask = scene.read()
    if image.dtype != np.uint8 or image.ndim != 3:
        raise InputError(
            f"scene {scene.key}: the image must be uint8 [H, W, C], got {image.dtype}"
            f" {list(image.shape)}"
        )
    if mask.dtype != np.uint8 or mask.shape != image.shape[:2]:
        raise InputError(
            f"scene {scene.key}: image is {list(image.shape[:2])} and mask {mask.dtype}"
            f" {list(mask.shape)}: sizes must agree, as uint8"
        )
    if channels and image.shape[2] != channels:
        raise InputError(
            f"scene {scene.key}: has {image.shape[2]} channels, scenes before it {channels}"
        )
    wrong = np.unique(mask[(mask >= classes) & (mask != IGNORE)])
    if wrong.size:
        raise InputError(
            f"scene {scene.key}: the mask holds {wrong[0]}, but classes are 0 to {classes - 1} (and"
            f" {IGNORE} to ignore)"
        )
    return image, mask


def downsampled(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], factor: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both shrunk by an integer factor (rest cut off): the image by block mean, the mask by each
    block's centre pixel."""
    if factor == 1:
        return image, mask
    height, width = mask.shape[0] // factor, mask.shape[1] // factor
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    middle = factor // 2
    return (
        np.rint(blocks.mean((1, 3))).astype(np.uint8),
        mask[: height * factor, : width * factor][middle::factor, middle::factor],
    )


def resized(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], shape: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both at this height and width: the image bilinearly with antialiasing, the mask by the pixel
    in which each new centre lies."""
    # here, since only scenes that are resized need it, and planning must start without it
    import torch

    bands = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float()
    smooth = (
        torch.nn.functional.interpolate(bands, shape, mode="bilinear", antialias=True)
        .round()
        .clamp(0, 255)
        .byte()
    )
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for new, old in zip(shape, mask.shape, strict=True)
    )
    return np.ascontiguousarray(smooth[0].permute(1, 2, 0).numpy()), mask[np.ix_(rows, columns)]


def cut(
    scene: Scene, image: NDArray[np.uint8], mask: NDArray[np.uint8], settings: Patches
) -> Iterator[tuple[PatchOrigin, NDArray[np.uint8], NDArray[np.uint8]]]:
    """The patches of one scene, row by row, uint8 [S, S, C] and [S, S]. Raises InputError if the
    scene has none."""
    size, step = settings.size, settings.stride or settings.size
    if settings.padding == "none":
        if min(mask.shape) < size:
            raise InputError(
                f"scene {scene.key}: is {mask.shape[0]} x {mask.shape[1]} pixels, smaller than one"
                f" patch of {size}: lower patches.size, or set patches.padding: ignore"
            )
    else:
        # To multiples of the size, not of the stride, so that the grid of test patches covers every
        # pixel.
        below, right = -mask.shape[0] % size, -mask.shape[1] % size
        fill = IGNORE if settings.padding == "ignore" else 0
        image = np.pad(image, ((0, below), (0, right), (0, 0)))
        mask = np.pad(mask, ((0, below), (0, right)), constant_values=fill)
    for row in range(0, mask.shape[0] - size + 1, step):
        for column in range(0, mask.shape[1] - size + 1, step):
            window = np.s_[row : row + size, column : column + size]
            yield (
                PatchOrigin(scene.key, scene.group, scene.part, row, column),
                image[window],
                mask[window],
            )
