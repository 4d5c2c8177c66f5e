"""Opening image files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


@contextmanager
def open_without_georeference(
    file: Path | BinaryIO, mode: str = "r", **profile: Any
) -> Iterator[Any]:
    """Open an image that need not have a place on earth, as `rasterio.open` does.

    Args:
        file: a path, or a binary file in memory.
        mode: `r` to read, `w` to write.
        profile: what a new image is like: driver, width, height, count and dtype.

    Yields:
        The open data set of rasterio.

    Raises:
        RasterioIOError: where the file is missing or damaged.
    """
    # Imported here, since it loads GDAL: the core must stay quick to import.
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        # Patches and pictures on pages have no place on earth, and rasterio warns of each of them.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(file, mode, **profile) as dataset:
            yield dataset
