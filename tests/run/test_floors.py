"""Methods without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from installed import TINY, Workplace
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from harness.core.values import IGNORE
from harness.metrics import batch_mean_iou
from harness.run.floors import compute_features, predictions

Pixels = NDArray[np.uint8]

BLACK = np.zeros((2, 3, 3), np.uint8)
"""A test patch of 2 x 3 pixels."""

ONE_LARGE_PATCH_AND_TWO_SMALL = [
    [0, 0, 0, 0],
    [1, 1, IGNORE, IGNORE],
    [1, IGNORE, IGNORE, IGNORE],
]
"""Labels of three patches: class 0 has more pixels, class 1 more patches."""


def black_patches(labels_of_patches: list[list[int]]) -> Iterator[tuple[Pixels, Pixels]]:
    """Black patches of one row with these labels."""
    for labels in labels_of_patches:
        yield np.zeros((1, len(labels), 3), np.uint8), np.array([labels], np.uint8)


@pytest.mark.parametrize(
    ("floor", "labels", "expected"),
    [
        ("majority", ONE_LARGE_PATCH_AND_TWO_SMALL, 0),
        ("mean-proportions", ONE_LARGE_PATCH_AND_TWO_SMALL, 1),
        ("majority", [[2, IGNORE], [IGNORE, IGNORE]], 2),
    ],
)
def test_constant_floors_counted_by_hand(
    floor: Any, labels: list[list[int]], expected: int
) -> None:
    predicted = list(predictions(floor, black_patches(labels), [BLACK, BLACK], 3))
    assert len(predicted) == 2
    for patch in predicted:
        assert patch.tolist() == [[expected] * 3] * 2


@pytest.mark.parametrize("floor", ["majority", "mean-proportions", "qda"])
def test_nothing_labelled_is_an_error(floor: Any) -> None:
    predicted = predictions(floor, black_patches([[IGNORE] * 4]), [BLACK], 2)
    with pytest.raises(ValueError, match=f"floor {floor}: no training pixel is labelled"):
        list(predicted)


def test_features_against_loops() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 2), np.uint8)
    features = compute_features(image, window=3)
    assert features.shape == (9, 8, 6)
    padded = np.pad(image / 255, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    for row, column in [(0, 0), (4, 3), (8, 7)]:
        window = padded[row : row + 3, column : column + 3].reshape(9, 2)
        colour = image[row, column] / 255
        expected = np.concatenate([colour, window.mean(0), window.std(0)])
        assert_allclose(features[row, column], expected, atol=1e-7)


def test_qda_finds_classes_by_colour_and_skips_those_with_too_few_points() -> None:
    generator = np.random.default_rng(1)
    mask = np.repeat([0, 1], 200).reshape(20, 20).astype(np.uint8)
    grey = np.array([60, 180])[mask][..., None]
    noisy = grey + generator.normal(0, 10, (20, 20, 3))
    image = noisy.clip(0, 255).astype(np.uint8)
    labels = mask.copy()
    labels[0, :3] = 2  # three points of a class cannot give a covariance of nine features
    (predicted,) = predictions("qda", [(image, labels)], [image], 3)
    assert (predicted == mask).mean() > 0.95
    of_one_class = predictions("qda", [(image, np.zeros_like(mask))], [image], 3)
    with pytest.raises(ValueError, match="fewer than two classes have more than 9 labelled pixels"):
        list(of_one_class)


def test_batch_averaged_iou_by_hand() -> None:
    counts = np.array([[[3, 1], [0, 0]], [[0, 0], [2, 2]], [[4, 0], [0, 0]]])
    # batch 1 = patches 1 and 2: a: 3/6, b: 2/5; batch 2 = patch 3: a alone, 4/4
    assert batch_mean_iou(counts, 2) == pytest.approx(((3 / 6 + 2 / 5) / 2 + 1) / 2, abs=1e-6)
    assert batch_mean_iou(counts, 3) == pytest.approx((7 / 10 + 2 / 5) / 2, abs=1e-6)
    assert np.isnan(batch_mean_iou(np.zeros((2, 2, 2), np.int64), 1))


@pytest.mark.slow
def test_floors_stand_beside_networks_in_a_scenario(workplace: Workplace) -> None:
    methods = """
  majority: {floor: majority}
  qda: {supervision: {name: points-per-class, count: 20}, floor: qda}
evaluation: {batch_average: 2}
profiles:"""
    workplace.write("tiny.yaml", TINY.replace("\nprofiles:", methods))
    done = workplace.harness("run", "tiny.yaml", "--only", "majority", "--only", "qda")
    assert done.returncode == 0, done.stdout + done.stderr
    records: dict[str, Any] = {}
    for path in (workplace.folder / "runs").glob("*/record.json"):
        record = json.loads(path.read_text())
        records[record["method"]] = record
    majority = records["majority"]
    qda = records["qda"]
    assert majority["ledger"]["labelled_share"] == 1.0
    assert majority["metrics"]["iou"]["water"] == 0
    assert qda["ledger"]["supervisions"][0]["labelled_pixels"] > 0
    assert qda["metrics"]["miou"] > majority["metrics"]["miou"]
    assert 0 < qda["metrics"]["batch_miou"] <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "message"),
    [
        (
            "both: {supervision: full, loss: cross-entropy, floor: majority}",
            "give either a loss or a floor",
        ),
        ("none: {supervision: full}", "give either a loss or a floor"),
        ("bad: {floor: majorty}", "is not a choice. Did you mean 'majority'?"),
    ],
)
def test_a_method_has_a_loss_or_a_floor(workplace: Workplace, method: str, message: str) -> None:
    workplace.write("tiny.yaml", TINY.replace("profiles:", f"  {method}\nprofiles:"))
    done = workplace.harness("plan", "tiny.yaml")
    assert done.returncode == 2
    assert message in done.stderr
