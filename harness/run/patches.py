"""Cut scenes into patches once, and keep them in a memory-mapped cache keyed by content.

A second start decodes nothing. Shapes: N patches of S x S pixels, scenes of H x W, C channels, K
classes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from harness.core.components import Dataset
from harness.core.errors import InputError
from harness.core.files import replacing
from harness.core.hashing import digest
from harness.core.values import IGNORE, Part, Pixels, Sample, Scene
from harness.plan.keys import PROTOCOL
from harness.scenario.settings import Patches


@dataclass(frozen=True, slots=True)
class PatchOrigin:
    """Where a patch was cut."""

    scene: str
    """Key of the scene."""
    group: str
    """The scene's group, which no split divides."""
    part: Part | None
    """The scene's part in the official split, if the data set has one."""
    row: int
    """Row of the top left pixel, after resizing or downsampling."""
    column: int
    """Column of the top left pixel, after resizing or downsampling."""


@dataclass(frozen=True, slots=True, eq=False)
class PatchSet:
    """All patches of a data set."""

    images: Pixels
    """[N, S, S, C], memory-mapped."""
    masks: Pixels
    """[N, S, S], memory-mapped: the class of each pixel, or IGNORE."""
    origins: tuple[PatchOrigin, ...]
    """Where each of the N patches was cut."""
    classes: int
    """Number of classes, K."""

    def patch(self, index: int) -> Sample:
        """Return one patch, as a supervision sees it."""
        origin = self.origins[index]
        # The draw of a patch's weak label is seeded by this key, so it is a part of the protocol.
        key = f"{origin.scene}@{origin.row},{origin.column}"
        return Sample(key, self.images[index], self.masks[index], self.classes)

    def class_counts(self, indices: Sequence[int]) -> NDArray[np.int64]:
        """Count the pixels of each class, int64 [K], in the patches at `indices`."""
        counts = np.zeros(self.classes, np.int64)
        # One patch at a time: all masks of a big data set together may not fit into memory.
        for index in indices:
            counts += count_classes(self.masks[index], self.classes)
        return counts

    def has_valid_pixel(self, indices: Sequence[int]) -> bool:
        """Tell whether the patches at `indices` have a pixel that is not ignored."""
        for index in indices:
            is_valid = self.masks[index] != IGNORE
            if is_valid.any():
                return True
        return False

    def assemble_scene(self, indices: Sequence[int]) -> Sample:
        """Put a scene together from its patches at `indices`, as a supervision sees it."""
        size = self.masks.shape[1]
        origins = [self.origins[index] for index in indices]
        last_row = max(origin.row for origin in origins)
        last_column = max(origin.column for origin in origins)
        height = last_row + size
        width = last_column + size
        channels = self.images.shape[3]
        image = np.zeros((height, width, channels), np.uint8)
        # What none of these patches covers stays IGNORE, so that no label is spent on pixels of
        # another part, or on a rest at the edge, where nothing is trained.
        mask = np.full((height, width), IGNORE, np.uint8)
        for index, origin in zip(indices, origins, strict=True):
            window = patch_window(origin, size)
            image[window] = self.images[index]
            mask[window] = self.masks[index]
        return Sample(origins[0].scene, image, mask, self.classes)


def count_classes(maps: Pixels, classes: int) -> NDArray[np.int64]:
    """Count the pixels of each class in maps of labels.

    Args:
        maps: uint8, of any shape, with IGNORE.
        classes: number of classes, K.

    Returns:
        int64 [K].
    """
    # What is no class, IGNORE above all, is counted beyond the classes and cut off: to select the
    # labelled pixels first would copy them.
    counts = np.bincount(maps.ravel(), minlength=IGNORE + 1)
    return counts[:classes]


def patch_window(origin: PatchOrigin, size: int) -> tuple[slice, slice]:
    """Return the rows and columns of its scene that a patch covers."""
    rows = slice(origin.row, origin.row + size)
    columns = slice(origin.column, origin.column + size)
    return rows, columns


def open_patches(dataset: Dataset, fingerprint: str, settings: Patches, cache: Path) -> PatchSet:
    """Open the patches of a data set, and cut them now if the cache has none.

    Args:
        dataset: where the scenes come from.
        fingerprint: hash of the data set's content.
        settings: how scenes are cut.
        cache: the folder of all caches.

    Raises:
        InputError: for data that cannot be used, naming the scene.
    """
    # Only what changes a patch is in the name, so that, say, another normalisation cuts nothing.
    cutting = settings.model_dump(include={"size", "stride", "padding", "downsample", "resize"})
    folder = cache / "patches" / digest([PROTOCOL, fingerprint, cutting])[:32]
    index_file = folder / "index.json"
    if not index_file.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            # Another process may have cut them while this one waited for the lock.
            if not index_file.exists():
                _write_patches(dataset, settings, folder)
    return _map_patches(folder, settings.size)


def check_channels(channels: int, normalise: str) -> None:
    """Raise InputError where there are no statistics for that many channels."""
    if normalise == "imagenet" and channels != 3:
        raise InputError(
            f"patches.normalise: imagenet has statistics for 3 channels, the data has {channels}:"
            " use training-set, or none"
        )


def cut(
    scene: Scene, image: Pixels, mask: Pixels, settings: Patches
) -> Iterator[tuple[PatchOrigin, Pixels, Pixels]]:
    """Cut a scene into patches, row by row.

    Args:
        scene: what the patches are of.
        image: uint8 [H, W, C], after resizing or downsampling.
        mask: uint8 [H, W], likewise.
        settings: how scenes are cut.

    Yields:
        Each patch's origin, image [S, S, C] and mask [S, S].

    Raises:
        InputError: if the scene is smaller than a patch and is not padded.
    """
    size = settings.size
    step = settings.stride or size
    match settings.padding:
        case "none":
            _check_size(scene, mask.shape, size)
        case "ignore":
            image, mask = _pad(image, mask, size, fill=IGNORE)
        case "background":
            image, mask = _pad(image, mask, size, fill=0)
    height, width = mask.shape
    last_row = height - size
    last_column = width - size
    for row in range(0, last_row + 1, step):
        for column in range(0, last_column + 1, step):
            origin = PatchOrigin(scene.key, scene.group, scene.part, row, column)
            window = patch_window(origin, size)
            yield origin, image[window], mask[window]


def downsample(image: Pixels, mask: Pixels, factor: int) -> tuple[Pixels, Pixels]:
    """Shrink an image and its mask by an integer factor, and cut off the rest.

    A pixel of the image becomes the mean of a block, one of the mask the block's centre pixel: a
    mean of class indices would be another class.
    """
    if factor == 1:
        return image, mask
    height = mask.shape[0] // factor
    width = mask.shape[1] // factor
    image = image[: height * factor, : width * factor]
    mask = mask[: height * factor, : width * factor]
    blocks = image.reshape(height, factor, width, factor, -1)
    means = blocks.mean((1, 3))
    small_image = np.rint(means).astype(np.uint8)
    middle = factor // 2
    small_mask = mask[middle::factor, middle::factor]
    return small_image, small_mask


def resize(image: Pixels, mask: Pixels, shape: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """Bring an image and its mask to a height and width.

    The image is interpolated bilinearly with antialiasing; a pixel of the mask is the one in which
    the new centre lies.
    """
    # Imported here: only scenes that are resized need it, and planning must start without torch.
    import torch

    bands = np.ascontiguousarray(image.transpose(2, 0, 1))
    batch = torch.from_numpy(bands)[None].float()
    smooth = torch.nn.functional.interpolate(batch, shape, mode="bilinear", antialias=True)
    # Antialiasing may overshoot, and a cast to bytes would wrap round instead of saturating.
    rounded = smooth.round().clamp(0, 255).byte()
    new_image = rounded[0].permute(1, 2, 0).numpy()
    height, width = shape
    rows = _nearest_pixels(mask.shape[0], height)
    columns = _nearest_pixels(mask.shape[1], width)
    new_mask = mask[np.ix_(rows, columns)]
    return np.ascontiguousarray(new_image), new_mask


def _nearest_pixels(old: int, new: int) -> NDArray[np.int64]:
    """Return, for each of `new` pixels on a side, the one of `old` pixels in which its centre lies.

    The centre of pixel i is at (i + 1/2) old / new; in whole numbers no rounding decides between
    two neighbours.
    """
    twice_centres = 2 * np.arange(new) + 1
    pixels: NDArray[np.int64] = twice_centres * old // (2 * new)
    return pixels


def _check_size(scene: Scene, shape: tuple[int, ...], size: int) -> None:
    height, width = shape
    if min(height, width) < size:
        raise InputError(
            f"scene {scene.key}: is {height} x {width} pixels, smaller than one"
            f" patch of {size}: lower patches.size, or set patches.padding: ignore"
        )


def _pad(image: Pixels, mask: Pixels, size: int, fill: int) -> tuple[Pixels, Pixels]:
    """Add black pixels with the label `fill` at the bottom and the right."""
    # To multiples of the size, not of the stride: the test part takes the patches of the grid
    # without overlap, and that grid must cover every pixel.
    below = _missing_pixels(mask.shape[0], size)
    right = _missing_pixels(mask.shape[1], size)
    image = np.pad(image, ((0, below), (0, right), (0, 0)))
    mask = np.pad(mask, ((0, below), (0, right)), constant_values=fill)
    return image, mask


def _missing_pixels(length: int, size: int) -> int:
    """Return how many pixels a side lacks to a multiple of the size."""
    rest = length % size
    return size - rest if rest else 0


def _write_patches(dataset: Dataset, settings: Patches, folder: Path) -> None:
    """Cut all scenes of a data set into the files of the cache."""
    classes = len(dataset.classes)
    channels: int | None = None
    origins: list[PatchOrigin] = []
    # Moved to its place when it is complete: an interrupted cut leaves no gigabytes behind, and no
    # cache that lacks scenes.
    with replacing(folder) as partial:
        partial.mkdir()
        images_file = (partial / "images.bin").open("wb")
        masks_file = (partial / "masks.bin").open("wb")
        with images_file, masks_file:
            # A scene at a time: neither all scenes nor all patches fit into memory.
            for scene in dataset.scenes():
                image, mask = _read_scene(scene, classes, channels)
                channels = image.shape[2]
                if settings.resize:
                    image, mask = resize(image, mask, settings.resize)
                else:
                    image, mask = downsample(image, mask, settings.downsample)
                scene_patches = cut(scene, image, mask, settings)
                for origin, image_patch, mask_patch in scene_patches:
                    images_file.write(image_patch.tobytes())
                    masks_file.write(mask_patch.tobytes())
                    origins.append(origin)
        if not origins:
            raise InputError(f"data set {dataset.name!r} has no scenes")
        index: dict[str, Any] = {
            "origins": [astuple(origin) for origin in origins],
            "channels": channels,
            "classes": classes,
        }
        (partial / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _map_patches(folder: Path, size: int) -> PatchSet:
    """Map the files of the cache into memory."""
    text = (folder / "index.json").read_text(encoding="utf-8")
    index = json.loads(text)
    origins = tuple(PatchOrigin(*fields) for fields in index["origins"])
    masks_shape = (len(origins), size, size)
    images_shape = (*masks_shape, index["channels"])
    # Mapped read-only: no plugin that is handed a view can change what another run reads.
    images = np.memmap(folder / "images.bin", np.uint8, "r", shape=images_shape)
    masks = np.memmap(folder / "masks.bin", np.uint8, "r", shape=masks_shape)
    return PatchSet(images, masks, origins, index["classes"])


def _read_scene(scene: Scene, classes: int, channels: int | None) -> tuple[Pixels, Pixels]:
    """Decode a scene, and raise InputError where it cannot be used.

    Args:
        scene: what to decode.
        classes: number of classes.
        channels: those of the scenes before; None for the first scene.
    """
    image, mask = scene.read()
    place = f"scene {scene.key}"
    if image.dtype != np.uint8 or image.ndim != 3:
        raise InputError(
            f"{place}: the image must be uint8 [H, W, C], got {image.dtype} {list(image.shape)}"
        )
    height, width, bands = image.shape
    if mask.dtype != np.uint8 or mask.shape != (height, width):
        raise InputError(
            f"{place}: image is {[height, width]} and mask {mask.dtype} {list(mask.shape)}:"
            " sizes must agree, as uint8"
        )
    if channels is not None and bands != channels:
        raise InputError(f"{place}: has {bands} channels, scenes before it {channels}")
    outside = (mask >= classes) & (mask != IGNORE)
    if outside.any():
        value = mask[outside].min()
        raise InputError(
            f"{place}: the mask holds {value}, but classes are 0 to {classes - 1}"
            f" (and {IGNORE} to ignore)"
        )
    return image, mask
