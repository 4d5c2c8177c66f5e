"""The palette file of a folder of images: its classes, and the mask values and colours that stand
for them."""

from __future__ import annotations

import colorsys
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import ErrorDetails

from harness.api import IGNORE, InputError, SegmentationClass, suggestion
from harness_imagery.documents import read_document
from harness_imagery.reading import Color, Mask, color_code, hex_color, mapped

Code = TypeVar("Code", int, str)

PURPOSE = (
    "it names the classes and what stands for each in a mask, say `classes: [{name: road, value: 0,"
    ' color: "#ff0000"}]`'
)


def _is_byte(value: object) -> bool:
    return type(value) is int and 0 <= value <= 255


def _color(value: object) -> Color:
    if isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value):
        red, green, blue = bytes.fromhex(value[1:])
        return red, green, blue
    if isinstance(value, list) and len(value) == 3 and all(map(_is_byte, value)):
        return value[0], value[1], value[2]
    raise ValueError(
        f'{value!r} is no colour: write "#rrggbb", with the quotes, or [red, green, blue] of 0'
        " to 255"
    )


def _value(value: object) -> int:
    if isinstance(value, int) and _is_byte(value):
        return value
    raise ValueError(f"{value!r} is no value of a mask: write a whole number of 0 to 255")


def _value_or_color(value: object) -> int | Color:
    return _color(value) if isinstance(value, str | list) else _value(value)


class Entry(BaseModel):
    """A class as the palette file gives it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    value: Annotated[int | None, PlainValidator(_value)] = None
    color: Annotated[Color | None, PlainValidator(_color)] = None


class PaletteFile(BaseModel):
    """The palette file as it is written."""

    model_config = ConfigDict(extra="forbid")

    # Index 255 is IGNORE, so there are at most 255 classes.
    classes: list[Entry] = Field(min_length=1, max_length=IGNORE)
    ignore: list[Annotated[int | Color, PlainValidator(_value_or_color)]] = []


@dataclass(frozen=True, slots=True)
class Palette:
    """The classes, and the class index or IGNORE of each value and of each colour code. `by_color`:
    some class has a colour."""

    file: Path
    classes: tuple[SegmentationClass, ...]
    values: Mapping[int, int]
    colors: Mapping[int, int]
    by_color: bool

    def indices(self, file: Path, mask: Mask) -> NDArray[np.uint8]:
        """Class indices uint8 [H, W], IGNORE where ignored. Raises InputError naming the file and
        what is not in the palette.

        A mask of three bands is read by colour, one of one band by value, a paletted one by colour
        if any class has one.
        """
        if mask.colors is not None and self.by_color:
            return mapped(
                mask.colors,
                self.colors,
                partial(self._unknown_color, file, mask.values is not None),
            )
        if mask.values is not None:
            return mapped(mask.values, self.values, partial(self._unknown, file, "value"))
        raise InputError(
            f"{file}: is a colour mask, but no class has a colour: add `color` to the classes in"
            f" {self.file}"
        )

    def _unknown(self, file: Path, what: str, code: object) -> str:
        jpeg = file.suffix.lower() in (".jpg", ".jpeg")
        remedy = ". JPEG compression changes labels: save masks as PNG or TIFF" if jpeg else ""
        return (
            f"{file}: the mask holds {what} {code}: add it to `classes` or to `ignore` in"
            f" {self.file}{remedy}"
        )

    def _unknown_color(self, file: Path, paletted: bool, code: int) -> str:
        remedy = (
            ", or leave out the colours of all classes, to read this paletted mask by value"
            if paletted
            else ""
        )
        return self._unknown(file, "colour", hex_color(code)) + remedy


def read_palette(file: Path) -> Palette:
    """The palette in a YAML or JSON file. Raises InputError naming the file and the field."""
    document = read_document(file, PURPOSE)
    if not isinstance(document, dict):
        raise InputError(f"{file}: has no classes: {PURPOSE}")
    try:
        written = PaletteFile.model_validate(document)
    except ValidationError as error:
        raise InputError(
            "\n".join(f"{file}: {_explained(details)}" for details in error.errors())
        ) from error
    classes, ignored = list(enumerate(written.classes)), list(enumerate(written.ignore))
    _table(file, [(f"classes[{index}].name", one.name, index) for index, one in classes], repr)
    values = [_value_row(index, one) for index, one in classes]
    values += [
        (f"ignore[{index}]", code, IGNORE) for index, code in ignored if isinstance(code, int)
    ]
    colors = [
        (f"classes[{index}].color", color_code(one.color), index)
        for index, one in classes
        if one.color
    ]
    by_color = bool(colors)
    colors += [
        (f"ignore[{index}]", color_code(code), IGNORE)
        for index, code in ignored
        if not isinstance(code, int)
    ]
    return Palette(
        file,
        _drawn(written.classes),
        _table(file, values, str),
        _table(file, colors, hex_color),
        by_color,
    )


def _value_row(index: int, entry: Entry) -> tuple[str, int, int]:
    if entry.value is None:
        return f"classes[{index}] (its position is its value)", index, index
    return f"classes[{index}].value", entry.value, index


def _table(
    file: Path, rows: Iterable[tuple[str, Code, int]], show: Callable[[Code], str]
) -> dict[Code, int]:
    """Code to class index, of rows of field, code and index. Raises InputError naming both fields
    where two share a code."""
    table, fields = dict[Code, int](), dict[Code, str]()
    for field, code, index in rows:
        if code in table:
            raise InputError(f"{file}: {field}: {show(code)} is taken already, by {fields[code]}")
        table[code], fields[code] = index, field
    return table


def _drawn(entries: Iterable[Entry]) -> tuple[SegmentationClass, ...]:
    """The classes, each without a colour given one that no other has. Steps of a golden section
    spread the hues."""
    taken = {entry.color for entry in entries}
    shades = (
        colorsys.hsv_to_rgb(step * 0.618034 % 1, 0.7, 0.95 - 0.3 * (step % 2))
        for step in itertools.count()
    )
    free = (color for shade in shades if (color := _rounded(shade)) not in taken)
    return tuple(SegmentationClass(entry.name, entry.color or next(free)) for entry in entries)


def _rounded(shade: tuple[float, float, float]) -> Color:
    red, green, blue = (round(255 * part) for part in shade)
    return red, green, blue


def _explained(details: ErrorDetails) -> str:
    """The field and what is wrong with it, of one pydantic error."""
    *outer, last = details["loc"]
    field = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in details["loc"]
    ).removeprefix(".")
    if details["type"] == "extra_forbidden":
        return (
            f"{field}: unknown key."
            f" {suggestion(str(last), (Entry if outer else PaletteFile).model_fields)}"
        )
    message = details["msg"]
    if details["type"] == "value_error":
        return f"{field}: {message.removeprefix('Value error, ')}"
    return f"{field}: {message[:1].lower()}{message[1:]}"
