"""The data sets of harness_imagery: what they read, and how each mistake in the user's files is
reported."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import Array, Color, fails, noise, save
from pydantic import ValidationError

from harness.api import IGNORE, InputError, Scene
from harness_imagery import harness_datasets
from harness_imagery.aerial_dubai import AerialDubai
from harness_imagery.image_folder import ImageFolder

RED = (255, 0, 0)
BLUE = (0, 0, 255)
BLACK = (0, 0, 0)
INDEX_PALETTE = "classes: [{name: ground, value: 0}, {name: roof, value: 7}]\nignore: [255]\n"
COLOR_PALETTE = (
    'classes: [{name: ground, color: "#0000ff"}, {name: roof, color: [255, 0, 0]}]\nignore:'
    ' ["#000000"]\n'
)


def colors_at(indices: Array, colors: Sequence[Color]) -> Array:
    """Return the pixels [H, W, 3] of an image of indices [H, W]."""
    return np.array(colors, np.uint8)[indices]


def make_folder(root: Path, names: Sequence[str] = ("a",), palette: str = INDEX_PALETTE) -> Path:
    """Write a correct folder of 4 x 6 images with index masks."""
    root.mkdir(exist_ok=True)
    (root / "palette.yaml").write_text(palette)
    for name in names:
        save(root / "images" / f"{name}.png", noise(4, 6, 3))
        save(root / "masks" / f"{name}.png", np.array([[0, 7, 255, 0, 7, 0]] * 4, np.uint8))
    return root


def scenes_of(root: Path, **fields: Any) -> Sequence[Scene]:
    return ImageFolder(folder=str(root), **fields).scenes()


def only_mask(root: Path, **fields: Any) -> Array:
    """Read the mask of a folder's only scene."""
    [scene] = scenes_of(root, **fields)
    _, mask = scene.read()
    return mask


def only_image(root: Path) -> Array:
    """Read the image of a folder's only scene."""
    [scene] = scenes_of(root)
    image, _ = scene.read()
    return image


def test_the_plugin_offers_its_data_sets() -> None:
    assert [dataset.name for dataset in harness_datasets()] == [
        "aerial-dubai",
        "epfl-em",
        "image-folder",
        "massachusetts-buildings",
    ]


def test_importing_the_plugin_loads_no_reader() -> None:
    command = "import harness_imagery, sys; assert 'rasterio' not in sys.modules"
    subprocess.run([sys.executable, "-c", command], check=True)


@pytest.mark.parametrize("kind", [AerialDubai, ImageFolder])
def test_where_the_data_is_does_not_change_the_key(
    kind: type[AerialDubai] | type[ImageFolder],
) -> None:
    dataset, moved = kind(folder="x"), kind(folder="elsewhere")
    assert moved.settings() != dataset.settings()
    assert moved.identity() == dataset.identity()


class TestImageFolder:
    def test_reads_image_and_index_mask(self, tmp_path: Path) -> None:
        make_folder(tmp_path)
        pixels = noise(3, 2, 3)
        save(tmp_path / "images/a.png", pixels)
        save(tmp_path / "masks/a.png", np.array([[0, 7], [7, 255], [255, 0]], np.uint8))
        [scene] = scenes_of(tmp_path)
        assert (scene.key, scene.group, scene.part) == ("a", "a", None)
        image, mask = scene.read()
        assert image.dtype == np.uint8
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(image, pixels)
        assert mask.tolist() == [[0, 1], [1, IGNORE], [IGNORE, 0]]

    @pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
    @pytest.mark.parametrize("alpha", [False, True])
    def test_reads_colour_masks(self, tmp_path: Path, suffix: str, alpha: bool) -> None:
        make_folder(tmp_path, palette=COLOR_PALETTE)
        indices = noise(4, 6) % 3
        pixels = colors_at(indices, (BLUE, RED, BLACK))
        if alpha:
            pixels = np.concatenate([pixels, noise(4, 6, 1)], axis=2)
        (tmp_path / "masks/a.png").unlink()
        save(tmp_path / f"masks/a{suffix}", pixels)
        expected = np.array([0, 1, IGNORE])[indices]
        np.testing.assert_array_equal(only_mask(tmp_path), expected)

    @pytest.mark.parametrize("suffix", [".png", ".tif"])
    def test_a_paletted_mask_is_read_by_colour_or_else_by_value(
        self, tmp_path: Path, suffix: str
    ) -> None:
        make_folder(tmp_path)
        (tmp_path / "masks/a.png").unlink()
        stored = np.array([[0, 1, 2, 2, 1, 0]] * 4, np.uint8)
        save(tmp_path / f"masks/a{suffix}", stored, {0: BLACK, 1: RED, 2: BLUE})
        (tmp_path / "palette.yaml").write_text(COLOR_PALETTE)
        assert only_mask(tmp_path)[0].tolist() == [IGNORE, 1, 0, 0, 1, IGNORE]
        (tmp_path / "palette.yaml").write_text(
            "classes: [{name: one}, {name: two, value: 2}]\nignore: [1]"
        )
        assert only_mask(tmp_path)[0].tolist() == [0, IGNORE, 1, 1, IGNORE, 0]

    def test_a_paletted_image_is_read_as_rgb(self, tmp_path: Path) -> None:
        stored = np.array([[0, 1, 2, 2, 1, 0]] * 4, np.uint8)
        save(make_folder(tmp_path) / "images/a.png", stored, {0: BLACK, 1: RED, 2: BLUE})
        expected = colors_at(stored, (BLACK, RED, BLUE))
        np.testing.assert_array_equal(only_image(tmp_path), expected)

    @pytest.mark.parametrize("bands", [1, 3, 7])
    def test_images_have_any_number_of_bands(self, tmp_path: Path, bands: int) -> None:
        pixels = noise(4, 6, bands)
        (make_folder(tmp_path) / "images/a.png").unlink()
        save(tmp_path / "images/a.tif", pixels)
        np.testing.assert_array_equal(only_image(tmp_path), pixels)

    def test_value_defaults_to_the_position(self, tmp_path: Path) -> None:
        palette = "classes: [{name: a}, {name: b}, {name: c, value: 7}]\nignore: [255]"
        make_folder(tmp_path, palette=palette)
        assert only_mask(tmp_path)[0].tolist() == [0, 2, IGNORE, 0, 2, 0]

    def test_classes_keep_their_colours_and_the_others_get_distinct_ones(
        self, tmp_path: Path
    ) -> None:
        classes: list[dict[str, Any]] = [{"name": f"c{index}"} for index in range(20)]
        make_folder(tmp_path, palette=json.dumps({"classes": classes}))
        dataset = ImageFolder(folder=str(tmp_path))
        names = [segmentation_class.name for segmentation_class in dataset.classes]
        assert names == [f"c{index}" for index in range(20)]
        colors = [segmentation_class.color for segmentation_class in dataset.classes]
        assert len(set(colors)) == 20

        # The fourth class takes the colour that the first one was given.
        classes[3]["color"] = list(colors[0])
        (tmp_path / "palette.yaml").write_text(json.dumps({"classes": classes}))
        new_colors = [segmentation_class.color for segmentation_class in dataset.classes]
        assert new_colors[3] == colors[0]
        assert len(set(new_colors)) == 20

    def test_generated_colours_do_not_read_colour_masks(self, tmp_path: Path) -> None:
        make_folder(tmp_path, palette='classes: [{name: a}, {name: b, color: "#ff0000"}]')
        generated = ImageFolder(folder=str(tmp_path)).classes[0].color
        save(tmp_path / "masks/a.png", np.full((4, 6, 3), generated, np.uint8))
        with fails("the mask holds colour #{:02x}{:02x}{:02x}".format(*generated)):
            only_mask(tmp_path)

    def test_scenes_are_sorted_and_paired_by_path_and_decode_nothing(self, tmp_path: Path) -> None:
        make_folder(tmp_path, ["t2/b", "t1/b", "c", "a.x"])
        # No image of nothing can be decoded.
        for file in tmp_path.rglob("*.png"):
            file.write_bytes(b"")
        (tmp_path / "images/Thumbs.db").write_bytes(b"")
        (tmp_path / "images/._c.png").write_bytes(b"")
        scenes = scenes_of(tmp_path)
        assert [scene.key for scene in scenes] == ["a.x", "c", "t1/b", "t2/b"]
        assert scenes[2].files == (
            tmp_path / "images/t1/b.png",
            tmp_path / "masks/t1/b.png",
            tmp_path / "palette.yaml",
        )

    def test_linked_folders_are_followed(self, tmp_path: Path) -> None:
        elsewhere = make_folder(tmp_path / "elsewhere", ["b"])
        root = make_folder(tmp_path / "root", ["a"])
        for kind in ("images", "masks"):
            (root / kind / "tile").symlink_to(elsewhere / kind)
        assert [scene.key for scene in scenes_of(root)] == ["a", "tile/b"]

    def test_folder_is_below_the_data_root_or_absolute(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_folder(tmp_path / "mine")
        monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
        [scene] = ImageFolder(folder="mine").scenes()
        [scene_of_absolute_folder] = ImageFolder(folder=str(tmp_path / "mine")).scenes()
        assert scene.files == scene_of_absolute_folder.files
        with fails(f"no folder {tmp_path}/other.*HARNESS_DATA"):
            ImageFolder(folder="other").scenes()
        with fails("HARNESS_DATA"):
            _ = ImageFolder(folder="other").classes

    def test_other_names_of_sub_folders(self, tmp_path: Path) -> None:
        make_folder(tmp_path)
        (tmp_path / "images").rename(tmp_path / "img")
        (tmp_path / "masks").rename(tmp_path / "gt")
        (tmp_path / "palette.yaml").rename(tmp_path / "classes.json")
        (tmp_path / "classes.json").write_text(
            '{"classes": [{"name": "a"}, {"name": "b", "value": 7}], "ignore": [255]}'
        )
        mask = only_mask(tmp_path, images="img", masks="gt", palette="classes.json")
        assert mask[0, :3].tolist() == [0, 1, IGNORE]

    def test_split_folders(self, tmp_path: Path) -> None:
        make_folder(tmp_path)
        for kind in ("images", "masks"):
            for name in ("test", "val", "train"):
                shutil.copytree(tmp_path / kind, tmp_path / name / kind)
            shutil.rmtree(tmp_path / kind)
        parts = [(scene.key, scene.part) for scene in scenes_of(tmp_path)]
        assert parts == [("train/a", "train"), ("val/a", "validation"), ("test/a", "test")]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("splits.csv", "image,split\nt1/a,train\nt1/b.png,val\nc,test\n"),
            (
                "splits.csv",
                "\ufeffsplit,image\r\ntrain,./t1/a.png\r\nvalidation, b\r\ntest,c.png\r\n",
            ),
            ("splits.yaml", "train: [t1/a]\nvalidation: [b]\ntest:\n  - c\n"),
            ("splits.json", '{"train": ["a.png"], "val": ["t1/b"], "test": ["c"]}'),
        ],
    )
    def test_split_file(self, tmp_path: Path, name: str, text: str) -> None:
        make_folder(tmp_path, ["t1/a", "t1/b", "c"])
        (tmp_path / name).write_text(text, encoding="utf-8")
        scenes = scenes_of(tmp_path, splits=name)
        parts = {scene.key: scene.part for scene in scenes}
        assert parts == {"t1/a": "train", "t1/b": "validation", "c": "test"}
        for scene in scenes:
            assert scene.group == scene.key
            assert scene.files[-1] == tmp_path / name

    def test_groups_from_the_split_file(self, tmp_path: Path) -> None:
        make_folder(tmp_path, ["a", "b", "c"])
        (tmp_path / "s.csv").write_text("image,split,group\na,train,one\nb,train,one\nc,test,two\n")
        groups = [scene.group for scene in scenes_of(tmp_path, splits="s.csv")]
        assert groups == ["one", "one", "two"]
        with fails(r"s\.csv: has a column group, and `group` is set as well"):
            scenes_of(tmp_path, splits="s.csv", group="(.)")

    def test_groups_from_a_regular_expression(self, tmp_path: Path) -> None:
        make_folder(tmp_path, ["t1/a", "t1/b", "t2/a"])
        groups = [scene.group for scene in scenes_of(tmp_path, group=r"^(t\d)/")]
        assert groups == ["t1", "t1", "t2"]
        with fails("finds no group in the image 't2/a'"):
            scenes_of(tmp_path, group="(t1)")

    @pytest.mark.parametrize(
        ("pattern", "message"),
        [
            ("t1", "has 0 groups"),
            ("(a)(b)", "has 2 groups"),
            ("(", "no regular expression"),
        ],
    )
    def test_wrong_regular_expressions_are_refused(self, pattern: str, message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            ImageFolder(folder="x", group=pattern)

    def test_a_group_must_not_be_divided_by_the_split(self, tmp_path: Path) -> None:
        make_folder(tmp_path, ["t1/a", "t1/b"])
        (tmp_path / "s.yaml").write_text("train: [a]\ntest: [b]")
        with fails("group 't1' is divided: image t1/a is in train and t1/b in test"):
            scenes_of(tmp_path, splits="s.yaml", group="(t1)")


class TestImageFolderMistakesInPixels:
    @pytest.mark.parametrize(
        ("palette", "pixels", "message"),
        [
            (
                INDEX_PALETTE,
                np.full((4, 6), 3, np.uint8),
                (
                    r"masks/a\.png: the mask holds value 3: add it to `classes` or to `ignore` in"
                    r" .*palette"
                ),
            ),
            (
                COLOR_PALETTE,
                np.full((4, 6, 3), 16, np.uint8),
                r"masks/a\.png: the mask holds colour #101010: add it to `classes` or to `ignore`",
            ),
            (
                INDEX_PALETTE,
                np.zeros((4, 6, 3), np.uint8),
                r"masks/a\.png: is a colour mask, but no class has a colour.*palette\.yaml",
            ),
            (
                INDEX_PALETTE,
                np.zeros((4, 6, 2), np.uint8),
                r"masks/a\.png: a mask has 1 band.*this one has 2",
            ),
            (
                INDEX_PALETTE,
                np.zeros((4, 6), np.uint16),
                r"masks/a\.png: has uint16 pixels: convert it to 8 bits",
            ),
            (
                INDEX_PALETTE,
                np.zeros((4, 5), np.uint8),
                r"images/a\.png is 4 x 6 .* mask .*masks/a\.png 4 x 5",
            ),
        ],
    )
    def test_mask(self, tmp_path: Path, palette: str, pixels: Array, message: str) -> None:
        save(make_folder(tmp_path, palette=palette) / "masks/a.png", pixels)
        with fails(message):
            only_mask(tmp_path)

    def test_unknown_colour_of_a_paletted_mask_names_the_other_way_to_read_it(
        self, tmp_path: Path
    ) -> None:
        make_folder(tmp_path, palette=COLOR_PALETTE)
        colormap = {0: RED, 1: (1, 2, 3)}
        save(tmp_path / "masks/a.png", np.ones((4, 6), np.uint8), colormap)
        with fails("colour #010203: .* leave out the colours"):
            only_mask(tmp_path)

    def test_a_jpeg_mask_is_refused_only_where_compression_changed_it(self, tmp_path: Path) -> None:
        make_folder(tmp_path)
        (tmp_path / "masks/a.png").unlink()
        # Of one value, which compression keeps.
        save(tmp_path / "masks/a.jpg", np.full((4, 6), 7, np.uint8))
        assert (only_mask(tmp_path) == 1).all()
        save(tmp_path / "masks/a.jpg", np.array([[0, 7, 0, 7, 255, 0]] * 4, np.uint8))
        with fails(
            r"masks/a\.jpg: the mask holds value .* JPEG compression changes labels: save masks"
            r" as PNG"
        ):
            only_mask(tmp_path)

    def test_sixteen_bit_image(self, tmp_path: Path) -> None:
        save(make_folder(tmp_path) / "images/a.png", np.zeros((4, 6), np.uint16))
        with fails(r"images/a\.png: has uint16 pixels: convert it to 8 bits"):
            only_mask(tmp_path)

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["images", "masks"])
    @pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
    @pytest.mark.parametrize("kept", [0.0, 0.01, 0.6, 0.99])
    @pytest.mark.parametrize("bands", [1, 3])
    def test_truncated_files(
        self, tmp_path: Path, kind: str, suffix: str, kept: float, bands: int
    ) -> None:
        # Any value and any grey that may be left in a damaged mask is a class.
        classes = [{"name": str(value), "color": [value] * 3} for value in range(255)]
        make_folder(tmp_path, palette=json.dumps({"classes": classes}))
        (tmp_path / kind / "a.png").unlink()
        file = save(tmp_path / kind / f"a{suffix}", noise(200, 300, bands))
        content = file.read_bytes()
        file.write_bytes(content[: int(kept * len(content))])
        with fails(rf"{kind}/a\{suffix}: cannot be read, is missing or damaged: \S"):
            only_mask(tmp_path)

    def test_a_jpeg_damaged_inside(self, tmp_path: Path) -> None:
        (make_folder(tmp_path) / "images/a.png").unlink()
        file = save(tmp_path / "images/a.jpg", noise(200, 300, 3))
        content = file.read_bytes()
        middle = len(content) // 2
        # A restart marker where none belongs.
        file.write_bytes(content[:middle] + b"\xff\xd0" + content[middle:])
        with fails(r"images/a\.jpg: cannot be read, is missing or damaged: libjpeg"):
            only_mask(tmp_path)

    def test_a_file_removed_after_listing(self, tmp_path: Path) -> None:
        [scene] = scenes_of(make_folder(tmp_path))
        (tmp_path / "images/a.png").unlink()
        with fails(r"images/a\.png: cannot be read, is missing or damaged"):
            scene.read()

    def test_a_tiff_of_several_pages_is_not_read_in_part(self, tmp_path: Path) -> None:
        (make_folder(tmp_path) / "images/a.png").unlink()
        file = save(tmp_path / "images/a.tif", noise(4, 6, 1))
        save(file, noise(4, 6, 1), APPEND_SUBDATASET="YES")
        with fails(r"images/a\.tif: holds 2 pages"):
            only_mask(tmp_path)

    def test_another_format_behind_the_suffix(self, tmp_path: Path) -> None:
        source = (
            '<SourceFilename relativeToVRT="1">b.png</SourceFilename><SourceBand>1</SourceBand>'
        )
        band = (
            '<VRTRasterBand dataType="Byte"'
            f' band="1"><SimpleSource>{source}</SimpleSource></VRTRasterBand>'
        )
        (make_folder(tmp_path) / "images/a.png").write_text(
            f'<VRTDataset rasterXSize="6" rasterYSize="4">{band}</VRTDataset>'
        )
        with fails(r"images/a\.png: is a VRT file: use PNG, TIFF or JPEG"):
            only_mask(tmp_path)

    def test_a_file_beside_a_mask_does_not_change_it(self, tmp_path: Path) -> None:
        make_folder(
            tmp_path, palette=INDEX_PALETTE.replace("value: 7", 'value: 7, color: "#ff0000"')
        )
        (tmp_path / "masks/a.png").unlink()
        save(tmp_path / "masks/a.tif", np.full((4, 6), 7, np.uint8))
        table = '<ColorTable><Entry c1="1" c2="2" c3="3" c4="255"/></ColorTable>'
        band = f'<PAMRasterBand band="1"><ColorInterp>Palette</ColorInterp>{table}</PAMRasterBand>'
        (tmp_path / "masks/a.tif.aux.xml").write_text(f"<PAMDataset>{band}</PAMDataset>")
        assert (only_mask(tmp_path) == 1).all()


class TestImageFolderMistakesInLayout:
    def test_image_without_mask(self, tmp_path: Path) -> None:
        (make_folder(tmp_path, ["a", "b"]) / "masks/b.png").unlink()
        with fails(r"images/b\.png: has no mask: expected .*masks/b"):
            scenes_of(tmp_path)

    def test_mask_without_image(self, tmp_path: Path) -> None:
        (make_folder(tmp_path, ["a", "b"]) / "images/b.png").unlink()
        with fails(r"masks/b\.png: is a mask without an image"):
            scenes_of(tmp_path)

    def test_two_images_of_one_name(self, tmp_path: Path) -> None:
        save(make_folder(tmp_path) / "images/a.tif", noise(4, 6, 3))
        with fails(r"images/a\.tif: differs from a\.png only by suffix"):
            scenes_of(tmp_path)

    def test_no_images(self, tmp_path: Path) -> None:
        (make_folder(tmp_path) / "images/a.png").rename(tmp_path / "images/a.bmp")
        with fails(r"images: holds no image \(\.png, "):
            scenes_of(tmp_path)

    def test_no_layout(self, tmp_path: Path) -> None:
        (make_folder(tmp_path) / "images").rename(tmp_path / "imagery")
        with fails("has neither images/ and masks/ nor train/images/"):
            scenes_of(tmp_path)

    def test_no_masks(self, tmp_path: Path) -> None:
        shutil.rmtree(make_folder(tmp_path) / "masks")
        with fails("masks: no such folder, for the masks of"):
            scenes_of(tmp_path)

    def test_both_layouts(self, tmp_path: Path) -> None:
        shutil.copytree(make_folder(tmp_path) / "images", tmp_path / "train/images")
        with fails("holds images and also train/images: keep one"):
            scenes_of(tmp_path)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("valid", "valid: .* is no split. Did you mean 'val"),
            ("validation", "both val and validation"),
        ],
    )
    def test_split_folders_that_would_be_overlooked_or_mixed_up(
        self, tmp_path: Path, name: str, message: str
    ) -> None:
        for split in ("train", "val", name):
            make_folder(tmp_path / split)
        (tmp_path / "palette.yaml").write_text(INDEX_PALETTE)
        with fails(message):
            scenes_of(tmp_path)

    @pytest.mark.parametrize(
        ("images", "masks"),
        [
            ("images", "images"),
            (".", "masks"),
            ("images", "images/masks"),
        ],
    )
    def test_images_and_masks_in_one_folder(self, tmp_path: Path, images: str, masks: str) -> None:
        with fails("neither folder may be in the other"):
            scenes_of(make_folder(tmp_path), images=images, masks=masks)

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("s.csv", "image,split\na,train\nz,test\n", r"s\.csv, line 3: no image 'z'"),
            ("s.csv", "image,split\ntile-l,train\n", r"no image 'tile-l'. Did you mean 'tile-1'\?"),
            ("s.csv", "image,split\na,train\n", r"s\.csv: does not assign image d1/same"),
            (
                "s.csv",
                "image,split\na,train\na.png,test\n",
                r"s\.csv, line 3: image a is assigned twice",
            ),
            (
                "s.csv",
                "image,split\na,tests\n",
                r"s\.csv, line 2: no split 'tests'. Did you mean 'test'\?",
            ),
            (
                "s.csv",
                "image,split\nsame,test\n",
                r"'same' may be d1/same or d2/same: write its path",
            ),
            (
                "s.csv",
                "image,splits\na,test\n",
                r"s\.csv: unknown column 'splits'. Did you mean 'split'\?",
            ),
            ("s.csv", "image\na\n", r"s\.csv: lacks the column 'split'"),
            ("s.csv", "", r"s\.csv: lacks the column 'image'"),
            ("s.csv", "image,split\na\n", r"s\.csv, line 2: needs one value in each column"),
            (
                "s.csv",
                "image,split\na,train,t1\n",
                r"s\.csv, line 2: needs one value in each column",
            ),
            (
                "s.csv",
                "image,split,group\na,train,\n",
                r"s\.csv, line 2: needs one value in each column",
            ),
            ("s.csv", None, r"s\.csv is missing: it is a CSV file with the columns image,split"),
            ("s.yaml", None, r"s\.yaml is missing: it is a CSV file with the columns image,split"),
            ("s.yaml", "train: [a, z]", r"s\.yaml: train\[1\]: no image 'z'"),
            (
                "s.yaml",
                "train: [001]",
                r"s\.yaml: train\[0\]: 1 is no text: put the image's name in quotes",
            ),
            ("s.yaml", "train: a", r"s\.yaml: train: must be a list of images"),
            ("s.yaml", "[a]", r"s\.yaml: is no mapping"),
            ("s.yaml", "training: [a]", r"no split 'training'. Did you mean 'train'\?"),
            ("s.yaml", "train: [", r"s\.yaml: is neither YAML nor JSON"),
        ],
    )
    def test_split_file(self, tmp_path: Path, name: str, text: str | None, message: str) -> None:
        make_folder(tmp_path, ["a", "d1/same", "d2/same", "tile-1"])
        if text is not None:
            (tmp_path / name).write_text(text)
        with fails(message):
            scenes_of(tmp_path, splits=name)

    def test_split_file_that_is_not_text(self, tmp_path: Path) -> None:
        (make_folder(tmp_path) / "s.csv").write_bytes(b"\xff\xfe\x00")
        with fails(r"s\.csv: is no CSV file in UTF-8"):
            scenes_of(tmp_path, splits="s.csv")

    def test_split_file_beside_split_folders(self, tmp_path: Path) -> None:
        make_folder(tmp_path / "train")
        (tmp_path / "train/palette.yaml").rename(tmp_path / "palette.yaml")
        (tmp_path / "s.yaml").write_text("train: [a]")
        with fails(r"s\.yaml: .* has split folders already"):
            scenes_of(tmp_path, splits="s.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"palette\.yaml is missing: it names the classes"),
        ("", "has no classes"),
        ("classes: [", "is neither YAML nor JSON"),
        ("classes: []", "classes: list should have at least 1 item"),
        ("ignore: [255]", "classes: field required"),
        ("classes: [{name: a}]\nignored: [255]", "ignored: unknown key. Did you mean 'ignore'"),
        (
            "classes: [{name: a, colour: '#000000'}]",
            r"classes\[0\]\.colour: unknown key. Did you mean 'color'",
        ),
        ("classes: [{value: 0}]", r"classes\[0\]\.name: field required"),
        ("classes: [{name: no}]", r"classes\[0\]\.name: input should be a valid string"),
        (
            "classes: [{name: a}, {name: a}]",
            r"classes\[1\]\.name: 'a' is taken already, by classes\[0\]\.name",
        ),
        (
            "classes: [{name: a, value: 4}, {name: b, value: 4}]",
            r"classes\[1\]\.value: 4 is taken already, by classes\[0\]\.value",
        ),
        (
            "classes: [{name: a, value: 1}, {name: b}]",
            r"classes\[1\] \(its position is its value\): 1 is taken already",
        ),
        ("classes: [{name: a}]\nignore: [0]", r"ignore\[0\]: 0 is taken already, by classes\[0\]"),
        (
            "classes: [{name: a, color: '#0a0000'}, {name: b, color: [10, 0, 0]}]",
            r"classes\[1\]\.color: #0a0000 is taken already",
        ),
        (
            "classes: [{name: a, color: [0, 0, 1]}]\nignore: [255, '#000001']",
            r"ignore\[1\]: #000001 is taken already",
        ),
        (
            "classes: [{name: a, color: red}]",
            r"classes\[0\]\.color: 'red' is no colour: write \"#rrggbb\"",
        ),
        (
            "classes: [{name: a, color: 000000}]",
            r"classes\[0\]\.color: 0 is no colour: write \"#rrggbb\", with the quotes",
        ),
        (
            "classes:\n  - name: a\n    color: #ff0000",
            r"classes\[0\]\.color: None is no colour: write \"#rrggbb\", with the quotes",
        ),
        (
            "classes: [{name: a, color: [0, 0, 256]}]",
            r"classes\[0\]\.color: \[0, 0, 256\] is no colour",
        ),
        ("classes: [{name: a, value: 256}]", r"classes\[0\]\.value: 256 is no value of a mask"),
        ("classes: [{name: a, value: true}]", r"classes\[0\]\.value: True is no value of a mask"),
        ("classes: [{name: a}]\nignore: [1.5]", r"ignore\[0\]: 1.5 is no value"),
        ("classes: [{name: a}]\nignore: ['#12345']", r"ignore\[0\]: '#12345' is no colour"),
    ],
)
def test_palette_mistakes_name_file_and_field(
    tmp_path: Path, text: str | None, message: str
) -> None:
    file = make_folder(tmp_path) / "palette.yaml"
    file.unlink()
    if text is not None:
        file.write_text(text)
        # The message of a missing file names it in its own way.
        message = rf"palette\.yaml.*{message}"
    dataset = ImageFolder(folder=str(tmp_path))
    with fails(message):
        _ = dataset.classes
    with fails(message):
        dataset.scenes()


DUBAI = (
    (0x3C, 0x10, 0x98),
    (0x84, 0x29, 0xF6),
    (0x6E, 0xC1, 0xE4),
    (0xFE, 0xDD, 0x3A),
    (0xE2, 0xA9, 0x29),
    (0x9B, 0x9B, 0x9B),
    BLACK,
)


@pytest.fixture
def dubai(tmp_path: Path) -> Path:
    """A complete data set of 4 x 6 images, each mask with the seven colours; paletted in tile 2, as
    the original."""
    indices = np.arange(24).reshape(4, 6) % 7
    image = save(tmp_path / "image.jpg", noise(4, 6, 3))
    plain = save(tmp_path / "plain.png", colors_at(indices, DUBAI))
    paletted = save(tmp_path / "paletted.png", indices.astype(np.uint8), dict(enumerate(DUBAI)))
    root = tmp_path / "aerial-dubai"
    for tile in range(1, 9):
        folder = root / "Semantic segmentation dataset" / f"Tile {tile}"
        (folder / "images").mkdir(parents=True)
        (folder / "masks").mkdir()
        mask = paletted if tile == 2 else plain
        for part in range(1, 10):
            shutil.copy(image, folder / "images" / f"image_part_{part:03d}.jpg")
            shutil.copy(mask, folder / "masks" / f"image_part_{part:03d}.png")
    return root


class TestAerialDubai:
    def test_scenes_are_in_order_with_the_tile_as_group(self, dubai: Path) -> None:
        scenes = AerialDubai(folder=str(dubai)).scenes()
        tiles_and_parts = list(itertools.product(range(1, 9), range(1, 10)))
        assert len(scenes) == len(tiles_and_parts)
        for scene, (tile, part) in zip(scenes, tiles_and_parts, strict=True):
            assert scene.key == f"tile-{tile}/00{part}"
            assert scene.group == f"tile-{tile}"
            assert scene.part is None
        folder = dubai / "Semantic segmentation dataset" / "Tile 2"
        assert scenes[10].files == (
            folder / "images" / "image_part_002.jpg",
            folder / "masks" / "image_part_002.png",
        )

    @pytest.mark.parametrize("scene", [0, 9])
    @pytest.mark.parametrize(
        ("fields", "last"),
        [
            ({}, [IGNORE, IGNORE]),
            ({"black": "unlabeled"}, [IGNORE, IGNORE]),
            ({"unlabeled": "class"}, [5, IGNORE]),
            ({"unlabeled": "class", "black": "unlabeled"}, [5, 5]),
        ],
    )
    def test_colours_become_classes(
        self, dubai: Path, scene: int, fields: dict[str, Any], last: list[int]
    ) -> None:
        dataset = AerialDubai(folder=str(dubai), **fields)
        image, mask = dataset.scenes()[scene].read()
        assert image.shape == (4, 6, 3)
        assert image.dtype == np.uint8
        assert mask.dtype == np.uint8
        assert mask.ravel()[:7].tolist() == [0, 1, 2, 3, 4, *last]

        names = ["building", "land", "road", "vegetation", "water"]
        if "unlabeled" in fields:
            names.append("unlabeled")
        classes = dataset.classes
        assert [segmentation_class.name for segmentation_class in classes] == names
        colors = [segmentation_class.color for segmentation_class in classes]
        assert colors == list(DUBAI[: len(classes)])

    @pytest.mark.parametrize(
        "missing", ["Tile 8/masks/image_part_009.png", "Tile 1/images/image_part_001.jpg", "Tile 3"]
    )
    def test_an_incomplete_folder_names_what_is_missing_and_where_to_get_it(
        self, dubai: Path, missing: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HARNESS_DATA", str(dubai.parent))
        file = dubai / "Semantic segmentation dataset" / missing
        file.rename(dubai / "elsewhere")
        with pytest.raises(InputError) as caught:
            AerialDubai().scenes()
        message = str(caught.value)
        assert str(file) in message
        assert "HARNESS_DATA" in message
        assert str(dubai.parent) in message
        assert "Tile K/{images,masks}/image_part_00N.{jpg,png}" in message
        assert "Humans in the Loop" in message

    def test_a_missing_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
        with fails(f"no folder {tmp_path}/aerial-dubai. Set HARNESS_DATA"):
            AerialDubai().scenes()

    def test_a_relative_folder_is_below_the_data_root(
        self, dubai: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HARNESS_DATA", str(dubai.parent))
        scene = AerialDubai().scenes()[0]
        scene_of_absolute_folder = AerialDubai(folder=str(dubai)).scenes()[0]
        assert scene.files == scene_of_absolute_folder.files

    @pytest.mark.parametrize(
        ("pixels", "message"),
        [
            (
                np.full((4, 6, 3), 0x12, np.uint8),
                r"image_part_001\.png: colour #121212 is none of this data set's",
            ),
            (np.zeros((4, 6), np.uint8), r"image_part_001\.png: has no colours"),
            (
                np.zeros((3, 6, 3), np.uint8),
                r"image_part_001\.jpg is 4 x 6 .*image_part_001\.png 3 x 6",
            ),
        ],
    )
    def test_a_changed_mask(self, dubai: Path, pixels: Array, message: str) -> None:
        scene = AerialDubai(folder=str(dubai)).scenes()[0]
        save(scene.files[1], pixels)
        with fails(message):
            scene.read()

    @pytest.mark.parametrize("index", [0, 1], ids=["image", "mask"])
    def test_a_truncated_file(self, dubai: Path, index: int) -> None:
        scene = AerialDubai(folder=str(dubai)).scenes()[0]
        file = scene.files[index]
        file.write_bytes(file.read_bytes()[:-20])
        with fails(f"{re.escape(file.name)}: cannot be read, is missing or damaged"):
            scene.read()


REAL = Path(os.environ.get("HARNESS_DATA") or "data") / "aerial-dubai"


@pytest.mark.data
@pytest.mark.skipif(
    not REAL.is_dir(),
    reason=f"the aerial-dubai data is not there: no folder {REAL} (set HARNESS_DATA)",
)
class TestRealAerialDubai:
    @pytest.mark.slow
    def test_shares_sizes_and_patches(self) -> None:
        dataset = AerialDubai(folder=str(REAL.resolve()), unlabeled="class")
        scenes = dataset.scenes()
        assert len(scenes) == 72
        pixels = np.zeros(256)
        patches = 0
        for scene in scenes:
            image, mask = scene.read()
            height, width = mask.shape
            assert image.shape == (height, width, 3)
            pixels += np.bincount(mask.ravel(), minlength=256)
            patches += (height // 224) * (width // 224)
        assert patches == 1647
        percentages = 100 * pixels / pixels.sum()
        assert percentages[:5] == pytest.approx([13.3, 52.4, 9.4, 10.3, 13.6], abs=0.1)
        assert percentages[5] == pytest.approx(0.51, abs=0.01)
        assert percentages[IGNORE] == pytest.approx(0.56, abs=0.01)

    @pytest.mark.parametrize("index", [0, 1], ids=["image", "mask"])
    def test_a_truncated_original(self, tmp_path: Path, index: int) -> None:
        shutil.copytree(REAL, tmp_path / "copy")
        scenes = AerialDubai(folder=str(tmp_path / "copy")).scenes()
        # One of the first tile, and one of the second, whose masks are paletted.
        for scene in (scenes[0], scenes[9]):
            file = scene.files[index]
            content = file.read_bytes()
            file.write_bytes(content[: len(content) * 6 // 10])
            with fails("cannot be read, is missing or damaged"):
                scene.read()
