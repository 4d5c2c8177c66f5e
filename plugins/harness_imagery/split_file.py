"""The split file of a folder of images: which image belongs to which part, and to which group."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.api import InputError, Part, suggestion
from harness_imagery.documents import read_document
from harness_imagery.pairs import PARTS
from harness_imagery.reading import SUFFIXES

PURPOSE = (
    "it is a CSV file with the columns image,split[,group], or YAML or JSON that lists the images"
    " of train, validation and test"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One image of a split file as it is written: where, its name, its split and, in some CSV
    files, its group."""

    place: str
    image: str
    split: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """The part of an image, and its group if the file gives one."""

    part: Part
    group: str | None


def read_splits(file: Path, keys: Collection[str]) -> dict[str, Assignment]:
    """The assignment of each image key. Raises InputError naming the place: every image must be in
    the file, and exactly once."""
    assigned: dict[str, Assignment] = {}
    for row in _csv_rows(file) if file.suffix.lower() == ".csv" else _listed_rows(file):
        key = _key(row, keys)
        if row.split not in PARTS:
            raise InputError(f"{row.place}: no split {row.split!r}. {suggestion(row.split, PARTS)}")
        if key in assigned:
            raise InputError(f"{row.place}: image {key} is assigned twice")
        assigned[key] = Assignment(PARTS[row.split], row.group)
    for key in keys:
        if key not in assigned:
            raise InputError(f"{file}: does not assign image {key}: add it, or remove the image")
    return assigned


def _key(row: Row, keys: Collection[str]) -> str:
    """The key a row means: a path below the images or a file name alone, with or without suffix."""
    path = PurePosixPath(row.image)
    names = [path, path.with_suffix("")] if path.suffix.lower() in SUFFIXES else [path]
    for name in names:
        if str(name) in keys:
            return str(name)
    meant = sorted(key for key in keys if PurePosixPath(key).name in map(str, names))
    if len(meant) > 1:
        raise InputError(
            f"{row.place}: image {row.image!r} may be {meant[0]} or {meant[1]}: write its path"
        )
    if not meant:
        raise InputError(f"{row.place}: no image {row.image!r}.{_near(row.image, keys)}")
    return meant[0]


def _near(image: str, keys: Collection[str]) -> str:
    meant, question, _ = suggestion(image, keys).partition("?")
    return f" {meant}?" if question else ""


def _csv_rows(file: Path) -> Iterator[Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            _check_columns(file, reader.fieldnames or ())
            for row in reader:
                yield _csv_row(f"{file}, line {reader.line_num}", row)
    except FileNotFoundError as error:
        raise InputError(f"{file} is missing: {PURPOSE}") from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{file}: is no CSV file in UTF-8: {error}") from error


def _check_columns(file: Path, columns: Collection[str]) -> None:
    known = ("image", "split", "group")
    for column in columns:
        if column not in known:
            raise InputError(f"{file}: unknown column {column!r}. {suggestion(column, known)}")
    for column in known[:2]:
        if column not in columns:
            raise InputError(f"{file}: lacks the column {column!r}: {PURPOSE}")


def _csv_row(place: str, row: dict[str | None, str | list[str] | None]) -> Row:
    cells = {
        column: cell.strip() for column, cell in row.items() if column and isinstance(cell, str)
    }
    if len(cells) != len(row) or not all(cells.values()):
        raise InputError(f"{place}: needs one value in each column")
    return Row(place, cells["image"], cells["split"], cells.get("group"))


def _listed_rows(file: Path) -> Iterator[Row]:
    document = read_document(file, PURPOSE)
    if not isinstance(document, dict):
        raise InputError(f"{file}: is no mapping: {PURPOSE}")
    for split, images in document.items():
        if not isinstance(images, list):
            raise InputError(f"{file}: {split}: must be a list of images")
        for index, image in enumerate(images):
            if not isinstance(image, str):
                raise InputError(
                    f"{file}: {split}[{index}]: {image!r} is no text: put the image's name in"
                    " quotes"
                )
            yield Row(f"{file}: {split}[{index}]", image, str(split))
