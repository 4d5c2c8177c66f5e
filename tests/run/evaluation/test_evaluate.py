"""Confusion counts of maps, of a model's predictions, and of whole images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from maps import draw_map
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from harness.core.values import IGNORE
from harness.run.batches import Normalisation
from harness.run.evaluation.evaluate import Predictor, by_scene, confusion, evaluate
from harness.run.patches import PatchSet

Array = NDArray[Any]
Make = Callable[..., PatchSet]
ONLY_SCALED = Normalisation(torch.zeros(3), torch.ones(3))


class Levels(torch.nn.Module):
    """Predicts, of K classes, the one whose index is nearest to red // 50.

    It refuses to be asked while it is in training mode.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        indices = torch.arange(classes, dtype=torch.float32)
        self.classes = indices[None, :, None, None]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        red = (255 * images[:, :1]).round()
        distance = (red // 50 - self.classes).abs()
        return -distance


def random_patches(patch_set: Make) -> PatchSet:
    """Seven patches of four classes and ignored pixels, from scenes a, b and c."""
    generator = np.random.default_rng(1)
    values = [0, 1, 2, 3, IGNORE]
    widths = {"a": 24, "b": 16, "c": 16}
    scenes = {}
    for key, width in widths.items():
        scenes[key] = generator.choice(values, (8, width))
    return patch_set(scenes, 8, 4)


def confusion_by_scikit_learn(truth: Array, predicted: Array, classes: int) -> Array:
    valid = truth != IGNORE
    if not valid.any():  # which scikit-learn refuses
        return np.zeros((classes, classes))
    counts: Array = confusion_matrix(truth[valid], predicted[valid], labels=range(classes))
    return counts


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
@pytest.mark.parametrize("ignored", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("classes", [2, 5, 40])
def test_confusion_agrees_with_scikit_learn_image_by_image(
    classes: int, ignored: float, kind: type[np.generic]
) -> None:
    generator = np.random.default_rng(classes)
    shape = (3, 6, 7)
    is_ignored = generator.random(shape) < ignored
    truth = generator.integers(0, classes, shape).astype(np.uint8)
    truth[is_ignored] = IGNORE
    predicted = generator.integers(0, classes, shape).astype(kind)
    counts = confusion(torch.from_numpy(predicted), torch.from_numpy(truth), classes)
    assert counts.dtype == torch.int64
    for true_map, predicted_map, of_image in zip(truth, predicted, counts, strict=True):
        expected = confusion_by_scikit_learn(true_map, predicted_map, classes)
        assert_array_equal(of_image.numpy(), expected)


def test_rows_are_the_truth_and_columns_the_prediction() -> None:
    truth = torch.from_numpy(draw_map("000."))
    predicted = torch.from_numpy(draw_map("1101"))
    (counts,) = confusion(predicted[None], truth[None], 2)
    assert counts.tolist() == [[1, 2], [0, 0]]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_evaluate_counts_what_the_model_predicts_whatever_the_batch_size(
    patch_set: Make, batch_size: int
) -> None:
    patches = random_patches(patch_set)
    indices = [5, 0, 3, 6, 1]
    predictor = Predictor(Levels(4).train(), ONLY_SCALED, "fp32")
    tested = evaluate(predictor, patches, indices, batch_size=batch_size)
    assert tested.indices == tuple(indices)
    assert tested.counts.shape == (5, 4, 4)
    assert tested.predictions.dtype == np.uint8
    assert tested.boundaries is None
    assert tested.probabilities is None
    for position, index in enumerate(indices):
        red = patches.images[index, ..., 0]
        predicted = np.minimum(red // 50, 3)
        counts = confusion_by_scikit_learn(patches.masks[index], predicted, 4)
        assert_array_equal(tested.predictions[position], predicted)
        assert_array_equal(tested.counts[position], counts)


def test_evaluate_standardises_images_as_training_did(patch_set: Make) -> None:
    patches = random_patches(patch_set)
    inputs: list[torch.Tensor] = []
    model = Levels(4)
    model.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0]))
    mean = [0.1, 0.2, 0.3]
    std = [0.5, 1.0, 2.0]
    normalisation = Normalisation.of(mean, std, torch.device("cpu"))
    evaluate(Predictor(model, normalisation, "fp32"), patches, [2])
    (batch,) = inputs
    scaled = patches.images[[2]] / 255
    expected = ((scaled - mean) / std).transpose(0, 3, 1, 2)
    assert_allclose(batch.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_by_scene_sums_the_patches_of_each_image(patch_set: Make) -> None:
    patches = random_patches(patch_set)  # a has the patches 0, 1, 2, b 3 and 4, c 5 and 6
    counts = np.arange(4 * 16).reshape(4, 4, 4)
    tested = [5, 0, 6, 2]
    scenes, groups, summed = by_scene(counts, patches, tested)
    assert scenes == ["c", "a"]
    assert groups == ["group of c", "group of a"]
    assert summed.dtype == np.int64
    of_c, of_a = summed
    assert_array_equal(of_c, counts[0] + counts[2])
    assert_array_equal(of_a, counts[1] + counts[3])


def test_outputs_that_are_not_finite_are_an_error(patch_set: Make) -> None:
    patches = patch_set({"a": np.zeros((4, 4))}, 4, 2)
    network = torch.nn.Conv2d(3, 2, 1)
    torch.nn.init.constant_(network.weight, float("inf"))
    with pytest.raises(FloatingPointError, match="outputs on test images are not finite"):
        evaluate(Predictor(network, ONLY_SCALED, "fp32"), patches, [0])
