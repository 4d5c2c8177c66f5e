"""The pictures of a run, and what its record keeps beside confusion counts."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from installed import TINY, Workplace
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from harness.core.values import IGNORE, SegmentationClass
from harness.records.record import Ledger
from harness.run.annotate import TrainingLabels, whole_masks
from harness.run.evaluation.evaluate import score
from harness.run.patches import PatchSet
from harness.run.samples import write_samples

if TYPE_CHECKING:
    # Not at run time: pytest would take a class of this name for a test.
    from harness.run.evaluation.evaluate import PatchResults

CLASSES = [
    SegmentationClass("a", (10, 20, 30)),
    SegmentationClass("b", (200, 0, 0)),
    SegmentationClass("c", (0, 0, 1)),
]


def read_bands(path: Path) -> NDArray[Any]:
    """The bands of a PNG, [bands, H, W]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            bands: NDArray[Any] = file.read()
    return bands


def read_palette(path: Path) -> dict[int, tuple[int, ...]]:
    """The colours of a PNG with a palette."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            palette: dict[int, tuple[int, ...]] = file.colormap(1)
    return palette


def read_entries(folder: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((folder / "samples.json").read_text())
    return entries


@pytest.fixture
def patches(patch_set: Callable[..., PatchSet]) -> PatchSet:
    """Eight patches, the upper half of the first one ignored."""
    mask = np.random.default_rng(0).integers(0, 3, (4, 32))
    mask[:2, :4] = IGNORE
    return patch_set({"scene": mask}, 4, 3)


def predict_ones(patches: PatchSet, count: int = 8) -> PatchResults:
    return score(np.ones((count, 4, 4), np.uint8), patches, range(count), 2)


def draw_vectors(patches: PatchSet, indices: Sequence[int]) -> tuple[TrainingLabels, Ledger]:
    """Proportions and tags, but no labels."""
    _, ledger = whole_masks(patches, indices)
    shape = (len(indices), 3)
    proportions = np.full(shape, 1 / 3, np.float32)
    tags = np.ones(shape, np.bool_)
    return TrainingLabels(None, proportions, tags), ledger


def test_maps_keep_class_indices_and_colours(patches: PatchSet, tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    write_samples(folder, patches, predict_ones(patches), CLASSES, whole_masks)
    entries = read_entries(folder)
    # Six of the eight, evenly.
    assert [entry["column"] for entry in entries] == [0, 4, 12, 16, 24, 28]
    first = entries[0]
    files = {name: folder / file for name, file in first["files"].items()}
    assert first["patch"] == "scene@0,0"
    assert first["scene"] == "scene"
    assert first["row"] == 0
    assert np.sum(first["confusion"]) == 8
    assert_array_equal(read_bands(files["image"]), patches.images[0].transpose(2, 0, 1))
    for name in ("truth", "weak"):
        assert_array_equal(read_bands(files[name])[0], patches.masks[0])
        palette = read_palette(files[name])
        assert palette[0] == (10, 20, 30, 255)
        assert palette[1] == (200, 0, 0, 255)
        assert palette[2] == (0, 0, 1, 255)
        assert palette[IGNORE] == (0, 0, 0, 0)
    assert (read_bands(files["prediction"]) == 1).all()
    # Three patches of 4 columns with gaps of 4 between them.
    assert read_bands(folder / "0.png").shape == (3, 4, 20)


def test_supervisions_without_labels_have_their_vectors_listed(
    patches: PatchSet, tmp_path: Path
) -> None:
    folder = tmp_path / "samples"
    write_samples(folder, patches, predict_ones(patches), CLASSES, whole_masks)
    write_samples(folder, patches, predict_ones(patches, 3), CLASSES, draw_vectors)
    entries = read_entries(folder)
    assert len(entries) == 3
    for entry in entries:
        assert entry["proportions"] == [0.333333] * 3
        assert entry["tags"] == [True] * 3
    assert not list(folder.glob("*-weak.png"))  # those of the earlier run neither
    assert len(list(folder.glob("*-truth.png"))) == 3


def test_a_weak_label_that_cannot_be_drawn_is_said_and_fails_nothing(
    patches: PatchSet, tmp_path: Path
) -> None:
    def draw_nothing(patches: PatchSet, indices: Sequence[int]) -> tuple[TrainingLabels, Ledger]:
        raise ValueError("too few patches")

    folder = tmp_path / "samples"
    write_samples(folder, patches, predict_ones(patches), CLASSES, draw_nothing)
    for entry in read_entries(folder):
        assert entry["weak_label_error"] == "ValueError: too few patches"
    assert len(list(folder.glob("*-prediction.png"))) == 6


@pytest.mark.slow
def test_methods_of_a_seed_show_the_same_patches_and_details_reach_the_board(
    workplace: Workplace,
) -> None:
    with_floor = TINY.replace("profiles:", "  majority: {floor: majority}\nprofiles:")
    workplace.write("tiny.yaml", with_floor)
    done = workplace.harness("run", "tiny.yaml", "--executor", "inline")
    assert done.returncode == 0, done.stdout + done.stderr

    details: dict[str, Any] = {}
    shown: list[list[str]] = []
    for path in (workplace.folder / "runs").glob("*/record.json"):
        record = json.loads(path.read_text())
        details[record["method"]] = record["details"]
        shown.append([entry["patch"] for entry in read_entries(path.parent / "samples")])
        if record["method"] == "points-5":
            labels = read_bands(path.parent / "samples" / "0-weak.png")[0]
            assert 0 < (labels != IGNORE).sum() <= 5 * 5
    assert shown[0] == shown[1] == shown[2]
    of_a_network = {"boundary", "proportions", "calibration"}
    assert set(details["full"]) == of_a_network
    assert set(details["points-5"]) == of_a_network
    assert set(details["majority"]) == {"boundary", "proportions"}

    board = workplace.folder / "leaderboards" / "records" / "tiny.jsonl"
    _, *lines = board.read_text().splitlines()
    for line in lines:
        record = json.loads(line)
        assert record["details"] == details[record["method"]]
