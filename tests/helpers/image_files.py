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


DRIVERS = {".png": "PNG", ".tif": "GTiff", ".tiff": "GTiff", ".jpg": "JPEG", ".jpeg": "JPEG"}


def save(
    file: Path,
    pixels: Array,
    colormap: dict[int, tuple[int, int, int]] | None = None,
    **options: Any,
) -> Path:
    """Writes pixels [H, W] or [H, W, C] in the format of the suffix."""
    file.parent.mkdir(parents=True, exist_ok=True)
    bands = np.atleast_3d(pixels).transpose(2, 0, 1)
    shape = {
        "count": len(bands),
        "height": bands.shape[1],
        "width": bands.shape[2],
        "dtype": bands.dtype,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            file, "w", driver=DRIVERS[file.suffix.lower()], **shape, **options
        ) as target:
            target.write(bands)
            if colormap:
                target.write_colormap(
                    1, {value: (*color, 255) for value, color in colormap.items()}
                )
    file.with_name(file.name + ".aux.xml").unlink(missing_ok=True)
    return file


def noise(*shape: int) -> Array:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def fails(message: str) -> Any:
    return pytest.raises(InputError, match=message)
