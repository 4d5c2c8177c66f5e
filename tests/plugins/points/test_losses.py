"""Dense and partial cross-entropy against formulas written out in NumPy, and what a loss must never
do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from loss_batches import (
    NORMALISERS,
    PARTIAL_CROSS_ENTROPIES,
    Array,
    draw_dense_labels,
    draw_sparse_labels,
    expect_class_weights,
    expect_divisor,
    gradient,
    loss_id,
    make_batch,
)

from harness.core.components import Loss
from harness.core.values import IGNORE, Batch
from harness_points.cross_entropy import CrossEntropy, PartialCrossEntropy
from harness_points.normalise import class_weights, weight_map

pytestmark = pytest.mark.usefixtures("one_thread")

every_partial = pytest.mark.parametrize("loss", PARTIAL_CROSS_ENTROPIES, ids=loss_id)
every_loss = pytest.mark.parametrize(
    "loss", [CrossEntropy(), *PARTIAL_CROSS_ENTROPIES], ids=loss_id
)


def partial_cross_entropy_by_formula(
    logits: Array, labels: Array, normaliser: str, weights_by: str
) -> float:
    """The partial cross-entropy, pixel by pixel in float64."""
    weights = expect_class_weights(weights_by)
    sums = np.zeros(len(labels))
    labelled = np.zeros(len(labels))
    sum_of_weights = 0.0
    for image, row, column in zip(*np.nonzero(labels != IGNORE), strict=True):
        scores = logits[image, :, row, column].astype(float)
        label = labels[image, row, column]
        # -log softmax(scores)[label]
        negative_log_likelihood = np.log(np.exp(scores).sum()) - scores[label]
        sums[image] += weights[label] * negative_log_likelihood
        labelled[image] += 1
        sum_of_weights += weights[label]
    if normaliser == "image":
        # Images without labels have no mean, and do not count as images of loss 0.
        has_labels = labelled > 0
        return float(np.mean(sums[has_labels] / labelled[has_labels]))
    return float(sums.sum() / expect_divisor(normaliser, labels, sum_of_weights))


@every_partial
@pytest.mark.parametrize(
    "labels",
    [
        draw_sparse_labels(),
        draw_sparse_labels(1, 0.9),
        draw_dense_labels(),
    ],
    ids=["sparse", "denser", "full"],
)
def test_partial_cross_entropy_follows_its_formula(
    loss: PartialCrossEntropy, labels: Array
) -> None:
    logits, batch = make_batch(labels)
    expected = partial_cross_entropy_by_formula(
        logits.detach().numpy(), labels, loss.normaliser, loss.class_weights
    )
    value = loss(logits, batch)
    assert value.shape == ()
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("normaliser", ["labelled-pixels", "image", "all-pixels", "class-weights"])
def test_on_a_full_mask_partial_cross_entropy_is_dense_cross_entropy(normaliser: Any) -> None:
    logits, batch = make_batch(draw_dense_labels())
    partial = PartialCrossEntropy(normaliser=normaliser)(logits, batch)
    dense = CrossEntropy()(logits, batch)
    assert partial.item() == pytest.approx(dense.item(), rel=1e-6)


@pytest.mark.parametrize(
    "loss", [CrossEntropy(), PartialCrossEntropy()], ids=lambda loss: loss.name
)
@pytest.mark.parametrize(
    "labels", [draw_sparse_labels(), draw_dense_labels()], ids=["sparse", "full"]
)
def test_the_plain_losses_are_torch_s_with_ignore_index(loss: Loss, labels: Array) -> None:
    logits, batch = make_batch(labels)
    expected = F.cross_entropy(logits, torch.from_numpy(labels).long(), ignore_index=IGNORE)
    value = loss(logits, batch).item()
    assert value == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(
    "labels", [draw_sparse_labels(), draw_sparse_labels(2, 0.8)], ids=["sparse", "denser"]
)
def test_class_weights_over_their_sum_are_torch_s_weighted_mean(labels: Array) -> None:
    logits, batch = make_batch(labels)
    # 8 labelled pixels of 4 classes in a training patch: 6, 1.5, none and 0.5.
    weight = torch.tensor([8 / (4 * 6), 8 / (4 * 1.5), 0, 8 / (4 * 0.5)])
    expected = F.cross_entropy(
        logits,
        torch.from_numpy(labels).long(),
        weight=weight,
        ignore_index=IGNORE,
        reduction="mean",
    )
    loss = PartialCrossEntropy(normaliser="class-weights", class_weights="inverse-frequency")
    value = loss(logits, batch).item()
    assert value == pytest.approx(expected.item(), rel=1e-6)


def test_inverse_frequency_gives_every_labelled_class_the_same_weight_in_the_training_set() -> None:
    labels = np.full((1, 4, 4), IGNORE)
    # The batch is the training set: its counts are the labels per patch below.
    labels[0].flat[:8] = [0, 0, 0, 0, 0, 0, 1, 3]
    labels_per_patch = torch.tensor([6.0, 1.0, 0.0, 1.0])
    logits, batch = make_batch(labels)
    batch = Batch(batch.images, batch.valid, batch.labels, labels_per_patch=labels_per_patch)
    loss = PartialCrossEntropy(normaliser="class-weights", class_weights="inverse-frequency")

    assert batch.labels is not None
    values = F.cross_entropy(logits, batch.labels, ignore_index=IGNORE, reduction="none")
    means = [values[batch.labels == index].mean().item() for index in (0, 1, 3)]
    value = loss(logits, batch).item()
    assert value == pytest.approx(np.mean(means), rel=1e-6)


@every_partial
def test_a_class_without_training_labels_has_no_weight(loss: PartialCrossEntropy) -> None:
    # Class 2 has labels in this batch, and none in the training set.
    logits, batch = make_batch(np.full((2, 3, 3), 2))
    value = loss(logits, batch)
    slope = gradient(value, logits)
    weightless = loss.class_weights != "none"
    assert (value.item() == 0) == weightless
    assert bool((slope == 0).all()) == weightless


@every_loss
def test_a_batch_twice_over_has_the_same_loss(loss: Loss) -> None:
    labels = draw_sparse_labels()
    logits, batch = make_batch(labels)
    _, batch_twice = make_batch(np.concatenate([labels, labels]))
    once = loss(logits, batch)
    twice = loss(torch.cat([logits, logits]), batch_twice)
    assert twice.item() == pytest.approx(once.item(), rel=1e-6)


@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_only_two_normalisers_let_the_scale_follow_the_density_of_labels(normaliser: Any) -> None:
    labels = draw_dense_labels()
    unlabelled = np.full_like(labels, IGNORE)
    _, half_labelled = make_batch(np.concatenate([labels, unlabelled], 2))
    _, fully_labelled = make_batch(np.concatenate([labels, labels], 2))
    logits, _ = make_batch(labels)
    wide = torch.cat([logits, logits], 3)

    loss = PartialCrossEntropy(normaliser=normaliser)
    ratio = loss(wide, fully_labelled).item() / loss(wide, half_labelled).item()
    expected = 2 if normaliser in ("all-pixels", "training-set") else 1
    assert ratio == pytest.approx(expected, rel=1e-5)


@every_loss
def test_gradients_are_those_of_finite_differences(loss: Loss) -> None:
    labels = np.array([[[0, 1], [IGNORE, 3]], [[IGNORE, IGNORE], [1, 1]]])
    # In float32, differences so small would be rounding.
    logits, batch = make_batch(labels, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda moved: loss(moved, batch), (logits,))


@pytest.mark.parametrize(
    ("beta", "counts"),
    [
        (0.9, [10, 1, 0, 4]),
        (0.0, [3, 5, 0, 0]),
        (0.999, [200, 0, 7, 20]),
    ],
)
def test_effective_number_weights_against_numpy(beta: float, counts: list[int]) -> None:
    n = np.array(counts)
    present = n > 0
    expected = np.zeros(len(n))
    expected[present] = (1 - beta) / (1 - beta ** n[present])
    expected *= len(n) / expected.sum()
    weights = class_weights(torch.tensor(counts, dtype=torch.float64), "effective-number", beta)
    np.testing.assert_allclose(weights.numpy(), expected)


def test_counts_are_those_of_the_whole_training_set() -> None:
    labels = torch.tensor([[[0, 1], [IGNORE, IGNORE]]])
    batch = Batch(
        torch.zeros(1, 3, 2, 2),
        labels != IGNORE,
        labels,
        labels_per_patch=torch.tensor([0.5, 0.25]),
        training_patches=8,
    )
    weights = weight_map(batch, "inverse-frequency", 0.0)
    # 0.5 and 0.25 pixels in each of 8 patches: 4 and 2 pixels of 2 classes.
    assert weights[0, 0].tolist() == [6 / (2 * 4), 6 / (2 * 2)]
