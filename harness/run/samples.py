"""A few test patches of each run to look at: image, truth, prediction and weak label as PNG, and
what they are in samples.json."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from harness.core.files import write_json_atomically
from harness.core.values import IGNORE, SegmentationClass
from harness.run.annotate import TrainingLabels
from harness.run.evaluate import Result
from harness.run.patches import PatchSet

COUNT = 6


Draw = Callable[[PatchSet, Sequence[int]], tuple[TrainingLabels, Any]]


def write_samples(
    folder: Path,
    patches: PatchSet,
    indices: Sequence[int],
    tested: Result,
    classes: Sequence[SegmentationClass],
    draw: Draw,
) -> None:
    """Writes up to six evenly spaced test patches: the same ones for every method with the same
    split. Earlier samples go.

    Of patch n: n-image.png (RGB), n-truth.png, n-prediction.png and n-weak.png (class indices with
    a palette, IGNORE transparent), and n.png with image, truth and prediction side by side.
    samples.json lists the patches in this order: patch, scene, row and column of the top left
    pixel, confusion counts, and what the method's supervision would have given: the file of labels,
    proportions, tags. `draw` annotates the test part for that, once it is tested and for display
    alone, as it did the training part; where it fails, the reason is in samples.json as
    weak_label_error, and the run goes on.
    """
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    weak, error = None, None
    try:
        weak, _ = draw(patches, indices)
    except Exception as problem:  # the run is tested, and its record must not depend on a picture
        error = f"{type(problem).__name__}: {problem}"
    listed = []
    for number, position in enumerate(_spaced(len(indices))):
        index = indices[position]
        image, truth, predicted = (
            _rgb(patches.images[index]),
            patches.masks[index],
            tested.predictions[position],
        )
        write_png(folder / f"{number}-image.png", image)
        maps = {"truth": truth, "prediction": predicted}
        if weak and weak.labels is not None:
            maps["weak"] = weak.labels[position]
        for name, labels in maps.items():
            write_classes(folder / f"{number}-{name}.png", labels, classes)
        gap = np.full((image.shape[0], 4, 3), 255, np.uint8)
        write_png(
            folder / f"{number}.png",
            np.concatenate(
                [image, gap, painted(truth, classes), gap, painted(predicted, classes)], 1
            ),
        )
        origin = patches.origins[index]
        entry: dict[str, Any] = {
            "patch": patches.patch(index).key,
            "scene": origin.scene,
            "row": origin.row,
            "column": origin.column,
        }
        entry |= {"confusion": tested.counts[position].tolist()}
        entry |= {"files": {name: f"{number}-{name}.png" for name in ("image", *maps)}}
        if weak and weak.proportions is not None:
            entry["proportions"] = np.round(
                weak.proportions[position].astype(np.float64), 6
            ).tolist()
        if weak and weak.tags is not None:
            entry["tags"] = weak.tags[position].tolist()
        listed.append(entry | ({"weak_label_error": error} if error else {}))
    write_json_atomically(folder / "samples.json", listed)


def _spaced(count: int) -> list[int]:
    positions: list[int] = np.unique(
        np.linspace(0, count - 1, min(COUNT, count)).round().astype(int)
    ).tolist()
    return positions


def _rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image[..., :3] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, 2)


def painted(labels: NDArray[np.uint8], classes: Sequence[SegmentationClass]) -> NDArray[np.uint8]:
    """A class map uint8 [H, W] in its classes' colours, uint8 [H, W, 3]; IGNORE is black."""
    palette = np.zeros((IGNORE + 1, 3), np.uint8)
    palette[: len(classes)] = [each.color for each in classes]
    return palette[labels]


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Writes uint8 [H, W, 3] as PNG."""
    _write(path, image.transpose(2, 0, 1))


def write_classes(
    path: Path, labels: NDArray[np.uint8], classes: Sequence[SegmentationClass]
) -> None:
    """Writes a class map uint8 [H, W] as PNG of one band, with its classes' colours as palette;
    IGNORE is transparent."""
    opaque = {index: (*each.color, 255) for index, each in enumerate(classes)}
    _write(path, labels[None], {**opaque, IGNORE: (0, 0, 0, 0)})


def _write(
    path: Path, bands: NDArray[np.uint8], palette: Mapping[int, tuple[int, ...]] | None = None
) -> None:
    count, height, width = bands.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="PNG", height=height, width=width, count=count, dtype="uint8"
        ) as file:
            file.write(bands)
            if palette:
                file.write_colormap(1, palette)
