"""Pictures inside a page: class maps, errors and labelled points as data URIs, at most 256 pixels a
side."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.io import MemoryFile

from harness.core.errors import InputError
from harness.core.values import IGNORE

SIDE = 256


POINTS = 400


EXACT = 32_000
"""Bytes of a photograph as a PNG, above which it becomes a JPEG, a sixth of the size."""


WRONG = (213, 94, 0)
"""Vermillion, which every kind of colour vision tells from grey."""


Color = tuple[int, int, int]


def read(path: Path) -> NDArray[np.uint8]:
    """The bands of a PNG, uint8 [C, H, W]. Raises InputError where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                bands: NDArray[np.uint8] = file.read()
    except RasterioIOError as error:
        raise InputError(
            f"{path}: cannot be read: run it again (`harness run ... --again`), or delete the"
            f" folder {path.parent}"
        ) from error
    return bands


def photo(bands: NDArray[np.uint8]) -> str:
    """An image uint8 [3, H, W], reduced by averaging; as JPEG where it is large."""
    step = _step(bands.shape)
    height, width = (side // step * step for side in bands.shape[1:])
    blocks = bands[:, :height, :width].reshape(
        len(bands), height // step, step, width // step, step
    )
    reduced = blocks.mean((2, 4)).round().astype(np.uint8)
    exact = _encoded(reduced, "png", zlevel=9)
    return exact if len(exact) <= EXACT else _encoded(reduced, "jpeg", quality=90)


def class_map(labels: NDArray[np.uint8], colors: Sequence[Color]) -> str:
    """A class map uint8 [H, W] in its classes' colours, IGNORE transparent. Where it is reduced,
    thin labels stay."""
    step = _step(labels.shape)
    height, width = (-(-side // step) * step for side in labels.shape)
    padded = np.pad(
        labels,
        ((0, height - labels.shape[0]), (0, width - labels.shape[1])),
        constant_values=IGNORE,
    )
    # IGNORE is the largest value
    reduced = padded.reshape(height // step, step, width // step, step).min((1, 3))
    palette = {index: (*color, 255) for index, color in enumerate(colors)} | {IGNORE: (0, 0, 0, 0)}
    return _encoded(reduced[None], "png", palette, zlevel=9)


def errors(truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> str:
    """Wrong pixels coloured, correct and ignored ones transparent."""
    wrong = (truth != predicted) & (truth != IGNORE)
    return class_map(np.where(wrong, 0, IGNORE).astype(np.uint8), [WRONG])


def weak_label(labels: NDArray[np.uint8], colors: Sequence[Color]) -> list[str]:
    """The layers that show labels uint8 [H, W]: areas as a map, and single pixels as discs large
    enough to see, unless they are many."""
    labelled = np.pad(labels != IGNORE, 1)
    height, width = labels.shape
    around = sum(
        labelled[row : row + height, column : column + width].astype(int)
        for row in range(3)
        for column in range(3)
    )
    single = (labels != IGNORE) & (around == 1)
    if not 0 < single.sum() <= POINTS:
        return [class_map(labels, colors)] if labelled.any() else []
    areas = np.where(single, IGNORE, labels).astype(np.uint8)
    return [class_map(areas, colors)] * bool((areas != IGNORE).any()) + [
        _discs(labels, single, colors)
    ]


def _discs(labels: NDArray[np.uint8], single: NDArray[np.bool_], colors: Sequence[Color]) -> str:
    """A dark-rimmed disc with a white ring for each pixel: lines of no length with round ends, a
    path for each class."""
    height, width = labels.shape
    size = max(height, width) / 22
    paths = {
        index: "".join(
            f"M{column}.5 {row}.5h0"
            for row, column in np.argwhere(single & (labels == index)).tolist()
        )
        for index in range(len(colors))
    }
    everywhere = "".join(paths.values())
    layers = [("#000", 1.35, everywhere), ("#fff", 1.2, everywhere)]
    layers += [
        (f"rgb{color}", 0.85, paths[index]) for index, color in enumerate(colors) if paths[index]
    ]
    drawn = "".join(
        f'<path d="{path}" stroke="{color}" stroke-width="{factor * size:.2f}"/>'
        for color, factor, path in layers
    )
    return _svg(width, height, f'<g fill="none" stroke-linecap="round">{drawn}</g>')


def shares(vectors: NDArray[np.float64], colors: Sequence[Color]) -> str:
    """Class proportions [R, K] as R bands, each divided among the classes' colours."""
    drawn = []
    for row, vector in enumerate(vectors.tolist()):
        left = 0.0
        for share, color in zip(vector, colors, strict=True):
            width = 100 * share
            drawn.append(
                f'<rect x="{left:.2f}" y="{row}" width="{width:.2f}" height="1" fill="rgb{color}"/>'
                if share > 0
                else ""
            )
            left += width
    return _svg(100, len(vectors), "".join(drawn), stretched=True)


def _svg(width: int, height: int, content: str, stretched: bool = False) -> str:
    fit = ' preserveAspectRatio="none"' if stretched else ""
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width}'
        f' {height}"{fit}>{content}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


def _step(shape: tuple[int, ...]) -> int:
    return -(-max(shape[-2:]) // SIDE)


def _encoded(
    bands: NDArray[np.uint8],
    kind: str,
    palette: Mapping[int, tuple[int, ...]] | None = None,
    **options: int,
) -> str:
    count, height, width = bands.shape
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(
            driver=kind.upper(), height=height, width=width, count=count, dtype="uint8", **options
        ) as file:
            file.write(bands)
            if palette:
                file.write_colormap(1, palette)
        data = bytes(memory.getbuffer())
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
