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
    EVERY,
    NORMALISERS,
    PER_PATCH,
    K,
    a_batch,
    called,
    dense,
    sparse,
)
from numpy.typing import NDArray

from harness.api import IGNORE, Batch, Loss
from harness.testing import check_component
from harness_points.cross_entropy import CrossEntropy, PartialCrossEntropy
from harness_points.dice import PartialDice
from harness_points.focal import PartialFocal
from harness_points.normalise import Normaliser

pytestmark = pytest.mark.usefixtures("one_thread")

Array = NDArray[Any]
PAIRS = [(normaliser, weights) for normaliser in NORMALISERS for weights in CLASS_WEIGHTS]
FOCALS = [
    PartialFocal(gamma=gamma, normaliser=normaliser, class_weights=weights)
    for gamma in (0.5, 2.0)
    for normaliser, weights in PAIRS
]
DICES = [
    PartialDice(per=per, first_class=first, epsilon=1.0)
    for per in ("batch", "image")
    for first in (True, False)
]

every = pytest.mark.parametrize("loss", [*FOCALS, *DICES], ids=called)
of_labels = pytest.mark.parametrize("loss", [CrossEntropy(), *EVERY, *FOCALS, *DICES], ids=called)
every_dice = pytest.mark.parametrize("loss", DICES, ids=called)
labelled = pytest.mark.parametrize(
    "labels", [sparse(), sparse(1, 0.9), dense()], ids=["sparse", "denser", "full"]
)
LEAST = np.array([[[0, 1], [IGNORE, 3]], [[IGNORE, IGNORE], [1, 1]]])


def softmax(logits: Array) -> Array:
    powers = np.exp(logits.astype(float) - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def focal_by_formula(logits: Array, labels: Array, loss: PartialFocal) -> float:
    """alpha w (1 - p)^gamma (-log p) over labelled pixels, divided as the normaliser says, in
    float64."""
    shares = [count / sum(PER_PATCH) for count in PER_PATCH]
    weight = {
        "none": np.ones(K),
        "inverse-frequency": np.array([1 / (K * share) if share else 0 for share in shares]),
        "effective-number": np.array(
            [0.001 / (1 - 0.999 ** max(1, count)) if count else 0 for count in PER_PATCH]
        ),
    }[loss.class_weights]
    weight = weight * K / weight.sum() if loss.class_weights == "effective-number" else weight
    images, rows, columns = np.nonzero(labels != IGNORE)
    own = labels[images, rows, columns]
    likely = softmax(logits)[images, own, rows, columns]
    values = (
        (1 if loss.alpha is None else loss.alpha)
        * weight[own]
        * (1 - likely) ** loss.gamma
        * -np.log(likely)
    )
    if loss.normaliser == "image":
        return float(np.mean([values[images == image].mean() for image in set(images)]))
    divisors: dict[str, float] = {
        "labelled-pixels": len(own),
        "classes-times-labelled": K * len(own),
        "all-pixels": labels.size,
        "class-weights": weight[own].sum(),
        "training-set": len(labels) * sum(PER_PATCH),
    }
    return float(values.sum() / divisors[loss.normaliser])


def dice_by_formula(logits: Array, labels: Array, loss: PartialDice) -> float:
    """1 - (2 sum y g + epsilon) / (sum y + sum g + epsilon), averaged over the classes that have
    labels, in float64."""
    probabilities, values = softmax(logits), []
    parts = (
        [slice(None)]
        if loss.per == "batch"
        else [slice(image, image + 1) for image in range(len(labels))]
    )
    for part in parts:
        known = labels[part] != IGNORE
        for index in range(0 if loss.first_class else 1, K):
            own = labels[part] == index
            if own.any():
                likely = probabilities[part, index]
                values.append(
                    1
                    - (2 * likely[own].sum() + loss.epsilon)
                    / (likely[known].sum() + own.sum() + loss.epsilon)
                )
    return float(np.mean(values))


@pytest.mark.parametrize("component", [PartialDice, PartialFocal])
def test_contract(component: type[Loss]) -> None:
    check_component(component)


def test_the_switches_are_those_of_partial_cross_entropy() -> None:
    assert get_args(Normaliser) == NORMALISERS
    for name in ("normaliser", "class_weights", "beta"):
        own, other = PartialFocal.model_fields[name], PartialCrossEntropy.model_fields[name]
        assert (own.annotation, own.default, own.metadata) == (
            other.annotation,
            other.default,
            other.metadata,
        )


@pytest.mark.parametrize(("normaliser", "weights"), PAIRS)
@labelled
def test_focal_with_gamma_0_is_partial_cross_entropy(
    labels: Array, normaliser: Any, weights: Any
) -> None:
    gradients, values = [], []
    for loss in (
        PartialFocal(gamma=0, normaliser=normaliser, class_weights=weights),
        PartialCrossEntropy(normaliser=normaliser, class_weights=weights),
    ):
        logits, batch = a_batch(labels)
        values.append(loss(logits, batch))
        values[-1].backward()
        gradients.append(logits.grad)
    assert values[0].item() == values[1].item()
    assert torch.equal(gradients[0], gradients[1])


@pytest.mark.parametrize(
    "loss", [*FOCALS, PartialFocal(alpha=0.25), PartialFocal(gamma=1.0)], ids=called
)
@labelled
def test_focal_follows_its_formula(loss: PartialFocal, labels: Array) -> None:
    logits, batch = a_batch(labels)
    assert loss(logits, batch).item() == pytest.approx(
        focal_by_formula(logits.detach().numpy(), labels, loss), rel=1e-5
    )


@every_dice
@labelled
def test_dice_follows_its_formula(loss: PartialDice, labels: Array) -> None:
    logits, batch = a_batch(labels)
    assert loss(logits, batch).item() == pytest.approx(
        dice_by_formula(logits.detach().numpy(), labels, loss), rel=1e-5
    )


def test_on_a_full_mask_focal_is_the_dense_mean() -> None:
    logits, batch = a_batch(dense())
    likely = logits.detach().double().softmax(1).gather(1, batch.labels[:, None])
    expected = (-((1 - likely) ** 2) * likely.log()).mean().item()
    assert PartialFocal()(logits, batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "labels", [dense(), np.where(sparse(3, 0.9) == IGNORE, IGNORE, dense())], ids=["full", "sparse"]
)
def test_dice_of_a_batch_is_that_of_segmentation_models_pytorch(labels: Array) -> None:
    import segmentation_models_pytorch as smp

    logits, batch = a_batch(labels)
    assert set(range(K)) <= set(labels.ravel())  # the library averages over absent classes too
    expected = smp.losses.DiceLoss("multiclass", ignore_index=IGNORE)(logits, batch.labels)
    assert PartialDice(epsilon=1e-9)(logits, batch).item() == pytest.approx(
        expected.item(), rel=1e-5
    )


def test_dice_of_two_labelled_pixels_by_hand() -> None:
    labels = np.full((1, 2, 2), IGNORE)
    labels[0, 0] = 0, 1
    _, batch = a_batch(labels)
    logits = (
        torch.tensor([[0.8, 0.2, 0, 0], [0.4, 0.6, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
        .clamp(min=1e-30)
        .log()
        .T.view(1, K, 2, 2)
    )
    # Class 0: 2 x 0.8 over 1.2 + 1. Class 1: 2 x 0.6 over 0.8 + 1. Classes 2 and 3 have no label.
    expected = 1 - (1.6 / 2.2 + 1.2 / 1.8) / 2
    assert PartialDice()(logits, batch).item() == pytest.approx(expected, abs=1e-4)
    assert PartialDice(first_class=False)(logits, batch).item() == pytest.approx(
        1 - 1.2 / 1.8, abs=1e-4
    )


@of_labels
def test_gradients_are_zero_on_unlabelled_pixels_and_there_only(loss: Loss) -> None:
    labels = sparse()
    logits, batch = a_batch(labels)
    loss(logits, batch).backward()
    moved = (logits.grad != 0).any(1).numpy()
    if getattr(loss, "first_class", True):
        np.testing.assert_array_equal(moved, labels != IGNORE)
    # a class that is left out moves through the softmax of the others, where these have labels
    else:
        assert not moved[labels == IGNORE].any()
        assert moved.any()


@of_labels
@pytest.mark.parametrize(
    "counted", [PER_PATCH, [0.0] * K], ids=["labels elsewhere", "no label in the training set"]
)
def test_a_batch_without_labels_gives_zero_and_a_gradient_of_zero(
    loss: Loss, counted: list[float]
) -> None:
    logits, batch = a_batch(np.full((2, 4, 4), IGNORE))
    value = loss(
        logits,
        Batch(batch.images, batch.valid, batch.labels, labels_per_patch=torch.tensor(counted)),
    )
    value.backward()
    assert value.item() == 0
    assert bool((logits.grad == 0).all())  # false for NaN too


@every
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_certain_pixels_give_finite_values_and_gradients(loss: Loss, scale: float) -> None:
    labels = sparse()
    logits, batch = a_batch(labels)
    with torch.no_grad():
        logits.mul_(scale)
    value = loss(logits, batch)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("loss", [*DICES, *FOCALS, PartialFocal(gamma=1.0, alpha=0.25)], ids=called)
def test_gradients_are_those_of_finite_differences(loss: Loss) -> None:
    logits, batch = a_batch(LEAST, kind=torch.float64)
    assert torch.autograd.gradcheck(lambda own: loss(own, batch), (logits,))


@pytest.mark.parametrize(
    "loss", [*FOCALS, *(dice for dice in DICES if dice.per == "image")], ids=called
)
def test_a_batch_twice_over_has_the_same_loss(loss: Loss) -> None:
    labels = sparse()
    logits, batch = a_batch(labels)
    _, twice = a_batch(np.concatenate([labels, labels]))
    assert loss(torch.cat([logits, logits]), twice).item() == pytest.approx(
        loss(logits, batch).item(), rel=1e-6
    )


def test_per_batch_and_per_image_are_one_for_a_single_image() -> None:
    logits, batch = a_batch(sparse()[:1])
    values = [PartialDice(per=per)(logits, batch).item() for per in ("batch", "image")]
    assert values[0] == pytest.approx(values[1], rel=1e-6)


@given(
    seed=st.integers(0, 10_000), gamma=st.floats(0, 8), more=st.floats(0, 8), share=st.floats(0, 1)
)
def test_focal_falls_as_gamma_grows(seed: int, gamma: float, more: float, share: float) -> None:
    logits, batch = a_batch(sparse(seed, share), seed)
    less, greater = (
        PartialFocal(gamma=gamma + more)(logits, batch).item(),
        PartialFocal(gamma=gamma)(logits, batch).item(),
    )
    assert 0 <= less <= greater * (1 + 1e-6)


@given(
    seed=st.integers(0, 10_000),
    share=st.floats(0, 1),
    order=st.permutations(range(K)),
    per=st.sampled_from(["batch", "image"]),
)
def test_dice_is_a_share_and_blind_to_the_order_of_classes(
    seed: int, share: float, order: list[int], per: Any
) -> None:
    labels = sparse(seed, share)
    logits, batch = a_batch(labels, seed)
    value = PartialDice(per=per)(logits, batch).item()
    _, renamed = a_batch(np.where(labels == IGNORE, IGNORE, np.array([*order, *[0] * 252])[labels]))
    again = PartialDice(per=per)(logits[:, np.argsort(order)], renamed).item()
    assert 0 <= value <= 1
    assert again == pytest.approx(value, abs=1e-5)
