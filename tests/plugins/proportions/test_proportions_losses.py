"""Losses on proportions and keypoints against formulas written out in NumPy, and what they must
never do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import softmax

from harness.core.components import Loss
from harness.core.values import IGNORE, Batch
from harness.metrics import kl_divergence, total_variation
from harness_proportions.keypoint_bce import KeypointBCE, log_probabilities
from harness_proportions.matching import ProportionKL, ProportionL1, ProportionL2
from harness_proportions.predicted import proportions
from harness_proportions.size_bounds import SizeBounds

pytestmark = pytest.mark.usefixtures("one_thread")

Array = NDArray[Any]
K = 4
MATCHING: list[Loss] = [
    ProportionL2(),
    ProportionL2(over_classes="mean"),
    ProportionL1(),
    ProportionKL(),
    ProportionKL(eps=0.1),
    SizeBounds(),
    SizeBounds(margin=0),
    SizeBounds(margin=0.5, skip_first_class=True),
]
KEYPOINTS: list[Loss] = [
    KeypointBCE(over_classes=c, reduction=r) for c in ("sum", "mean") for r in ("sum", "mean")
]


def called(loss: Loss) -> str:
    return "-".join(map(str, loss.settings().values()))


matching = pytest.mark.parametrize("loss", MATCHING, ids=called)
keypoints = pytest.mark.parametrize("loss", KEYPOINTS, ids=called)
every = pytest.mark.parametrize("loss", [*MATCHING, *KEYPOINTS], ids=called)


def a_batch(
    images: int = 3, seed: int = 0, kind: torch.dtype = torch.float32
) -> tuple[torch.Tensor, Batch]:
    """Logits that want a gradient; some pixels ignored, some labelled. The second image is ignored,
    and has proportions all the same."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn((images, K, 5, 6), generator=generator, dtype=kind)
    valid = torch.rand((images, 5, 6), generator=generator) < 0.7
    labels = torch.randint(0, K - 1, (images, 5, 6), generator=generator)  # none of the last class
    proportions = torch.softmax(2 * torch.randn((images, K), generator=generator, dtype=kind), 1)
    proportions[0] = torch.tensor([0.5, 0.0, 0.5, 0.0])
    valid[1:2] = False
    labels[(torch.rand(labels.shape, generator=generator) < 0.6) | ~valid] = IGNORE
    return logits.requires_grad_(), Batch(torch.zeros(images, 3, 5, 6), valid, labels, proportions)


def by_formula(loss: Any, logits: Array, batch: Batch) -> float:
    """The loss, image by image in float64."""
    assert batch.proportions is not None
    values = []
    for scores, valid, target in zip(
        logits.astype(float),
        batch.valid.numpy(),
        batch.proportions.numpy().astype(float),
        strict=True,
    ):
        if not valid.any():
            continue
        predicted, pixels = softmax(scores, 0)[:, valid].mean(1), valid.sum()
        if isinstance(loss, ProportionL2):
            value = ((predicted - target) ** 2).sum() / (K if loss.over_classes == "mean" else 1)
        elif isinstance(loss, ProportionL1):
            value = abs(predicted - target).sum()
        elif isinstance(loss, ProportionKL):
            value = -(target * np.log(predicted + loss.eps)).sum()
        else:
            value = 0.0
            for index in range(int(loss.skip_first_class), K):
                size, low, high = pixels * np.array(
                    [
                        predicted[index],
                        target[index] * (1 - loss.margin),
                        target[index] * (1 + loss.margin),
                    ]
                )
                value += (max(0, size - high) ** 2 + max(0, low - size) ** 2) / pixels
        values.append(value)
    return float(np.mean(values))


def keypoints_by_formula(loss: KeypointBCE, logits: Array, batch: Batch) -> float:
    """S001 eq. 3, pixel by pixel in float64."""
    assert batch.labels is not None
    total, images = 0.0, 0
    for scores, labels in zip(logits.astype(float), batch.labels.numpy(), strict=True):
        probabilities = softmax(scores, 0)
        for label in set(labels[labels != IGNORE].tolist()):
            values = []
            for row, column in zip(*np.nonzero(labels == label), strict=True):
                y = probabilities[:, row, column]
                each = [-np.log(y[c]) if c == label else -np.log(1 - y[c]) for c in range(K)]
                values.append(np.sum(each) if loss.over_classes == "sum" else np.mean(each))
            total += np.mean(values)
        images += (labels != IGNORE).any()
    return float(total / images if loss.reduction == "mean" else total)


@matching
@pytest.mark.parametrize("seed", range(3))
def test_losses_on_proportions_follow_their_formula(loss: Loss, seed: int) -> None:
    logits, batch = a_batch(seed=seed)
    assert loss(logits, batch).shape == ()
    assert loss(logits, batch).item() == pytest.approx(
        by_formula(loss, logits.detach().numpy(), batch), rel=1e-5
    )


@keypoints
@pytest.mark.parametrize("seed", range(3))
def test_keypoint_bce_follows_its_formula(loss: KeypointBCE, seed: int) -> None:
    logits, batch = a_batch(seed=seed)
    assert loss(logits, batch).shape == ()
    assert loss(logits, batch).item() == pytest.approx(
        keypoints_by_formula(loss, logits.detach().numpy(), batch), rel=1e-5
    )


@every
def test_gradients_are_those_of_finite_differences(loss: Loss) -> None:
    logits, batch = a_batch(kind=torch.float64)
    assert torch.autograd.gradcheck(lambda own: loss(own, batch), (logits,))


@every
def test_a_batch_without_annotation_gives_zero_and_a_gradient_of_zero(loss: Loss) -> None:
    logits, batch = a_batch()
    nothing = Batch(
        batch.images,
        torch.zeros_like(batch.valid),
        torch.full_like(batch.labels, IGNORE),
        torch.zeros_like(batch.proportions),
    )
    value = loss(logits, nothing)
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert bool((logits.grad == 0).all())  # false for NaN too


@every
def test_an_image_without_annotation_changes_nothing_for_the_others(loss: Loss) -> None:
    logits, batch = a_batch()
    kept = torch.tensor([0, 2])
    rest = Batch(batch.images[kept], batch.valid[kept], batch.labels[kept], batch.proportions[kept])
    value = loss(logits, batch)
    value.backward()
    assert value.item() == pytest.approx(loss(logits[kept], rest).item(), rel=1e-6)
    assert bool((logits.grad[1] == 0).all())
    assert bool((logits.grad[0] != 0).any())


@matching
def test_ignored_pixels_have_neither_influence_nor_gradient(loss: Loss) -> None:
    logits, batch = a_batch()
    moved = torch.where(batch.valid[:, None], logits, 50 * torch.ones_like(logits).cumsum(1))
    value = loss(logits, batch)
    value.backward()
    assert loss(moved, batch).item() == pytest.approx(value.item(), rel=1e-6)
    np.testing.assert_array_equal((logits.grad != 0).any(1).numpy(), batch.valid.numpy())


@keypoints
def test_keypoint_bce_has_gradients_at_labelled_pixels_only(loss: Loss) -> None:
    logits, batch = a_batch()
    loss(logits, batch).backward()
    np.testing.assert_array_equal(
        (logits.grad != 0).any(1).numpy(), (batch.labels != IGNORE).numpy()
    )


@every
def test_a_batch_twice_over_counts_twice_only_where_images_are_summed(loss: Loss) -> None:
    logits, batch = a_batch()
    twice = Batch(
        *(
            torch.cat([part, part])
            for part in (batch.images, batch.valid, batch.labels, batch.proportions)
        )
    )
    factor = 2 if getattr(loss, "reduction", "mean") == "sum" else 1
    assert loss(torch.cat([logits, logits]), twice).item() == pytest.approx(
        factor * loss(logits, batch).item(), rel=1e-6
    )


@matching
def test_every_pixel_predicting_the_proportions_is_a_solution_without_use(loss: Loss) -> None:
    _, batch = a_batch(kind=torch.float64)
    target = batch.proportions.clamp(min=1e-9)
    logits = target.log()[:, :, None, None].expand(-1, -1, 5, 6).clone().requires_grad_()
    value = loss(logits, batch)
    value.backward()
    least = 0.0
    if isinstance(loss, ProportionKL):
        seen = batch.proportions[[0, 2]].numpy()
        least = float(-(seen * np.log(seen + loss.eps)).sum(1).mean())
    assert value.item() == pytest.approx(least, abs=1e-8)
    # l1 has a kink there, a large eps moves the minimum
    if not isinstance(loss, ProportionL1) and getattr(loss, "eps", 0) < 1e-3:
        assert logits.grad.abs().max() < 1e-8


def test_the_gradient_of_l2_is_the_one_worked_out_by_hand() -> None:
    logits, batch = a_batch(images=1, kind=torch.float64)
    batch = Batch(batch.images, torch.ones_like(batch.valid), None, batch.proportions)
    ProportionL2()(logits, batch).backward()
    y = softmax(logits.detach().numpy()[0], 0).reshape(K, -1)
    difference = y.mean(1) - batch.proportions.numpy()[0]
    expected = np.empty_like(y)
    for pixel in range(y.shape[1]):
        for k in range(K):
            terms = [difference[c] * y[c, pixel] * ((c == k) - y[k, pixel]) for c in range(K)]
            expected[k, pixel] = 2 / y.shape[1] * np.sum(terms)
    np.testing.assert_allclose(logits.grad.numpy()[0].reshape(K, -1), expected, atol=1e-15)


def test_the_gradient_of_l2_vanishes_where_pixels_are_certain() -> None:
    logits, batch = a_batch()
    sharp = (1e5 * logits.detach()).requires_grad_()
    value = ProportionL2()(sharp, batch)
    value.backward()
    assert value.item() > 0.01
    assert bool((sharp.grad == 0).all())


@pytest.mark.parametrize("seed", range(3))
def test_l1_is_twice_the_total_variation_and_kl_a_divergence_plus_entropy(seed: int) -> None:
    logits, batch = a_batch(images=1, seed=seed, kind=torch.float64)
    batch = Batch(batch.images, batch.valid, None, batch.proportions)
    predicted = softmax(logits.detach().numpy()[0], 0)[:, batch.valid.numpy()[0]].mean(1)[None]
    target = batch.proportions.numpy()
    entropy = kl_divergence(target, np.ones_like(target), eps=0)[0]  # of one: the negative entropy
    assert ProportionL1()(logits, batch).item() == pytest.approx(
        2 * total_variation(target, predicted)[0]
    )
    assert ProportionKL()(logits, batch).item() == pytest.approx(
        kl_divergence(target, predicted)[0] - entropy
    )


def one_image(
    shares: list[float], target: list[float], side: int = 10
) -> tuple[torch.Tensor, Batch]:
    """Logits of an image whose every pixel predicts `shares`, and its batch."""
    logits = (
        torch.tensor(shares, dtype=torch.float64)
        .log()[None, :, None, None]
        .expand(1, len(shares), side, side)
    )
    valid = torch.ones(1, side, side, dtype=torch.bool)
    return logits, Batch(
        torch.zeros(1, 3, side, side), valid, None, torch.tensor([target], dtype=torch.float64)
    )


@pytest.mark.parametrize(
    ("fields", "outside"),
    [
        ({"margin": 0.0}, [0.1, 0.09, 0.01]),
        ({"margin": 0.1}, [0.05, 0.044, 0.006]),  # of 0.45 to 0.55, 0.414 to 0.506, 0.036 to 0.044
        ({"margin": 0.1, "skip_first_class": True}, [0.044, 0.006]),
        ({"margin": 0.3}, []),
        ({"margin": 2.0}, []),
    ],
)
def test_size_bounds_by_hand(fields: dict[str, Any], outside: list[float]) -> None:
    logits, batch = one_image([0.6, 0.37, 0.03], [0.5, 0.46, 0.04])
    expected = sum((100 * share) ** 2 for share in outside) / 100  # of 100 pixels
    assert SizeBounds(**fields)(logits, batch).item() == pytest.approx(expected, abs=1e-12)


def test_size_bounds_without_a_margin_are_l2_times_the_valid_pixels() -> None:
    logits, batch = a_batch(images=1)
    assert SizeBounds(margin=0)(logits, batch).item() == pytest.approx(
        int(batch.valid.sum()) * ProportionL2()(logits, batch).item(), rel=1e-5
    )


def test_keypoint_bce_of_two_classes_is_twice_the_sigmoid_one() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 30 * torch.randn((1, 2, 6, 6), generator=generator)
    labels = torch.zeros(1, 6, 6, dtype=torch.long)
    batch = Batch(torch.zeros(1, 3, 6, 6), labels == 0, labels)
    expected = 2 * F.binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], labels.float())
    assert KeypointBCE()(logits, batch).item() == pytest.approx(expected.item(), rel=1e-5)


def test_keypoint_bce_is_torch_s_binary_cross_entropy_where_one_class_is_labelled() -> None:
    logits, batch = a_batch(images=1)
    labels = torch.full_like(batch.labels, 2)
    one_hot = F.one_hot(labels, K).permute(0, 3, 1, 2).float()
    expected = F.binary_cross_entropy(logits.softmax(1), one_hot)
    found = KeypointBCE(over_classes="mean")(logits, Batch(batch.images, batch.valid, labels))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_keypoint_bce_weighs_the_classes_of_an_image_alike() -> None:
    labels = torch.tensor([[[0, 0, 0, 1]]])
    logits = torch.zeros(1, 2, 1, 4)
    logits[0, 0, 0, 3] = 4.0
    often, once = np.log(2), np.log1p(np.exp(4))
    batch = Batch(torch.zeros(1, 3, 1, 4), labels >= 0, labels)
    assert KeypointBCE()(logits, batch).item() == pytest.approx(2 * (often + once), rel=1e-5)


def test_keypoint_bce_pulls_where_a_wrong_class_is_certain() -> None:
    logits = torch.tensor([500.0, 0.0, 0.0])[None, :, None, None].requires_grad_()
    labels = torch.ones(1, 1, 1, dtype=torch.long)
    value = KeypointBCE()(logits, Batch(torch.zeros(1, 3, 1, 1), labels == 1, labels))
    value.backward()
    # -log y_1 is 500 and -log(1 - y_0) is 500 - log 2; the first pulls 1 up, the second both
    # others.
    assert value.item() == pytest.approx(1000 - np.log(2), rel=1e-6)
    np.testing.assert_allclose(logits.grad.ravel(), [2, -1.5, -0.5], atol=1e-6)


def test_log_probabilities_against_float64() -> None:
    logits = 4 * torch.randn((2, K, 5, 5), generator=torch.Generator().manual_seed(0))
    y = softmax(logits.numpy().astype(float), 1)
    present, absent = log_probabilities(logits)
    np.testing.assert_allclose(present, np.log(y), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(absent, np.log1p(-y), rtol=1e-4, atol=1e-6)


def with_regions(seed: int = 0, kind: torch.dtype = torch.float32) -> tuple[torch.Tensor, Batch]:
    """`a_batch` with three regions and pixels in none. Region 1 of the last image has no valid
    pixel, the second image has none at all."""
    logits, batch = a_batch(seed=seed, kind=kind)
    generator = torch.Generator().manual_seed(seed)
    regions = torch.randint(0, 4, batch.valid.shape, generator=generator)
    regions[regions == 3] = IGNORE
    valid = batch.valid.clone()
    valid[2][regions[2] == 1] = False
    proportions = torch.softmax(2 * torch.randn((3, 3, K), generator=generator, dtype=kind), 2)
    proportions[2, 1] = 0
    return logits, replace(batch, valid=valid, proportions=proportions, regions=regions)


@matching
@pytest.mark.parametrize("seed", range(3))
def test_each_region_counts_as_an_image_of_its_own_does(loss: Loss, seed: int) -> None:
    logits, batch = with_regions(seed)
    assert batch.regions is not None
    assert batch.proportions is not None
    apart = Batch(
        batch.images.repeat_interleave(3, 0),
        torch.cat(
            [
                (batch.regions[image] == region)[None] & batch.valid[image]
                for image in range(3)
                for region in range(3)
            ]
        ),
        None,
        batch.proportions.flatten(0, 1),
    )
    expected = by_formula(loss, logits.detach().repeat_interleave(3, 0).numpy(), apart)
    value = loss(logits, batch)
    assert value.shape == ()
    assert value.item() == pytest.approx(expected, rel=1e-5)
    value.backward()
    counted = batch.valid & (batch.regions != IGNORE)
    assert bool((logits.grad.where(~counted[:, None], 0.0) == 0).all())


@matching
def test_gradients_of_regions_are_those_of_finite_differences(loss: Loss) -> None:
    logits, batch = with_regions(kind=torch.float64)
    assert torch.autograd.gradcheck(lambda own: loss(own, batch), (logits,))


@matching
def test_one_region_is_the_whole_image_and_without_valid_pixels_nothing(loss: Loss) -> None:
    logits, batch = a_batch()
    assert batch.proportions is not None
    one = replace(
        batch,
        proportions=batch.proportions[:, None],
        regions=torch.zeros(batch.valid.shape, dtype=torch.int64),
    )
    assert loss(logits, one).item() == pytest.approx(loss(logits, batch).item(), rel=1e-5)
    value = loss(logits, replace(one, valid=torch.zeros_like(batch.valid)))
    value.backward()
    assert value.item() == 0
    assert bool((logits.grad == 0).all())


def test_predicted_proportions_of_regions_by_hand() -> None:
    shares = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.3, 0.7]])  # of the four pixels
    logits = shares.log().T[None, :, None]
    batch = Batch(
        torch.zeros(1, 3, 1, 4),
        torch.tensor([[[True, True, True, False]]]),
        proportions=torch.ones(1, 3, 2),
        regions=torch.tensor([[[1, 1, IGNORE, 0]]]),
    )
    predicted, given, pixels = proportions(logits, batch)
    np.testing.assert_allclose(predicted, [[[0, 0], [0.7, 0.3], [0, 0]]], rtol=1e-6)
    assert pixels.tolist() == [[0, 2, 0]]
    assert given is batch.proportions
    predicted, given, pixels = proportions(
        logits, replace(batch, proportions=torch.ones(1, 2), regions=None)
    )
    np.testing.assert_allclose(predicted, [[[1.6 / 3, 1.4 / 3]]], rtol=1e-6)
    assert (given.shape, pixels.tolist()) == ((1, 1, 2), [[3]])
