"""Pictures inside a page, as data URIs of at most 256 pixels a side: class maps, errors, labels."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.core.images import open_without_georeference
from harness.core.values import IGNORE, Pixels

LONGEST_SIDE = 256

MOST_DISCS = 400
"""Single labelled pixels that are drawn as discs; more would cover one another."""

LARGEST_PNG = 32_000
"""Characters of a photograph as PNG, above which it becomes a JPEG, a sixth of the size."""

WRONG = (213, 94, 0)
"""Vermillion, which every kind of colour vision tells from grey."""

Color = Sequence[int]
"""Red, green and blue, from 0 to 255."""


def css_color(color: Color) -> str:
    """Write a colour as style sheets and SVG have it."""
    red, green, blue = color
    return f"rgb({red}, {green}, {blue})"


def draw_photo(image: Pixels) -> str:
    """Draw an image uint8 [3, H, W], reduced by averaging; as JPEG where it is large."""
    # Rows and columns that do not fill a block are cut off: at most a few of the edge.
    step = _choose_step(image.shape)
    bands, height, width = image.shape
    rows, columns = height // step, width // step
    whole_blocks = image[:, : rows * step, : columns * step]
    blocks = whole_blocks.reshape(bands, rows, step, columns, step)
    reduced = blocks.mean((2, 4)).round().astype(np.uint8)
    png = _encode_picture(reduced, "png", zlevel=9)
    if len(png) <= LARGEST_PNG:
        return png
    return _encode_picture(reduced, "jpeg", quality=90)


def draw_class_map(labels: Pixels, colors: Sequence[Color]) -> str:
    """Draw a class map uint8 [H, W] in the colours of its classes, with IGNORE transparent."""
    step = _choose_step(labels.shape)
    height, width = labels.shape
    rows, columns = math.ceil(height / step), math.ceil(width / step)
    margins = ((0, rows * step - height), (0, columns * step - width))
    padded = np.pad(labels, margins, constant_values=IGNORE)
    # IGNORE is the largest value, so the smallest of a block is a label wherever there is one:
    # thin labels and single pixels stay.
    reduced = padded.reshape(rows, step, columns, step).min((1, 3))
    palette: dict[int, tuple[int, ...]] = {}
    for index, color in enumerate(colors):
        palette[index] = (*color, 255)
    palette[IGNORE] = (0, 0, 0, 0)
    return _encode_picture(reduced[None], "png", palette, zlevel=9)


def draw_errors(truth: Pixels, predicted: Pixels) -> str:
    """Draw wrong pixels in one colour; correct ones, and those not scored, are transparent."""
    is_wrong = (truth != predicted) & (truth != IGNORE)
    labels = np.where(is_wrong, 0, IGNORE).astype(np.uint8)
    return draw_class_map(labels, [WRONG])


def draw_weak_label(labels: Pixels, colors: Sequence[Color]) -> list[str]:
    """Draw labels uint8 [H, W] as layers: areas as a map, and single pixels as discs.

    A single pixel is too small to see, so a disc marks it, unless there are very many.

    Returns:
        The layers from back to front; none where nothing is labelled.
    """
    is_labelled = labels != IGNORE
    # A pixel without a labelled neighbour is one that somebody would have clicked.
    is_single = is_labelled & (_count_around(is_labelled) == 1)
    if not is_labelled.any():
        return []
    if not 0 < is_single.sum() <= MOST_DISCS:
        return [draw_class_map(labels, colors)]
    layers = []
    areas = np.where(is_single, IGNORE, labels).astype(np.uint8)
    if (areas != IGNORE).any():
        layers.append(draw_class_map(areas, colors))
    layers.append(_draw_discs(labels, is_single, colors))
    return layers


def draw_proportions(proportions: NDArray[np.float64], colors: Sequence[Color]) -> str:
    """Draw class proportions [R, K] as R bands, each divided among the colours of the classes."""
    rectangles = []
    for row, shares in enumerate(proportions.tolist()):
        left = 0.0
        for share, color in zip(shares, colors, strict=True):
            width = 100 * share
            if share > 0:
                rectangles.append(
                    f'<rect x="{left:.2f}" y="{row}" width="{width:.2f}" height="1"'
                    f' fill="{css_color(color)}"/>'
                )
            left += width
    return _encode_svg(100, len(proportions), "".join(rectangles), is_stretched=True)


def _count_around(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the true pixels in the 3 x 3 square around each pixel, itself included."""
    height, width = mask.shape
    padded = np.pad(mask, 1)
    counts = np.zeros((height, width), np.int64)
    for row in range(3):
        for column in range(3):
            counts += padded[row : row + height, column : column + width]
    return counts


def _draw_discs(labels: Pixels, is_single: NDArray[np.bool_], colors: Sequence[Color]) -> str:
    """Draw a dark-rimmed disc with a white ring for each single pixel."""
    height, width = labels.shape
    # A disc is a line without length that has round ends: that takes fewest bytes.
    path_of_class = []
    for index in range(len(colors)):
        path = ""
        for row, column in np.argwhere(is_single & (labels == index)).tolist():
            path += f"M{column}.5 {row}.5h0"
        path_of_class.append(path)
    # Rim and ring of all discs lie below, so that no disc is cut by the ring of another.
    every_disc = "".join(path_of_class)
    layers = [("#000", 1.35, every_disc), ("#fff", 1.2, every_disc)]
    for path, color in zip(path_of_class, colors, strict=True):
        if path:
            layers.append((css_color(color), 0.85, path))
    size = max(height, width) / 22
    drawn = ""
    for stroke, factor, path in layers:
        drawn += f'<path d="{path}" stroke="{stroke}" stroke-width="{factor * size:.2f}"/>'
    return _encode_svg(width, height, f'<g fill="none" stroke-linecap="round">{drawn}</g>')


def _choose_step(shape: Sequence[int]) -> int:
    """Choose how many pixels become one."""
    return math.ceil(max(shape[-2:]) / LONGEST_SIDE)


def _encode_svg(width: int, height: int, content: str, is_stretched: bool = False) -> str:
    fit = ' preserveAspectRatio="none"' if is_stretched else ""
    view_box = f'viewBox="0 0 {width} {height}"'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {view_box}{fit}>{content}</svg>'
    return _encode_uri("image/svg+xml", text.encode())


def _encode_picture(
    bands: Pixels,
    kind: str,
    palette: Mapping[int, tuple[int, ...]] | None = None,
    **options: int,
) -> str:
    """Encode a picture as a data URI.

    Args:
        bands: uint8 [bands, H, W].
        kind: png or jpeg.
        palette: the colour of each value of a single band, with its opacity.
        options: how strongly the picture is compressed.
    """
    count, height, width = bands.shape
    memory = io.BytesIO()
    size = {"height": height, "width": width, "count": count}
    with open_without_georeference(
        memory, "w", driver=kind.upper(), dtype="uint8", **size, **options
    ) as file:
        file.write(bands)
        if palette:
            file.write_colormap(1, palette)
    return _encode_uri(f"image/{kind}", memory.getvalue())


def _encode_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
