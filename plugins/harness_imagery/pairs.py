"""Finds the images of a folder and the mask of each, in either layout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.api import InputError, Part, suggestion
from harness_imagery.reading import SUFFIXES

PARTS: Mapping[str, Part] = {
    "train": "train",
    "val": "validation",
    "validation": "validation",
    "test": "test",
}
"""Names of folders, and of splits in a split file, to the part they mean."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its mask. `key` is the image's path below the images, without suffix, after its
    split folder if it has one."""

    key: str
    image: Path
    mask: Path
    part: Part | None


def find_pairs(root: Path, images: str, masks: str) -> list[Pair]:
    """All pairs by key, split folders in the order train, validation, test. Raises InputError
    naming what is missing or ambiguous."""
    if _overlap(root / images, root / masks):
        raise InputError(
            f"images are in {root / images} and masks in {root / masks}: neither folder may be in"
            " the other"
        )
    found = [path.name for path in _folders(root) if (path / images).is_dir()]
    splits = [name for name in PARTS if name in found]
    if not (root / images).is_dir():
        return _split_pairs(root, images, masks, found)
    if splits:
        raise InputError(f"{root}: holds {images} and also {splits[0]}/{images}: keep one layout")
    return _pairs(root / images, root / masks, "", None)


def _split_pairs(root: Path, images: str, masks: str, found: list[str]) -> list[Pair]:
    if not found:
        raise InputError(
            f"{root}: has neither {images}/ and {masks}/ nor train/{images}/, train/{masks}/ (and"
            " val, test)"
        )
    for name in found:
        if name not in PARTS:
            raise InputError(
                f"{root / name}: holds {images}, but its name is no split."
                f" {suggestion(name, PARTS)}"
            )
    if {"val", "validation"} <= set(found):
        raise InputError(f"{root}: has both val and validation: keep one")
    return [
        pair
        for name in PARTS
        if name in found
        for pair in _pairs(root / name / images, root / name / masks, f"{name}/", PARTS[name])
    ]


def _pairs(images: Path, masks: Path, prefix: str, part: Part | None) -> list[Pair]:
    if not masks.is_dir():
        raise InputError(f"{masks}: no such folder, for the masks of {images}")
    image_files, mask_files = _by_stem(images), _by_stem(masks)
    if not image_files:
        raise InputError(f"{images}: holds no image ({', '.join(SUFFIXES)})")
    for stem, file in image_files.items():
        if stem not in mask_files:
            raise InputError(
                f"{file}: has no mask: expected {masks / stem} with one of {', '.join(SUFFIXES)}"
            )
    for stem, file in mask_files.items():
        if stem not in image_files:
            raise InputError(
                f"{file}: is a mask without an image: expected {images / stem} with one of"
                f" {', '.join(SUFFIXES)}"
            )
    return [
        Pair(prefix + stem, image_files[stem], mask_files[stem], part)
        for stem in sorted(image_files)
    ]


def _by_stem(folder: Path) -> dict[str, Path]:
    """Image files at any depth by their path below the folder without suffix. Hidden files are left
    out, linked folders are not."""
    files: dict[str, Path] = {}
    for place, _, names in os.walk(folder, followlinks=True):
        for file in (Path(place, name) for name in sorted(names)):
            if file.suffix.lower() not in SUFFIXES or file.name.startswith("."):
                continue
            stem = file.relative_to(folder).with_suffix("").as_posix()
            if stem in files:
                raise InputError(
                    f"{file}: differs from {files[stem].name} only by suffix: keep one"
                )
            files[stem] = file
    return files


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir())


def _overlap(one: Path, other: Path) -> bool:
    return one in (other, *other.parents) or other in one.parents
