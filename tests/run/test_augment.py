"""Random changes of training patches: images and maps move together, and colours stay in bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from harness.run.augment import Change, apply_change, draw_change
from harness.scenario.settings import Training

MOVES = ["horizontal-flip", "vertical-flip", "flips", "rotations"]
COUNT = 64
SIZE = 6

Move = Callable[[Tensor], Tensor]


def stay(patch: Tensor) -> Tensor:
    return patch


def flip_horizontally(patch: Tensor) -> Tensor:
    return patch.flip(1)


def flip_vertically(patch: Tensor) -> Tensor:
    return patch.flip(0)


def turn(patch: Tensor) -> Tensor:
    """A quarter turn, counterclockwise."""
    return patch.rot90(1, (0, 1))


def turn_twice(patch: Tensor) -> Tensor:
    """A half turn, which is also what both flips make."""
    return patch.flip(0, 1)


def turn_thrice(patch: Tensor) -> Tensor:
    return patch.rot90(3, (0, 1))


POSSIBLE: dict[str, list[Move]] = {
    "horizontal-flip": [stay, flip_horizontally],
    "vertical-flip": [stay, flip_vertically],
    "flips": [stay, flip_horizontally, flip_vertically, turn_twice],
    "rotations": [stay, turn, turn_twice, turn_thrice],
}
"""What each move may make of a patch [H, W, C]."""


def images_of_positions() -> Tensor:
    """Images [B, S, S, 3] whose pixels hold row, column and patch."""
    images = torch.zeros(COUNT, SIZE, SIZE, 3, dtype=torch.uint8)
    for number in range(SIZE):
        images[:, number, :, 0] = number
        images[:, :, number, 1] = number
    for patch in range(COUNT):
        images[patch, ..., 2] = patch
    return images


def maps_of_positions() -> Tensor:
    """Maps [B, S, S, 2] that hold row and column."""
    return images_of_positions()[..., :2].clone()


def noise(channels: int = 3, values: int = 256) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    shape = (COUNT, SIZE, SIZE, channels)
    return torch.randint(0, values, shape, generator=generator).to(torch.uint8)


def drawn(*augment: str, seed: int = 0, jitter: float = 0.2, count: int = COUNT) -> Change:
    settings = Training(augment=augment, jitter=jitter)
    generator = torch.Generator().manual_seed(seed)
    return draw_change(settings, count, generator)


def factors_of(change: Change) -> Tensor:
    assert change.factors is not None
    return change.factors


@pytest.mark.parametrize(
    "augment", [[move] for move in MOVES] + [MOVES, ["flips", "rotations"]], ids="+".join
)
@pytest.mark.parametrize("seed", [0, 1])
def test_images_and_maps_move_together(augment: list[str], seed: int) -> None:
    images = images_of_positions()
    change = drawn(*augment, seed=seed)
    moved, moved_maps = apply_change(images, maps_of_positions(), change)
    assert moved.dtype == moved_maps.dtype == torch.uint8
    assert torch.equal(moved[..., :2], moved_maps)
    assert not torch.equal(moved, images)
    # No patch takes another's place.
    assert torch.equal(moved[..., 2], images[..., 2])


@pytest.mark.parametrize("move", MOVES)
def test_every_possible_move_occurs_and_no_other(move: str) -> None:
    images = images_of_positions()
    moved, _ = apply_change(images, maps_of_positions(), drawn(move))
    occurred = set()
    for before, after in zip(images, moved, strict=True):
        matching = [make for make in POSSIBLE[move] if torch.equal(make(before), after)]
        assert len(matching) == 1
        occurred.update(matching)
    assert occurred == set(POSSIBLE[move])


@pytest.mark.parametrize(
    "augment", [[move] for move in MOVES] + [[*MOVES, "color-jitter"]], ids="+".join
)
def test_the_pixels_of_each_class_are_as_many_as_before(augment: list[str]) -> None:
    maps = noise(channels=1, values=5)
    _, moved = apply_change(images_of_positions(), maps, drawn(*augment))
    for before, after in zip(maps, moved, strict=True):
        pixels_before = before.flatten().bincount()
        pixels_after = after.flatten().bincount()
        assert torch.equal(pixels_before, pixels_after)


def test_without_augmentation_nothing_changes() -> None:
    images, maps = apply_change(images_of_positions(), maps_of_positions(), drawn())
    assert torch.equal(images, images_of_positions())
    assert torch.equal(maps, maps_of_positions())


@pytest.mark.parametrize("augment", [*MOVES, "color-jitter"])
def test_the_seed_decides_the_change(augment: str) -> None:
    images = images_of_positions()
    maps = maps_of_positions()
    first, _ = apply_change(images, maps, drawn(augment, seed=3))
    same, _ = apply_change(images, maps, drawn(augment, seed=3))
    other, _ = apply_change(images, maps, drawn(augment, seed=4))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_the_order_of_draws_is_horizontal_vertical_turns_factors() -> None:
    """Another order would move the numbers of every augmented run."""
    change = drawn("flips", "rotations", "color-jitter", seed=5, jitter=0.3)
    generator = torch.Generator().manual_seed(5)
    horizontal = torch.rand(COUNT, generator=generator) < 0.5
    vertical = torch.rand(COUNT, generator=generator) < 0.5
    turns = torch.randint(4, (COUNT,), generator=generator)
    uniform = torch.rand(3, COUNT, generator=generator)
    assert change.horizontal is not None
    assert change.vertical is not None
    assert change.turns is not None
    assert torch.equal(change.horizontal, horizontal)
    assert torch.equal(change.vertical, vertical)
    assert torch.equal(change.turns, turns)
    symmetric = 2 * uniform - 1
    assert torch.equal(factors_of(change), 1 + 0.3 * symmetric)


@pytest.mark.parametrize("jitter", [0.0, 0.2, 1.0])
def test_jitter_factors_fill_their_range_and_stay_in_it(jitter: float) -> None:
    factors = factors_of(drawn("color-jitter", jitter=jitter, count=2000))
    assert factors.shape == (3, 2000)
    assert float(factors.min()) >= 1 - jitter - 1e-6
    assert float(factors.max()) <= 1 + jitter + 1e-6
    # The deviation of a uniform distribution.
    assert_allclose(factors.std(1), jitter / 3**0.5, rtol=0.05)


def test_jitter_changes_images_and_no_maps() -> None:
    maps = maps_of_positions()
    change = drawn("color-jitter", jitter=1.0)
    images, same_maps = apply_change(noise(), maps, change)
    assert torch.equal(same_maps, maps)
    assert images.dtype == torch.float32
    assert float(images.min()) == 0
    assert float(images.max()) == 1
    assert not torch.allclose(images, noise() / 255)


@pytest.mark.parametrize("value", [40, 100, 200])
def test_an_even_grey_patch_changes_in_brightness_alone_and_within_bounds(value: int) -> None:
    images = torch.full((COUNT, SIZE, SIZE, 3), value, dtype=torch.uint8)
    change = drawn("color-jitter")
    jittered, _ = apply_change(images, maps_of_positions(), change)
    brightness = factors_of(change)[0]
    expected = (value / 255 * brightness).clamp(max=1)
    for patch, grey in zip(jittered, expected, strict=True):
        assert_allclose(patch, torch.full_like(patch, float(grey)), rtol=1e-4)


def test_jitter_of_strength_zero_only_scales() -> None:
    change = drawn("color-jitter", jitter=0.0)
    images, _ = apply_change(noise(), maps_of_positions(), change)
    assert_allclose(images, noise() / 255, atol=1e-6)


def jitter_by_formula(image: Any, brightness: float, contrast: float, saturation: float) -> Any:
    image = image / 255 * brightness
    mean = image.mean()
    image = mean + contrast * (image - mean)
    grey = image.mean(-1, keepdims=True)
    image = grey + saturation * (image - grey)
    return np.clip(image, 0, 1)


def test_jitter_is_brightness_then_contrast_then_saturation() -> None:
    change = drawn("color-jitter", jitter=0.5)
    jittered, _ = apply_change(noise(), maps_of_positions(), change)
    factors = factors_of(change).T.tolist()
    for image, after, (brightness, contrast, saturation) in zip(
        noise().double().numpy(), jittered, factors, strict=True
    ):
        expected = jitter_by_formula(image, brightness, contrast, saturation)
        assert_allclose(after, expected, atol=1e-5)
