"""The Massachusetts Buildings data set: both layouts, white and red pixels, and what a part of the
data may lack."""

from __future__ import annotations

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
MASK = np.array([[0, 255], [255, 0], [0, 255]], np.uint8)
METADATA = "image_id,split,png_image_path\n1,train,x\n2,train,x\n3,val,x\n4,test,x\n"
RGB = np.stack([MASK] * 3, 2)
IMAGE = np.array(
    [[[1, 2, 3], [255, 255, 255]], [[255, 255, 254], [0, 0, 0]], [[255, 255, 255], [9, 8, 7]]],
    np.uint8,
)


def add(root: Path, part: str, stem: str, layout: str = "png") -> None:
    """One image of 3 x 2 pixels, two of them white, and its mask."""
    image, mask = SUFFIXES[layout]
    save(root / layout / part / f"{stem}{image}", IMAGE)
    save(root / layout / f"{part}_labels" / f"{stem}{mask}", RGB)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three images as PNG, one of them as TIFF too, and the files that come with the data."""
    root = tmp_path / "massachusetts-buildings"
    for part, stem in (("train", "2"), ("train", "1"), ("val", "3")):
        add(root, part, stem)
    add(root, "train", "1", "tiff")
    for name in ("label_class_dict.csv", "png/train/._1.png", "png/train/notes.txt"):
        (root / name).write_text("name,r,g,b\n")
    (root / "metadata.csv").write_text(METADATA)
    return root


def at(root: Path, **fields: Any) -> MassachusettsBuildings:
    return MassachusettsBuildings(folder=str(root), **fields)


def test_contract() -> None:
    check_component(MassachusettsBuildings)


def test_scenes_are_by_part_and_name_with_the_image_as_group(root: Path) -> None:
    scenes = at(root).scenes()
    assert [(scene.key, scene.group, scene.part) for scene in scenes] == [
        ("train/1", "1", "train"),
        ("train/2", "2", "train"),
        ("val/3", "3", "validation"),
    ]
    assert scenes[2].files == (root / "png/val/3.png", root / "png/val_labels/3.png")
    assert [one.name for one in at(root).classes] == ["background", "building"]


@pytest.mark.parametrize("layout", ["png", "tiff"])
def test_layouts_hold_the_same(root: Path, layout: str) -> None:
    image, mask = at(root, layout=layout, no_data="keep").scenes()[0].read()
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(mask, MASK // 255)
    assert image.dtype == mask.dtype == np.uint8


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
        at(root).scenes()
    (root / "metadata.csv").unlink()
    assert len(at(root).scenes()) == 3


def test_pure_white_is_ignored_whatever_the_mask_says(root: Path) -> None:
    _, mask = at(root).scenes()[0].read()
    assert mask.tolist() == [[0, IGNORE], [1, 0], [IGNORE, 1]]


def test_bgr_turns_the_image_and_leaves_the_mask(root: Path) -> None:
    images, masks = zip(
        *(at(root, channels=channels).scenes()[0].read() for channels in ("rgb", "bgr")),
        strict=True,
    )
    np.testing.assert_array_equal(images[1], images[0][..., ::-1])
    np.testing.assert_array_equal(masks[1], masks[0])


def test_the_original_masks_are_red(root: Path) -> None:
    save(root / "tiff/train_labels/1.tif", RGB * np.array([1, 0, 0], np.uint8))
    _, mask = at(root, layout="tiff", no_data="keep").scenes()[0].read()
    np.testing.assert_array_equal(mask, MASK // 255)


def test_where_the_files_are_does_not_change_the_key() -> None:
    assert (
        MassachusettsBuildings(folder="x", layout="tiff").identity()
        == MassachusettsBuildings().identity()
    )


def test_a_missing_folder_names_variable_layout_and_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    with pytest.raises(Exception, match="no folder") as caught:
        MassachusettsBuildings().scenes()
    expected = (
        f"no folder {tmp_path}/massachusetts-buildings/png",
        f"HARNESS_DATA (now {tmp_path})",
        "V. Mnih",
        "PhD thesis",
        "2013",
    )
    for part in (
        *expected,
        "png/{train,val,test}/*.png",
        "png/{train,val,test}_labels/*.png",
        "tiff",
    ):
        assert part in str(caught.value)


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
        at(root).scenes()


def test_a_layout_without_images(root: Path) -> None:
    (root / "png").rename(root / "elsewhere")
    (root / "png" / "train").mkdir(parents=True)
    with fails(r"massachusetts-buildings/png has no images\. Set HARNESS_DATA"):
        at(root).scenes()


def test_an_image_in_two_parts(root: Path) -> None:
    add(root, "test", "2")
    with fails(r"png/test/2\.png: the same image is in train"):
        at(root).scenes()


@pytest.mark.parametrize(
    ("name", "pixels", "message"),
    [
        (
            "png/train_labels/1.png",
            RGB - RGB // 255,
            r"train_labels/1\.png: colour #fefefe is neither background nor building",
        ),
        (
            "png/train_labels/1.png",
            RGB * np.array([1, 0, 0], np.uint8),
            r"colour #ff0000 is neither",
        ),
        ("png/train_labels/1.png", MASK, r"train_labels/1\.png: has no colours"),
        (
            "png/train_labels/1.png",
            RGB[:2],
            r"train/1\.png is 3 x 2 pixels .* mask .*train_labels/1\.png 2 x 2",
        ),
        ("png/train/1.png", noise(3, 2, 4), r"train/1\.png: has 4 bands, not 3"),
    ],
)
def test_a_changed_file(root: Path, name: str, pixels: Any, message: str) -> None:
    save(root / name, pixels)
    with fails(message):
        at(root).scenes()[0].read()


def test_a_damaged_file(root: Path) -> None:
    scene = at(root).scenes()[0]
    scene.files[0].write_bytes(scene.files[0].read_bytes()[:-20])
    with fails(f"{re.escape(str(scene.files[0]))}: cannot be read, is missing or damaged"):
        scene.read()


@pytest.mark.parametrize(("padding", "filled"), [("background", 0), ("ignore", IGNORE)])
def test_an_image_of_1500_pixels_is_9_slices_of_512(
    tmp_path: Path, padding: Any, filled: int
) -> None:
    save(tmp_path / "png/train/1.png", np.full((1500, 1500, 3), 7, np.uint8))
    save(tmp_path / "png/train_labels/1.png", np.full((1500, 1500, 3), 255, np.uint8))
    [scene] = at(tmp_path).scenes()
    slices = list(cut(scene, *scene.read(), Patches(size=512, padding=padding)))
    assert [(origin.row, origin.column) for origin, _, _ in slices] == [
        (row, column) for row in (0, 512, 1024) for column in (0, 512, 1024)
    ]
    masks = np.stack([mask for _, _, mask in slices])
    assert (masks == 1).sum() == 1500**2
    # 4.63 % of the slices, 36 pixels at the bottom and at the right
    assert (masks == filled).sum() == 1536**2 - 1500**2
    assert (masks[-1, -36:] == filled).all()
    assert (masks[-1, :, -36:] == filled).all()
    assert not slices[-1][1][-36:].any()


REAL = Path(os.environ.get("HARNESS_DATA") or "data") / "massachusetts-buildings"


@pytest.mark.skipif(
    not REAL.is_dir(),
    reason=f"the Massachusetts Buildings data is not there: no folder {REAL} (set HARNESS_DATA)",
)
def test_real_images_have_the_known_shares() -> None:
    kept, scenes = (at(REAL.resolve(), no_data=no_data).scenes() for no_data in ("keep", "ignore"))
    by_key = {scene.key: scene for scene in scenes}
    white = {}
    for key in ("train/23279035_15", "train/23878915_15"):
        image, mask = by_key[key].read()
        assert image.shape == (1500, 1500, 3)
        white[key] = (mask == IGNORE).mean()
    assert list(white.values()) == pytest.approx([0.4423, 0.2802], abs=1e-4)
    whole = {scene.key: scene.read()[1] for scene in kept if scene.key in by_key}
    assert (whole["val/23579050_15"] == 1).mean() == pytest.approx(0.144, abs=5e-4)
    # three saturated pixels, no missing photograph
    assert (by_key["val/23579050_15"].read()[1] == IGNORE).sum() == 3
    hidden = by_key["train/23279035_15"].read()[1] == IGNORE
    assert whole["train/23279035_15"][hidden].mean() > 0.2  # buildings where there is no photograph
