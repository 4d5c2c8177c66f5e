"""Random changes of training patches: images and maps move together, and colours stay in bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from harness.run.augment import Change, apply_change, draw_change
from harness.scenario.settings import Training

MOVES = ["horizontal-flip", "vertical-flip", "flips", "rotations"]
COUNT, SIZE = 64, 6

# What each move may make of a patch [H, W, C]; a rotation turns it counterclockwise.
IDENTITY, FLIP_H, FLIP_V = (lambda x: x), (lambda x: x.flip(1)), (lambda x: x.flip(0))
TURNS = [lambda x, k=k: x.rot90(k, (0, 1)) for k in range(4)]
POSSIBLE = {
    "horizontal-flip": [IDENTITY, FLIP_H],
    "vertical-flip": [IDENTITY, FLIP_V],
    "flips": [IDENTITY, FLIP_H, FLIP_V, lambda x: x.flip(0, 1)],
    "rotations": TURNS,
}


def settings(*augment: str, jitter: float = 0.2) -> Training:
    return Training(augment=augment, jitter=jitter)


def positions() -> tuple[Tensor, Tensor]:
    """Images [B, S, S, 3] whose pixels hold row, column and patch, and maps [B, S, S, 2] that hold
    row and column."""
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    images = torch.stack(
        [torch.stack([rows, columns, torch.full_like(rows, patch)], -1) for patch in range(COUNT)]
    ).to(torch.uint8)
    return images, images[..., :2].clone()


def change(*augment: str, seed: int = 0, jitter: float = 0.2, count: int = COUNT) -> Change:
    return draw_change(
        settings(*augment, jitter=jitter), count, torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize(
    "augment", [[move] for move in MOVES] + [MOVES, ["flips", "rotations"]], ids="+".join
)
@pytest.mark.parametrize("seed", [0, 1])
def test_images_and_maps_move_together(augment: list[str], seed: int) -> None:
    images, maps = positions()
    moved, moved_maps = apply_change(images, maps, change(*augment, seed=seed))
    assert moved.dtype == moved_maps.dtype == torch.uint8
    assert torch.equal(moved[..., :2], moved_maps)
    assert not torch.equal(moved, images)
    assert torch.equal(moved[..., 2], images[..., 2])  # no patch takes another's place


@pytest.mark.parametrize("move", MOVES)
def test_every_possible_move_occurs_and_no_other(move: str) -> None:
    images, maps = positions()
    moved, _ = apply_change(images, maps, change(move))
    occurred = set()
    for before, after in zip(images, moved, strict=True):
        matching = [
            number
            for number, candidate in enumerate(POSSIBLE[move])
            if torch.equal(candidate(before), after)
        ]
        assert len(matching) == 1
        occurred.update(matching)
    assert occurred == set(range(len(POSSIBLE[move])))


@pytest.mark.parametrize(
    "augment", [[move] for move in MOVES] + [[*MOVES, "color-jitter"]], ids="+".join
)
def test_the_pixels_of_each_class_are_as_many_as_before(augment: list[str]) -> None:
    maps = torch.randint(
        0, 5, (COUNT, SIZE, SIZE, 1), generator=torch.Generator().manual_seed(1)
    ).to(torch.uint8)
    _, moved = apply_change(positions()[0], maps, change(*augment))
    for before, after in zip(maps, moved, strict=True):
        assert torch.equal(
            before.flatten().bincount(minlength=5), after.flatten().bincount(minlength=5)
        )


def test_without_augmentation_nothing_changes() -> None:
    images, maps = positions()
    same = apply_change(images, maps, change())
    assert torch.equal(same[0], images)
    assert torch.equal(same[1], maps)


@pytest.mark.parametrize("augment", [[move] for move in [*MOVES, "color-jitter"]], ids="+".join)
def test_the_seed_decides_the_change(augment: list[str]) -> None:
    images, maps = positions()
    first, again, other = (
        apply_change(images, maps, change(*augment, seed=seed))[0] for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("jitter", [0.0, 0.2, 1.0])
def test_jitter_factors_fill_their_range_and_stay_in_it(jitter: float) -> None:
    factors = change("color-jitter", jitter=jitter, count=2000).factors
    assert factors is not None
    assert factors.shape == (3, 2000)
    assert float(factors.min()) >= 1 - jitter - 1e-6
    assert float(factors.max()) <= 1 + jitter + 1e-6
    assert_allclose(factors.std(1), jitter / 3**0.5, rtol=0.05)


def noise() -> Tensor:
    return torch.randint(
        0, 256, (COUNT, SIZE, SIZE, 3), generator=torch.Generator().manual_seed(2)
    ).to(torch.uint8)


def test_jitter_changes_images_and_no_maps() -> None:
    maps = positions()[1]
    images, same = apply_change(noise(), maps, change("color-jitter", jitter=1.0))
    assert torch.equal(same, maps)
    assert images.dtype == torch.float32
    assert float(images.min()) == 0
    assert float(images.max()) == 1
    assert not torch.allclose(images, noise() / 255)


@pytest.mark.parametrize("value", [40, 100, 200])
def test_an_even_grey_patch_changes_in_brightness_alone_and_within_bounds(value: int) -> None:
    images = torch.full((COUNT, SIZE, SIZE, 3), value, dtype=torch.uint8)
    made = change("color-jitter")
    assert made.factors is not None
    jittered, _ = apply_change(images, positions()[1], made)
    expected = (value / 255 * made.factors[0]).clamp(max=1)
    assert_allclose(jittered, expected[:, None, None, None].expand_as(jittered), rtol=1e-4)


def test_jitter_of_strength_zero_only_scales() -> None:
    assert_allclose(
        apply_change(noise(), positions()[1], change("color-jitter", jitter=0.0))[0],
        noise() / 255,
        atol=1e-6,
    )


def by_formula(image: Any, brightness: float, contrast: float, saturation: float) -> Any:
    image = image / 255 * brightness
    image = image.mean() + contrast * (image - image.mean())
    grey = image.mean(-1, keepdims=True)
    return np.clip(grey + saturation * (image - grey), 0, 1)


def test_jitter_is_brightness_then_contrast_then_saturation() -> None:
    made = change("color-jitter", jitter=0.5)
    assert made.factors is not None
    jittered, _ = apply_change(noise(), positions()[1], made)
    for image, after, factors in zip(
        noise().numpy(), jittered, made.factors.T.tolist(), strict=True
    ):
        assert_allclose(after, by_formula(image.astype(float), *factors), atol=1e-5)
