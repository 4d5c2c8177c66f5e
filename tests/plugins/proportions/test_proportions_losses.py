"""Losses on proportions and keypoints against formulas written out in NumPy, and what they must
never do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from loss_batches import Array, K, assert_zero, gradient, loss_id
from scipy.special import softmax

from harness.core.components import Loss
from harness.core.values import IGNORE, Batch
from harness.metrics import kl_divergence, total_variation
from harness_proportions.keypoint_bce import KeypointBCE, log_probabilities
from harness_proportions.matching import ProportionKL, ProportionL1, ProportionL2
from harness_proportions.predicted import proportions
from harness_proportions.size_bounds import SizeBounds

pytestmark = pytest.mark.usefixtures("one_thread")

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
    KeypointBCE(over_classes="sum", reduction="sum"),
    KeypointBCE(over_classes="sum", reduction="mean"),
    KeypointBCE(over_classes="mean", reduction="sum"),
    KeypointBCE(over_classes="mean", reduction="mean"),
]

every_matching_loss = pytest.mark.parametrize("loss", MATCHING, ids=loss_id)
every_keypoint_loss = pytest.mark.parametrize("loss", KEYPOINTS, ids=loss_id)
every_loss = pytest.mark.parametrize("loss", [*MATCHING, *KEYPOINTS], ids=loss_id)


def make_batch(
    images: int = 3, seed: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, Batch]:
    """Return logits that want a gradient, and a batch with proportions and keypoints.

    Some pixels are ignored, some labelled. The second image is ignored, and has proportions all the
    same.
    """
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn((images, K, 5, 6), generator=generator, dtype=dtype)
    valid = torch.rand((images, 5, 6), generator=generator) < 0.7
    # No keypoint is of the last class.
    labels = torch.randint(0, K - 1, (images, 5, 6), generator=generator)
    scores = 2 * torch.randn((images, K), generator=generator, dtype=dtype)
    shares = torch.softmax(scores, 1)
    # Shares of 0, where a logarithm may go wrong.
    shares[0] = torch.tensor([0.5, 0.0, 0.5, 0.0])
    valid[1:2] = False
    unlabelled = torch.rand(labels.shape, generator=generator) < 0.6
    labels[unlabelled | ~valid] = IGNORE
    batch = Batch(torch.zeros(images, 3, 5, 6), valid, labels, shares)
    return logits.requires_grad_(), batch


def labels_of(batch: Batch) -> torch.Tensor:
    assert batch.labels is not None
    return batch.labels


def shares_of(batch: Batch) -> torch.Tensor:
    assert batch.proportions is not None
    return batch.proportions


def matching_by_formula(loss: Any, logits: Array, batch: Batch) -> float:
    """The loss on proportions, image by image in float64."""
    shares = shares_of(batch).numpy().astype(float)
    values = []
    for image, valid in enumerate(batch.valid.numpy()):
        # An image without valid pixels is left out of the mean.
        if not valid.any():
            continue
        probabilities = softmax(logits[image].astype(float), 0)
        predicted = probabilities[:, valid].mean(1)
        values.append(image_value(loss, predicted, shares[image], valid.sum()))
    return float(np.mean(values))


def image_value(loss: Any, predicted: Array, target: Array, pixels: int) -> float:
    """The loss of one image, from its predicted and its annotated proportions."""
    match loss:
        case ProportionL2():
            squares = (predicted - target) ** 2
            return float(squares.mean() if loss.over_classes == "mean" else squares.sum())
        case ProportionL1():
            return float(abs(predicted - target).sum())
        case ProportionKL():
            return float(-(target * np.log(predicted + loss.eps)).sum())
    value = 0.0
    for index in range(int(loss.skip_first_class), K):
        size = pixels * predicted[index]
        low = pixels * target[index] * (1 - loss.margin)
        high = pixels * target[index] * (1 + loss.margin)
        above = max(0, size - high)
        below = max(0, low - size)
        value += (above**2 + below**2) / pixels
    return value


def keypoints_by_formula(loss: KeypointBCE, logits: Array, batch: Batch) -> float:
    """S001 eq. 3, pixel by pixel in float64: the mean over the keypoints of a class, class by class
    and image by image."""
    total = 0.0
    images = 0
    for image, labels in enumerate(labels_of(batch).numpy()):
        probabilities = softmax(logits[image].astype(float), 0)
        classes = np.unique(labels[labels != IGNORE])
        images += len(classes) > 0
        for label in classes:
            values = []
            for y in probabilities[:, labels == label].T:
                # -log y for the class of the keypoint, -log(1 - y) for all others.
                terms = -np.log(1 - y)
                terms[label] = -np.log(y[label])
                values.append(terms.sum() if loss.over_classes == "sum" else terms.mean())
            total += float(np.mean(values))
    if loss.reduction == "mean":
        return total / images
    return total


@every_matching_loss
@pytest.mark.parametrize("seed", range(3))
def test_losses_on_proportions_follow_their_formula(loss: Loss, seed: int) -> None:
    logits, batch = make_batch(seed=seed)
    value = loss(logits, batch)
    expected = matching_by_formula(loss, logits.detach().numpy(), batch)
    assert value.shape == ()
    assert value.item() == pytest.approx(expected, rel=1e-5)


@every_keypoint_loss
@pytest.mark.parametrize("seed", range(3))
def test_keypoint_bce_follows_its_formula(loss: KeypointBCE, seed: int) -> None:
    logits, batch = make_batch(seed=seed)
    value = loss(logits, batch)
    expected = keypoints_by_formula(loss, logits.detach().numpy(), batch)
    assert value.shape == ()
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@every_loss
def test_gradients_are_those_of_finite_differences(loss: Loss) -> None:
    # In float32, differences so small would be rounding.
    logits, batch = make_batch(dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda moved: loss(moved, batch), (logits,))


@every_loss
def test_a_batch_without_annotation_gives_zero_and_a_gradient_of_zero(loss: Loss) -> None:
    logits, batch = make_batch()
    without_annotation = Batch(
        batch.images,
        torch.zeros_like(batch.valid),
        torch.full_like(labels_of(batch), IGNORE),
        torch.zeros_like(shares_of(batch)),
    )
    value = loss(logits, without_annotation)
    slope = gradient(value, logits)
    assert value.item() == 0
    assert_zero(slope)


@every_loss
def test_an_image_without_annotation_changes_nothing_for_the_others(loss: Loss) -> None:
    logits, batch = make_batch()
    annotated = torch.tensor([0, 2])
    rest = Batch(
        batch.images[annotated],
        batch.valid[annotated],
        labels_of(batch)[annotated],
        shares_of(batch)[annotated],
    )
    value = loss(logits, batch)
    value_of_rest = loss(logits[annotated], rest)
    assert value.item() == pytest.approx(value_of_rest.item(), rel=1e-6)
    slope = gradient(value, logits)
    assert_zero(slope[1])
    assert bool((slope[0] != 0).any())


@every_matching_loss
def test_ignored_pixels_have_neither_influence_nor_gradient(loss: Loss) -> None:
    logits, batch = make_batch()
    elsewhere = 50 * torch.ones_like(logits).cumsum(1)
    moved = torch.where(batch.valid[:, None], logits, elsewhere)
    value = loss(logits, batch)
    value_of_moved = loss(moved, batch)
    assert value_of_moved.item() == pytest.approx(value.item(), rel=1e-6)
    has_gradient = (gradient(value, logits) != 0).any(1)
    np.testing.assert_array_equal(has_gradient, batch.valid)


@every_keypoint_loss
def test_keypoint_bce_has_gradients_at_labelled_pixels_only(loss: Loss) -> None:
    logits, batch = make_batch()
    slope = gradient(loss(logits, batch), logits)
    has_gradient = (slope != 0).any(1)
    np.testing.assert_array_equal(has_gradient, labels_of(batch) != IGNORE)


def twice(values: torch.Tensor) -> torch.Tensor:
    return torch.cat([values, values])


@every_loss
def test_a_batch_twice_over_counts_twice_only_where_images_are_summed(loss: Loss) -> None:
    logits, batch = make_batch()
    batch_twice = Batch(
        twice(batch.images),
        twice(batch.valid),
        twice(labels_of(batch)),
        twice(shares_of(batch)),
    )
    value = loss(logits, batch).item()
    value_twice = loss(twice(logits), batch_twice).item()
    factor = 2 if getattr(loss, "reduction", "mean") == "sum" else 1
    assert value_twice == pytest.approx(factor * value, rel=1e-6)


@every_matching_loss
def test_every_pixel_predicting_the_proportions_is_a_solution_without_use(loss: Loss) -> None:
    _, batch = make_batch(dtype=torch.float64)
    # No logit gives a probability of 0.
    shares = shares_of(batch).clamp(min=1e-9)
    pixel = shares.log()[:, :, None, None]
    logits = pixel.expand(-1, -1, 5, 6).clone().requires_grad_()
    value = loss(logits, batch)
    least = 0.0
    if isinstance(loss, ProportionKL):
        # The entropy of the proportions, in the images that have valid pixels.
        target = shares_of(batch)[[0, 2]].numpy()
        entropy = -(target * np.log(target + loss.eps)).sum(1)
        least = float(entropy.mean())
    assert value.item() == pytest.approx(least, abs=1e-8)

    slope = gradient(value, logits)
    # l1 has a kink there, and a large eps moves the minimum.
    if isinstance(loss, ProportionL1) or getattr(loss, "eps", 0) >= 1e-3:
        return
    assert slope.abs().max() < 1e-8


def test_the_gradient_of_l2_is_the_one_worked_out_by_hand() -> None:
    logits, batch = make_batch(images=1, dtype=torch.float64)
    batch = Batch(batch.images, torch.ones_like(batch.valid), None, batch.proportions)
    slope = gradient(ProportionL2()(logits, batch), logits)

    scores = logits.detach().numpy().reshape(K, -1)
    y = softmax(scores, 0)
    pixels = y.shape[1]
    difference = y.mean(1) - shares_of(batch).numpy()[0]
    expected = np.zeros_like(y)
    for pixel in range(pixels):
        for k in range(K):
            for c in range(K):
                # The derivative of softmax: dy_c / dz_k = y_c (1[c = k] - y_k).
                derivative = y[c, pixel] * ((c == k) - y[k, pixel])
                expected[k, pixel] += 2 / pixels * difference[c] * derivative
    np.testing.assert_allclose(slope.reshape(K, -1), expected, atol=1e-15)


def test_the_gradient_of_l2_vanishes_where_pixels_are_certain() -> None:
    logits, batch = make_batch()
    certain = (1e5 * logits.detach()).requires_grad_()
    value = ProportionL2()(certain, batch)
    slope = gradient(value, certain)
    assert value.item() > 0.01
    assert_zero(slope)


@pytest.mark.parametrize("seed", range(3))
def test_l1_is_twice_the_total_variation_and_kl_a_divergence_plus_entropy(seed: int) -> None:
    logits, batch = make_batch(images=1, seed=seed, dtype=torch.float64)
    batch = Batch(batch.images, batch.valid, None, batch.proportions)
    probabilities = softmax(logits.detach().numpy()[0], 0)
    valid = batch.valid.numpy()[0]
    predicted = probabilities[:, valid].mean(1)[None]
    target = shares_of(batch).numpy()

    distance = total_variation(target, predicted)[0]
    value = ProportionL1()(logits, batch).item()
    assert value == pytest.approx(2 * distance)

    divergence = kl_divergence(target, predicted)[0]
    # The divergence from ones is the negative entropy.
    entropy = -kl_divergence(target, np.ones_like(target), eps=0)[0]
    value = ProportionKL()(logits, batch).item()
    assert value == pytest.approx(divergence + entropy)


def make_even_image(shares: list[float], target: list[float]) -> tuple[torch.Tensor, Batch]:
    """Return logits of an image whose 100 pixels all predict `shares`, and its batch."""
    side = 10
    pixel = torch.tensor(shares, dtype=torch.float64).log()
    logits = pixel[None, :, None, None].expand(1, len(shares), side, side)
    images = torch.zeros(1, 3, side, side)
    valid = torch.ones(1, side, side, dtype=torch.bool)
    annotated = torch.tensor([target], dtype=torch.float64)
    return logits, Batch(images, valid, None, annotated)


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
    logits, batch = make_even_image([0.6, 0.37, 0.03], [0.5, 0.46, 0.04])
    pixels = 100
    expected = sum((pixels * share) ** 2 for share in outside) / pixels
    value = SizeBounds(**fields)(logits, batch).item()
    assert value == pytest.approx(expected, abs=1e-12)


def test_size_bounds_without_a_margin_are_l2_times_the_valid_pixels() -> None:
    logits, batch = make_batch(images=1)
    pixels = int(batch.valid.sum())
    expected = pixels * ProportionL2()(logits, batch).item()
    value = SizeBounds(margin=0)(logits, batch).item()
    assert value == pytest.approx(expected, rel=1e-5)


def test_keypoint_bce_of_two_classes_is_twice_the_sigmoid_one() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 30 * torch.randn((1, 2, 6, 6), generator=generator)
    labels = torch.zeros(1, 6, 6, dtype=torch.long)
    batch = Batch(torch.zeros(1, 3, 6, 6), labels == 0, labels)
    difference = logits[:, 1] - logits[:, 0]
    expected = 2 * F.binary_cross_entropy_with_logits(difference, labels.float())
    value = KeypointBCE()(logits, batch).item()
    assert value == pytest.approx(expected.item(), rel=1e-5)


def test_keypoint_bce_is_torch_s_binary_cross_entropy_where_one_class_is_labelled() -> None:
    logits, batch = make_batch(images=1)
    labels = torch.full_like(labels_of(batch), 2)
    one_hot = F.one_hot(labels, K).permute(0, 3, 1, 2).float()
    expected = F.binary_cross_entropy(logits.softmax(1), one_hot)
    loss = KeypointBCE(over_classes="mean")
    value = loss(logits, Batch(batch.images, batch.valid, labels))
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)


def test_keypoint_bce_weighs_the_classes_of_an_image_alike() -> None:
    # Three keypoints of class 0 predicted with 1/2, and one of class 1 predicted worse.
    labels = torch.tensor([[[0, 0, 0, 1]]])
    logits = torch.zeros(1, 2, 1, 4)
    logits[0, 0, 0, 3] = 4.0
    batch = Batch(torch.zeros(1, 3, 1, 4), labels >= 0, labels)
    three_keypoints = np.log(2)
    one_keypoint = np.log1p(np.exp(4))
    # Twice, because the terms of both classes are the same.
    expected = 2 * (three_keypoints + one_keypoint)
    value = KeypointBCE()(logits, batch).item()
    assert value == pytest.approx(expected, rel=1e-5)


def test_keypoint_bce_pulls_where_a_wrong_class_is_certain() -> None:
    logits = torch.tensor([500.0, 0.0, 0.0]).reshape(1, 3, 1, 1).requires_grad_()
    labels = torch.ones(1, 1, 1, dtype=torch.long)
    batch = Batch(torch.zeros(1, 3, 1, 1), labels == 1, labels)
    value = KeypointBCE()(logits, batch)
    slope = gradient(value, logits)
    # -log y_1 is 500 and -log(1 - y_0) is 500 - log 2; the first pulls 1 up, the second both
    # others.
    assert value.item() == pytest.approx(1000 - np.log(2), rel=1e-6)
    np.testing.assert_allclose(slope.ravel(), [2, -1.5, -0.5], atol=1e-6)


def test_log_probabilities_against_float64() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn((2, K, 5, 5), generator=generator)
    y = softmax(logits.numpy().astype(float), 1)
    present, absent = log_probabilities(logits)
    np.testing.assert_allclose(present, np.log(y), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(absent, np.log1p(-y), rtol=1e-4, atol=1e-6)


def make_batch_of_regions(
    seed: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, Batch]:
    """Return the batch of `make_batch` with three regions, and pixels in none of them.

    Region 1 of the last image has no valid pixel, the second image has none at all.
    """
    logits, batch = make_batch(seed=seed, dtype=dtype)
    generator = torch.Generator().manual_seed(seed)
    regions = torch.randint(0, 4, batch.valid.shape, generator=generator)
    regions[regions == 3] = IGNORE
    valid = batch.valid.clone()
    valid[2][regions[2] == 1] = False
    scores = 2 * torch.randn((3, 3, K), generator=generator, dtype=dtype)
    shares = torch.softmax(scores, 2)
    shares[2, 1] = 0
    return logits, replace(batch, valid=valid, proportions=shares, regions=regions)


@every_matching_loss
@pytest.mark.parametrize("seed", range(3))
def test_each_region_counts_as_an_image_of_its_own_does(loss: Loss, seed: int) -> None:
    logits, batch = make_batch_of_regions(seed)
    assert batch.regions is not None
    valid_of_regions = []
    for image in range(3):
        for region in range(3):
            inside = batch.regions[image] == region
            valid_of_regions.append(inside & batch.valid[image])
    regions_as_images = Batch(
        batch.images.repeat_interleave(3, 0),
        torch.stack(valid_of_regions),
        None,
        shares_of(batch).flatten(0, 1),
    )
    logits_of_regions = logits.detach().repeat_interleave(3, 0).numpy()
    expected = matching_by_formula(loss, logits_of_regions, regions_as_images)
    value = loss(logits, batch)
    assert value.shape == ()
    assert value.item() == pytest.approx(expected, rel=1e-5)

    slope = gradient(value, logits)
    counted = batch.valid & (batch.regions != IGNORE)
    uncounted_slope = slope.where(~counted[:, None], 0.0)
    assert_zero(uncounted_slope)


@every_matching_loss
def test_gradients_of_regions_are_those_of_finite_differences(loss: Loss) -> None:
    logits, batch = make_batch_of_regions(dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda moved: loss(moved, batch), (logits,))


@every_matching_loss
def test_one_region_is_the_whole_image_and_without_valid_pixels_nothing(loss: Loss) -> None:
    logits, batch = make_batch()
    one_region = replace(
        batch,
        proportions=shares_of(batch)[:, None],
        regions=torch.zeros(batch.valid.shape, dtype=torch.int64),
    )
    value = loss(logits, batch).item()
    value_of_one_region = loss(logits, one_region).item()
    assert value_of_one_region == pytest.approx(value, rel=1e-5)

    without_valid_pixels = replace(one_region, valid=torch.zeros_like(batch.valid))
    nothing = loss(logits, without_valid_pixels)
    slope = gradient(nothing, logits)
    assert nothing.item() == 0
    assert_zero(slope)


def test_predicted_proportions_by_hand() -> None:
    first_share = torch.tensor([0.9, 0.5, 0.2, 0.3])
    shares_of_pixels = torch.stack([first_share, 1 - first_share])
    logits = shares_of_pixels.log()[None, :, None]
    # The last pixel is not valid, the third is in no region, the first two are in region 1.
    batch = Batch(
        torch.zeros(1, 3, 1, 4),
        torch.tensor([[[True, True, True, False]]]),
        proportions=torch.ones(1, 3, 2),
        regions=torch.tensor([[[1, 1, IGNORE, 0]]]),
    )
    predicted, target, pixels = proportions(logits, batch)
    expected = np.array([[[0, 0], [0.7, 0.3], [0, 0]]])
    np.testing.assert_allclose(predicted, expected, rtol=1e-6)
    assert pixels.tolist() == [[0, 2, 0]]
    assert target is batch.proportions

    # Without regions, the image is one.
    batch = replace(batch, proportions=torch.ones(1, 2), regions=None)
    predicted, target, pixels = proportions(logits, batch)
    np.testing.assert_allclose(predicted, [[[1.6 / 3, 1.4 / 3]]], rtol=1e-6)
    assert pixels.tolist() == [[3]]
    assert target.shape == (1, 1, 2)
