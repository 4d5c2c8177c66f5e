"""The aerial imagery of Dubai by Humans in the Loop: 72 images in 8 tiles, five classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import IGNORE, Dataset, InputError, NotInKey, Scene, SegmentationClass, data_root
from harness_imagery.reading import (
    check_sizes,
    color_code,
    hex_color,
    mapped,
    read_image,
    read_mask,
)

# The colours of the masks themselves: classes.json, which comes with the data, lists others.
CLASSES = (
    SegmentationClass("building", (0x3C, 0x10, 0x98)),
    SegmentationClass("land", (0x84, 0x29, 0xF6)),
    SegmentationClass("road", (0x6E, 0xC1, 0xE4)),
    SegmentationClass("vegetation", (0xFE, 0xDD, 0x3A)),
    SegmentationClass("water", (0xE2, 0xA9, 0x29)),
)
UNLABELED = SegmentationClass("unlabeled", (0x9B, 0x9B, 0x9B))
BLACK = 0x000000
TILES, PARTS = 8, 9


class AerialDubai(Dataset):
    """Satellite images of Dubai, RGB, in 8 tiles of 9 adjacent crops: split by group (the tile), or
    the test leaks into training.

    Sizes differ by tile, 509 x 544 to 2149 x 1480 pixels. Pixel shares: land 52.4, water 13.6,
    building 13.3, vegetation 10.3, road 9.4, unlabeled 0.51 and black 0.56 %. Black is not
    documented; nearly all of it is land nobody annotated, in one mask.
    """

    name: ClassVar[str] = "aerial-dubai"
    source: ClassVar[str] = 'Humans in the Loop, "Semantic segmentation of aerial imagery"'
    licence: ClassVar[str] = "CC0 1.0, as listed by re-publishers"
    preload: ClassVar[tuple[str, ...]] = ("rasterio",)

    folder: str = Field(
        "aerial-dubai",
        json_schema_extra=NotInKey,
        description="Where the data is: below HARNESS_DATA, or absolute.",
    )
    unlabeled: Literal["ignore", "class"] = Field(
        "ignore", description="What becomes of unlabeled pixels; class: a sixth class."
    )
    black: Literal["ignore", "unlabeled"] = Field(
        "ignore", description="What becomes of black pixels; unlabeled: the same as those."
    )

    @property
    def classes(self) -> Sequence[SegmentationClass]:
        """building, land, road, vegetation, water, and unlabeled if that is a class."""
        return (*CLASSES, UNLABELED) if self.unlabeled == "class" else CLASSES

    def scenes(self) -> Sequence[Scene]:
        """72 scenes by tile and part, named tile-1/001, each tile a group. Raises InputError if a
        file is missing.

        Reading one raises InputError naming the file where it is damaged, or has a colour the data
        set does not.
        """
        root = data_root() / Path(self.folder).expanduser()
        self._check_complete(root)
        indices = self._indices()
        scenes = []
        for tile in range(1, TILES + 1):
            for part in range(1, PARTS + 1):
                files = _files(root, tile, part)
                scenes.append(
                    Scene(
                        f"tile-{tile}/{part:03d}",
                        f"tile-{tile}",
                        partial(_read, *files, indices),
                        files=files,
                    )
                )
        return scenes

    def _indices(self) -> Mapping[int, int]:
        """Colour code to class index or IGNORE."""
        unlabeled = len(CLASSES) if self.unlabeled == "class" else IGNORE
        known = {color_code(one.color): index for index, one in enumerate(CLASSES)}
        return known | {
            color_code(UNLABELED.color): unlabeled,
            BLACK: unlabeled if self.black == "unlabeled" else IGNORE,
        }

    def _check_complete(self, root: Path) -> None:
        every = [
            file
            for tile in range(1, TILES + 1)
            for part in range(1, PARTS + 1)
            for file in _files(root, tile, part)
        ]
        missing = [file for file in every if not file.is_file()]
        if missing:
            what = (
                f"{missing[0]} is missing ({len(missing)} of {len(every)} files are)"
                if root.is_dir()
                else f"no folder {root}"
            )
            raise InputError(
                f"data set {self.name}: {what}. Set HARNESS_DATA (now {data_root()}) to the folder"
                f" that holds {self.folder}/, with all {TILES} tiles of {PARTS} images in the"
                " layout Semantic segmentation dataset/Tile"
                " K/{images,masks}/image_part_00N.{jpg,png}. The data comes from"
                f" {self.source}."
            )


def _files(root: Path, tile: int, part: int) -> tuple[Path, Path]:
    folder, stem = root / "Semantic segmentation dataset" / f"Tile {tile}", f"image_part_{part:03d}"
    return folder / "images" / f"{stem}.jpg", folder / "masks" / f"{stem}.png"


def _read(
    image_file: Path, mask_file: Path, indices: Mapping[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image, colors = read_image(image_file), read_mask(mask_file).colors
    if colors is None:
        raise InputError(
            f"{mask_file}: has no colours, so it is not the file the data set came with: download"
            " it again"
        )
    mask = mapped(colors, indices, partial(_unknown, mask_file))
    check_sizes(image_file, image, mask_file, mask)
    return image, mask


def _unknown(file: Path, code: int) -> str:
    return (
        f"{file}: colour {hex_color(code)} is none of this data set's, so the file was changed:"
        " download it again"
    )
