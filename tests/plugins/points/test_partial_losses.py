"""Partial focal and partial Dice against formulas written out in NumPy, their relatives, and what a
loss must never do."""

from __future__ import annotations

from typing import Any, get_args

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from loss_batches import (
    CLASS_WEIGHTS,
    LABELS_PER_PATCH,
    NORMALISERS,
    PARTIAL_CROSS_ENTROPIES,
    Array,
    K,
    assert_zero,
    draw_dense_labels,
    draw_sparse_labels,
    expect_class_weights,
    expect_divisor,
    gradient,
    loss_id,
    make_batch,
)

from harness.api import IGNORE, Batch, Loss
from harness.testing import check_component
from harness_points.cross_entropy import CrossEntropy, PartialCrossEntropy
from harness_points.dice import PartialDice
from harness_points.focal import PartialFocal
from harness_points.normalise import Normaliser

pytestmark = pytest.mark.usefixtures("one_thread")

PAIRS = [(normaliser, weights) for normaliser in NORMALISERS for weights in CLASS_WEIGHTS]
FOCALS = [
    PartialFocal(gamma=gamma, normaliser=normaliser, class_weights=weights)
    for gamma in (0.5, 2.0)
    for normaliser, weights in PAIRS
]
DICES = [
    PartialDice(per="batch", first_class=True, epsilon=1.0),
    PartialDice(per="batch", first_class=False, epsilon=1.0),
    PartialDice(per="image", first_class=True, epsilon=1.0),
    PartialDice(per="image", first_class=False, epsilon=1.0),
]

every_focal_and_dice = pytest.mark.parametrize("loss", [*FOCALS, *DICES], ids=loss_id)
every_loss_of_labels = pytest.mark.parametrize(
    "loss", [CrossEntropy(), *PARTIAL_CROSS_ENTROPIES, *FOCALS, *DICES], ids=loss_id
)
every_dice = pytest.mark.parametrize("loss", DICES, ids=loss_id)
every_density = pytest.mark.parametrize(
    "labels",
    [draw_sparse_labels(), draw_sparse_labels(1, 0.9), draw_dense_labels()],
    ids=["sparse", "denser", "full"],
)


def softmax(logits: Array) -> Array:
    powers = np.exp(logits.astype(float) - logits.max(1, keepdims=True))
    shares: Array = powers / powers.sum(1, keepdims=True)
    return shares


def focal_by_formula(logits: Array, labels: Array, loss: PartialFocal) -> float:
    """alpha w (1 - p)^gamma (-log p) over labelled pixels, divided as the normaliser says.

    p is the probability of the labelled class (Lin et al. 2017); computed in float64.
    """
    images, rows, columns = np.nonzero(labels != IGNORE)
    classes = labels[images, rows, columns]
    p = softmax(logits)[images, classes, rows, columns]
    w = expect_class_weights(loss.class_weights)[classes]
    alpha = 1 if loss.alpha is None else loss.alpha
    values = alpha * w * (1 - p) ** loss.gamma * -np.log(p)
    if loss.normaliser == "image":
        means = [values[images == image].mean() for image in set(images)]
        return float(np.mean(means))
    return float(values.sum() / expect_divisor(loss.normaliser, labels, w.sum()))


def dice_by_formula(logits: Array, labels: Array, loss: PartialDice) -> float:
    """1 - (2 sum y g + epsilon) / (sum y + sum g + epsilon), the mean over classes with labels.

    y is the probability and g the label of a class (Milletari et al. 2016); computed in float64.
    """
    probabilities = softmax(logits)
    regions = [slice(None)]
    if loss.per == "image":
        regions = [slice(image, image + 1) for image in range(len(labels))]
    first_class = 0 if loss.first_class else 1
    values = []
    for region in regions:
        labelled = labels[region] != IGNORE
        for index in range(first_class, K):
            g = labels[region] == index
            if not g.any():
                continue
            y = probabilities[region, index]
            overlap = 2 * y[g].sum() + loss.epsilon
            total = y[labelled].sum() + g.sum() + loss.epsilon
            values.append(1 - overlap / total)
    return float(np.mean(values))


@pytest.mark.parametrize("component", [PartialDice, PartialFocal])
def test_contract(component: type[Loss]) -> None:
    check_component(component)


def test_the_switches_are_those_of_partial_cross_entropy() -> None:
    assert get_args(Normaliser) == NORMALISERS
    for name in ("normaliser", "class_weights", "beta"):
        field = PartialFocal.model_fields[name]
        expected = PartialCrossEntropy.model_fields[name]
        assert field.annotation == expected.annotation
        assert field.default == expected.default
        assert field.metadata == expected.metadata


@pytest.mark.parametrize(("normaliser", "weights"), PAIRS)
@every_density
def test_focal_with_gamma_0_is_partial_cross_entropy(
    labels: Array, normaliser: Any, weights: Any
) -> None:
    logits, batch = make_batch(labels)
    focal = PartialFocal(gamma=0, normaliser=normaliser, class_weights=weights)(logits, batch)
    focal_gradient = gradient(focal, logits)

    logits, batch = make_batch(labels)
    loss = PartialCrossEntropy(normaliser=normaliser, class_weights=weights)
    cross_entropy = loss(logits, batch)
    cross_entropy_gradient = gradient(cross_entropy, logits)

    assert focal.item() == cross_entropy.item()
    assert torch.equal(focal_gradient, cross_entropy_gradient)


@pytest.mark.parametrize(
    "loss", [*FOCALS, PartialFocal(alpha=0.25), PartialFocal(gamma=1.0)], ids=loss_id
)
@every_density
def test_focal_follows_its_formula(loss: PartialFocal, labels: Array) -> None:
    logits, batch = make_batch(labels)
    expected = focal_by_formula(logits.detach().numpy(), labels, loss)
    value = loss(logits, batch).item()
    assert value == pytest.approx(expected, rel=1e-5)


@every_dice
@every_density
def test_dice_follows_its_formula(loss: PartialDice, labels: Array) -> None:
    logits, batch = make_batch(labels)
    expected = dice_by_formula(logits.detach().numpy(), labels, loss)
    value = loss(logits, batch).item()
    assert value == pytest.approx(expected, rel=1e-5)


def test_on_a_full_mask_focal_is_the_dense_mean() -> None:
    logits, batch = make_batch(draw_dense_labels())
    assert batch.labels is not None
    p = logits.detach().double().softmax(1).gather(1, batch.labels[:, None])
    expected = (-((1 - p) ** 2) * p.log()).mean().item()
    value = PartialFocal()(logits, batch).item()
    assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "labels",
    [
        draw_dense_labels(),
        np.where(draw_sparse_labels(3, 0.9) == IGNORE, IGNORE, draw_dense_labels()),
    ],
    ids=["full", "sparse"],
)
def test_dice_of_a_batch_is_that_of_segmentation_models_pytorch(labels: Array) -> None:
    import segmentation_models_pytorch as smp

    logits, batch = make_batch(labels)
    # The library averages over absent classes too.
    assert set(range(K)) <= set(labels.ravel())
    expected = smp.losses.DiceLoss("multiclass", ignore_index=IGNORE)(logits, batch.labels)
    value = PartialDice(epsilon=1e-9)(logits, batch)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)


def test_dice_of_two_labelled_pixels_by_hand() -> None:
    labels = np.full((1, 2, 2), IGNORE)
    labels[0, 0] = 0, 1
    _, batch = make_batch(labels)
    # Probabilities of the four classes, pixel by pixel; the last two pixels have no label.
    probabilities = torch.tensor(
        [
            [0.8, 0.2, 0, 0],
            [0.4, 0.6, 0, 0],
            [1, 0, 0, 0],
            [1, 0, 0, 0],
        ]
    )
    # No logit gives a probability of 0.
    logits = probabilities.clamp(min=1e-30).log().T.view(1, K, 2, 2)

    # Class 0: 2 x 0.8 over 1.2 + 1. Class 1: 2 x 0.6 over 0.8 + 1. Classes 2 and 3 have no label.
    expected = 1 - (1.6 / 2.2 + 1.2 / 1.8) / 2
    value = PartialDice()(logits, batch).item()
    assert value == pytest.approx(expected, abs=1e-4)

    expected_of_class_1 = 1 - 1.2 / 1.8
    value_of_class_1 = PartialDice(first_class=False)(logits, batch).item()
    assert value_of_class_1 == pytest.approx(expected_of_class_1, abs=1e-4)


@every_loss_of_labels
def test_gradients_are_zero_on_unlabelled_pixels_and_there_only(loss: Loss) -> None:
    labels = draw_sparse_labels()
    logits, batch = make_batch(labels)
    slope = gradient(loss(logits, batch), logits)
    has_gradient = (slope != 0).any(1).numpy()
    if getattr(loss, "first_class", True):
        np.testing.assert_array_equal(has_gradient, labels != IGNORE)
    else:
        # A class that is left out moves through the softmax of the others, where these have labels.
        assert not has_gradient[labels == IGNORE].any()
        assert has_gradient.any()


@every_loss_of_labels
@pytest.mark.parametrize(
    "labels_per_patch",
    [LABELS_PER_PATCH, [0.0] * K],
    ids=["labels elsewhere", "no label in the training set"],
)
def test_a_batch_without_labels_gives_zero_and_a_gradient_of_zero(
    loss: Loss, labels_per_patch: list[float]
) -> None:
    logits, batch = make_batch(np.full((2, 4, 4), IGNORE))
    batch = Batch(
        batch.images, batch.valid, batch.labels, labels_per_patch=torch.tensor(labels_per_patch)
    )
    value = loss(logits, batch)
    slope = gradient(value, logits)
    assert value.item() == 0
    assert_zero(slope)


@every_focal_and_dice
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_certain_pixels_give_finite_values_and_gradients(loss: Loss, scale: float) -> None:
    logits, batch = make_batch(draw_sparse_labels())
    with torch.no_grad():
        logits.mul_(scale)
    value = loss(logits, batch)
    slope = gradient(value, logits)
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize(
    "loss", [*DICES, *FOCALS, PartialFocal(gamma=1.0, alpha=0.25)], ids=loss_id
)
def test_gradients_are_those_of_finite_differences(loss: Loss) -> None:
    labels = np.array([[[0, 1], [IGNORE, 3]], [[IGNORE, IGNORE], [1, 1]]])
    # In float32, differences so small would be rounding.
    logits, batch = make_batch(labels, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda moved: loss(moved, batch), (logits,))


# Dice per batch is no mean over images, so more of them change it through epsilon.
@pytest.mark.parametrize(
    "loss", [*FOCALS, *(dice for dice in DICES if dice.per == "image")], ids=loss_id
)
def test_a_batch_twice_over_has_the_same_loss(loss: Loss) -> None:
    labels = draw_sparse_labels()
    logits, batch = make_batch(labels)
    _, batch_twice = make_batch(np.concatenate([labels, labels]))
    once = loss(logits, batch)
    twice = loss(torch.cat([logits, logits]), batch_twice)
    assert twice.item() == pytest.approx(once.item(), rel=1e-6)


def test_per_batch_and_per_image_are_one_for_a_single_image() -> None:
    logits, batch = make_batch(draw_sparse_labels()[:1])
    per_batch = PartialDice(per="batch")(logits, batch)
    per_image = PartialDice(per="image")(logits, batch)
    assert per_batch.item() == pytest.approx(per_image.item(), rel=1e-6)


@given(
    seed=st.integers(0, 10_000),
    gamma=st.floats(0, 8),
    more=st.floats(0, 8),
    share=st.floats(0, 1),
)
def test_focal_falls_as_gamma_grows(seed: int, gamma: float, more: float, share: float) -> None:
    logits, batch = make_batch(draw_sparse_labels(seed, share), seed)
    value = PartialFocal(gamma=gamma)(logits, batch).item()
    value_with_more = PartialFocal(gamma=gamma + more)(logits, batch).item()
    assert 0 <= value_with_more <= value * (1 + 1e-6)


@given(
    seed=st.integers(0, 10_000),
    share=st.floats(0, 1),
    order=st.permutations(range(K)),
    per=st.sampled_from(["batch", "image"]),
)
def test_dice_is_a_share_and_blind_to_the_order_of_classes(
    seed: int, share: float, order: list[int], per: Any
) -> None:
    labels = draw_sparse_labels(seed, share)
    logits, batch = make_batch(labels, seed)
    value = PartialDice(per=per)(logits, batch).item()
    assert 0 <= value <= 1

    # The new name of each class; ignored pixels stay what they are.
    names = np.full(256, IGNORE)
    names[:K] = order
    _, renamed_batch = make_batch(names[labels])
    renamed_logits = logits[:, np.argsort(order)]
    renamed_value = PartialDice(per=per)(renamed_logits, renamed_batch).item()
    assert renamed_value == pytest.approx(value, abs=1e-5)
