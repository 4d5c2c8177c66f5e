"""Any folder of images and masks as a data set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from harness.api import Dataset, InputError, NotInKey, Scene, SegmentationClass, data_root
from harness_imagery.pairs import Pair, find_pairs
from harness_imagery.palette import Palette, read_palette
from harness_imagery.reading import check_sizes, read_image, read_mask
from harness_imagery.split_file import Assignment, read_splits


class ImageFolder(Dataset):
    """Your own images and masks: PNG, TIFF or JPEG of 8 bits, images of any number of bands, masks
    by index or by colour.

    Layouts: images/* and masks/*, or split folders {train,val,test}/images/* and masks/*;
    subfolders are fine. An image and its mask have the same path but for the suffix. The palette
    file lists the classes and what stands for each in a mask:

        classes:
          - {name: background, value: 0}       # in masks of one band; default: the place here
          - {name: building, color: "#ff0000"} # in masks of three bands; also [255, 0, 0]
        ignore: [255, "#000000"]
    """

    name: ClassVar[str] = "image-folder"
    source: ClassVar[str] = "your own files"
    preload: ClassVar[tuple[str, ...]] = ("rasterio",)

    folder: str = Field(
        min_length=1,
        json_schema_extra=NotInKey,
        description="The folder: below HARNESS_DATA, or absolute.",
    )
    images: str = Field("images", min_length=1, description="Sub-folder of the images.")
    masks: str = Field("masks", min_length=1, description="Sub-folder of the masks.")
    palette: str = Field(
        "palette.yaml", min_length=1, description="The palette file in the folder, YAML or JSON."
    )
    splits: str | None = Field(
        None,
        min_length=1,
        description=(
            "A split file in the folder: CSV with image,split[,group], or YAML or JSON with lists"
            " train, validation, test."
        ),
    )
    group: str | None = Field(
        None,
        description=(
            "Regular expression, found in an image's path below the images (without suffix, after"
            " its split folder if there is one); its one (...) is the image's group. Default: each"
            " image a group of its own."
        ),
    )

    @field_validator("group")
    @classmethod
    def _has_one_group(cls, pattern: str | None) -> str | None:
        try:
            count = 1 if pattern is None else re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        if count != 1:
            raise ValueError(
                f"{pattern!r} has {count} groups (...): it needs exactly one, the image's group"
            )
        return pattern

    @property
    def classes(self) -> Sequence[SegmentationClass]:
        """The classes of the palette file, in its order. Raises InputError naming file and field
        where it is wrong or missing."""
        return read_palette(self._root() / self.palette).classes

    def scenes(self) -> Sequence[Scene]:
        """Scenes by key, split folders train, validation, test. Raises InputError naming the file
        that is missing, unpaired or wrong.

        Reading one raises InputError naming the file that is damaged, not of 8 bits, of the wrong
        size, or not within the palette.
        """
        root = self._root()
        palette = read_palette(root / self.palette)
        pairs = find_pairs(root, self.images, self.masks)
        assigned = self._assigned(root, pairs)
        shared = [root / self.palette, *([root / self.splits] if self.splits else [])]
        scenes = [
            _scene(pair, assigned.get(pair.key), self._group(pair.key), palette, shared)
            for pair in pairs
        ]
        _check_undivided(scenes)
        return scenes

    def _root(self) -> Path:
        root = data_root() / Path(self.folder).expanduser()
        if not root.is_dir():
            raise InputError(
                f"data set {self.name}: no folder {root}. Set HARNESS_DATA (now {data_root()}) to"
                f" the folder that holds {self.folder}, or give `folder` as an absolute path. In it"
                f" are expected {self.images}/ and {self.masks}/ (or both in each of train/, val/"
                f" and test/) and {self.palette}. The data comes from {self.source}."
            )
        return root

    def _assigned(self, root: Path, pairs: Sequence[Pair]) -> Mapping[str, Assignment]:
        if self.splits is None:
            return {}
        if pairs[0].part:
            raise InputError(
                f"{root / self.splits}: {root} has split folders already: use these, or the split"
                " file"
            )
        assigned = read_splits(root / self.splits, [pair.key for pair in pairs])
        if self.group and any(one.group for one in assigned.values()):
            raise InputError(
                f"{root / self.splits}: has a column group, and `group` is set as well: use one"
            )
        return assigned

    def _group(self, key: str) -> str:
        if self.group is None:
            return key
        found = re.search(self.group, key)
        if not found or not found[1]:
            raise InputError(
                f"data set {self.name}: group {self.group!r} finds no group in the image {key!r}"
            )
        return found[1]


def _scene(
    pair: Pair, assigned: Assignment | None, group: str, palette: Palette, shared: Sequence[Path]
) -> Scene:
    part = assigned.part if assigned else pair.part
    group = assigned.group if assigned and assigned.group else group
    # The palette and the split file are among the files, because they decide the content as much as
    # the pixels do.
    return Scene(
        pair.key,
        group,
        partial(_read, pair.image, pair.mask, palette),
        part,
        (pair.image, pair.mask, *shared),
    )


def _read(
    image_file: Path, mask_file: Path, palette: Palette
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image, mask = read_image(image_file), palette.indices(mask_file, read_mask(mask_file))
    check_sizes(image_file, image, mask_file, mask)
    return image, mask


def _check_undivided(scenes: Sequence[Scene]) -> None:
    first: dict[str, Scene] = {}
    for scene in scenes:
        other = first.setdefault(scene.group, scene)
        if other.part != scene.part:
            raise InputError(
                f"group {scene.group!r} is divided: image {other.key} is in {other.part} and"
                f" {scene.key} in {scene.part}: change the split or the groups"
            )
