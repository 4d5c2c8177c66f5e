"""Synthetic land cover: the facts of S002's generator, and that the hard one is harder."""

from __future__ import annotations

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


def read(count: int, **settings: Any) -> tuple[Array, Array]:
    """Images [N, S, S, 3] and masks [N, S, S]."""
    scenes = SyntheticLandcover(images=max(count, 3), **settings).scenes()[:count]
    images, masks = zip(*(scene.read() for scene in scenes), strict=True)
    return np.stack(images), np.stack(masks)


@pytest.fixture(scope="module")
def easy() -> tuple[Array, Array]:
    return read(300)


def later(mask: Array) -> Array:
    """Where shapes lie that are drawn after the river."""
    return np.isin(mask, [SOIL, ROAD])


def test_every_class_has_its_share_and_is_in_every_image(easy: tuple[Array, Array]) -> None:
    counts = np.array([np.bincount(mask.ravel(), minlength=5) for mask in easy[1]])
    assert_allclose(counts.sum(0) / counts.sum(), SHARES, atol=0.01)
    assert (counts > 0).all()


def test_pixels_are_the_mean_of_their_class_and_noise(easy: tuple[Array, Array]) -> None:
    images, masks = easy[0] / 255, easy[1]
    means = [
        (0.55, 0.55, 0.55),
        (0.20, 0.55, 0.20),
        (0.10, 0.20, 0.70),
        (0.60, 0.45, 0.25),
        (0.65, 0.65, 0.45),
    ]
    for index, mean in enumerate(means):
        own = images[masks == index]
        # clipping at 0 moves means, but not medians
        assert_allclose(np.median(own, 0), mean, atol=0.5 / 255 + 1e-3)
        unclipped = np.array(mean) > 0.19
        assert_allclose(own.std(0)[unclipped], 0.08, rtol=0.02)


def test_noise_of_easy_images_is_independent(easy: tuple[Array, Array]) -> None:
    noise = easy[0][:50] / 255 - MEANS[easy[1][:50]]
    beside = np.corrcoef(noise[:, :, :-1, 1].ravel(), noise[:, :, 1:, 1].ravel())[0, 1]
    between = np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]
    assert abs(beside) < 0.01
    assert abs(between) < 0.01


def test_the_river_is_the_same_in_every_easy_image(easy: tuple[Array, Array]) -> None:
    _, masks = easy
    river = (masks == WATER).any(0)
    for mask in masks:
        assert_array_equal((mask == WATER) | (river & later(mask)), river)
    assert_array_equal(river.sum(0), 16)  # pixels thick
    centre = (np.arange(128)[:, None] * river).sum(0) / 16
    # two periods
    assert_allclose(centre, 128 // 3 + 8 * np.sin(2 * np.pi * 2 * np.arange(128) / 128), atol=0.5)


def test_roads_are_one_strip_of_four_rows_and_one_of_four_columns(
    easy: tuple[Array, Array],
) -> None:
    for mask in easy[1]:
        rows, columns = (np.flatnonzero((mask == ROAD).all(axis)) for axis in (1, 0))
        for strip in (rows, columns):
            assert len(strip) == 4
            assert strip[3] - strip[0] == 3
            assert 32 <= strip[0] <= 96
        assert (mask == ROAD).sum() == 4 * 128 * 2 - 16


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
@pytest.mark.parametrize("size", [64, 100])
def test_images_are_8_bit_rgb_with_a_mask_of_classes(difficulty: str, size: int) -> None:
    images, masks = read(4, difficulty=difficulty, size=size)
    assert images.shape == (4, size, size, 3)
    assert masks.shape == (4, size, size)
    assert images.dtype == masks.dtype == np.uint8
    assert masks.max() == 4


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_seed_and_index_decide_an_image(difficulty: str) -> None:
    images, masks = read(4, difficulty=difficulty)
    again, more = read(4, difficulty=difficulty), read(6, difficulty=difficulty)
    other = read(4, difficulty=difficulty, seed=1)
    assert_array_equal(images, again[0])
    assert_array_equal(masks, again[1])
    assert_array_equal(images, more[0][:4])
    assert len({mask.tobytes() for mask in [*masks, *other[1]]}) == 8
    assert len({image.tobytes() for image in [*images, *other[0]]}) == 8


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
    settings: dict[str, Any], sizes: tuple[int, ...]
) -> None:
    scenes = SyntheticLandcover(**settings).scenes()
    expected = [
        part
        for part, size in zip(("train", "validation", "test"), sizes, strict=True)
        for _ in range(size)
    ]
    assert [scene.part for scene in scenes] == expected
    assert (
        len({scene.key for scene in scenes})
        == len({scene.group for scene in scenes})
        == len(scenes)
    )


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
    assert [one.name for one in classes] == ["urban", "vegetation", "water", "bare soil", "road"]
    assert len({one.color for one in classes}) == 5


def per_pixel_score(images: Array, masks: Array) -> float:
    """Mean IoU of Gaussians fitted to the colours of each class in the first half, on the second
    half."""
    half = len(images) // 2
    classifier = QuadraticDiscriminantAnalysis().fit(
        images[:half].reshape(-1, 3) / 255, masks[:half].ravel()
    )
    predicted = classifier.predict(images[half:].reshape(-1, 3) / 255)
    return mean_iou(confusion_matrix(masks[half:].ravel(), predicted, labels=range(5)))


def test_single_pixels_tell_the_classes_of_easy_images(easy: tuple[Array, Array]) -> None:
    assert 0.83 < per_pixel_score(easy[0][:60], easy[1][:60]) < 0.89


def test_single_pixels_do_not_tell_the_classes_of_hard_images() -> None:
    assert per_pixel_score(*read(60, difficulty="hard")) < 0.55


@pytest.mark.parametrize(("difficulty", "least", "most"), [("easy", 1.0, 1.05), ("hard", 1.2, 2.8)])
def test_bare_soil_is_disks_in_easy_images_and_ellipses_in_hard_ones(
    difficulty: str, least: float, most: float
) -> None:
    """The median ratio of the axes of shapes that others leave whole: those with the area of an
    ellipse of their moments."""
    ratios = []
    for mask in read(60, difficulty=difficulty)[1]:
        shapes, count = label(mask == SOIL)
        for index in range(1, count + 1):
            points = np.argwhere(shapes == index)
            if len(points) > 300:
                small, large = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)))
                if abs(4 * np.pi * small * large / len(points) - 1) < 0.004:
                    ratios.append(large / small)
    assert len(ratios) > 5
    assert least <= np.median(ratios) < most


def test_hard_images_have_texture_between_neighbours_and_a_river_of_their_own() -> None:
    images, masks = read(40, difficulty="hard")
    residuals = [image - np.mean(image, (0, 1)) for image in images / 255 - MEANS[masks]]
    beside = [np.corrcoef(one[:, :-1, 1].ravel(), one[:, 1:, 1].ravel())[0, 1] for one in residuals]
    assert min(beside) > 0.3
    assert not (masks == WATER).all(0).any()
    assert (masks == WATER).any(0).mean() > 0.5
