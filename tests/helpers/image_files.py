"""Image files made for a test."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from harness.api import InputError

Array = NDArray[Any]
Color = tuple[int, int, int]

DRIVERS = {".png": "PNG", ".tif": "GTiff", ".tiff": "GTiff", ".jpg": "JPEG", ".jpeg": "JPEG"}


def save(
    file: Path, pixels: Array, colormap: dict[int, Color] | None = None, **options: Any
) -> Path:
    """Write pixels [H, W] or [H, W, C] in the format of the suffix."""
    file.parent.mkdir(parents=True, exist_ok=True)
    bands = np.atleast_3d(pixels).transpose(2, 0, 1)
    count, height, width = bands.shape
    shape = {"count": count, "height": height, "width": width, "dtype": bands.dtype}
    driver = DRIVERS[file.suffix.lower()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(file, "w", driver=driver, **shape, **options) as target:
            target.write(bands)
            if colormap:
                opaque = {value: (*color, 255) for value, color in colormap.items()}
                target.write_colormap(1, opaque)
    # GDAL may leave a second file beside, which would be one of the user's files to a data set.
    file.with_name(file.name + ".aux.xml").unlink(missing_ok=True)
    return file


def noise(*shape: int) -> Array:
    """Return the same random bytes at each call."""
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def fails(message: str) -> Any:
    """Expect an error that tells the user what to mend."""
    return pytest.raises(InputError, match=message)
