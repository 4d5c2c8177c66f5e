"""The test patches in a run's `samples/`, checked before anything is drawn from them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import rasterio
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

from harness.core.errors import InputError, dotted
from harness.records.record import Count

Picture = Annotated[str, Field(pattern=r"^[\w-]+\.png$")]


class _Sample(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    patch: str
    confusion: list[list[Count]]
    files: dict[Literal["image", "truth", "prediction", "weak"], Picture]
    proportions: list[float] | list[list[float]] = []
    tags: list[bool] = []
    weak_label_error: str = ""


def samples(folder: Path, classes: int) -> list[dict[str, Any]]:
    """The entries of `samples.json` in a folder; none where it is not there. Raises InputError
    naming file and field of what is damaged."""
    path = folder / "samples.json"
    remedy = f"run it again (`harness run ... --again`), or delete the folder {folder}"
    try:
        found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        TypeAdapter(list[_Sample]).validate_python(found)
    except FileNotFoundError:
        return []
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{path}: {dotted(first['loc'])}: {first['msg']}: {remedy}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is not JSON: {remedy}") from error
    for number, entry in enumerate(found):
        for problem in _problems(entry, classes, folder):
            raise InputError(f"{path}: {number}: {problem}: {remedy}")
    return found


def _problems(entry: dict[str, Any], classes: int, folder: Path) -> Iterator[str]:
    if len(entry["confusion"]) != classes or any(
        len(line) != classes for line in entry["confusion"]
    ):
        yield f"confusion: must be {classes} x {classes}"
    vectors = entry.get("proportions", [])
    lengths = (
        {len(vector) for vector in vectors}
        if vectors and isinstance(vectors[0], list)
        else {len(vectors)}
    )
    if "proportions" in entry and lengths != {classes}:
        yield f"proportions: must have {classes} numbers"
    if "tags" in entry and len(entry["tags"]) != classes:
        yield f"tags: must have {classes} entries"
    if missing := {"image", "truth", "prediction"} - entry["files"].keys():
        yield f"files: {min(missing)} is missing"
    shapes = {name: _shape(folder / file) for name, file in entry["files"].items()}
    height, width = shapes["truth"][1:]
    for name, shape in shapes.items():
        if shape != (3 if name == "image" else 1, height, width):
            size = f"{shape[0]} bands of {shape[1]} x {shape[2]} pixels"
            yield (
                f"files.{name}: {entry['files'][name]} has {size}, beside a truth of {height} x"
                f" {width}"
            )


def _shape(path: Path) -> tuple[int, int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                return file.count, file.height, file.width
    except RasterioIOError as error:
        raise InputError(
            f"{path}: cannot be read: run it again (`harness run ... --again`), or delete the"
            f" folder {path.parent}"
        ) from error
