"""Read the test patches that a run stored in `samples/`, checked before anything is drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from rasterio.errors import RasterioIOError

from harness.core.errors import InputError, dotted
from harness.core.images import open_without_georeference
from harness.core.validation import list_mistakes
from harness.core.values import Pixels
from harness.metrics import Counts
from harness.records.record import Count

# A name without a slash: nothing outside the folder is read.
PictureName = Annotated[str, Field(pattern=r"^[\w-]+\.png$")]


class StoredPictures(BaseModel):
    """The names of the picture files of a test patch."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    image: PictureName
    truth: PictureName
    prediction: PictureName
    weak: PictureName | None = None
    """Labels as a class map, where the method is given any."""

    @property
    def names(self) -> dict[str, str]:
        """The files by what they show."""
        return self.model_dump(exclude_none=True)


class StoredSample(BaseModel):
    """A test patch as an entry of `samples.json` describes it; it may have other fields too."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    patch: str
    """The key of the patch."""
    confusion: list[list[Count]]
    """[K, K]: true classes by predicted ones."""
    files: StoredPictures
    proportions: list[float] | list[list[float]] | None = None
    """[K], or [R, K] of regions."""
    tags: list[bool] | None = None
    """[K]: which classes are said to be there."""
    weak_label_error: str | None = None
    """Why the method's supervision gave no label for the patch."""

    @property
    def counts(self) -> Counts:
        """int64 [K, K]: the confusion counts as an array."""
        return np.array(self.confusion, np.int64)

    @property
    def regions(self) -> NDArray[np.float64] | None:
        """float64 [R, K]: the proportions as an array, with one region where all share them."""
        if self.proportions is None:
            return None
        return np.atleast_2d(np.array(self.proportions, float))


def read_samples(folder: Path, num_classes: int) -> list[StoredSample]:
    """Read the entries of `samples.json` in a folder; none where it is not there.

    Args:
        folder: the folder `samples/` of a run.
        num_classes: how many classes the data set has.

    Raises:
        InputError: naming file and field of what is damaged.
    """
    path = folder / "samples.json"
    remedy = f"run it again (`harness run ... --again`), or delete the folder {folder}"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        samples = TypeAdapter(list[StoredSample]).validate_python(entries)
    except FileNotFoundError:
        # Runs that were computed elsewhere have records, and no folder.
        return []
    except ValidationError as error:
        mistake = list_mistakes(error)[0]
        place = dotted(mistake.path)
        raise InputError(f"{path}: {place}: {mistake.message}: {remedy}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is not JSON: {remedy}") from error
    for number, sample in enumerate(samples):
        problem = _find_problem(sample, num_classes, folder)
        if problem:
            raise InputError(f"{path}: {number}: {problem}: {remedy}")
    return samples


def read_bands(path: Path) -> Pixels:
    """Return the bands of a picture, uint8 [bands, H, W].

    Raises:
        InputError: where it cannot be read.
    """
    with _open_picture(path) as file:
        bands: Pixels = file.read()
    return bands


def _find_problem(sample: StoredSample, num_classes: int, folder: Path) -> str | None:
    """Say what about a sample does not fit the data set, or itself, if anything does not."""
    if not _has_lengths([sample.confusion, *sample.confusion], num_classes):
        return f"confusion: must be {num_classes} x {num_classes}"
    if sample.proportions is not None:
        vectors = [shares for shares in sample.proportions if isinstance(shares, list)]
        # Without regions, the proportions are one vector.
        if not _has_lengths(vectors or [sample.proportions], num_classes):
            return f"proportions: must have {num_classes} numbers"
    if sample.tags is not None and len(sample.tags) != num_classes:
        return f"tags: must have {num_classes} entries"
    return _find_odd_picture(sample.files, folder)


def _has_lengths(vectors: Sequence[Sequence[Any]], length: int) -> bool:
    return all(len(vector) == length for vector in vectors)


def _find_odd_picture(files: StoredPictures, folder: Path) -> str | None:
    """Say which picture has other bands or another size than it must have."""
    # All lie over each other in the page, so all must have one size.
    _, height, width = _read_shape(folder / files.truth)
    for kind, name in files.names.items():
        shape = _read_shape(folder / name)
        bands = 3 if kind == "image" else 1
        if shape != (bands, height, width):
            size = f"{shape[0]} bands of {shape[1]} x {shape[2]} pixels"
            return f"files.{kind}: {name} has {size}, beside a truth of {height} x {width}"
    return None


def _read_shape(path: Path) -> tuple[int, int, int]:
    # The header of the file says it: no pixel is decoded.
    with _open_picture(path) as file:
        return file.count, file.height, file.width


@contextmanager
def _open_picture(path: Path) -> Iterator[Any]:
    try:
        with open_without_georeference(path) as file:
            yield file
    except RasterioIOError as error:
        raise InputError(
            f"{path}: cannot be read: run it again (`harness run ... --again`), or delete the"
            f" folder {path.parent}"
        ) from error
