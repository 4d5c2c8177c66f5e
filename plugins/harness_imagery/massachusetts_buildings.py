"""The Massachusetts Buildings data set (Mnih 2013): 151 aerial images, building or background."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import (
    IGNORE,
    Dataset,
    InputError,
    NotInKey,
    Part,
    Scene,
    SegmentationClass,
    data_root,
)
from harness_imagery.reading import (
    check_sizes,
    color_code,
    color_codes,
    hex_color,
    mapped,
    read_image,
    read_mask,
)

BACKGROUND = SegmentationClass("background", (0, 0, 0))
BUILDING = SegmentationClass("building", (255, 255, 255))
WHITE = color_code(BUILDING.color)
# The masks that the thesis published as TIFF mark buildings in red; the PNG copies in white.
RED = color_code((255, 0, 0))

PARTS: Mapping[str, Part] = {"train": "train", "val": "validation", "test": "test"}
SUFFIXES = {"png": (".png", ".png"), "tiff": (".tiff", ".tif")}


class MassachusettsBuildings(Dataset):
    """Aerial images of Boston, RGB, 1500 x 1500 at 1 m per pixel, with the official split of 137, 4
    and 10 images (Mnih 2013, S000).

    Some training images are partly pure white, where there was no photograph; the masks have
    buildings there all the same. Each image is a group. A part of the data set will do, as long as
    its images and masks pair up. Where the data comes with its metadata.csv, every image must be in
    the folder of the part that is listed there.
    """

    name: ClassVar[str] = "massachusetts-buildings"
    source: ClassVar[str] = (
        "V. Mnih, Machine Learning for Aerial Image Labeling, "
        "PhD thesis, University of Toronto 2013"
    )
    licence: ClassVar[str] = "none stated: research use"
    preload: ClassVar[tuple[str, ...]] = ("rasterio",)

    folder: str = Field(
        "massachusetts-buildings",
        json_schema_extra=NotInKey,
        description="Where the data is: below HARNESS_DATA, or absolute.",
    )
    layout: Literal["png", "tiff"] = Field(
        "png",
        json_schema_extra=NotInKey,
        description="Which files to read: the copies in png/, or the original ones in tiff/.",
    )
    no_data: Literal["ignore", "keep"] = Field(
        "ignore",
        description=(
            "What becomes of pure white image pixels. keep: they have the class their mask says, as"
            " in S000."
        ),
    )
    channels: Literal["rgb", "bgr"] = Field(
        "rgb",
        description=(
            "Order of the channels. bgr: as S000's code loads them, though it normalises as RGB;"
            " for reproduction only."
        ),
    )

    @property
    def classes(self) -> Sequence[SegmentationClass]:
        """background and building."""
        return BACKGROUND, BUILDING

    def scenes(self) -> Sequence[Scene]:
        """Scenes named train/22678915_15, by part and name, each a group. Raises InputError if an
        image or a mask lacks the other.

        Reading one raises InputError naming the file where it is damaged, or has a colour the data
        set does not.
        """
        root = data_root() / Path(self.folder).expanduser()
        if not (root / self.layout).is_dir():
            raise InputError(self._explain(f"no folder {root / self.layout}"))
        listed = _listed(root / "metadata.csv")
        scenes: dict[str, Scene] = {}
        for folder, part in PARTS.items():
            for stem, image, mask in self._pairs(root / self.layout / folder):
                if stem in scenes:
                    raise InputError(
                        f"{image}: the same image is in {scenes[stem].files[0].parent.name}: keep"
                        " it in one part"
                    )
                if listed and listed.get(stem) != folder:
                    where = f"lists it in {listed[stem]}" if stem in listed else "does not list it"
                    raise InputError(
                        f"{image}: {root / 'metadata.csv'} {where}: move the image and its mask, or"
                        " remove metadata.csv"
                    )
                read = partial(_read, image, mask, self.no_data == "ignore", self.channels == "bgr")
                scenes[stem] = Scene(f"{folder}/{stem}", stem, read, part, (image, mask))
        if not scenes:
            raise InputError(self._explain(f"{root / self.layout} has no images"))
        return list(scenes.values())

    def _pairs(self, images: Path) -> list[tuple[str, Path, Path]]:
        """Name, image and mask of each image of one part. Raises InputError for an image without a
        mask, or a mask without an image."""
        image_suffix, mask_suffix = SUFFIXES[self.layout]
        masks = images.with_name(f"{images.name}_labels")
        image_files, mask_files = _by_stem(images, image_suffix), _by_stem(masks, mask_suffix)
        for stem in sorted(image_files.keys() ^ mask_files.keys()):
            if stem in image_files:
                raise InputError(
                    self._explain(f"{image_files[stem]} has no mask {masks / stem}{mask_suffix}")
                )
            raise InputError(
                self._explain(f"{mask_files[stem]} has no image {images / stem}{image_suffix}")
            )
        return [(stem, image_files[stem], mask_files[stem]) for stem in sorted(image_files)]

    def _explain(self, what: str) -> str:
        image_suffix, mask_suffix = SUFFIXES[self.layout]
        return (
            f"data set {self.name}: {what}. Set HARNESS_DATA (now {data_root()}) to the folder that"
            f" holds {self.folder}/, with images {self.layout}/{{train,val,test}}/*{image_suffix}"
            " and a mask for each of the same name in"
            f" {self.layout}/{{train,val,test}}_labels/*{mask_suffix}; `layout` chooses png or"
            f" tiff. The data comes from {self.source}."
        )


def _listed(file: Path) -> dict[str, str]:
    """The folder of each image by its name, as metadata.csv has it; nothing without that file.
    Raises InputError for missing columns."""
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        if not {"image_id", "split"} <= set(reader.fieldnames or ()):
            raise InputError(
                f"{file}:1: lacks the columns image_id and split that the data set came with:"
                " download it again, or remove it"
            )
        return {line["image_id"]: line["split"] for line in reader}


def _by_stem(folder: Path, suffix: str) -> dict[str, Path]:
    return {file.stem: file for file in folder.glob(f"*{suffix}") if not file.name.startswith(".")}


def _read(
    image_file: Path, mask_file: Path, white_is_no_data: bool, bgr: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image, colors = read_image(image_file), read_mask(mask_file).colors
    if image.shape[2] != 3:
        raise InputError(
            f"{image_file}: has {image.shape[2]} bands, not 3, so the file was changed: download it"
            " again"
        )
    if colors is None:
        raise InputError(
            f"{mask_file}: has no colours, so it is not the file the data set came with: download"
            " it again"
        )
    marks = {color_code(BACKGROUND.color): 0, WHITE: 1} | (
        {RED: 1} if mask_file.suffix == ".tif" else {}
    )
    mask = mapped(colors, marks, partial(_unknown, mask_file))
    check_sizes(image_file, image, mask_file, mask)
    if white_is_no_data:
        mask[color_codes(image) == WHITE] = IGNORE
    return np.ascontiguousarray(image[..., ::-1]) if bgr else image, mask


def _unknown(file: Path, code: int) -> str:
    return (
        f"{file}: colour {hex_color(code)} is neither background nor building, so the file was"
        " changed: download it again"
    )
