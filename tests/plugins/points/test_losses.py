"""Dense and partial cross-entropy against formulas written out in NumPy, and what a loss must never
do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from loss_batches import EVERY, NORMALISERS, PER_PATCH, Array, K, a_batch, called, dense, sparse

from harness.core.components import Loss
from harness.core.values import IGNORE, Batch
from harness_points.cross_entropy import CrossEntropy, PartialCrossEntropy
from harness_points.normalise import class_weights, weight_map

pytestmark = pytest.mark.usefixtures("one_thread")


every = pytest.mark.parametrize("loss", EVERY, ids=called)
dense_too = pytest.mark.parametrize("loss", [CrossEntropy(), *EVERY], ids=called)


def by_formula(logits: Array, labels: Array, normaliser: str, weights_by: str) -> float:
    """The partial cross-entropy, pixel by pixel in float64."""
    total = sum(PER_PATCH)
    weight = [1.0] * K
    if weights_by == "inverse-frequency":
        weight = [total / (K * count) if count else 0 for count in PER_PATCH]
    elif weights_by == "effective-number":
        weight = [0.001 / (1 - 0.999 ** max(count, 1)) if count else 0 for count in PER_PATCH]
        weight = [K * each / sum(weight) for each in weight]
    summed, weights, labelled = np.zeros(len(labels)), 0.0, np.zeros(len(labels))
    for image, row, column in zip(*np.nonzero(labels != IGNORE), strict=True):
        scores, label = logits[image, :, row, column].astype(float), labels[image, row, column]
        summed[image] += weight[label] * (np.log(np.exp(scores).sum()) - scores[label])
        weights += weight[label]
        labelled[image] += 1
    if normaliser == "image":
        return float(
            np.mean([own / count for own, count in zip(summed, labelled, strict=True) if count])
        )
    divisor = {
        "labelled-pixels": labelled.sum(),
        "classes-times-labelled": K * labelled.sum(),
        "all-pixels": labels.size,
        "class-weights": weights,
        "training-set": len(labels) * total,
    }[normaliser]
    return float(summed.sum() / divisor)


@every
@pytest.mark.parametrize(
    "labels", [sparse(), sparse(1, 0.9), dense()], ids=["sparse", "denser", "full"]
)
def test_partial_cross_entropy_follows_its_formula(
    loss: PartialCrossEntropy, labels: Array
) -> None:
    logits, batch = a_batch(labels)
    expected = by_formula(logits.detach().numpy(), labels, loss.normaliser, loss.class_weights)
    assert loss(logits, batch).shape == ()
    assert loss(logits, batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("normaliser", ["labelled-pixels", "image", "all-pixels", "class-weights"])
def test_on_a_full_mask_partial_cross_entropy_is_dense_cross_entropy(normaliser: Any) -> None:
    logits, batch = a_batch(dense())
    partial, whole = (
        PartialCrossEntropy(normaliser=normaliser)(logits, batch),
        CrossEntropy()(logits, batch),
    )
    assert partial.item() == pytest.approx(whole.item(), rel=1e-6)


@pytest.mark.parametrize(
    "loss", [CrossEntropy(), PartialCrossEntropy()], ids=lambda loss: loss.name
)
@pytest.mark.parametrize("labels", [sparse(), dense()], ids=["sparse", "full"])
def test_the_plain_losses_are_torch_s_with_ignore_index(loss: Loss, labels: Array) -> None:
    logits, batch = a_batch(labels)
    expected = F.cross_entropy(logits, torch.from_numpy(labels).long(), ignore_index=IGNORE)
    assert loss(logits, batch).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("labels", [sparse(), sparse(2, 0.8)], ids=["sparse", "denser"])
def test_class_weights_over_their_sum_are_torch_s_weighted_mean(labels: Array) -> None:
    logits, batch = a_batch(labels)
    weight = torch.tensor([8 / (4 * 6), 8 / (4 * 1.5), 0, 8 / (4 * 0.5)])
    expected = F.cross_entropy(
        logits,
        torch.from_numpy(labels).long(),
        weight=weight,
        ignore_index=IGNORE,
        reduction="mean",
    )
    loss = PartialCrossEntropy(normaliser="class-weights", class_weights="inverse-frequency")
    assert loss(logits, batch).item() == pytest.approx(expected.item(), rel=1e-6)


def test_inverse_frequency_gives_every_labelled_class_the_same_weight_in_the_training_set() -> None:
    labels = np.full((1, 4, 4), IGNORE)
    labels[0].flat[:8] = [0, 0, 0, 0, 0, 0, 1, 3]  # the counts below
    logits, batch = a_batch(labels)
    batch = Batch(
        batch.images, batch.valid, batch.labels, labels_per_patch=torch.tensor([6.0, 1.0, 0.0, 1.0])
    )
    loss = PartialCrossEntropy(normaliser="class-weights", class_weights="inverse-frequency")
    assert batch.labels is not None
    values = F.cross_entropy(logits, batch.labels, ignore_index=IGNORE, reduction="none")
    means = [values[batch.labels == index].mean().item() for index in (0, 1, 3)]
    assert loss(logits, batch).item() == pytest.approx(np.mean(means), rel=1e-6)


@every
def test_a_class_without_training_labels_has_no_weight(loss: PartialCrossEntropy) -> None:
    logits, batch = a_batch(np.full((2, 3, 3), 2))
    weightless = loss.class_weights != "none"
    value = loss(logits, batch)
    value.backward()
    assert (value.item() == 0) == weightless
    assert bool((logits.grad == 0).all()) == weightless


@dense_too
def test_a_batch_twice_over_has_the_same_loss(loss: Loss) -> None:
    labels = sparse()
    logits, batch = a_batch(labels)
    _, twice = a_batch(np.concatenate([labels, labels]))
    assert loss(torch.cat([logits, logits]), twice).item() == pytest.approx(
        loss(logits, batch).item(), rel=1e-6
    )


@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_only_two_normalisers_let_the_scale_follow_the_density_of_labels(normaliser: Any) -> None:
    labels = dense()
    logits, _ = a_batch(labels)
    loss, wide = PartialCrossEntropy(normaliser=normaliser), torch.cat([logits, logits], 3)
    half = loss(wide, a_batch(np.concatenate([labels, np.full_like(labels, IGNORE)], 2))[1])
    full = loss(wide, a_batch(np.concatenate([labels, labels], 2))[1])
    assert full.item() / half.item() == pytest.approx(
        2 if normaliser in ("all-pixels", "training-set") else 1, rel=1e-5
    )


@dense_too
def test_gradients_are_those_of_finite_differences(loss: Loss) -> None:
    labels = np.array([[[0, 1], [IGNORE, 3]], [[IGNORE, IGNORE], [1, 1]]])
    logits, batch = a_batch(labels, kind=torch.float64)
    assert torch.autograd.gradcheck(lambda own: loss(own, batch), (logits,))


@pytest.mark.parametrize(
    ("beta", "counts"), [(0.9, [10, 1, 0, 4]), (0.0, [3, 5, 0, 0]), (0.999, [200, 0, 7, 20])]
)
def test_effective_number_weights_against_numpy(beta: float, counts: list[int]) -> None:
    expected = np.array([(1 - beta) / (1 - beta**n) if n else 0.0 for n in counts])
    expected *= len(counts) / expected.sum()
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
    weights = weight_map(batch, "inverse-frequency", 0.0)  # 4 and 2 labelled pixels
    assert weights[0, 0].tolist() == [6 / (2 * 4), 6 / (2 * 2)]
