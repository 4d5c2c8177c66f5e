"""The network of a run: how it begins, how it is followed, which one is tested, and its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file
from tiny_runs import FULL, POINTS, make_run
from torch import Tensor

from harness.plan.runs import Run
from harness.records.record import Masks
from harness.run.evaluation.outcome import ReportedTest
from harness.run.network import Network, build_network, evaluate_network, write_weights
from harness.run.prepare import DividedPatches, annotate_training_part, divide_patches

pytestmark = pytest.mark.usefixtures("own_cache", "one_thread")


def built(run: Run) -> tuple[DividedPatches, Network]:
    """The patches and the network of a run, before its training."""
    data = divide_patches(run)
    annotated = annotate_training_part(run, data)
    return data, build_network(run, data, annotated)


def state_of(network: Network) -> dict[str, Tensor]:
    """A copy of the weights."""
    return {name: value.clone() for name, value in network.predictor.model.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def finished(run: Run) -> tuple[Network, dict[str, Tensor], ReportedTest]:
    """The network of a run after its test, its weights at the end of the training, and the test."""
    data, network = built(run)
    results = list(network.training)
    last_state = state_of(network)
    return network, last_state, evaluate_network(run, data, network, len(results))


def test_methods_of_one_seed_begin_with_the_same_weights() -> None:
    _, full = built(make_run(FULL))
    _, points = built(make_run(POINTS))
    _, other_seed = built(make_run(FULL, seed=1))
    assert same(state_of(full), state_of(points))
    assert not same(state_of(full), state_of(other_seed))


def test_nothing_is_trained_before_it_is_asked_for() -> None:
    _, network = built(make_run())
    before = state_of(network)
    first, *_ = network.training
    assert first.epoch == 1
    assert not same(before, state_of(network))


def test_what_a_record_says_of_the_network() -> None:
    _, network = built(make_run())
    # A weight for each pair of a band and a class, and a bias for each class.
    assert network.parameters == 3 * 2 + 2
    assert network.hardware.device == "cpu"
    assert network.hardware.precision == "fp32"


def normalised_by(kind: str) -> tuple[Tensor, Tensor, np.ndarray]:
    """The mean and deviation that images are standardised by, and the training images."""
    run = make_run()
    patches = run.scenario.patches.model_copy(update={"normalise": kind})
    data, network = built(replace(run, scenario=replace(run.scenario, patches=patches)))
    images = np.asarray(data.patches.images[list(data.split.train)])
    normalisation = network.predictor.normalisation
    return normalisation.mean, normalisation.std, images


def test_images_are_standardised_as_the_scenario_says() -> None:
    mean, std, images = normalised_by("training-set")
    pixels = images.reshape(-1, 3) / 255
    assert_allclose(mean, pixels.mean(0), rtol=1e-5)
    assert_allclose(std, pixels.std(0), rtol=1e-5)
    mean, std, _ = normalised_by("none")
    assert mean.tolist() == [0, 0, 0]
    assert std.tolist() == [1, 1, 1]
    mean, std, _ = normalised_by("imagenet")
    assert_allclose(mean, [0.485, 0.456, 0.406])
    assert_allclose(std, [0.229, 0.224, 0.225])


@pytest.mark.parametrize(
    ("training", "counted"),
    [
        ({}, False),
        ({"validation": "miou"}, False),  # looked at, but decides nothing
        ({"validation": "miou", "patience": 1}, True),
        ({"validation": "miou", "selection": "best-validation"}, True),
        # Weak labels, which the ledger has already.
        ({"validation": "loss", "selection": "best-validation"}, False),
    ],
)
def test_whole_masks_that_select_are_counted(training: dict[str, Any], counted: bool) -> None:
    _, network = built(make_run(POINTS, **training))
    masks = Masks(scenes=1, patches=4, labelled_pixels=4 * 8 * 8)
    assert network.selecting_masks == (masks if counted else None)


def test_what_trains_on_the_validation_part_is_not_followed_on_it() -> None:
    method = replace(POINTS, trains_on="validation")
    run = make_run(method, validation="miou", selection="best-validation")
    network, _, test = finished(run)
    assert network.training.best is None
    assert network.selecting_masks is None
    assert network.settings.selection == "last"
    assert test.evaluations == {"last": 1}


def test_without_validation_the_last_network_is_tested_once() -> None:
    network, last_state, test = finished(make_run())
    assert test.evaluations == {"last": 1}
    assert test.selection is not None
    assert test.selection.as_json() == {"rule": "last", "last_epoch": 2}
    assert same(state_of(network), last_state)


@pytest.mark.parametrize("kind", ["loss", "miou"])
@pytest.mark.parametrize("rule", ["last", "best-validation"])
def test_the_network_that_is_reported_is_the_one_that_is_left(kind: str, rule: str) -> None:
    # So high a rate that the first epoch is rarely the worst.
    run = make_run(POINTS, epochs=4, learning_rate=1.0, validation=kind, selection=rule)
    network, last_state, test = finished(run)
    best = network.training.best
    assert best is not None
    reported = best.state if rule == "best-validation" else last_state
    assert same(state_of(network), reported)
    assert test.evaluations == {"last": 1, "best-validation": 1}

    selection = test.selection
    assert selection is not None
    assert selection.last_epoch == 4
    assert selection.best_epoch == best.epoch
    assert selection.best_value == best.value
    scores = selection.best_validation if rule == "best-validation" else selection.last
    assert scores == test.outcome


def test_weights_are_written_whole_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    second = torch.nn.Conv2d(3, 4, 3)
    for model in (first, second):
        write_weights(model, folder)
        assert same(load_file(folder / "weights.safetensors"), model.state_dict())
    assert [path.name for path in folder.iterdir()] == ["weights.safetensors"]
