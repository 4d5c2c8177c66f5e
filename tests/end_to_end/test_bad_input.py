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
    "classes: [{name: field, color: '#00ff00'}, {name: road, color: '#ff0000'}]\nignore:"
    " ['#000000']"
)
GREEN, RED, BLACK, ODD = (0, 255, 0), (255, 0, 0), (0, 0, 0), (1, 2, 3)


def mask(
    *colors: tuple[int, int, int], height: int = 32
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Vertical stripes of these colours, [height, 32, 3]."""
    return np.repeat(np.repeat(np.array([colors], np.uint8), 32 // len(colors), 1), height, 0)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image folder of two training images and a test image, with road in the test image alone,
    and a scenario of it."""
    for name in ("runs", "leaderboards", "cache", "data"):
        monkeypatch.setenv(f"HARNESS_{name.upper()}", str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data" / "mine"
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number, name in enumerate("abc"):
        write_png(
            root / f"images/{name}.png",
            np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8),
        )
        write_png(
            root / f"masks/{name}.png",
            mask(*((GREEN, RED) if name == "c" else (GREEN, GREEN, GREEN, BLACK))),
        )
    (root / "palette.yaml").write_text(PALETTE)
    (root / "splits.csv").write_text("image,split\na,train\nb,train\nc,test\n")
    (tmp_path / "mine.yaml").write_text(SCENARIO.replace("DATASET", "image-folder"))
    return root


def refused(capsys: pytest.CaptureFixture[str], *parts: str) -> None:
    """Asserts that `harness run` refuses, saying all of this, and leaves no run."""
    assert main(["run", "mine.yaml"]) == 2
    captured = capsys.readouterr()
    for part in parts:
        assert part in captured.err
    assert "Traceback" not in captured.out + captured.err
    assert "runs to do" not in captured.out
    assert not Path("runs").exists()


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def linked_to_nothing(file: Path) -> None:
    file.unlink()
    file.symlink_to("gone.png")


CHANGES: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "a truncated image": (
        lambda root: truncated(root / "images/b.png"),
        ("images/b.png: cannot be read, is missing or damaged",),
    ),
    "a mask that is empty": (
        lambda root: (root / "masks/b.png").write_bytes(b""),
        ("masks/b.png: cannot be read, is missing or damaged",),
    ),
    "a link to nothing": (
        lambda root: linked_to_nothing(root / "images/b.png"),
        ("images/b.png: cannot be read: No such file",),
    ),
    "a mask of another size": (
        lambda root: write_png(root / "masks/b.png", mask(GREEN, height=31)),
        (
            "images/b.png is 32 x 32 pixels (height x width) and its mask",
            "masks/b.png 31 x 32: they must agree",
        ),
    ),
    "an unknown colour": (
        lambda root: write_png(root / "masks/b.png", mask(GREEN, ODD)),
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
        lambda root: write_png(root / "masks/c.png", mask(BLACK)),
        (
            (
                "no valid pixel in the test part of seed 0: the masks ignore all of it: choose"
                " another split"
            ),
        ),
    ),
    "training images that are ignored": (
        lambda root: [write_png(root / f"masks/{name}.png", mask(BLACK)) for name in "ab"],
        ("no valid pixel in the train part of seed 0",),
    ),
    "four channels": (
        lambda root: [
            write_png(root / f"images/{name}.png", np.zeros((32, 32, 4), np.uint8))
            for name in "abc"
        ],
        (
            (
                "patches.normalise: imagenet has statistics for 3 channels, the data has 4: use"
                " training-set, or none"
            ),
        ),
    ),
    "no folder": (
        shutil.rmtree,
        (
            *(
                "data set image-folder: no folder",
                "Set HARNESS_DATA (now",
                "to the folder that holds mine",
            ),
            *(
                "images/ and masks/ (or both in each of train/, val/ and test/) and palette.yaml",
                "The data comes from your own files",
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_folder_of_images_that_cannot_be_used(
    mine: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, parts = CHANGES[name]
    change(mine)
    refused(capsys, *parts)


@pytest.mark.parametrize("name", ["RUNS", "LEADERBOARDS", "CACHE"])
def test_a_folder_that_cannot_be_written_to_stops_before_work(
    mine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Path("taken").touch()
    monkeypatch.setenv(f"HARNESS_{name}", "taken/inside")
    refused(
        capsys,
        f"taken: is not a folder: set HARNESS_{name} (now taken/inside) to a folder that can be"
        " written to",
    )


@pytest.fixture
def dubai(mine: Path) -> Path:
    """aerial-dubai in place of the folder: 72 copies of one image and one mask."""
    root = mine.parent / "aerial-dubai" / "Semantic segmentation dataset"
    write_png(mine / "mask.png", mask((0x3C, 0x10, 0x98)))
    for tile in range(1, 9):
        for folder, source, suffix in (
            ("images", "images/a.png", "jpg"),
            ("masks", "mask.png", "png"),
        ):
            (root / f"Tile {tile}" / folder).mkdir(parents=True)
            for part in range(1, 10):
                shutil.copy(
                    mine / source,
                    root / f"Tile {tile}" / folder / f"image_part_{part:03d}.{suffix}",
                )
    text = SCENARIO.replace("splits: splits.csv, folder: mine", "folder: aerial-dubai").replace(
        "split: official", "split: group"
    )
    Path("mine.yaml").write_text(text.replace("DATASET", "aerial-dubai"))
    return root


DUBAI: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
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
        lambda root: truncated(root / "Tile 3/images/image_part_002.jpg"),
        ("Tile 3/images/image_part_002.jpg: cannot be read, is missing or damaged",),
    ),
    "an unknown colour": (
        lambda root: write_png(root / "Tile 3/masks/image_part_002.png", mask(ODD)),
        (
            (
                "Tile 3/masks/image_part_002.png: colour #010203 is none of this data set's, so the"
                " file was changed: download it again"
            ),
        ),
    ),
    "a mask of another size": (
        lambda root: write_png(
            root / "Tile 3/masks/image_part_002.png", mask((0x3C, 0x10, 0x98), height=48)
        ),
        (
            "image_part_002.jpg is 32 x 32 pixels (height x width) and its mask",
            "image_part_002.png 48 x 32: they must agree",
        ),
    ),
}


@pytest.mark.parametrize("name", DUBAI)
def test_aerial_dubai_that_cannot_be_used(
    dubai: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, parts = DUBAI[name]
    change(dubai)
    refused(capsys, *parts)


def test_absent_classes_are_named_and_labels_are_counted_as_drawn(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "mine.yaml", "--executor", "inline"]) == 0, capsys.readouterr().err
    records = [json.loads(path.read_text()) for path in Path("runs").glob("*/record.json")]
    assert {record["method"] for record in records} == {"full", "points"}
    for record in records:
        assert record["split"]["train"]["absent_classes"] == ["road"]
        ledger = record["ledger"]
        # a quarter of each image is ignored
        assert ledger["labelled_pixels"] == ledger["valid_pixels"] == 2 * 32 * 24
        assert ledger["supervisions"][0]["labelled_pixels_by_class"] == [2 * 32 * 24, 0]
    board = Path("leaderboards/mine.md").read_text()
    assert "Absent from the training part: road (seed 0)." in board
    assert "1,536" in board
