"""What is stored of class probabilities, against torchmetrics and scikit-learn, and shares of
classes counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from harness.core.values import IGNORE
from harness.metrics import expected_calibration_error, negative_log_likelihood
from harness.run.calibration import BINS
from harness.run.evaluate import Result, evaluate, score
from harness.run.outcome import details
from harness.run.patches import PatchSet

NOTHING = torch.zeros(3), torch.ones(3)


class Noisy(torch.nn.Module):
    """Logits of K classes that depend on the pixel, unevenly enough to fill most bins."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(
            torch.randn(classes, 3, generator=torch.Generator().manual_seed(classes)) * 4
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.einsum("kc,bchw->bkhw", self.weights, images)


def random_patches(patch_set: Callable[..., PatchSet], classes: int) -> PatchSet:
    mask = np.random.default_rng(classes).integers(0, classes, (32, 96))
    mask[:16, 8:24] = IGNORE  # half of one patch and of the next
    mask[16:, :16] = IGNORE  # a whole one
    return patch_set({"a": mask}, 16, classes)


@pytest.mark.parametrize("classes", [2, 5])
def test_calibration_and_likelihood_agree_with_torchmetrics_and_scikit_learn(
    patch_set: Callable[..., PatchSet], classes: int
) -> None:
    patches, network = random_patches(patch_set, classes), Noisy(classes)
    tested = evaluate(network, patches, range(12), NOTHING, "fp32", 2, batch_size=5)
    stored = json.loads(json.dumps(details(tested, 2)))["calibration"]

    truth = torch.from_numpy(np.array(patches.masks))
    with torch.no_grad():
        probabilities = (
            network(torch.from_numpy(np.array(patches.images)).permute(0, 3, 1, 2) / 255)
            .softmax(1)
            .movedim(1, -1)
        )
    inside, true = probabilities[truth != IGNORE], truth[truth != IGNORE].long()
    assert_allclose(
        expected_calibration_error(stored),
        multiclass_calibration_error(inside, true, classes, n_bins=BINS),
        atol=1e-6,
    )
    assert_allclose(
        negative_log_likelihood(stored),
        log_loss(true, inside.numpy(), labels=range(classes)),
        rtol=1e-5,
    )
    assert sum(stored["pixels"]) == tested.counts.sum() == len(true)
    assert sum(stored["correct"]) == np.trace(tested.counts.sum(0))


@pytest.mark.parametrize("classes", [2, 5])
def test_shares_are_means_over_the_valid_pixels_of_a_patch(
    patch_set: Callable[..., PatchSet], classes: int
) -> None:
    patches, network = random_patches(patch_set, classes), Noisy(classes)
    tested = evaluate(network, patches, range(12), NOTHING, "fp32", 2, batch_size=5)
    with torch.no_grad():
        probabilities = (
            network(torch.from_numpy(np.array(patches.images)).permute(0, 3, 1, 2) / 255)
            .softmax(1)
            .movedim(1, -1)
            .numpy()
        )
    errors: dict[str, list[Any]] = {"hard": [], "soft": []}
    for own, truth in zip(probabilities, patches.masks, strict=True):
        valid = truth != IGNORE
        if valid.any():
            true = np.eye(classes)[truth[valid]].mean(0)
            errors["soft"].append(own[valid].mean(0) - true)
            errors["hard"].append(np.eye(classes)[own[valid].argmax(-1)].mean(0) - true)
    found = details(tested, 2)["proportions"]
    assert (found["patch_size"], found["patches"]) == (16, 11)
    for kind, differences in errors.items():
        assert_allclose(found[kind]["error"], np.abs(differences).sum(1).mean() / 2, atol=1e-6)
        assert_allclose(found[kind]["bias"], np.mean(differences, 0), atol=1e-6)


def test_a_bin_holds_its_upper_edge(patch_set: Callable[..., PatchSet]) -> None:
    class Sure(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.stack(
                [torch.full_like(images[:, 0], 200.0), torch.zeros_like(images[:, 0])], 1
            )

    tested = evaluate(
        Sure(), patch_set({"a": np.array([[0, 1], [0, IGNORE]])}, 2, 2), [0], NOTHING, "fp32", 2
    )
    stored = details(tested, 2)["calibration"]
    assert stored["pixels"] == [0] * (BINS - 1) + [3]
    assert stored["correct"] == [0] * (BINS - 1) + [2]
    assert stored["confidence"][-1] == 3
    assert negative_log_likelihood(stored) == pytest.approx(200 / 3)
    assert expected_calibration_error(stored) == pytest.approx(1 / 3)


def test_hard_shares_by_hand_and_a_floor_has_no_probabilities(
    patch_set: Callable[..., PatchSet],
) -> None:
    patches = patch_set({"a": np.array([[0, 0, 1, 1], [0, 1, 1, IGNORE]])}, 2, 2)
    tested = score(np.zeros((2, 2, 2), np.uint8), patches, [0, 1], 1)
    found = details(tested, 1)
    assert found["proportions"] == {
        "patch_size": 2,
        "patches": 2,
        "hard": {"error": 0.625, "bias": [0.625, -0.625]},
    }
    assert found["boundary"]["true"] == [3, 1]  # the second patch is of one class
    assert "calibration" not in found


def test_nothing_scored_has_no_shares(patch_set: Callable[..., PatchSet]) -> None:
    patches = patch_set({"a": np.full((4, 4), IGNORE)}, 4, 2)
    found = details(evaluate(Noisy(2), patches, [0], NOTHING, "fp32", 2), 2)
    assert found["proportions"] == {"patch_size": 4, "patches": 0}
    assert np.isnan(
        [
            expected_calibration_error(found["calibration"]),
            negative_log_likelihood(found["calibration"]),
        ]
    ).all()


def test_the_same_test_is_stored_alike(patch_set: Callable[..., PatchSet]) -> None:
    def once() -> Result:
        return evaluate(Noisy(5), random_patches(patch_set, 5), range(12), NOTHING, "bf16", 2)

    assert json.dumps(details(once(), 2)) == json.dumps(details(once(), 2))
    assert_array_equal(once().counts, once().counts)
