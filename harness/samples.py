"""A few test patches of each run as PNG strips: image, truth, prediction."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from harness.data import IGNORE, SegmentationClass
from harness.patches import PatchSet

COUNT = 4


def write_samples(
    folder: Path, patches: PatchSet, indices: Sequence[int], predictions: NDArray[np.uint8], classes: Sequence[SegmentationClass]
) -> None:
    """Writes up to four evenly spaced test patches; predictions uint8 [N, S, S] in the order of `indices`."""
    folder.mkdir(exist_ok=True)
    chosen = np.unique(np.linspace(0, len(indices) - 1, min(COUNT, len(indices))).round().astype(int))
    for number, position in enumerate(chosen):
        image, truth = patches.images[indices[position]], patches.masks[indices[position]]
        image = image[..., :3] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, 2)
        gap = np.full((image.shape[0], 4, 3), 255, np.uint8)
        strip = [image, gap, painted(truth, classes), gap, painted(predictions[position], classes)]
        write_png(folder / f"{number}.png", np.concatenate(strip, 1))


def painted(labels: NDArray[np.uint8], classes: Sequence[SegmentationClass]) -> NDArray[np.uint8]:
    """A class map uint8 [H, W] in its classes' colours, uint8 [H, W, 3]; IGNORE is black."""
    palette = np.zeros((IGNORE + 1, 3), np.uint8)
    palette[: len(classes)] = [each.color for each in classes]
    return palette[labels]


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Writes uint8 [H, W, 3] as PNG."""
    height, width, bands = image.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="PNG", height=height, width=width, count=bands, dtype="uint8") as file:
            file.write(image.transpose(2, 0, 1))
