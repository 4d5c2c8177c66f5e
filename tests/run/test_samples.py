"""The pictures of a run, and what its record keeps beside confusion counts."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from installed import TINY, Workplace
from numpy.testing import assert_array_equal
from rasterio.errors import NotGeoreferencedWarning

from harness.core.values import IGNORE, SegmentationClass
from harness.run.annotate import TrainingLabels, whole_masks
from harness.run.evaluate import Result, score
from harness.run.patches import PatchSet
from harness.run.samples import write_samples

CLASSES = [
    SegmentationClass("a", (10, 20, 30)),
    SegmentationClass("b", (200, 0, 0)),
    SegmentationClass("c", (0, 0, 1)),
]


def read(path: Path) -> tuple[Any, Any]:
    """The bands of a PNG and its palette, if it has one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            return file.read(), file.colormap(1) if file.count == 1 else None


@pytest.fixture
def patches(patch_set: Callable[..., PatchSet]) -> PatchSet:
    """Eight patches, the first half ignored."""
    mask = np.random.default_rng(0).integers(0, 3, (4, 32))
    mask[:2, :4] = IGNORE
    return patch_set({"scene": mask}, 4, 3)


def ones(patches: PatchSet) -> Result:
    return score(np.ones((8, 4, 4), np.uint8), patches, range(8), 2)


def proportions(patches: PatchSet, indices: Sequence[int]) -> tuple[TrainingLabels, None]:
    return TrainingLabels(
        None, np.full((len(indices), 3), 1 / 3, np.float32), np.ones((len(indices), 3), np.bool_)
    ), None


def test_maps_keep_class_indices_and_colours(patches: PatchSet, tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    write_samples(folder, patches, range(8), ones(patches), CLASSES, whole_masks)
    listed = json.loads((folder / "samples.json").read_text())
    # six of the eight, evenly
    assert [entry["column"] for entry in listed] == [0, 4, 12, 16, 24, 28]
    first = listed[0]
    assert (first["patch"], first["scene"], first["row"]) == ("scene@0,0", "scene", 0)
    assert np.sum(first["confusion"]) == 8
    assert_array_equal(
        read(folder / first["files"]["image"])[0], patches.images[0].transpose(2, 0, 1)
    )
    for name in ("truth", "weak"):
        labels, palette = read(folder / first["files"][name])
        assert_array_equal(labels[0], patches.masks[0])
        assert [palette[index] for index in range(3)] == [(*each.color, 255) for each in CLASSES]
        assert palette[IGNORE] == (0, 0, 0, 0)
    assert (read(folder / first["files"]["prediction"])[0] == 1).all()
    assert read(folder / "0.png")[0].shape == (3, 4, 20)


def test_supervisions_without_labels_have_their_vectors_listed(
    patches: PatchSet, tmp_path: Path
) -> None:
    write_samples(tmp_path / "samples", patches, range(8), ones(patches), CLASSES, whole_masks)
    write_samples(tmp_path / "samples", patches, range(3), ones(patches), CLASSES, proportions)
    listed = json.loads((tmp_path / "samples" / "samples.json").read_text())
    assert [entry["proportions"] for entry in listed] == [[0.333333] * 3] * 3
    assert [entry["tags"] for entry in listed] == [[True] * 3] * 3
    assert not list((tmp_path / "samples").glob("*-weak.png"))  # those of the earlier run neither
    assert len(list((tmp_path / "samples").glob("*-truth.png"))) == 3


def test_a_weak_label_that_cannot_be_drawn_is_said_and_fails_nothing(
    patches: PatchSet, tmp_path: Path
) -> None:
    def broken(patches: PatchSet, indices: Sequence[int]) -> tuple[TrainingLabels, None]:
        raise ValueError("too few patches")

    write_samples(tmp_path / "samples", patches, range(8), ones(patches), CLASSES, broken)
    listed = json.loads((tmp_path / "samples" / "samples.json").read_text())
    assert {entry["weak_label_error"] for entry in listed} == {"ValueError: too few patches"}
    assert len(list((tmp_path / "samples").glob("*-prediction.png"))) == 6


def test_methods_of_a_seed_show_the_same_patches_and_details_reach_the_board(
    workplace: Workplace,
) -> None:
    workplace.write(
        "tiny.yaml", TINY.replace("profiles:", "  majority: {floor: majority}\nprofiles:")
    )
    done = workplace.harness("run", "tiny.yaml", "--executor", "inline")
    assert done.returncode == 0, done.stdout + done.stderr
    folders = [path.parent for path in (workplace.folder / "runs").glob("*/record.json")]
    records = {
        record["method"]: record
        for record in (json.loads((folder / "record.json").read_text()) for folder in folders)
    }
    shown = [
        [entry["patch"] for entry in json.loads((folder / "samples" / "samples.json").read_text())]
        for folder in folders
    ]
    assert shown[0] == shown[1] == shown[2]
    assert {name: set(record["details"]) for name, record in records.items()} == {
        "full": {"boundary", "proportions", "calibration"},
        "points-5": {"boundary", "proportions", "calibration"},
        "majority": {"boundary", "proportions"},
    }
    weak = next(
        folder
        for folder in folders
        if json.loads((folder / "record.json").read_text())["method"] == "points-5"
    )
    labelled = read(weak / "samples" / "0-weak.png")[0] != IGNORE
    assert 0 < labelled.sum() <= 5 * 5
    board = (workplace.folder / "leaderboards" / "records" / "tiny.jsonl").read_text().splitlines()
    assert [json.loads(line)["details"] for line in board[1:]] == [
        records[json.loads(line)["method"]]["details"] for line in board[1:]
    ]
