"""Confusion counts of maps, of a model's predictions, and of whole images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from harness.core.values import IGNORE
from harness.run.evaluate import by_scene, confusion, evaluate
from harness.run.patches import PatchSet

Array = NDArray[Any]


class Levels(torch.nn.Module):
    """Predicts, of K classes, the one whose index is nearest to red // 50; refuses to be asked
    while training."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = torch.arange(classes, dtype=torch.float32)[None, :, None, None]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        return -(((255 * images[:, :1]).round() // 50 - self.classes).abs())


def random_patches(patch_set: Callable[..., PatchSet]) -> PatchSet:
    """Seven patches of four classes and ignored pixels, from scenes a, b and c."""
    generator = np.random.default_rng(1)
    scenes = {
        key: generator.choice([0, 1, 2, 3, IGNORE], (8, width))
        for key, width in (("a", 24), ("b", 16), ("c", 16))
    }
    return patch_set(scenes, 8, 4)


def truth_and_prediction(classes: int, ignored: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = np.random.default_rng(classes)
    truth = np.where(
        generator.random((3, 6, 7)) < ignored, IGNORE, generator.integers(0, classes, (3, 6, 7))
    )
    return torch.from_numpy(truth.astype(np.uint8)), torch.from_numpy(
        generator.integers(0, classes, (3, 6, 7))
    )


@pytest.mark.parametrize("kind", [torch.int64, torch.uint8])
@pytest.mark.parametrize("ignored", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("classes", [2, 5, 40])
def test_confusion_agrees_with_scikit_learn_image_by_image(
    classes: int, ignored: float, kind: torch.dtype
) -> None:
    truth, predicted = truth_and_prediction(classes, ignored)
    counts = confusion(predicted.to(kind), truth, classes)
    assert counts.dtype == torch.int64
    for one, own, other in zip(counts, truth.numpy(), predicted.numpy(), strict=True):
        valid = own != IGNORE
        expected = (
            confusion_matrix(own[valid], other[valid], labels=range(classes))
            if valid.any()
            else np.zeros((classes, classes))
        )
        assert_array_equal(one.numpy(), expected)


def test_rows_are_the_truth_and_columns_the_prediction() -> None:
    truth, predicted = (
        torch.tensor([[[0, 0], [0, IGNORE]]], dtype=torch.uint8),
        torch.tensor([[[1, 1], [0, 1]]]),
    )
    assert confusion(predicted, truth, 2).tolist() == [[[1, 2], [0, 0]]]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_evaluate_counts_what_the_model_predicts_whatever_the_batch_size(
    patch_set: Callable[..., PatchSet], batch_size: int
) -> None:
    patches, indices = random_patches(patch_set), [5, 0, 3, 6, 1]
    nothing = torch.zeros(3), torch.ones(3)
    tested = evaluate(Levels(4).train(), patches, indices, nothing, "fp32", None, batch_size)
    assert tested.counts.shape == (5, 4, 4)
    assert tested.predictions.dtype == np.uint8
    assert tested.boundaries is tested.probabilities is None
    for index, one, predicted in zip(indices, tested.counts, tested.predictions, strict=True):
        expected = np.minimum(patches.images[index, ..., 0] // 50, 3)
        valid = patches.masks[index] != IGNORE
        assert_array_equal(predicted, expected)
        assert_array_equal(
            one, confusion_matrix(patches.masks[index][valid], expected[valid], labels=range(4))
        )


def test_evaluate_standardises_images_as_training_did(patch_set: Callable[..., PatchSet]) -> None:
    patches, seen = random_patches(patch_set), []
    model = Levels(4)
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    evaluate(
        model, patches, [2], (torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 1.0, 2.0])), "fp32"
    )
    expected = (patches.images[[2]] / 255 - [0.1, 0.2, 0.3]) / [0.5, 1.0, 2.0]
    np.testing.assert_allclose(
        seen[0].numpy(), expected.transpose(0, 3, 1, 2), rtol=1e-5, atol=1e-6
    )


def test_by_scene_sums_the_patches_of_each_image(patch_set: Callable[..., PatchSet]) -> None:
    patches = random_patches(patch_set)  # a has the patches 0, 1, 2, b 3 and 4, c 5 and 6
    counts = np.arange(4 * 16).reshape(4, 4, 4)
    scenes, groups, summed = by_scene(counts, patches, [5, 0, 6, 2])
    assert scenes == ["c", "a"]
    assert groups == ["group of c", "group of a"]
    assert summed.dtype == np.int64
    assert_array_equal(summed, [counts[0] + counts[2], counts[1] + counts[3]])


def test_outputs_that_are_not_finite_are_an_error(patch_set: Callable[..., PatchSet]) -> None:
    patches = patch_set({"a": np.zeros((4, 4))}, 4, 2)
    network = torch.nn.Conv2d(3, 2, 1)
    torch.nn.init.constant_(network.weight, float("inf"))
    with pytest.raises(FloatingPointError, match="outputs on test images are not finite"):
        evaluate(network, patches, [0], (torch.zeros(3), torch.ones(3)), "fp32")
