"""What is stored of class probabilities, against torchmetrics and scikit-learn, and shares of
classes counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.metrics import log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from harness.core.values import IGNORE
from harness.metrics import expected_calibration_error, negative_log_likelihood
from harness.run.batches import Normalisation
from harness.run.evaluation.calibration import BINS
from harness.run.evaluation.evaluate import Predictor, evaluate, score
from harness.run.evaluation.outcome import describe_details
from harness.run.patches import PatchSet

if TYPE_CHECKING:
    # Not at run time: pytest would take a class of this name for a test.
    from harness.run.evaluation.evaluate import PatchResults

Array = NDArray[Any]
Make = Callable[..., PatchSet]


class Noisy(torch.nn.Module):
    """Logits of K classes that depend on the pixel, unevenly enough to fill most bins."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(classes)
        weights = 4 * torch.randn(classes, 3, generator=generator)
        self.weights = torch.nn.Parameter(weights)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.einsum("kc,bchw->bkhw", self.weights, images)


class Sure(torch.nn.Module):
    """Predicts the first of two classes with a confidence of 1."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        first = torch.full_like(images[:, 0], 200.0)
        return torch.stack([first, torch.zeros_like(first)], 1)


def random_patches(patch_set: Make, classes: int) -> PatchSet:
    generator = np.random.default_rng(classes)
    mask = generator.integers(0, classes, (32, 96))
    mask[:16, 8:24] = IGNORE  # half of one patch and of the next
    mask[16:, :16] = IGNORE  # a whole one
    return patch_set({"a": mask}, 16, classes)


def run_test(network: torch.nn.Module, patches: PatchSet, precision: str = "fp32") -> PatchResults:
    """Test a network on all patches, with boundaries within 2 pixels."""
    only_scaled = Normalisation(torch.zeros(3), torch.ones(3))
    predictor = Predictor(network, only_scaled, precision)
    indices = range(len(patches.masks))
    return evaluate(predictor, patches, indices, radius=2, batch_size=5)


def stored_details(tested: PatchResults, radius: int = 2) -> dict[str, Any]:
    """What a record keeps of a test, as it stands on disk."""
    text = json.dumps(describe_details(tested, radius).as_json())
    stored: dict[str, Any] = json.loads(text)
    return stored


def calibration_error_of(stored: dict[str, Any]) -> float:
    return expected_calibration_error(stored["pixels"], stored["correct"], stored["confidence"])


def likelihood_of(stored: dict[str, Any]) -> float:
    return negative_log_likelihood(stored["nll"], stored["pixels"])


def probabilities_of(network: torch.nn.Module, patches: PatchSet) -> Array:
    """The probabilities [N, S, S, K] of all patches."""
    images = torch.from_numpy(np.array(patches.images)).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = network(images / 255)
    probabilities: Array = logits.softmax(1).movedim(1, -1).numpy()
    return probabilities


@pytest.mark.parametrize("classes", [2, 5])
def test_calibration_and_likelihood_agree_with_torchmetrics_and_scikit_learn(
    patch_set: Make, classes: int
) -> None:
    patches = random_patches(patch_set, classes)
    network = Noisy(classes)
    tested = run_test(network, patches)
    stored = stored_details(tested)["calibration"]

    is_valid = patches.masks != IGNORE
    predicted = probabilities_of(network, patches)[is_valid]
    truth = patches.masks[is_valid].astype(np.int64)
    calibration_error = multiclass_calibration_error(
        torch.from_numpy(predicted),
        torch.from_numpy(truth),
        classes,
        n_bins=BINS,
    )
    assert_allclose(calibration_error_of(stored), calibration_error, atol=1e-6)
    likelihood = log_loss(truth, predicted, labels=range(classes))
    assert_allclose(likelihood_of(stored), likelihood, rtol=1e-5)
    assert sum(stored["pixels"]) == tested.counts.sum() == len(truth)
    assert sum(stored["correct"]) == np.trace(tested.counts.sum(0))


@pytest.mark.parametrize("classes", [2, 5])
def test_shares_are_means_over_the_valid_pixels_of_a_patch(patch_set: Make, classes: int) -> None:
    patches = random_patches(patch_set, classes)
    network = Noisy(classes)
    one_hot = np.eye(classes)
    errors: dict[str, list[Array]] = {"hard": [], "soft": []}
    for predicted, mask in zip(probabilities_of(network, patches), patches.masks, strict=True):
        is_valid = mask != IGNORE
        if is_valid.any():
            probabilities = predicted[is_valid]
            true_shares = one_hot[mask[is_valid]].mean(0)
            hard_shares = one_hot[probabilities.argmax(-1)].mean(0)
            errors["soft"].append(probabilities.mean(0) - true_shares)
            errors["hard"].append(hard_shares - true_shares)
    tested = run_test(network, patches)
    stored = stored_details(tested)["proportions"]
    assert stored["patch_size"] == 16
    assert stored["patches"] == 11
    for kind, differences in errors.items():
        distances = np.abs(differences).sum(1) / 2
        bias = np.mean(differences, 0)
        assert_allclose(stored[kind]["error"], distances.mean(), atol=1e-6)
        assert_allclose(stored[kind]["bias"], bias, atol=1e-6)


def test_a_bin_holds_its_upper_edge(patch_set: Make) -> None:
    patches = patch_set({"a": np.array([[0, 1], [0, IGNORE]])}, 2, 2)
    tested = run_test(Sure(), patches)
    stored = stored_details(tested)["calibration"]
    *other_pixels, pixels = stored["pixels"]
    *other_correct, correct = stored["correct"]
    assert pixels == 3
    assert correct == 2
    assert stored["confidence"][-1] == 3
    assert not any(other_pixels)
    assert not any(other_correct)
    assert len(other_pixels) == len(other_correct) == BINS - 1
    assert likelihood_of(stored) == pytest.approx(200 / 3)
    assert calibration_error_of(stored) == pytest.approx(1 / 3)


def test_hard_shares_by_hand_and_a_floor_has_no_probabilities(patch_set: Make) -> None:
    mask = np.array([[0, 0, 1, 1], [0, 1, 1, IGNORE]])
    patches = patch_set({"a": mask}, 2, 2)
    zeros = np.zeros((2, 2, 2), np.uint8)
    tested = score(zeros, patches, [0, 1], 1)
    stored = stored_details(tested, 1)
    assert stored["proportions"] == {
        "patch_size": 2,
        "patches": 2,
        "hard": {"error": 0.625, "bias": [0.625, -0.625]},
    }
    assert stored["boundary"]["true"] == [3, 1]  # the second patch is of one class
    assert "calibration" not in stored


def test_nothing_scored_has_no_shares(patch_set: Make) -> None:
    patches = patch_set({"a": np.full((4, 4), IGNORE)}, 4, 2)
    tested = run_test(Noisy(2), patches)
    stored = stored_details(tested)
    assert stored["proportions"] == {"patch_size": 4, "patches": 0}
    assert np.isnan(calibration_error_of(stored["calibration"]))
    assert np.isnan(likelihood_of(stored["calibration"]))


def test_the_same_test_is_stored_alike(patch_set: Make) -> None:
    first = run_test(Noisy(5), random_patches(patch_set, 5), "bf16")
    second = run_test(Noisy(5), random_patches(patch_set, 5), "bf16")
    assert stored_details(first) == stored_details(second)
    assert_array_equal(first.counts, second.counts)
