"""The electron microscopy data set of EPFL: two volumes of the hippocampus, mitochondria or
background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import Dataset, InputError, NotInKey, Part, Scene, SegmentationClass, data_root
from harness_imagery.pages import count_pages, page_name, read_page
from harness_imagery.reading import mapped

CLASSES = (
    SegmentationClass("background", (0, 0, 0)),
    SegmentationClass("mitochondria", (255, 255, 255)),
)
VOLUMES: Mapping[str, Part] = {"training": "train", "testing": "test"}


class EpflEm(Dataset):
    """Electron microscopy of the hippocampus (CA1), one channel, two volumes of 165 slices of 768 x
    1024 pixels (Lucchi et al. 2012, S001).

    A voxel is 5 nm wide, so neighbouring slices are nearly the same picture: split by volume (the
    group), or the test leaks into training. The official split trains on one volume and tests on
    the other.
    """

    name: ClassVar[str] = "epfl-em"
    source: ClassVar[str] = (
        "EPFL CVLab, Electron Microscopy Dataset (Lucchi et al. 2012),"
        " www.epfl.ch/labs/cvlab/data/data-em"
    )
    licence: ClassVar[str] = "research use"
    preload: ClassVar[tuple[str, ...]] = ("rasterio",)

    folder: str = Field(
        "epfl-em",
        json_schema_extra=NotInKey,
        description="Where the data is: below HARNESS_DATA, or absolute.",
    )
    volumes: Literal["both", "training"] = Field(
        "both",
        description=(
            "training: only the volume of that name, as S001, which then has to be split by patch."
        ),
    )

    @property
    def classes(self) -> Sequence[SegmentationClass]:
        """background and mitochondria."""
        return CLASSES

    def scenes(self) -> Sequence[Scene]:
        """A scene for each slice, named training/000, each volume a group. Raises InputError for a
        missing file or unequal page counts.

        Reading one raises InputError naming file and page where it is damaged, of the wrong size,
        or has a value the data set does not.
        """
        root = data_root() / Path(self.folder).expanduser()
        volumes = [volume for volume in VOLUMES if volume == "training" or self.volumes == "both"]
        files = {
            volume: (root / f"{volume}.tif", root / f"{volume}_groundtruth.tif")
            for volume in volumes
        }
        self._check_complete(root, [file for pair in files.values() for file in pair])
        return [
            Scene(
                f"{volume}/{page:03d}", volume, partial(_read, *pair, page), VOLUMES[volume], pair
            )
            for volume, pair in files.items()
            for page in range(_common_pages(*pair))
        ]

    def _check_complete(self, root: Path, files: Sequence[Path]) -> None:
        missing = [file for file in files if not file.is_file()]
        if missing:
            what = (
                f"{missing[0]} is missing ({len(missing)} of {len(files)} files are)"
                if root.is_dir()
                else f"no folder {root}"
            )
            raise InputError(
                f"data set {self.name}: {what}. Set HARNESS_DATA (now {data_root()}) to the folder"
                f" that holds {self.folder}/, with {', '.join(file.name for file in files)}, each a"
                f" TIFF with a page for every slice. The data comes from {self.source}."
            )


def _common_pages(image_file: Path, mask_file: Path) -> int:
    images, masks = count_pages(image_file), count_pages(mask_file)
    if images != masks:
        raise InputError(
            f"{image_file} has {images} pages and its masks {mask_file} {masks}: they must agree"
        )
    return images


def _read(
    image_file: Path, mask_file: Path, page: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image, values = read_page(image_file, page), read_page(mask_file, page)
    if image.shape != values.shape:
        sizes = [f"{height} x {width}" for height, width in (image.shape, values.shape)]
        raise InputError(
            f"{page_name(image_file, page)} is {sizes[0]} pixels (height x width) and its mask"
            f" {page_name(mask_file, page)} {sizes[1]}: they must agree"
        )
    return image[..., None], mapped(values, {0: 0, 255: 1}, partial(_unknown, mask_file, page))


def _unknown(file: Path, page: int, value: int) -> str:
    return (
        f"{page_name(file, page)}: value {value} is neither 0 (background) nor 255 (mitochondria),"
        " so the file was changed"
    )
