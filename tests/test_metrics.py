"""Scores from counts: by hand, against scikit-learn and torchmetrics, and their algebra.

Scores along boundaries and of probabilities are tested beside their counts, in tests/run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    jaccard_score,
    precision_score,
    recall_score,
)

from harness import metrics
from harness.core.values import IGNORE
from harness.run.evaluation.evaluate import confusion

Array = NDArray[Any]
NAN = float("nan")


def count(truth: Array, predicted: Array, classes: int) -> Array:
    """Return the counts [N, K, K] of maps [N, H, W]."""
    return confusion(torch.from_numpy(predicted), torch.from_numpy(truth), classes).numpy()


def random_maps(seed: int, classes: int, used: int, ignored: float = 0.1) -> tuple[Array, Array]:
    """Return truth and prediction [4, 9, 11] that agree on about half of the pixels.

    Only the first `used` classes occur.
    """
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, used, (4, 9, 11), np.uint8)
    copied = generator.random(truth.shape) < 0.5
    guesses = generator.integers(0, used, truth.shape, np.uint8)
    predicted = np.where(copied, truth, guesses)
    left_out = generator.random(truth.shape) < ignored
    return np.where(left_out, IGNORE, truth).astype(np.uint8), predicted


def drawn_map(rows: str) -> Array:
    """Return the map [1, H, W] that is drawn by rows of digits, with x where it is ignored."""
    values = [[IGNORE if digit == "x" else int(digit) for digit in row] for row in rows.split()]
    return np.array([values], np.uint8)


square_counts = st.integers(1, 5).flatmap(
    lambda k: arrays(np.int64, (k, k), elements=st.integers(0, 50))
)


@dataclass(frozen=True)
class Case:
    """Maps of three classes, and their scores counted by hand."""

    truth: str
    predicted: str
    iou: list[float]
    f1: list[float]
    precision: list[float]
    recall: list[float]
    accuracy: float
    mean_iou: float


BY_HAND = {
    "all right": Case(
        truth="000 111 222",
        predicted="000 111 222",
        iou=[1, 1, 1],
        f1=[1, 1, 1],
        precision=[1, 1, 1],
        recall=[1, 1, 1],
        accuracy=1,
        mean_iou=1,
    ),
    "all wrong": Case(
        truth="000 111 222",
        predicted="111 222 000",
        iou=[0, 0, 0],
        f1=[0, 0, 0],
        precision=[0, 0, 0],
        recall=[0, 0, 0],
        accuracy=0,
        mean_iou=0,
    ),
    "class 2 absent from both": Case(
        truth="000 011 111",
        predicted="000 111 110",
        iou=[3 / 5, 4 / 6, NAN],
        f1=[6 / 8, 8 / 10, NAN],
        precision=[3 / 4, 4 / 5, NAN],
        recall=[3 / 4, 4 / 5, NAN],
        accuracy=7 / 9,
        mean_iou=(3 / 5 + 4 / 6) / 2,
    ),
    "class 2 never predicted": Case(
        truth="000 111 222",
        predicted="000 110 001",
        iou=[3 / 6, 2 / 4, 0],
        f1=[6 / 9, 4 / 6, 0],
        precision=[3 / 6, 2 / 3, NAN],
        recall=[1, 2 / 3, 0],
        accuracy=5 / 9,
        mean_iou=1 / 3,
    ),
    "class 2 predicted but never true": Case(
        truth="000 001 111",
        predicted="000 221 112",
        iou=[3 / 5, 3 / 4, 0],
        f1=[6 / 8, 6 / 7, 0],
        precision=[1, 1, 0],
        recall=[3 / 5, 3 / 4, NAN],
        accuracy=6 / 9,
        mean_iou=(3 / 5 + 3 / 4) / 3,
    ),
    "ignored pixels do not count": Case(
        truth="00x 11x xx2",
        predicted="010 111 222",
        iou=[1 / 2, 2 / 3, 1],
        f1=[2 / 3, 4 / 5, 1],
        precision=[1, 2 / 3, 1],
        recall=[1 / 2, 1, 1],
        accuracy=4 / 5,
        mean_iou=(1 / 2 + 2 / 3 + 1) / 3,
    ),
    "everything ignored": Case(
        truth="xxx xxx xxx",
        predicted="012 012 012",
        iou=[NAN] * 3,
        f1=[NAN] * 3,
        precision=[NAN] * 3,
        recall=[NAN] * 3,
        accuracy=NAN,
        mean_iou=NAN,
    ),
}


@pytest.mark.parametrize("case", BY_HAND.values(), ids=BY_HAND)
def test_scores_counted_by_hand(case: Case) -> None:
    counts = count(drawn_map(case.truth), drawn_map(case.predicted), 3)[0]
    for score in ("iou", "f1", "precision", "recall", "accuracy", "mean_iou"):
        value = getattr(metrics, score)(counts)
        assert_allclose(value, getattr(case, score), rtol=1e-12, err_msg=score)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(None, 3 / 8), ([0], 1 / 2), ([1, 0], 3 / 8), ([1, 2], 1 / 4), ([2], NAN), ([], NAN)],
)
def test_mean_iou_is_over_the_listed_classes_that_occur(
    classes: list[int] | None, expected: float
) -> None:
    counts = np.array([[3, 1, 0], [2, 1, 0], [0, 0, 0]])  # IoU 3/6, 1/4 and none
    assert_allclose(metrics.mean_iou(counts, classes), expected)


@pytest.mark.parametrize(
    ("seed", "classes", "used"), [(0, 2, 2), (1, 5, 5), (2, 6, 4), (3, 21, 21)]
)
def test_scores_agree_with_scikit_learn(seed: int, classes: int, used: int) -> None:
    truth, predicted = random_maps(seed, classes, used)
    counts = count(truth, predicted, classes).sum(0)
    valid = truth != IGNORE
    maps = (truth[valid], predicted[valid])
    labels = list(range(classes))
    by_class: dict[str, Any] = {"labels": labels, "average": None, "zero_division": np.nan}
    assert_array_equal(counts, confusion_matrix(*maps, labels=labels))
    assert_allclose(metrics.precision(counts), precision_score(*maps, **by_class))
    assert_allclose(metrics.recall(counts), recall_score(*maps, **by_class))
    assert_allclose(metrics.f1(counts), f1_score(*maps, **by_class))
    assert_allclose(metrics.accuracy(counts), accuracy_score(*maps))
    # scikit-learn has no NaN for the IoU of a class without pixels.
    occurring = labels[:used]
    expected = jaccard_score(*maps, labels=occurring, average=None)
    assert_allclose(metrics.iou(counts)[:used], expected)
    expected_mean = jaccard_score(*maps, labels=occurring, average="macro")
    assert_allclose(metrics.mean_iou(counts), expected_mean)


@pytest.mark.parametrize(("seed", "classes", "used"), [(4, 2, 2), (5, 5, 5), (6, 6, 4)])
def test_scores_agree_with_torchmetrics_updated_image_by_image(
    seed: int, classes: int, used: int
) -> None:
    from torchmetrics.classification import MulticlassF1Score, MulticlassJaccardIndex

    truth, predicted = random_maps(seed, classes, used)
    counts = count(truth, predicted, classes).sum(0)
    for kind, score in ((MulticlassJaccardIndex, metrics.iou), (MulticlassF1Score, metrics.f1)):
        by_class = kind(classes, average="none", ignore_index=IGNORE)
        mean = kind(classes, average="macro", ignore_index=IGNORE)
        for predicted_image, true_image in zip(predicted, truth, strict=True):
            images = (
                torch.from_numpy(predicted_image)[None],
                torch.from_numpy(true_image).long()[None],
            )
            by_class.update(*images)
            mean.update(*images)
        # torchmetrics has 0 for a class without pixels, and leaves it out of the mean.
        assert_allclose(np.nan_to_num(score(counts)), by_class.compute(), rtol=1e-6)
        assert_allclose(np.nanmean(score(counts)), mean.compute(), rtol=1e-6)
    assert_allclose(metrics.mean_iou(counts), np.nanmean(metrics.iou(counts)))


@given(square_counts)
def test_iou_and_f1_determine_each_other(counts: Array) -> None:
    f1 = metrics.f1(counts)
    assert_allclose(metrics.iou(counts), f1 / (2 - f1))


@pytest.mark.slow
@given(square_counts)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(counts: Array) -> None:
    precision, recall = metrics.precision(counts), metrics.recall(counts)
    with np.errstate(invalid="ignore"):
        mean = 2 * precision * recall / (precision + recall)
    defined = ~np.isnan(mean)
    assert_allclose(metrics.f1(counts)[defined], mean[defined])
    # Without both, nothing of the class was found.
    assert_array_equal(np.diagonal(counts)[~defined], 0)


@given(square_counts)
def test_exchanging_truth_and_prediction_exchanges_precision_and_recall(counts: Array) -> None:
    assert_array_equal(metrics.precision(counts.T), metrics.recall(counts))
    for symmetric in (metrics.iou, metrics.f1, metrics.accuracy):
        assert_array_equal(symmetric(counts.T), symmetric(counts))


@given(square_counts, st.randoms(use_true_random=False))
def test_scores_follow_a_permutation_of_the_classes(counts: Array, random: Any) -> None:
    order = list(range(len(counts)))
    random.shuffle(order)
    moved = counts[np.ix_(order, order)]
    for score in (metrics.iou, metrics.f1, metrics.precision, metrics.recall):
        assert_array_equal(score(moved), score(counts)[order])
    assert_array_equal(metrics.accuracy(moved), metrics.accuracy(counts))
    assert_allclose(metrics.mean_iou(moved), metrics.mean_iou(counts))


@given(st.integers(0, 1000))
def test_counts_of_images_sum_to_the_counts_of_one_large_image(seed: int) -> None:
    truth, predicted = random_maps(seed, 4, 4, 0.3)
    separate = count(truth, predicted, 4)
    one_image = (1, -1, truth.shape[2])
    joined = count(truth.reshape(one_image), predicted.reshape(one_image), 4)[0]
    assert_array_equal(separate.sum(0), joined)
    for score in (metrics.iou, metrics.f1, metrics.precision, metrics.recall, metrics.accuracy):
        by_image = [score(counts) for counts in separate]
        assert_array_equal(score(separate), np.stack(by_image))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[1, 2, 0], [0, 4, 1], [3, 0, 1]], [[0, 3, 0], [0, 5, 0], [0, 4, 0]]),
        # The most frequent true class, not the predicted one.
        ([[0, 0, 9], [1, 0, 0], [0, 0, 0]], [[9, 0, 0], [1, 0, 0], [0, 0, 0]]),
        # The first of equals.
        ([[0, 0, 2], [0, 2, 0], [0, 0, 1]], [[2, 0, 0], [2, 0, 0], [1, 0, 0]]),
        ([[0, 0, 0]] * 3, [[0, 0, 0]] * 3),
    ],
)
def test_most_frequent_class_by_hand(counts: Any, expected: Any) -> None:
    assert_array_equal(metrics.most_frequent_class(np.array(counts)), expected)


@pytest.mark.parametrize("seed", range(5))
def test_most_frequent_class_is_the_best_constant_prediction(seed: int) -> None:
    truth, predicted = random_maps(seed, 5, 5)
    floor = metrics.most_frequent_class(count(truth, predicted, 5).sum(0))
    constant = [count(truth, np.full_like(truth, index), 5).sum(0) for index in range(5)]
    best = max(constant, key=lambda counts: float(metrics.accuracy(counts)))
    assert_array_equal(floor, best)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[3, 1], [0, 4]], {"a": 0.75, "b": 0.8}),
        ([[3, 0], [0, 0]], {"a": 1.0, "b": None}),
    ],
)
def test_a_summary_names_classes_and_has_no_nan(counts: Any, expected: dict[str, Any]) -> None:
    summary = metrics.summary(np.array(counts), ["a", "b"], ["a"])
    assert list(summary) == ["miou", "accuracy", "iou", "f1", "precision", "recall"]
    assert summary["iou"] == expected
    assert summary["miou"] == expected["a"]


def test_distances_between_shares_by_hand() -> None:
    exact = np.array([[0.5, 0.5, 0], [1, 0, 0]], np.float32)
    given_shares = np.array([[0.25, 0.5, 0.25], [0.5, 0.5, 0]], np.float32)
    assert_allclose(metrics.total_variation(exact, given_shares), [0.25, 0.5])
    expected = [0.5 * np.log(2), np.log(2)]
    assert_allclose(metrics.kl_divergence(exact, given_shares), expected, atol=1e-7)
    assert metrics.same_largest(exact, given_shares).tolist() == [False, True]
