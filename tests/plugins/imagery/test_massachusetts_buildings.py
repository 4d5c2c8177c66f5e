"""The Massachusetts Buildings data set: both layouts, white and red pixels, and what a part of the
data may lack."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import fails, noise, save

from harness.api import IGNORE
from harness.run.patches import cut
from harness.scenario.settings import Patches
from harness.testing import check_component
from harness_imagery.massachusetts_buildings import MassachusettsBuildings

SUFFIXES = {"png": (".png", ".png"), "tiff": (".tiff", ".tif")}
"""Of images and of masks, in each layout."""
METADATA = "image_id,split,png_image_path\n1,train,x\n2,train,x\n3,val,x\n4,test,x\n"
IMAGE = np.array(
    [
        [[1, 2, 3], [255, 255, 255]],
        [[255, 255, 254], [0, 0, 0]],
        [[255, 255, 255], [9, 8, 7]],
    ],
    np.uint8,
)
"""3 x 2 pixels, two of them white, and one nearly so."""
BUILDINGS = np.array([[0, 1], [1, 0], [0, 1]], np.uint8)
WHITE_BUILDINGS = np.stack([255 * BUILDINGS] * 3, 2)
RED_BUILDINGS = WHITE_BUILDINGS * np.array([1, 0, 0], np.uint8)
"""As the original masks have them."""


def add_image(root: Path, part: str, stem: str, layout: str = "png") -> None:
    """Write an image and its mask."""
    image_suffix, mask_suffix = SUFFIXES[layout]
    save(root / layout / part / f"{stem}{image_suffix}", IMAGE)
    save(root / layout / f"{part}_labels" / f"{stem}{mask_suffix}", WHITE_BUILDINGS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three images as PNG, one of them as TIFF too, and the files that come with the data."""
    root = tmp_path / "massachusetts-buildings"
    add_image(root, "train", "2")
    add_image(root, "train", "1")
    add_image(root, "val", "3")
    add_image(root, "train", "1", "tiff")
    # Files that are no images, the second one a leftover of macOS.
    for name in ("label_class_dict.csv", "png/train/._1.png", "png/train/notes.txt"):
        (root / name).write_text("name,r,g,b\n")
    (root / "metadata.csv").write_text(METADATA)
    return root


def dataset_at(root: Path, **fields: Any) -> MassachusettsBuildings:
    return MassachusettsBuildings(folder=str(root), **fields)


def test_contract() -> None:
    check_component(MassachusettsBuildings)


def test_scenes_are_by_part_and_name_with_the_image_as_group(root: Path) -> None:
    scenes = dataset_at(root).scenes()
    assert [(scene.key, scene.group, scene.part) for scene in scenes] == [
        ("train/1", "1", "train"),
        ("train/2", "2", "train"),
        ("val/3", "3", "validation"),
    ]
    assert scenes[2].files == (root / "png/val/3.png", root / "png/val_labels/3.png")
    names = [segmentation_class.name for segmentation_class in dataset_at(root).classes]
    assert names == ["background", "building"]


@pytest.mark.parametrize("layout", ["png", "tiff"])
def test_layouts_hold_the_same(root: Path, layout: str) -> None:
    image, mask = dataset_at(root, layout=layout, no_data="keep").scenes()[0].read()
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(mask, BUILDINGS)
    assert image.dtype == np.uint8
    assert mask.dtype == np.uint8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            METADATA.replace("2,train", "2,test"),
            r"png/train/2\.png: .*metadata\.csv lists it in test: move the image",
        ),
        (METADATA.replace("3,val", "5,val"), r"png/val/3\.png: .*metadata\.csv does not list it"),
        ("name,r,g,b\n", r"metadata\.csv:1: lacks the columns image_id and split"),
    ],
)
def test_images_are_where_the_metadata_list_them(root: Path, text: str, message: str) -> None:
    (root / "metadata.csv").write_text(text)
    with fails(message):
        dataset_at(root).scenes()
    (root / "metadata.csv").unlink()
    assert len(dataset_at(root).scenes()) == 3


def test_pure_white_is_ignored_whatever_the_mask_says(root: Path) -> None:
    _, mask = dataset_at(root).scenes()[0].read()
    assert mask.tolist() == [[0, IGNORE], [1, 0], [IGNORE, 1]]


def test_bgr_turns_the_image_and_leaves_the_mask(root: Path) -> None:
    rgb_image, rgb_mask = dataset_at(root, channels="rgb").scenes()[0].read()
    bgr_image, bgr_mask = dataset_at(root, channels="bgr").scenes()[0].read()
    np.testing.assert_array_equal(bgr_image, rgb_image[..., ::-1])
    np.testing.assert_array_equal(bgr_mask, rgb_mask)


def test_the_original_masks_are_red(root: Path) -> None:
    save(root / "tiff/train_labels/1.tif", RED_BUILDINGS)
    _, mask = dataset_at(root, layout="tiff", no_data="keep").scenes()[0].read()
    np.testing.assert_array_equal(mask, BUILDINGS)


def test_where_the_files_are_does_not_change_the_key() -> None:
    dataset = MassachusettsBuildings()
    moved = MassachusettsBuildings(folder="x", layout="tiff")
    assert moved.identity() == dataset.identity()


def test_a_missing_folder_names_variable_layout_and_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    with pytest.raises(Exception, match="no folder") as caught:
        MassachusettsBuildings().scenes()
    message = str(caught.value)
    for words in (
        f"no folder {tmp_path}/massachusetts-buildings/png",
        f"HARNESS_DATA (now {tmp_path})",
        "V. Mnih",
        "PhD thesis",
        "2013",
        "png/{train,val,test}/*.png",
        "png/{train,val,test}_labels/*.png",
        "tiff",
    ):
        assert words in message


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (
            "png/train_labels/2.png",
            r"png/train/2\.png has no mask .*png/train_labels/2\.png\. Set HARNESS_DATA",
        ),
        ("png/val/3.png", r"png/val_labels/3\.png has no image .*png/val/3\.png\. Set"),
        ("png/val_labels", r"png/val/3\.png has no mask"),
        ("png/train", r"png/train_labels/1\.png has no image"),
    ],
)
def test_images_and_masks_must_pair_up(root: Path, gone: str, message: str) -> None:
    (root / gone).rename(root / "elsewhere")
    with fails(message):
        dataset_at(root).scenes()


def test_a_layout_without_images(root: Path) -> None:
    (root / "png").rename(root / "elsewhere")
    (root / "png" / "train").mkdir(parents=True)
    with fails(r"massachusetts-buildings/png has no images\. Set HARNESS_DATA"):
        dataset_at(root).scenes()


def test_an_image_in_two_parts(root: Path) -> None:
    add_image(root, "test", "2")
    with fails(r"png/test/2\.png: the same image is in train"):
        dataset_at(root).scenes()


@pytest.mark.parametrize(
    ("name", "pixels", "message"),
    [
        (
            "png/train_labels/1.png",
            np.minimum(WHITE_BUILDINGS, 254),
            r"train_labels/1\.png: colour #fefefe is neither background nor building",
        ),
        (
            "png/train_labels/1.png",
            RED_BUILDINGS,
            r"colour #ff0000 is neither",
        ),
        ("png/train_labels/1.png", 255 * BUILDINGS, r"train_labels/1\.png: has no colours"),
        (
            "png/train_labels/1.png",
            WHITE_BUILDINGS[:2],
            r"train/1\.png is 3 x 2 pixels .* mask .*train_labels/1\.png 2 x 2",
        ),
        ("png/train/1.png", noise(3, 2, 4), r"train/1\.png: has 4 bands, not 3"),
    ],
)
def test_a_changed_file(root: Path, name: str, pixels: Any, message: str) -> None:
    save(root / name, pixels)
    with fails(message):
        dataset_at(root).scenes()[0].read()


def test_a_damaged_file(root: Path) -> None:
    scene = dataset_at(root).scenes()[0]
    image = scene.files[0]
    image.write_bytes(image.read_bytes()[:-20])
    with fails(f"{re.escape(str(image))}: cannot be read, is missing or damaged"):
        scene.read()


@pytest.mark.parametrize(("padding", "filled"), [("background", 0), ("ignore", IGNORE)])
def test_an_image_of_1500_pixels_is_9_slices_of_512(
    tmp_path: Path, padding: Any, filled: int
) -> None:
    # All of it is buildings.
    save(tmp_path / "png/train/1.png", np.full((1500, 1500, 3), 7, np.uint8))
    save(tmp_path / "png/train_labels/1.png", np.full((1500, 1500, 3), 255, np.uint8))
    [scene] = dataset_at(tmp_path).scenes()
    slices = list(cut(scene, *scene.read(), Patches(size=512, padding=padding)))
    corners = [(origin.row, origin.column) for origin, _, _ in slices]
    assert corners == list(itertools.product((0, 512, 1024), (0, 512, 1024)))

    masks = np.stack([mask for _, _, mask in slices])
    assert (masks == 1).sum() == 1500**2
    # 4.63 % of the slices, 36 pixels at the bottom and at the right.
    assert (masks == filled).sum() == 1536**2 - 1500**2
    _, image, mask = slices[-1]
    assert (mask[-36:] == filled).all()
    assert (mask[:, -36:] == filled).all()
    assert not image[-36:].any()


REAL = Path(os.environ.get("HARNESS_DATA") or "data") / "massachusetts-buildings"


@pytest.mark.data
@pytest.mark.skipif(
    not REAL.is_dir(),
    reason=f"the Massachusetts Buildings data is not there: no folder {REAL} (set HARNESS_DATA)",
)
def test_real_images_have_the_known_shares() -> None:
    # With and without the white pixels, which stand for no photograph.
    whole = {}
    for scene in dataset_at(REAL.resolve(), no_data="keep").scenes():
        whole[scene.key] = scene
    scenes = {}
    for scene in dataset_at(REAL.resolve(), no_data="ignore").scenes():
        scenes[scene.key] = scene

    image, mask = scenes["train/23279035_15"].read()
    assert image.shape == (1500, 1500, 3)
    white = mask == IGNORE
    assert white.mean() == pytest.approx(0.4423, abs=1e-4)
    _, whole_mask = whole["train/23279035_15"].read()
    # There are buildings where there is no photograph.
    assert whole_mask[white].mean() > 0.2

    image, mask = scenes["train/23878915_15"].read()
    assert image.shape == (1500, 1500, 3)
    assert (mask == IGNORE).mean() == pytest.approx(0.2802, abs=1e-4)

    _, whole_mask = whole["val/23579050_15"].read()
    assert (whole_mask == 1).mean() == pytest.approx(0.144, abs=5e-4)
    _, mask = scenes["val/23579050_15"].read()
    # Three saturated pixels, and no missing photograph.
    assert (mask == IGNORE).sum() == 3
