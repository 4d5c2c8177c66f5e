"""Synthetic land cover: the facts of S002's generator, and that the hard one is harder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.ndimage import label
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.metrics import confusion_matrix

from harness.metrics import mean_iou
from harness_synthetic.landcover import MEANS, SyntheticLandcover

Array = NDArray[Any]

URBAN, VEGETATION, WATER, SOIL, ROAD = range(5)
SHARES = (0.143, 0.544, 0.083, 0.169, 0.062)
"""Of the pixels, per class, in S002."""
COLORS = {
    URBAN: (0.55, 0.55, 0.55),
    VEGETATION: (0.20, 0.55, 0.20),
    WATER: (0.10, 0.20, 0.70),
    SOIL: (0.60, 0.45, 0.25),
    ROAD: (0.65, 0.65, 0.45),
}
"""Mean colour of each class in S002."""


@dataclass(frozen=True)
class Scenes:
    """The first scenes of a data set."""

    images: Array
    """uint8 [N, S, S, 3]."""
    masks: Array
    """uint8 [N, S, S]."""


def read_scenes(count: int, **settings: Any) -> Scenes:
    """Read the first scenes of a data set."""
    # A data set has at least three, one for each part.
    dataset = SyntheticLandcover(images=max(count, 3), **settings)
    images = []
    masks = []
    for scene in dataset.scenes()[:count]:
        image, mask = scene.read()
        images.append(image)
        masks.append(mask)
    return Scenes(np.stack(images), np.stack(masks))


@pytest.fixture(scope="module")
def easy() -> Scenes:
    return read_scenes(300)


def correlate(first: Array, second: Array) -> float:
    """Return the correlation of two arrays of the same shape."""
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def test_every_class_has_its_share_and_is_in_every_image(easy: Scenes) -> None:
    counts = np.array([np.bincount(mask.ravel(), minlength=5) for mask in easy.masks])
    assert_allclose(counts.sum(0) / counts.sum(), SHARES, atol=0.01)
    assert (counts > 0).all()


@pytest.mark.slow
def test_pixels_are_the_mean_of_their_class_and_noise(easy: Scenes) -> None:
    images = easy.images / 255
    for index, mean in COLORS.items():
        pixels = images[easy.masks == index]
        # Clipping at 0 moves means, but not medians.
        assert_allclose(np.median(pixels, 0), mean, atol=0.5 / 255 + 1e-3)
        unclipped = np.array(mean) > 0.19
        assert_allclose(pixels.std(0)[unclipped], 0.08, rtol=0.02)


def test_noise_of_easy_images_is_independent(easy: Scenes) -> None:
    noise = easy.images[:50] / 255 - MEANS[easy.masks[:50]]
    green = noise[..., 1]
    between_neighbours = correlate(green[:, :, :-1], green[:, :, 1:])
    assert abs(between_neighbours) < 0.01
    between_channels = correlate(noise[..., 0], green)
    assert abs(between_channels) < 0.01


def test_the_river_is_the_same_in_every_easy_image(easy: Scenes) -> None:
    river = (easy.masks == WATER).any(0)
    for mask in easy.masks:
        # Soil and roads are drawn after the river, and may lie on it.
        covered = river & np.isin(mask, [SOIL, ROAD])
        assert_array_equal((mask == WATER) | covered, river)

    columns = np.arange(128)
    thickness = river.sum(0)
    assert_array_equal(thickness, 16)
    centre = (columns[:, None] * river).sum(0) / thickness
    # Two periods of a sine.
    expected = 128 // 3 + 8 * np.sin(2 * np.pi * 2 * columns / 128)
    assert_allclose(centre, expected, atol=0.5)


def test_roads_are_one_strip_of_four_rows_and_one_of_four_columns(easy: Scenes) -> None:
    for mask in easy.masks:
        road = mask == ROAD
        for axis in (0, 1):
            strip = np.flatnonzero(road.all(axis))
            assert_array_equal(strip - strip[0], range(4))
            assert 32 <= strip[0] <= 96
        # The two strips cross in 4 x 4 pixels.
        assert road.sum() == 4 * 128 * 2 - 16


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
@pytest.mark.parametrize("size", [64, 100])
def test_images_are_8_bit_rgb_with_a_mask_of_classes(difficulty: str, size: int) -> None:
    scenes = read_scenes(4, difficulty=difficulty, size=size)
    assert scenes.images.shape == (4, size, size, 3)
    assert scenes.masks.shape == (4, size, size)
    assert scenes.images.dtype == np.uint8
    assert scenes.masks.dtype == np.uint8
    assert scenes.masks.max() == 4


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_seed_and_index_decide_an_image(difficulty: str) -> None:
    scenes = read_scenes(4, difficulty=difficulty)
    again = read_scenes(4, difficulty=difficulty)
    assert_array_equal(scenes.images, again.images)
    assert_array_equal(scenes.masks, again.masks)

    # How many there are does not change the first ones.
    more = read_scenes(6, difficulty=difficulty)
    assert_array_equal(scenes.images, more.images[:4])

    other_seed = read_scenes(4, difficulty=difficulty, seed=1)
    masks = {mask.tobytes() for mask in [*scenes.masks, *other_seed.masks]}
    assert len(masks) == 8
    images = {image.tobytes() for image in [*scenes.images, *other_seed.images]}
    assert len(images) == 8


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, (200, 50, 50)),  # S002
        ({"images": 12}, (8, 2, 2)),
        ({"images": 3}, (1, 1, 1)),
        ({"images": 20, "validation": 0, "test": 5}, (15, 0, 5)),
        ({"images": 20, "validation": 4}, (13, 4, 3)),
    ],
)
def test_the_official_split_is_training_then_validation_then_test(
    settings: dict[str, Any], sizes: tuple[int, int, int]
) -> None:
    scenes = SyntheticLandcover(**settings).scenes()
    training, validation, test = sizes
    expected = ["train"] * training + ["validation"] * validation + ["test"] * test
    assert [scene.part for scene in scenes] == expected
    keys = {scene.key for scene in scenes}
    assert len(keys) == len(scenes)
    groups = {scene.group for scene in scenes}
    assert len(groups) == len(scenes)


@pytest.mark.parametrize(
    "settings",
    [
        {"images": 10, "validation": 5, "test": 5},
        {"images": 3, "test": 2},
        {"images": 2},
        {"size": 63},
        {"test": 0},
    ],
)
def test_settings_without_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SyntheticLandcover(**settings)


def test_there_are_five_classes_of_different_colours() -> None:
    classes = SyntheticLandcover().classes
    names = [segmentation_class.name for segmentation_class in classes]
    assert names == ["urban", "vegetation", "water", "bare soil", "road"]
    colors = {segmentation_class.color for segmentation_class in classes}
    assert len(colors) == 5


def score_single_pixels(scenes: Scenes) -> float:
    """Return the mean IoU of Gaussians fitted to the colours of each class.

    They are fitted to the first half of the images, and scored on the second.
    """
    half = len(scenes.images) // 2
    colors = scenes.images / 255
    classifier = QuadraticDiscriminantAnalysis()
    classifier.fit(colors[:half].reshape(-1, 3), scenes.masks[:half].ravel())
    predicted = classifier.predict(colors[half:].reshape(-1, 3))
    truth = scenes.masks[half:].ravel()
    return mean_iou(confusion_matrix(truth, predicted, labels=range(5)))


@pytest.mark.slow
def test_single_pixels_tell_the_classes_of_easy_images(easy: Scenes) -> None:
    scenes = Scenes(easy.images[:60], easy.masks[:60])
    assert 0.83 < score_single_pixels(scenes) < 0.89


@pytest.mark.slow
def test_single_pixels_do_not_tell_the_classes_of_hard_images() -> None:
    scenes = read_scenes(60, difficulty="hard")
    assert score_single_pixels(scenes) < 0.55


def ratios_of_axes(mask: Array) -> list[float]:
    """Return the ratio of the axes of each patch of soil that other classes leave whole.

    A whole one has the area of the ellipse of its moments; small ones are too coarse to tell.
    """
    ratios = []
    shapes, count = label(mask == SOIL)
    for number in range(1, count + 1):
        pixels = np.argwhere(shapes == number)
        area = len(pixels)
        if area <= 300:
            continue
        # Half of each half-axis.
        small, large = np.sqrt(np.linalg.eigvalsh(np.cov(pixels.T)))
        area_of_ellipse = np.pi * (2 * small) * (2 * large)
        if abs(area_of_ellipse / area - 1) < 0.004:
            ratios.append(float(large / small))
    return ratios


@pytest.mark.parametrize(("difficulty", "least", "most"), [("easy", 1.0, 1.05), ("hard", 1.2, 2.8)])
def test_bare_soil_is_disks_in_easy_images_and_ellipses_in_hard_ones(
    difficulty: str, least: float, most: float
) -> None:
    ratios = []
    for mask in read_scenes(60, difficulty=difficulty).masks:
        ratios += ratios_of_axes(mask)
    assert len(ratios) > 5
    assert least <= np.median(ratios) < most


def test_hard_images_have_texture_between_neighbours_and_a_river_of_their_own() -> None:
    scenes = read_scenes(40, difficulty="hard")
    for image, mask in zip(scenes.images, scenes.masks, strict=True):
        residual = image / 255 - MEANS[mask]
        # Without the tint of the whole image, which all its pixels share.
        texture = residual - np.mean(residual, (0, 1))
        green = texture[..., 1]
        assert correlate(green[:, :-1], green[:, 1:]) > 0.3

    water = scenes.masks == WATER
    assert not water.all(0).any()
    assert water.any(0).mean() > 0.5
