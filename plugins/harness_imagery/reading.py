"""Reads images and masks of 8 bits (PNG, TIFF, JPEG) and maps what a mask holds to class indices.
rasterio is loaded when first needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.api import InputError

if TYPE_CHECKING:
    from rasterio import DatasetReader

Color = tuple[int, int, int]

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
DRIVERS = ("PNG", "GTiff", "JPEG")
OPTIONS = {
    # The quick way of GDAL's PNG driver (3.10) returns noise for a truncated file, without an
    # error; the slow way fails.
    "GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO",
    # Damage inside a JPEG is otherwise a warning at most; before GDAL 3.7 so was a truncated one.
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE",
    # A file beside a TIFF (.aux.xml) must not give it colours: the hash of the data does not cover
    # that file.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
}
UNKNOWN = -1


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A mask as stored: values uint8 [H, W] if it has one band, colors int32 [H, W] (0xRRGGBB) if
    it has colours; both if paletted."""

    values: NDArray[np.uint8] | None
    colors: NDArray[np.int32] | None


def read_image(file: Path) -> NDArray[np.uint8]:
    """An image, uint8 [H, W, C], a paletted one as RGB. Raises InputError naming the file if it is
    not a readable image of 8 bits."""
    pixels, colormap = _pixels(file)
    return pixels if colormap is None else colormap[pixels[..., 0]]


def read_mask(file: Path) -> Mask:
    """A mask of one band or of three; a fourth (alpha) is not looked at. Raises InputError naming
    the file, as `read_image`."""
    pixels, colormap = _pixels(file)
    if pixels.shape[2] == 1:
        values = pixels[..., 0]
        return Mask(values, None if colormap is None else color_codes(colormap)[values])
    if pixels.shape[2] in (3, 4):
        return Mask(None, color_codes(pixels))
    raise InputError(
        f"{file}: a mask has 1 band (index) or 3 or 4 (colour), this one has {pixels.shape[2]}"
    )


def mapped(
    codes: NDArray[np.uint8] | NDArray[np.int32],
    indices: Mapping[int, int],
    explain: Callable[[int], str],
) -> NDArray[np.uint8]:
    """Class indices uint8 [H, W] of values or colour codes [H, W]. Raises InputError with
    `explain(code)` for a code not in `indices`."""
    table = np.full(int(codes.max()) + 1, UNKNOWN, np.int16)
    for code, index in indices.items():
        if code < len(table):
            table[code] = index
    mask = table[codes]
    unknown = codes[mask == UNKNOWN]
    if unknown.size:
        raise InputError(explain(int(unknown[0])))
    return mask.astype(np.uint8)


def check_sizes(
    image_file: Path, image: NDArray[np.uint8], mask_file: Path, mask: NDArray[np.uint8]
) -> None:
    """Raises InputError naming both files unless image [H, W, C] and mask [H, W] agree."""
    if image.shape[:2] != mask.shape:
        sizes = [f"{height} x {width}" for height, width in (image.shape[:2], mask.shape)]
        raise InputError(
            f"{image_file} is {sizes[0]} pixels (height x width) and its mask {mask_file}"
            f" {sizes[1]}: they must agree"
        )


def color_codes(colors: NDArray[np.uint8]) -> NDArray[np.int32]:
    """0xRRGGBB as int32 [...] of colours uint8 [..., 3 or 4]."""
    red, green, blue = (colors[..., band].astype(np.int32) for band in range(3))
    return (red << 16) | (green << 8) | blue


def color_code(color: Color) -> int:
    """0xRRGGBB of one colour."""
    return (color[0] << 16) | (color[1] << 8) | color[2]


def hex_color(code: int) -> str:
    """A colour code as it is written in a palette file: #rrggbb."""
    return f"#{code:06x}"


def _pixels(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Pixels uint8 [H, W, C] and the colour map uint8 [256, 3] of a paletted file."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings(), rasterio.Env(**OPTIONS):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(file) as source:
                _check_kind(file, source)
                return np.ascontiguousarray(source.read().transpose(1, 2, 0)), _colormap(source)
    except RasterioError as error:
        raise InputError(
            f"{file}: cannot be read, is missing or damaged: {error.__cause__ or error}"
        ) from error


def _check_kind(file: Path, source: DatasetReader) -> None:
    if source.driver not in DRIVERS:
        raise InputError(f"{file}: is a {source.driver} file: use PNG, TIFF or JPEG")
    if source.subdatasets:
        raise InputError(
            f"{file}: holds {len(source.subdatasets)} pages, of which only one would be read: save"
            " each as a file"
        )
    if set(source.dtypes) != {"uint8"}:
        raise InputError(f"{file}: has {source.dtypes[0]} pixels: convert it to 8 bits (uint8)")


def _colormap(source: DatasetReader) -> NDArray[np.uint8] | None:
    from rasterio.enums import ColorInterp

    if source.count != 1 or source.colorinterp[0] != ColorInterp.palette:
        return None
    colors = np.zeros((256, 3), np.uint8)
    for value, color in source.colormap(1).items():
        colors[value] = color[:3]
    return colors
