"""Store a few test patches of each run to look at.

Images, truth, prediction and weak labels are PNG files; what they are is in samples.json.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from harness.core.files import replacing, write_json_atomically
from harness.core.values import IGNORE, Pixels, SegmentationClass
from harness.records.record import Ledger
from harness.run.annotate import TrainingLabels
from harness.run.evaluation.evaluate import PatchResults
from harness.run.patches import PatchSet

COUNT = 6
"""Patches that are stored at most."""

GAP = 4
"""Columns between the pictures that are side by side."""

Draw = Callable[[PatchSet, Sequence[int]], tuple[TrainingLabels, Ledger]]
"""Annotates patches as the training part was annotated."""


@dataclass(frozen=True, slots=True, eq=False)
class WeakSamples:
    """What a method's supervision would have given on the test part."""

    labels: TrainingLabels | None
    """Weak labels of all test patches; None where they could not be drawn."""
    error: str | None
    """Why they could not be drawn."""


def write_samples(
    folder: Path,
    patches: PatchSet,
    tested: PatchResults,
    classes: Sequence[SegmentationClass],
    draw: Draw,
) -> None:
    """Write up to six evenly spaced test patches, and remove those of an earlier run.

    Of patch n: n-image.png (RGB), n-truth.png, n-prediction.png and n-weak.png (class indices with
    a palette, IGNORE transparent), and n.png with image, truth and prediction side by side.
    samples.json lists the patches in this order: patch, scene, row and column of the top left
    pixel, confusion counts, and what the method's supervision would have given: the file of labels,
    proportions, tags. Where that fails, the reason is in samples.json as weak_label_error.

    Args:
        folder: where they go.
        patches: all patches of the data set.
        tested: what the test found.
        classes: names and colours of the classes.
        draw: annotates the test part, once it is tested and for display alone.
    """
    weak = _draw_weak_labels(draw, patches, tested.indices)
    entries: list[dict[str, Any]] = []
    # A folder can only take the place of nothing.
    shutil.rmtree(folder, ignore_errors=True)
    with replacing(folder) as partial:
        partial.mkdir()
        # By position, not at random or by score: methods with the same split show the same patches.
        for number, position in enumerate(_spaced_positions(len(tested.indices))):
            maps = _class_maps(patches, tested, weak, position)
            image = patches.images[tested.indices[position]]
            _write_pictures(partial, number, _to_rgb(image), maps, classes)
            entry = _describe_patch(patches, tested, position)
            names = ["image", *maps]
            entry["files"] = {name: f"{number}-{name}.png" for name in names}
            entry.update(_describe_weak_label(weak, position))
            entries.append(entry)
        write_json_atomically(partial / "samples.json", entries)


def paint(labels: Pixels, classes: Sequence[SegmentationClass]) -> Pixels:
    """Paint a class map uint8 [H, W] in its classes' colours, uint8 [H, W, 3]; IGNORE is black."""
    # A colour for every byte, so that one look-up paints the map, IGNORE included.
    palette = np.zeros((IGNORE + 1, 3), np.uint8)
    for index, segmentation_class in enumerate(classes):
        palette[index] = segmentation_class.color
    return palette[labels]


def write_png(path: Path, image: Pixels) -> None:
    """Write an image uint8 [H, W, 3] as PNG."""
    _write_bands(path, image.transpose(2, 0, 1))


def write_classes(path: Path, labels: Pixels, classes: Sequence[SegmentationClass]) -> None:
    """Write a class map uint8 [H, W] as PNG of one band, with its classes' colours as palette.

    IGNORE is transparent.
    """
    palette: dict[int, tuple[int, ...]] = {}
    for index, segmentation_class in enumerate(classes):
        palette[index] = (*segmentation_class.color, 255)
    palette[IGNORE] = (0, 0, 0, 0)
    _write_bands(path, labels[None], palette)


def _draw_weak_labels(draw: Draw, patches: PatchSet, indices: Sequence[int]) -> WeakSamples:
    try:
        labels, _ = draw(patches, indices)
    except Exception as error:
        # Whatever a supervision raises: the run is tested, and its record must not depend on a
        # picture.
        return WeakSamples(None, f"{type(error).__name__}: {error}")
    return WeakSamples(labels, None)


def _spaced_positions(count: int) -> list[int]:
    """Return up to COUNT positions among `count`, from the first to the last."""
    spaced = np.linspace(0, count - 1, min(COUNT, count))
    nearest = spaced.round().astype(int)
    positions: list[int] = np.unique(nearest).tolist()
    return positions


def _to_rgb(image: Pixels) -> Pixels:
    """Return uint8 [H, W, 3] to look at: the first three bands, or the first one as grey."""
    if image.shape[2] >= 3:
        return image[..., :3]
    return np.repeat(image[..., :1], 3, 2)


def _class_maps(
    patches: PatchSet, tested: PatchResults, weak: WeakSamples, position: int
) -> dict[str, Pixels]:
    """Return the class maps of a tested patch, by what they show."""
    maps = {
        "truth": patches.masks[tested.indices[position]],
        "prediction": tested.predictions[position],
    }
    if weak.labels is not None and weak.labels.labels is not None:
        maps["weak"] = weak.labels.labels[position]
    return maps


def _write_pictures(
    folder: Path,
    number: int,
    image: Pixels,
    maps: Mapping[str, Pixels],
    classes: Sequence[SegmentationClass],
) -> None:
    """Write the pictures of a patch: its image, its class maps, and the three to compare."""
    write_png(folder / f"{number}-image.png", image)
    for name, labels in maps.items():
        write_classes(folder / f"{number}-{name}.png", labels, classes)
    height = image.shape[0]
    white_gap = np.full((height, GAP, 3), 255, np.uint8)
    truth = paint(maps["truth"], classes)
    prediction = paint(maps["prediction"], classes)
    side_by_side = np.concatenate([image, white_gap, truth, white_gap, prediction], 1)
    write_png(folder / f"{number}.png", side_by_side)


def _describe_patch(patches: PatchSet, tested: PatchResults, position: int) -> dict[str, Any]:
    """Describe a tested patch: where it is, and how it was scored."""
    index = tested.indices[position]
    origin = patches.origins[index]
    return {
        "patch": patches.patch(index).key,
        "scene": origin.scene,
        "row": origin.row,
        "column": origin.column,
        "confusion": tested.counts[position].tolist(),
    }


def _describe_weak_label(weak: WeakSamples, position: int) -> dict[str, Any]:
    """Describe what of a patch's weak label is not a picture, or why there is none."""
    description: dict[str, Any] = {}
    labels = weak.labels
    if labels is not None and labels.proportions is not None:
        # As float64 first: rounded float32 values would be written with their binary tail.
        proportions = labels.proportions[position].astype(np.float64)
        description["proportions"] = np.round(proportions, 6).tolist()
    if labels is not None and labels.tags is not None:
        description["tags"] = labels.tags[position].tolist()
    if weak.error:
        description["weak_label_error"] = weak.error
    return description


def _write_bands(
    path: Path, bands: Pixels, palette: Mapping[int, tuple[int, ...]] | None = None
) -> None:
    """Write bands uint8 [bands, H, W] as PNG, with a palette if there is one."""
    count, height, width = bands.shape
    # By rasterio, which the data sets need anyway: no library for pictures alone.
    with warnings.catch_warnings():
        # Patches have no place on earth, and rasterio warns of every such file.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        file = rasterio.open(
            path, "w", driver="PNG", height=height, width=width, count=count, dtype="uint8"
        )
        with file:
            file.write(bands)
            if palette:
                file.write_colormap(1, palette)
