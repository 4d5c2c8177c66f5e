"""Reads the pages of a TIFF that holds a volume slice by slice. rasterio is loaded when first
needed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.api import InputError
from harness_imagery.reading import OPTIONS

if TYPE_CHECKING:
    from rasterio import DatasetReader


def count_pages(file: Path) -> int:
    """How many pages a TIFF has. Raises InputError naming the file if it is no readable TIFF."""
    with _opened(str(file), str(file)) as source:
        if source.driver != "GTiff":
            raise InputError(f"{file}: is a {source.driver} file: use TIFF")
        return len(source.subdatasets) or 1


def read_page(file: Path, page: int) -> NDArray[np.uint8]:
    """One page, counted from 0, uint8 [H, W]. Raises InputError naming file and page if it is
    damaged, or not one band of 8 bits."""
    where = page_name(file, page)
    with _opened(f"GTIFF_DIR:{page + 1}:{file}", where) as source:
        if source.dtypes != ("uint8",):
            raise InputError(
                f"{where}: has {source.count} bands of {source.dtypes[0]}: it must be one of 8 bits"
                " (uint8)"
            )
        pixels: NDArray[np.uint8] = source.read(1)
        return pixels


def page_name(file: Path, page: int) -> str:
    """A page as messages call it, counted from 1 as viewers do."""
    return f"{file}, page {page + 1}"


@contextmanager
def _opened(target: str, where: str) -> Iterator[DatasetReader]:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings(), rasterio.Env(**OPTIONS):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(target) as source:
                yield source
    except RasterioError as error:
        raise InputError(
            f"{where}: cannot be read, is missing or damaged: {error.__cause__ or error}"
        ) from error
