"""Data that cannot be used, through the command line: exit code 2, what is wrong and where, before
anything is trained.

Beside it, what is no mistake but documented and counted: a class that no training image has, and
more points asked for than pixels.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.cli.main import main
from harness.run.samples import write_png

pytestmark = pytest.mark.usefixtures("one_thread")

SCENARIO = """
name: mine
dataset: {name: DATASET, splits: splits.csv, folder: mine}
patches: {size: 32}
split: official
model: {name: smp, encoder: resnet18}
training: {epochs: 1, batch_size: 2, precision: fp32, device: cpu}
seeds: 1
methods:
  full: {supervision: full, loss: cross-entropy}
  points: {supervision: {name: points-per-class, count: 100000}, loss: partial-cross-entropy}
"""
PALETTE = (
    "classes: [{name: field, color: '#00ff00'}, {name: road, color: '#ff0000'}]\n"
    "ignore: ['#000000']\n"
)
GREEN = (0, 255, 0)
RED = (255, 0, 0)
BLACK = (0, 0, 0)
ODD = (1, 2, 3)
DUBAI_BUILDING = (0x3C, 0x10, 0x98)
"""The colour of buildings in the masks of aerial-dubai."""

Color = tuple[int, int, int]
Change = Callable[[Path], object]
"""What damages a data set, given its folder."""


def make_mask(*colors: Color, height: int = 32) -> NDArray[np.uint8]:
    """Return vertical stripes of these colours, [height, 32, 3]."""
    row = np.repeat(np.array(colors, np.uint8), 32 // len(colors), axis=0)
    return np.tile(row, (height, 1, 1))


def write_mask(path: Path, *colors: Color, height: int = 32) -> None:
    """Write vertical stripes of these colours as a mask file."""
    write_png(path, make_mask(*colors, height=height))


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of two training images and a test image, and a scenario of it.

    Road is in the test image alone, and a quarter of each training image is ignored.
    """
    for name in ("runs", "leaderboards", "cache", "data"):
        monkeypatch.setenv(f"HARNESS_{name.upper()}", str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data" / "mine"
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number, name in enumerate("abc"):
        noise = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        write_png(root / f"images/{name}.png", noise)
    for name in "ab":
        write_mask(root / f"masks/{name}.png", GREEN, GREEN, GREEN, BLACK)
    write_mask(root / "masks/c.png", GREEN, RED)
    (root / "palette.yaml").write_text(PALETTE)
    (root / "splits.csv").write_text("image,split\na,train\nb,train\nc,test\n")
    (tmp_path / "mine.yaml").write_text(SCENARIO.replace("DATASET", "image-folder"))
    return root


def assert_refused(capsys: pytest.CaptureFixture[str], *parts: str) -> None:
    """Assert that `harness run` refuses, says all of this, and leaves no run."""
    assert main(["run", "mine.yaml"]) == 2
    captured = capsys.readouterr()
    for part in parts:
        assert part in captured.err
    assert "Traceback" not in captured.out + captured.err
    assert "runs to do" not in captured.out
    assert not Path("runs").exists()


def truncate(file: Path) -> None:
    """Cut off the end of a file, as a broken download does."""
    file.write_bytes(file.read_bytes()[:-200])


def link_to_nothing(file: Path) -> None:
    """Replace a file by a link whose target is gone."""
    file.unlink()
    file.symlink_to("gone.png")


def ignore_training_images(root: Path) -> None:
    """Give the training images masks of which every pixel is ignored."""
    for name in "ab":
        write_mask(root / f"masks/{name}.png", BLACK)


def add_a_channel(root: Path) -> None:
    """Replace all images by images of four channels."""
    for name in "abc":
        write_png(root / f"images/{name}.png", np.zeros((32, 32, 4), np.uint8))


FOLDER_DAMAGE: dict[str, tuple[Change, tuple[str, ...]]] = {
    "a truncated image": (
        lambda root: truncate(root / "images/b.png"),
        ("images/b.png: cannot be read, is missing or damaged",),
    ),
    "a mask that is empty": (
        lambda root: (root / "masks/b.png").write_bytes(b""),
        ("masks/b.png: cannot be read, is missing or damaged",),
    ),
    "a link to nothing": (
        lambda root: link_to_nothing(root / "images/b.png"),
        ("images/b.png: cannot be read: No such file",),
    ),
    "a mask of another size": (
        lambda root: write_mask(root / "masks/b.png", GREEN, height=31),
        (
            "images/b.png is 32 x 32 pixels (height x width) and its mask",
            "masks/b.png 31 x 32: they must agree",
        ),
    ),
    "an unknown colour": (
        lambda root: write_mask(root / "masks/b.png", GREEN, ODD),
        (
            "masks/b.png: the mask holds colour #010203: add it to `classes` or to `ignore` in",
            "palette.yaml",
        ),
    ),
    "an image without a mask": (
        lambda root: (root / "masks/b.png").unlink(),
        ("images/b.png: has no mask: expected",),
    ),
    "no training image": (
        lambda root: (root / "splits.csv").write_text("image,split\na,test\nb,test\nc,test\n"),
        ("split by official: nothing is left for train: choose another split",),
    ),
    "no test image": (
        lambda root: (root / "splits.csv").write_text("image,split\na,train\nb,train\nc,train\n"),
        ("split by official: nothing is left for test: choose another split",),
    ),
    "a test image that is ignored": (
        lambda root: write_mask(root / "masks/c.png", BLACK),
        (
            "no valid pixel in the test part of seed 0: the masks ignore all of it: choose"
            " another split",
        ),
    ),
    "training images that are ignored": (
        ignore_training_images,
        ("no valid pixel in the train part of seed 0",),
    ),
    "four channels": (
        add_a_channel,
        (
            "patches.normalise: imagenet has statistics for 3 channels, the data has 4: use"
            " training-set, or none",
        ),
    ),
    "no folder": (
        shutil.rmtree,
        (
            "data set image-folder: no folder",
            "Set HARNESS_DATA (now",
            "to the folder that holds mine",
            "images/ and masks/ (or both in each of train/, val/ and test/) and palette.yaml",
            "The data comes from your own files",
        ),
    ),
}


@pytest.mark.parametrize("name", FOLDER_DAMAGE)
def test_a_folder_of_images_that_cannot_be_used(
    mine: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, parts = FOLDER_DAMAGE[name]
    change(mine)
    assert_refused(capsys, *parts)


@pytest.mark.parametrize("name", ["RUNS", "LEADERBOARDS", "CACHE"])
def test_a_folder_that_cannot_be_written_to_stops_before_work(
    mine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Path("taken").touch()
    monkeypatch.setenv(f"HARNESS_{name}", "taken/inside")
    assert_refused(
        capsys,
        f"taken: is not a folder: set HARNESS_{name} (now taken/inside) to a folder that can be"
        " written to",
    )


@pytest.fixture
def dubai(mine: Path) -> Path:
    """Make aerial-dubai in place of the folder: 72 copies of one image and one mask."""
    root = mine.parent / "aerial-dubai" / "Semantic segmentation dataset"
    write_mask(mine / "mask.png", DUBAI_BUILDING)
    for tile in range(1, 9):
        images = root / f"Tile {tile}" / "images"
        masks = root / f"Tile {tile}" / "masks"
        images.mkdir(parents=True)
        masks.mkdir()
        for part in range(1, 10):
            shutil.copy(mine / "images/a.png", images / f"image_part_{part:03d}.jpg")
            shutil.copy(mine / "mask.png", masks / f"image_part_{part:03d}.png")
    text = SCENARIO.replace("DATASET", "aerial-dubai")
    text = text.replace("splits: splits.csv, folder: mine", "folder: aerial-dubai")
    text = text.replace("split: official", "split: group")
    Path("mine.yaml").write_text(text)
    return root


DUBAI_DAMAGE: dict[str, tuple[Change, tuple[str, ...]]] = {
    "no folder": (
        lambda root: shutil.rmtree(root.parent),
        (
            "no folder",
            "Set HARNESS_DATA (now",
            "Tile K/{images,masks}/image_part_00N.{jpg,png}",
            "The data comes from Humans in the Loop",
        ),
    ),
    "a truncated image": (
        lambda root: truncate(root / "Tile 3/images/image_part_002.jpg"),
        ("Tile 3/images/image_part_002.jpg: cannot be read, is missing or damaged",),
    ),
    "an unknown colour": (
        lambda root: write_mask(root / "Tile 3/masks/image_part_002.png", ODD),
        (
            "Tile 3/masks/image_part_002.png: colour #010203 is none of this data set's, so the"
            " file was changed: download it again",
        ),
    ),
    "a mask of another size": (
        lambda root: write_mask(
            root / "Tile 3/masks/image_part_002.png", DUBAI_BUILDING, height=48
        ),
        (
            "image_part_002.jpg is 32 x 32 pixels (height x width) and its mask",
            "image_part_002.png 48 x 32: they must agree",
        ),
    ),
}


@pytest.mark.parametrize("name", DUBAI_DAMAGE)
def test_aerial_dubai_that_cannot_be_used(
    dubai: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, parts = DUBAI_DAMAGE[name]
    change(dubai)
    assert_refused(capsys, *parts)


@pytest.mark.slow
def test_absent_classes_are_named_and_labels_are_counted_as_drawn(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "mine.yaml", "--executor", "inline"]) == 0, capsys.readouterr().err
    records = [json.loads(path.read_text()) for path in Path("runs").glob("*/record.json")]
    assert sorted(record["method"] for record in records) == ["full", "points"]
    for record in records:
        assert record["split"]["train"]["absent_classes"] == ["road"]
        ledger = record["ledger"]
        # 24 of 32 columns: a quarter of each image is ignored
        assert ledger["labelled_pixels"] == ledger["valid_pixels"] == 2 * 32 * 24
        assert ledger["supervisions"][0]["labelled_pixels_by_class"] == [2 * 32 * 24, 0]
    board = Path("leaderboards/mine.md").read_text()
    assert "Absent from the training part: road (seed 0)." in board
    assert "1,536" in board
