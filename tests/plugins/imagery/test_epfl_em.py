"""The EPFL electron microscopy data set: slices of multi-page TIFFs, and how each mistake in one is
reported."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from image_files import Array, fails, noise, save

from harness.run.patches import cut
from harness.scenario.settings import Patches
from harness.testing import check_component
from harness_imagery.epfl_em import EpflEm

IMAGES = noise(3, 4, 6)
"""Three slices of 4 x 6 pixels."""
MASKS = np.where(noise(4, 6, 3) > 127, 255, 0).astype(np.uint8).transpose(2, 0, 1)
"""Masks of the slices, white for mitochondria."""
VOLUMES = {"training": 3, "testing": 2}
"""How many slices each volume has here."""


def save_pages(file: Path, pages: Iterable[Array]) -> Path:
    """Write a TIFF of one page for each array [H, W]."""
    file.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        for page in pages:
            height, width = page.shape
            shape = {"count": 1, "height": height, "width": width, "dtype": page.dtype}
            # The first page makes the file, the others are added to it.
            append = "YES" if file.exists() else "NO"
            with rasterio.open(
                file, "w", driver="GTiff", APPEND_SUBDATASET=append, **shape
            ) as target:
                target.write(page, 1)
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Volumes of three and of two slices."""
    root = tmp_path / "epfl-em"
    root.mkdir()
    for volume, count in VOLUMES.items():
        save_pages(root / f"{volume}.tif", IMAGES[:count])
        save_pages(root / f"{volume}_groundtruth.tif", MASKS[:count])
    return root


def dataset_at(root: Path, **fields: Any) -> EpflEm:
    return EpflEm(folder=str(root), **fields)


def test_contract() -> None:
    check_component(EpflEm)


def test_every_page_is_a_scene_of_its_volume(root: Path) -> None:
    scenes = dataset_at(root).scenes()
    assert [(scene.key, scene.group, scene.part) for scene in scenes] == [
        ("training/000", "training", "train"),
        ("training/001", "training", "train"),
        ("training/002", "training", "train"),
        ("testing/000", "testing", "test"),
        ("testing/001", "testing", "test"),
    ]
    assert scenes[4].files == (root / "testing.tif", root / "testing_groundtruth.tif")
    names = [segmentation_class.name for segmentation_class in dataset_at(root).classes]
    assert names == ["background", "mitochondria"]


@pytest.mark.parametrize("page", range(3))
def test_a_scene_is_its_page_with_one_channel(root: Path, page: int) -> None:
    image, mask = dataset_at(root).scenes()[page].read()
    assert image.dtype == np.uint8
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(image, IMAGES[page][..., None])
    np.testing.assert_array_equal(mask, MASKS[page] // 255)


def test_the_training_volume_alone_needs_no_other_file(root: Path) -> None:
    (root / "testing.tif").unlink()
    (root / "testing_groundtruth.tif").unlink()
    keys = [scene.key for scene in dataset_at(root, volumes="training").scenes()]
    assert keys == ["training/000", "training/001", "training/002"]
    with fails(r"testing\.tif is missing \(2 of 4 files are\)"):
        dataset_at(root).scenes()


def test_a_file_of_one_page(root: Path) -> None:
    save(root / "testing.tif", IMAGES[0])
    save(root / "testing_groundtruth.tif", MASKS[0])
    image, _ = dataset_at(root).scenes()[3].read()
    np.testing.assert_array_equal(image[..., 0], IMAGES[0])


def test_a_missing_folder_names_variable_files_and_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    with pytest.raises(Exception, match="no folder") as caught:
        EpflEm().scenes()
    message = str(caught.value)
    assert f"no folder {tmp_path}/epfl-em. Set HARNESS_DATA (now {tmp_path})" in message
    assert "EPFL CVLab" in message
    assert "www.epfl.ch/labs/cvlab/data/data-em" in message
    assert "training.tif, training_groundtruth.tif, testing.tif, testing_groundtruth.tif" in message


def test_unequal_page_counts(root: Path) -> None:
    save_pages(root / "training_groundtruth.tif", MASKS[:2])
    with fails(
        r"training\.tif has 3 pages and its masks .*training_groundtruth\.tif 2: they must agree"
    ):
        dataset_at(root).scenes()


@pytest.mark.parametrize(
    ("name", "page", "message"),
    [
        (
            "training_groundtruth.tif",
            MASKS[1] // 255,
            r"training_groundtruth\.tif, page 2: value 1 is neither 0 .* nor 255",
        ),
        (
            "training_groundtruth.tif",
            MASKS[1][:3],
            (
                r"training\.tif, page 2 is 4 x 6 pixels .* mask .*training_groundtruth\.tif, page 2"
                r" 3 x 6"
            ),
        ),
        (
            "training.tif",
            IMAGES[1].astype(np.uint16),
            r"training\.tif, page 2: has 1 bands of uint16",
        ),
    ],
)
def test_a_wrong_page_is_named(root: Path, name: str, page: Array, message: str) -> None:
    pages = IMAGES if name == "training.tif" else MASKS
    save_pages(root / name, [pages[0], page, pages[2]])
    first, second, third = dataset_at(root, volumes="training").scenes()
    # The others can be read all the same.
    first.read()
    third.read()
    with fails(message):
        second.read()


def test_a_page_of_colours(root: Path) -> None:
    save(root / "testing.tif", noise(4, 6, 3))
    save_pages(root / "testing_groundtruth.tif", MASKS[:1])
    with fails(r"testing\.tif, page 1: has 3 bands of uint8"):
        dataset_at(root).scenes()[3].read()


def test_a_truncated_page_is_named(root: Path) -> None:
    file = root / "training.tif"
    scenes = dataset_at(root).scenes()
    content = file.read_bytes()
    start_of_third = content.index(IMAGES[2].tobytes())
    file.write_bytes(content[: start_of_third + 10])
    scenes[1].read()
    with fails(r"training\.tif, page 3: cannot be read, is missing or damaged"):
        scenes[2].read()


def test_a_page_that_is_gone_is_named(root: Path) -> None:
    scene = dataset_at(root).scenes()[2]
    save_pages(root / "training.tif", IMAGES[:2])
    with fails(r"training\.tif, page 3: cannot be read, is missing or damaged: .*directory 3"):
        scene.read()


def test_a_file_of_another_format(root: Path) -> None:
    save(root / "other.png", IMAGES[0]).rename(root / "training.tif")
    with fails(r"training\.tif: is a PNG file: use TIFF"):
        dataset_at(root).scenes()


def test_a_slice_of_the_official_size_is_12_crops_of_224(tmp_path: Path) -> None:
    save_pages(tmp_path / "training.tif", [np.resize(IMAGES[0], (768, 1024))])
    save_pages(tmp_path / "training_groundtruth.tif", [np.resize(MASKS[0], (768, 1024))])
    [scene] = dataset_at(tmp_path, volumes="training").scenes()
    crops = cut(scene, *scene.read(), Patches(size=224))
    corners = [(origin.row, origin.column) for origin, _, _ in crops]
    assert corners == list(itertools.product((0, 224, 448), (0, 224, 448, 672)))


REAL = Path(os.environ.get("HARNESS_DATA") or "data") / "epfl-em"


@pytest.mark.data
@pytest.mark.skipif(
    not REAL.is_dir(),
    reason=f"the EPFL electron microscopy data is not there: no folder {REAL} (set HARNESS_DATA)",
)
def test_real_slices_have_the_known_shares() -> None:
    masks: dict[str, list[Array]] = {"training": [], "testing": []}
    for scene in dataset_at(REAL.resolve()).scenes():
        image, mask = scene.read()
        assert image.shape == (768, 1024, 1)
        crops = list(cut(scene, image, mask, Patches(size=224)))
        assert len(crops) == 12
        masks[scene.group].append(mask)
    assert np.mean(masks["training"]) == pytest.approx(0.102, abs=5e-4)
    assert np.mean(masks["testing"]) == pytest.approx(0.091, abs=5e-4)
