"""Cutting scenes into patches, and the cache that keeps them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from maps import draw_map
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from harness.core.components import Dataset, NotInKey
from harness.core.errors import InputError
from harness.core.values import IGNORE, Part, Scene, SegmentationClass
from harness.plan.fingerprints import data_fingerprint
from harness.run.patches import PatchOrigin, PatchSet, cut, downsample, open_patches, resize
from harness.scenario.settings import Patches

Array = NDArray[Any]
ImageAndMask = tuple[Array, Array]
Open = Callable[..., PatchSet]


def both(image: Array, mask: Array) -> ImageAndMask:
    return image, mask


class InMemory(Dataset):
    """Scenes of two classes that a test put into `pairs`."""

    name: ClassVar[str] = "in-memory"
    pairs: ClassVar[Sequence[ImageAndMask]] = ()
    files: ClassVar[Sequence[Path]] = ()
    """What the content is said to come from."""

    variant: int = 0
    folder: str = Field("", json_schema_extra=NotInKey)

    @property
    def classes(self) -> Sequence[SegmentationClass]:
        return [SegmentationClass("a", (0, 0, 0)), SegmentationClass("b", (9, 9, 9))]

    def scenes(self) -> Sequence[Scene]:
        scenes = []
        files = tuple(self.files)
        for number, (image, mask) in enumerate(self.pairs):
            read = partial(both, image, mask)
            scenes.append(Scene(f"s{number}", f"g{number}", read, "train", files))
        return scenes


class Unreadable(Sequence[ImageAndMask]):
    """One pair that can be listed but not read."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        raise AssertionError("read again")


def make_pair(height: int, width: int, channels: int = 3, seed: int = 0) -> ImageAndMask:
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (height, width, channels), np.uint8)
    mask = generator.integers(0, 2, (height, width), np.uint8)
    return image, mask


def corners(patches: PatchSet) -> list[tuple[int, int]]:
    """The row and column of each patch."""
    return [(origin.row, origin.column) for origin in patches.origins]


def patch_at(values: Array, row: int, column: int) -> Array:
    """The values [H, W, ...] of a patch of 8 x 8 pixels."""
    return values[row : row + 8, column : column + 8]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Open:
    """Opens the patches of these pairs of image and mask."""

    def open_pairs(
        pairs: Sequence[ImageAndMask], fingerprint: str = "data", **settings: Any
    ) -> PatchSet:
        monkeypatch.setattr(InMemory, "pairs", pairs)
        return open_patches(InMemory(), fingerprint, Patches(**{"size": 8, **settings}), tmp_path)

    return open_pairs


@pytest.mark.parametrize(
    ("shape", "settings", "rows", "columns"),
    [
        ((8, 8), {}, [0], [0]),
        ((16, 24), {}, [0, 8], [0, 8, 16]),
        ((23, 15), {}, [0, 8], [0]),  # floor
        ((16, 12), {"stride": 4}, [0, 4, 8], [0, 4]),
        ((16, 13), {"stride": 2}, [0, 2, 4, 6, 8], [0, 2, 4]),
        ((9, 16), {"padding": "ignore"}, [0, 8], [0, 8]),
        ((3, 5), {"padding": "ignore"}, [0], [0]),
        ((8, 17), {"padding": "background"}, [0], [0, 8, 16]),
        ((8, 13), {"padding": "ignore", "stride": 4}, [0], [0, 4, 8]),
        # to a multiple of the size, not of the stride
        ((8, 12), {"padding": "background", "stride": 4}, [0], [0, 4, 8]),
    ],
)
def test_where_patches_are_cut(
    shape: tuple[int, int], settings: dict[str, Any], rows: list[int], columns: list[int]
) -> None:
    image, mask = make_pair(*shape)
    scene = Scene("s", "g", lambda: (image, mask), "test")
    patches = list(cut(scene, image, mask, Patches(size=8, **settings)))
    expected = []
    for row in rows:
        for column in columns:
            expected.append(PatchOrigin("s", "g", "test", row, column))
    assert [origin for origin, _, _ in patches] == expected
    fill = 0 if settings.get("padding") == "background" else IGNORE
    for origin, image_patch, mask_patch in patches:
        image_of_patch = patch_at(image, origin.row, origin.column)
        mask_of_patch = patch_at(mask, origin.row, origin.column)
        height, width = mask_of_patch.shape
        assert image_patch.shape == (8, 8, 3)
        assert_array_equal(image_patch[:height, :width], image_of_patch)
        assert_array_equal(mask_patch[:height, :width], mask_of_patch)
        # What is padded is black.
        assert not image_patch[height:].any()
        assert not image_patch[:, width:].any()
        assert (mask_patch[height:] == fill).all()
        assert (mask_patch[:, width:] == fill).all()


@pytest.mark.parametrize("shape", [(7, 8), (8, 7)])
def test_a_scene_smaller_than_a_patch_is_an_error_with_a_remedy(
    opened: Open, shape: tuple[int, int]
) -> None:
    message = (
        f"scene s0: is {shape[0]} x {shape[1]} pixels, smaller than one patch of 8: lower"
        " patches.size, or set patches.padding: ignore"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        opened([make_pair(*shape)])


def test_downsampling_takes_the_mean_of_each_block_and_its_centre_pixel() -> None:
    band = np.array(
        [
            [0, 1, 10, 10, 7],
            [2, 3, 10, 13, 7],
            [9, 9, 9, 9, 9],
        ],
        np.uint8,
    )
    mask = draw_map(
        "00 11 1",
        "01 10 1",
        "00 00 0",
    )
    small, labels = downsample(band[..., None], mask, 2)
    # The means are 1.5 and 10.75.
    assert small[..., 0].tolist() == [[2, 11]]
    assert labels.tolist() == [[1, 0]]
    assert small.dtype == labels.dtype == np.uint8


def test_downsampling_by_three_takes_the_middle_of_each_block() -> None:
    mask = np.arange(81, dtype=np.uint8).reshape(9, 9)
    image = np.stack([mask, mask // 2], -1)
    small, labels = downsample(image, mask, 3)
    assert_array_equal(labels, mask[1::3, 1::3])
    assert_array_equal(small[..., 0], labels)  # of a plane, the mean of a block is its middle


def test_downsampling_by_one_changes_nothing() -> None:
    image, mask = make_pair(5, 4)
    same_image, same_mask = downsample(image, mask, 1)
    assert_array_equal(same_image, image)
    assert_array_equal(same_mask, mask)


def test_downsampling_comes_before_cutting(opened: Open) -> None:
    image, mask = make_pair(32, 49)
    patches = opened([(image, mask)], downsample=2)
    small, labels = downsample(image, mask, 2)
    places = [(0, 0), (0, 8), (0, 16), (8, 0), (8, 8), (8, 16)]
    assert corners(patches) == places
    assert_array_equal(patches.images[5], patch_at(small, 8, 16))
    assert_array_equal(patches.masks[5], patch_at(labels, 8, 16))


@pytest.mark.parametrize("shape", [(8, 8), (5, 12), (16, 9), (7, 30), (24, 36), (12, 18)])
def test_resizing_is_bilinear_with_antialiasing_and_takes_the_nearest_label(
    shape: tuple[int, int],
) -> None:
    image, mask = make_pair(12, 18, channels=4)
    resized, labels = resize(image, mask, shape)
    assert resized.dtype == labels.dtype == np.uint8
    height, width = shape
    rows = triangle_weights(12, height)
    columns = triangle_weights(18, width)
    bands = image.transpose(2, 0, 1)
    exact = rows @ bands @ columns.T
    difference = np.abs(resized.transpose(2, 0, 1) - exact)
    assert difference.max() < 0.5 + 1e-4
    for row in range(height):
        for column in range(width):
            old_row = int((row + 0.5) * 12 / height)
            old_column = int((column + 0.5) * 18 / width)
            assert labels[row, column] == mask[old_row, old_column]


def triangle_weights(old: int, new: int) -> Array:
    """Weights [new, old] of linear interpolation between pixel centres, as wide as a new pixel
    where that is the wider one."""
    step = old / new
    new_centres = (np.arange(new)[:, None] + 0.5) * step
    old_centres = np.arange(old) + 0.5
    distance = np.abs(new_centres - old_centres) / max(1, step)
    weights = np.maximum(0, 1 - distance)
    return np.asarray(weights / weights.sum(1, keepdims=True))


def test_resizing_to_half_by_hand() -> None:
    mask = draw_map(*["00001111"] * 8)
    band = 240 * mask
    resized, labels = resize(band[..., None], mask, (8, 4))
    # An edge is spread over weights of 1, 3, 3 and 1 eighths.
    assert resized[0, :, 0].tolist() == [0, 30, 210, 240]
    assert labels[0].tolist() == [0, 0, 1, 1]


def test_resizing_comes_before_cutting(opened: Open) -> None:
    scenes = [make_pair(19, 31), make_pair(8, 40, seed=1)]
    opened(scenes)  # another cache
    patches = opened(scenes, resize=[16, 8])
    assert [origin.scene for origin in patches.origins] == ["s0", "s0", "s1", "s1"]
    assert corners(patches) == [(0, 0), (8, 0), (0, 0), (8, 0)]
    image, mask = resize(*scenes[1], (16, 8))
    assert_array_equal(patches.images[3], image[8:])
    assert_array_equal(patches.masks[3], mask[8:])


def test_a_square_is_given_by_its_side_and_nothing_resizes_by_default() -> None:
    assert Patches.model_validate({"resize": 512}) == Patches(resize=(512, 512))
    assert Patches(resize=(512, 512)).identity() == {"resize": [512, 512]}
    assert Patches().identity() == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"resize": 512, "downsample": 2},
            "resize and downsample both change the size of scenes: use one",
        ),
        ({"resize": 4}, "greater than or equal to 8"),
        ({"resize": [512]}, "Field required"),
        ({"resize": True}, "write a number, not yes or no"),
    ],
)
def test_a_size_without_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Patches.model_validate(fields)


def test_open_patches_holds_all_scenes_in_order(opened: Open) -> None:
    wide = make_pair(8, 16, channels=4, seed=1)
    high = make_pair(16, 8, channels=4, seed=2)
    patches = opened([wide, high])
    assert patches.classes == 2
    assert patches.origins == (
        PatchOrigin("s0", "g0", "train", 0, 0),
        PatchOrigin("s0", "g0", "train", 0, 8),
        PatchOrigin("s1", "g1", "train", 0, 0),
        PatchOrigin("s1", "g1", "train", 8, 0),
    )
    for values, of_wide, of_high in zip((patches.images, patches.masks), wide, high, strict=True):
        left, right = of_wide[:, :8], of_wide[:, 8:]
        upper, lower = of_high[:8], of_high[8:]
        assert_array_equal(values, [left, right, upper, lower])
    _, high_mask = high
    sample = patches.patch(3)
    assert sample.key == "s1@8,0"
    assert sample.classes == 2
    assert_array_equal(sample.mask, high_mask[8:])


def test_a_second_opening_reads_nothing(opened: Open) -> None:
    first = opened([make_pair(16, 16)])
    second = opened(Unreadable())
    assert second.origins == first.origins
    assert_array_equal(second.images, first.images)
    assert_array_equal(second.masks, first.masks)
    opened(Unreadable(), normalise="none")  # comes after the patches
    with pytest.raises(AssertionError, match="read again"):
        opened(Unreadable(), fingerprint="other data")


@pytest.mark.parametrize(
    "settings", [{"size": 16}, {"stride": 4}, {"padding": "ignore"}, {"downsample": 2}]
)
def test_other_content_or_another_cut_is_another_cache(
    opened: Open, settings: dict[str, Any]
) -> None:
    opened([make_pair(16, 16, seed=1)])
    image, mask = make_pair(16, 16, seed=2)
    _, small_mask = downsample(image, mask, settings.get("downsample", 1))
    cut_anew = opened([(image, mask)], **settings)
    assert_array_equal(cut_anew.masks[0, :8, :8], patch_at(small_mask, 0, 0))
    of_other_data = opened([(image, mask)], fingerprint="fresh")
    assert_array_equal(of_other_data.masks[0], patch_at(mask, 0, 0))


def test_patches_are_read_only(opened: Open) -> None:
    patches = opened([make_pair(8, 8)])
    with pytest.raises(ValueError, match="read-only"):
        patches.masks[0, 0, 0] = 1


def holding(value: int) -> ImageAndMask:
    image, mask = make_pair(8, 8)
    mask[3, 3] = value
    return image, mask


IMAGE, MASK = make_pair(8, 8)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (holding(2), "scene s1: the mask holds 2, but classes are 0 to 1 (and 255 to ignore)"),
        (holding(254), "scene s1: the mask holds 254, but classes are 0 to 1 (and 255 to ignore)"),
        (
            (IMAGE, np.zeros((8, 9), np.uint8)),
            "scene s1: image is [8, 8] and mask uint8 [8, 9]: sizes must agree, as uint8",
        ),
        (
            (IMAGE, MASK.astype(np.int64)),
            "scene s1: image is [8, 8] and mask int64 [8, 8]: sizes must agree, as uint8",
        ),
        (
            (IMAGE[..., 0], MASK),
            "scene s1: the image must be uint8 [H, W, C], got uint8 [8, 8]",
        ),
        (
            (IMAGE / 255, MASK),
            "scene s1: the image must be uint8 [H, W, C], got float64 [8, 8, 3]",
        ),
        (make_pair(8, 8, 4), "scene s1: has 4 channels, scenes before it 3"),
        (make_pair(6, 8), "scene s1: is 6 x 8 pixels, smaller than one patch of 8"),
    ],
)
def test_unusable_data_is_an_error_naming_the_scene_and_leaves_no_cache(
    opened: Open, tmp_path: Path, second: ImageAndMask, message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        opened([make_pair(8, 8), second])
    left = [path.name for path in (tmp_path / "patches").iterdir()]
    assert all(name.endswith(".lock") for name in left)
    assert len(opened([make_pair(8, 8)]).origins) == 1


def test_ignored_pixels_are_no_wrong_values(opened: Open) -> None:
    assert opened([holding(IGNORE)]).masks[0, 3, 3] == IGNORE


def test_a_data_set_without_scenes_is_an_error(opened: Open) -> None:
    with pytest.raises(InputError, match="data set 'in-memory' has no scenes"):
        opened([])


@pytest.mark.parametrize(
    ("settings", "covered"),
    [
        # Whole patches only, so the rest at the edge is cut off.
        ({}, (16, 24)),
        ({"stride": 4}, (20, 28)),
        ({"padding": "ignore"}, (21, 29)),
        ({"stride": 2, "padding": "ignore"}, (21, 29)),
    ],
)
def test_a_scene_put_together_from_its_patches_is_the_scene(
    opened: Open, settings: dict[str, Any], covered: tuple[int, int]
) -> None:
    image, mask = make_pair(21, 29)
    patches = opened([make_pair(16, 16, seed=5), (image, mask)], **settings)
    indices = [index for index, origin in enumerate(patches.origins) if origin.scene == "s1"]
    sample = patches.assemble_scene(indices)
    assert sample.key == "s1"
    assert sample.mask[:21, :29].shape == covered
    height, width = covered
    assert_array_equal(sample.mask[:height, :width], mask[:height, :width])
    assert_array_equal(sample.image[:height, :width], image[:height, :width])
    assert not sample.valid[height:].any()
    assert not sample.valid[:, width:].any()


def test_what_no_patch_covers_is_ignored(opened: Open) -> None:
    image, mask = make_pair(16, 16)
    sample = opened([(image, mask)]).assemble_scene([3, 0])
    for corner in (0, 8):
        labels = patch_at(sample.mask, corner, corner)
        assert_array_equal(labels, patch_at(mask, corner, corner))
    assert not sample.valid[:8, 8:].any()
    assert not sample.valid[8:, :8].any()


def test_a_stride_that_does_not_divide_the_size_is_refused() -> None:
    with pytest.raises(ValidationError, match="stride 3 must divide the size 8"):
        Patches(size=8, stride=3)


@pytest.mark.slow
def test_the_data_fingerprint_follows_content_and_settings_but_not_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    memory = tmp_path / "memory.json"
    file = tmp_path / "a.png"
    moved = tmp_path / "elsewhere.png"

    def fingerprint(dataset: Dataset, content: bytes, at: Path = file) -> str:
        at.write_bytes(content)
        monkeypatch.setattr(InMemory, "pairs", [make_pair(8, 8)])
        monkeypatch.setattr(InMemory, "files", [at])
        return data_fingerprint(dataset, memory)

    first = fingerprint(InMemory(), b"one")
    assert fingerprint(InMemory(), b"one", moved) == first
    assert fingerprint(InMemory(), b"twoo") != first
    assert fingerprint(InMemory(variant=1), b"one") != first
    there = fingerprint(InMemory(folder="there"), b"one")
    here = fingerprint(InMemory(folder="here"), b"one")
    assert there == here


def test_the_data_fingerprint_follows_the_names_groups_and_parts_of_scenes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fingerprint(key: str, group: str, part: Part | None) -> str:
        scene = Scene(key, group, partial(make_pair, 8, 8), part)
        monkeypatch.setattr(InMemory, "scenes", lambda _: [scene])
        return data_fingerprint(InMemory(), tmp_path / "memory.json")

    scenes: list[tuple[str, str, Part | None]] = [
        ("a", "a", "train"),
        ("b", "a", "train"),
        ("a", "b", "train"),
        ("a", "a", "test"),
        ("a", "a", None),
    ]
    assert len({fingerprint(*scene) for scene in scenes}) == 5
    assert fingerprint(*scenes[0]) == fingerprint(*scenes[0])


def test_overlap_does_not_change_what_the_test_grid_covers() -> None:
    image, mask = make_pair(10, 10)
    scene = Scene("s", "g", lambda: (image, mask))
    for stride in (8, 4, 2):
        patches = cut(scene, image, mask, Patches(size=8, stride=stride, padding="ignore"))
        covered = 0
        for origin, _, mask_patch in patches:
            if origin.row % 8 == 0 and origin.column % 8 == 0:
                covered += int((mask_patch != IGNORE).sum())
        assert covered == 100
