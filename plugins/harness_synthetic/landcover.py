"""Synthetic land cover of five classes: S002's generator, and a harder one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from harness.api import Dataset, Part, Scene, SegmentationClass, stream

URBAN, VEGETATION, WATER, SOIL, ROAD = range(5)
MEANS = np.array(
    [
        (0.55, 0.55, 0.55),
        (0.20, 0.55, 0.20),
        (0.10, 0.20, 0.70),
        (0.60, 0.45, 0.25),
        (0.65, 0.65, 0.45),
    ]
)
"""Mean colour of each class, RGB in 0..1 (S002)."""
NOISE = 0.08
"""Standard deviation of the noise of each pixel and channel (S002)."""


class SyntheticLandcover(Dataset):
    """Five land-cover classes drawn by a seeded generator (S002): rectangles, a river, disks or
    ellipses, and roads on vegetation.

    Facts from S002's notebook. `easy` is that generator: independent noise, so a per-pixel
    classifier scores 0.86 mIoU and the river is the same in every image. `hard` has correlated
    texture, blurred edges, gain and offset per image, a random river, and turned ellipses instead
    of disks.
    """

    name: ClassVar[str] = "synthetic-landcover"
    source: ClassVar[str] = "generated, after the technical report S002 (2026)"
    licence: ClassVar[str] = "none needed"

    difficulty: Literal["easy", "hard"] = Field(
        "easy", description="easy: as S002. hard: pixels alone do not tell their class."
    )
    images: int = Field(300, ge=3, description="Number of images; the official split divides them.")
    validation: int | None = Field(
        None,
        ge=0,
        description="Images for validation, the last but the test ones. Default: a sixth.",
    )
    test: int | None = Field(
        None, ge=1, description="Images for testing, the last ones. Default: a sixth."
    )
    size: int = Field(
        128,
        ge=64,
        description="Height and width of an image in pixels; shapes keep S002's sizes in pixels.",
    )
    seed: int = Field(0, ge=0, description="Seed of the images: another seed, another data set.")

    @model_validator(mode="after")
    def _leaves_training(self) -> SyntheticLandcover:
        if sum(self._held_out()) >= self.images:
            raise ValueError("validation and test leave no image to train on")
        return self

    @property
    def classes(self) -> Sequence[SegmentationClass]:
        """urban, vegetation, water, bare soil, road."""
        names = ("urban", "vegetation", "water", "bare soil", "road")
        colors = [tuple(round(255 * value) for value in mean) for mean in MEANS]
        return [
            SegmentationClass(name, (r, g, b))
            for name, (r, g, b) in zip(names, colors, strict=True)
        ]

    def scenes(self) -> Sequence[Scene]:
        """Scenes of uint8 [size, size, 3], each a group of its own, generated when read."""
        return [
            Scene(
                f"{index:05d}",
                f"{index:05d}",
                partial(landcover, self.seed, index, self.size, self.difficulty),
                self._part(index),
            )
            for index in range(self.images)
        ]

    def _held_out(self) -> tuple[int, int]:
        sixth = max(1, self.images // 6)
        return (sixth if self.validation is None else self.validation), (
            sixth if self.test is None else self.test
        )

    def _part(self, index: int) -> Part:
        validation, test = self._held_out()
        if index >= self.images - test:
            return "test"
        return "validation" if index >= self.images - test - validation else "train"


def landcover(
    seed: int, index: int, size: int, difficulty: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Image uint8 [size, size, 3] and mask uint8 [size, size] number `index` of the data set
    `seed`."""
    generator = stream(seed, "data", f"landcover|{difficulty}|{index}")
    image: NDArray[np.floating]
    if difficulty == "easy":
        mask = classes_of(generator, size, river=(size // 3, 8.0, 0.0, 8.0), disks=True)
        image = MEANS[mask] + generator.normal(0, NOISE, (size, size, 3))
    else:
        river = (
            generator.uniform(0.2, 0.8) * size,
            generator.uniform(4, 14),
            generator.uniform(0, 2 * np.pi),
            generator.uniform(5, 11),
        )
        mask = classes_of(generator, size, river, disks=False)
        image = _hard_image(generator, mask)
    return (255 * image.clip(0, 1) + 0.5).astype(np.uint8), mask


def classes_of(
    generator: np.random.Generator, size: int, river: tuple[float, float, float, float], disks: bool
) -> NDArray[np.uint8]:
    """A mask uint8 [size, size], later shapes over earlier ones. river: centre row, amplitude,
    phase and half thickness, in pixels.

    Bare soil is disks, as S002's notebook draws it, or the ellipses that its text names: turned at
    random, both half axes from the range of the disks' radius. Integer ranges of S002 are
    inclusive.
    """
    mask = np.full((size, size), VEGETATION, np.uint8)
    for _ in range(generator.integers(3, 8)):
        x, y = generator.integers(0, size - 40 + 1, 2)
        height, width = generator.integers(15, 51, 2)
        mask[y : y + height, x : x + width] = URBAN
    rows, columns = np.mgrid[:size, :size]
    centre, amplitude, phase, half = river
    # two periods across the image
    middle = centre + amplitude * np.sin(4 * np.pi * columns / size + phase)
    mask[(rows >= middle - half) & (rows < middle + half)] = WATER
    for _ in range(generator.integers(2, 5)):
        x, y = generator.integers(25, size - 25 + 1, 2)
        first = generator.integers(10, 29)
        second, angle = (
            (first, 0.0) if disks else (generator.integers(10, 29), generator.uniform(0, np.pi))
        )
        along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
        across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
        mask[(second * along) ** 2 + (first * across) ** 2 <= (first * second) ** 2] = SOIL
    row, column = generator.integers(size // 4, 3 * size // 4 + 1, 2)
    mask[row : row + 4, :] = ROAD
    mask[:, column : column + 4] = ROAD
    return mask


def _hard_image(generator: np.random.Generator, mask: NDArray[np.uint8]) -> NDArray[np.floating]:
    """float [H, W, 3]: class colours with blurred edges, texture of two scales, and a gain and
    offset of the whole image."""
    image = softened(MEANS.astype(np.float32)[mask])
    image += texture(generator, len(mask), {8.0: 0.10, 3.0: 0.08})
    gain, offset = generator.uniform(0.7, 1.3), generator.uniform(-0.12, 0.12, 3)
    return gain * image + offset + NOISE * generator.standard_normal(image.shape, np.float32)


def softened(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """float [H, W, C] under a binomial point-spread function of 7 x 7 pixels (sigma 1.2), edges
    repeated."""
    kernel = np.array([1, 6, 15, 20, 15, 6, 1], np.float32) / 64
    for _ in range(2):  # down the rows, then, transposed, along the columns
        padded, rows = np.pad(image, ((3, 3), (0, 0), (0, 0)), mode="edge"), len(image)
        soft = kernel[0] * padded[:rows]
        for shift in range(1, len(kernel)):
            soft += kernel[shift] * padded[shift : shift + rows]
        image = soft.transpose(1, 0, 2)
    return image


def texture(
    generator: np.random.Generator, size: int, strengths: dict[float, float]
) -> NDArray[np.float32]:
    """float [size, size, 3] of Gaussian random fields, periodic: for each correlation length
    (sigma, pixels) its standard deviation."""
    frequency = np.fft.fftfreq(size)[:, None] ** 2 + np.fft.rfftfreq(size)[None, :] ** 2
    field = np.fft.rfft2(generator.standard_normal((3, size, size), np.float32))
    responses = [
        np.exp(-2 * (np.pi * sigma) ** 2 * frequency) * (strength * sigma * 2 * np.sqrt(np.pi))
        for sigma, strength in strengths.items()
    ]
    return (
        np.fft.irfft2(field * np.sqrt(np.square(responses).sum(0)), (size, size))
        .transpose(1, 2, 0)
        .astype(np.float32)
    )
