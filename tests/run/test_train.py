"""Training: batches, schedules, the objective, determinism, and losses that are not finite."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from harness.core.components import Loss
from harness.core.values import IGNORE, Batch, Provision
from harness.run.annotate import TrainingLabels
from harness.run.batches import (
    Normalisation,
    TrainingSet,
    batches,
    plain_batches,
    steps_per_epoch,
    training_set,
)
from harness.run.patches import PatchSet
from harness.run.train import (
    EpochResult,
    Procedure,
    learning_rate_factor,
    make_optimizer,
    name_terms,
    ramp,
    train,
)
from harness.scenario.scenario import Term
from harness.scenario.settings import Training
from harness_points.cross_entropy import CrossEntropy, PartialCrossEntropy

pytestmark = pytest.mark.usefixtures("one_thread")

Array = NDArray[Any]
CPU = torch.device("cpu")
COLORS = np.array(
    [
        (20, 20, 20),
        (230, 30, 40),
        (30, 40, 220),
    ],
    np.uint8,
)
"""Of three classes."""

AUGMENTATIONS = ("flips", "rotations", "color-jitter")

AS_BYTES = Normalisation.of([0.0] * 3, [1 / 255] * 3, CPU)
"""Gives a network the values that are stored."""


class NeedsNothing(Loss):
    """A loss that takes any weak labels."""

    requires: ClassVar[frozenset[Provision]] = frozenset()


class Constant(NeedsNothing):
    """A value, whatever the logits."""

    name: ClassVar[str] = "constant"
    value: float = 1.0

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.value + 0 * logits.sum()


class Breaking(NeedsNothing):
    """Turns into NaN or infinity at the call of this number."""

    name: ClassVar[str] = "breaking"
    calls: ClassVar[list[int]] = []
    at: int
    infinite: bool = False

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        self.calls.append(1)
        value = 1.0
        if len(self.calls) == self.at:
            value = math.inf if self.infinite else math.nan
        return 0 * logits.sum() + value


class Mean(NeedsNothing):
    """The mean of each class's logits, summed over classes: a gradient of 1 for each bias."""

    name: ClassVar[str] = "mean"

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return logits.mean((0, 2, 3)).sum()


class Heads(torch.nn.Module):
    """Biases as logits: a main head and, in training mode, auxiliary ones."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.biases = torch.nn.Parameter(torch.zeros(count, 3))

    def forward(self, images: torch.Tensor) -> Any:
        shape = (len(images), 3, *images.shape[2:])
        logits = [bias[None, :, None, None].expand(shape) for bias in self.biases]
        return logits if self.training else logits[0]


def make_network(seed: int = 0, classes: int = 3) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, classes, 1),
    )


def make_set(
    images: Array,
    masks: Array,
    weak: TrainingLabels,
    classes: int = 3,
    normalisation: Normalisation = AS_BYTES,
) -> TrainingSet:
    """Make a training set of all these patches."""
    patches = PatchSet(images, masks, (), classes)
    return training_set(patches, range(len(images)), weak, normalisation, CPU)


def coloured(count: int = 4) -> TrainingSet:
    """Patches of three coloured classes with their whole masks."""
    generator = np.random.default_rng(0)
    masks = generator.integers(0, 3, (count, 8, 8), np.uint8)
    noise = generator.integers(0, 20, (*masks.shape, 3))
    images = COLORS[masks] + noise
    weak = TrainingLabels(masks, None, None)
    normalisation = Normalisation.of([0.3] * 3, [0.3] * 3, CPU)
    return make_set(images.astype(np.uint8), masks, weak, 3, normalisation)


def numbered(count: int, vectors: Array | None = None) -> TrainingSet:
    """Patches whose every pixel and label is their index, perhaps with proportions and tags."""
    masks = np.zeros((count, 4, 4), np.uint8)
    for index in range(count):
        masks[index] = index
    images = np.repeat(masks[..., None], 3, 3)
    tags = None
    if vectors is not None:
        tags = vectors.astype(bool)
    weak = TrainingLabels(masks, vectors, tags)
    return make_set(images, masks, weak, count)


def settings(**fields: Any) -> Training:
    defaults = {"epochs": 2, "batch_size": 2, "precision": "fp32", "device": "cpu"}
    return Training(**{**defaults, **fields})


def trained(
    fields: dict[str, Any],
    terms: Sequence[Term] = (Term(CrossEntropy()),),
    seed: int = 0,
) -> tuple[list[EpochResult], dict[str, torch.Tensor]]:
    """The results of a training without their times, and the weights it ends with."""
    model = make_network()
    procedure = Procedure(settings(**fields), "fp32", seed)
    results = []
    for result in train(model, coloured(), terms, procedure):
        results.append(replace(result, seconds=0))
    return results, model.state_dict()


@pytest.mark.parametrize(
    "loss", [CrossEntropy(), PartialCrossEntropy()], ids=lambda loss: loss.name
)
def test_a_small_network_overfits_a_small_set(loss: Loss) -> None:
    data = coloured()
    model = make_network()
    procedure = Procedure(settings(epochs=40, learning_rate=0.03), "fp32", 0)
    results = list(train(model, data, [Term(loss)], procedure))
    assert results[0].loss > 0.5
    assert results[-1].loss < 0.05
    (batch,) = batches(data, settings(batch_size=4), 0, 0)
    logits = model.eval()(batch.images)
    assert batch.labels is not None
    assert torch.equal(logits.argmax(1), batch.labels)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_the_seed_decides_the_training_to_the_last_bit(optimizer: str) -> None:
    fields = {"optimizer": optimizer, "augment": AUGMENTATIONS, "schedule": "cosine"}
    results, weights = trained(fields, seed=3)
    same_results, same_weights = trained(fields, seed=3)
    other_results, other_weights = trained(fields, seed=4)
    assert results == same_results
    assert results != other_results
    for name, values in weights.items():
        assert torch.equal(values, same_weights[name])
    assert not torch.equal(weights["0.weight"], other_weights["0.weight"])


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9])
@pytest.mark.parametrize("epoch", [0, 5])
def test_every_patch_is_seen_once_an_epoch(count: int, epoch: int) -> None:
    seen: list[float] = []
    for batch in batches(numbered(count), settings(batch_size=4), 0, epoch):
        seen.extend(batch.images[:, 0, 0, 0].tolist())
    assert sorted(np.round(seen)) == list(range(count))


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [
        (8, 4, [4, 4]),
        (9, 4, [4, 5]),
        (10, 4, [4, 4, 2]),
        (3, 4, [3]),
        (1, 4, [1]),
        (5, 4, [5]),
        (7, 2, [2, 2, 3]),
    ],
)
def test_a_last_batch_of_one_patch_joins_the_one_before(
    count: int, batch_size: int, sizes: list[int]
) -> None:
    epoch = batches(numbered(count), settings(batch_size=batch_size), 0, 0)
    assert [len(batch.images) for batch in epoch] == sizes


def test_the_order_follows_seed_and_epoch() -> None:
    def order(seed: int, epoch: int, **fields: Any) -> tuple[int, ...]:
        labels = []
        for batch in batches(numbered(20), settings(**fields), seed, epoch):
            assert batch.labels is not None
            labels.append(batch.labels[:, 0, 0])
        return tuple(torch.cat(labels).tolist())

    orders = []
    for seed in range(2):
        for epoch in range(3):
            orders.append(order(seed, epoch))
    assert len(set(orders)) == 6
    assert order(0, 0) == orders[0]
    assert order(0, 1, augment=AUGMENTATIONS) == orders[1]


def test_everything_known_of_a_patch_stays_with_it() -> None:
    data = numbered(7, vectors=np.eye(7, dtype=np.float32))
    for batch in batches(data, settings(batch_size=3), 0, 0):
        assert batch.labels is not None
        assert batch.proportions is not None
        assert batch.tags is not None
        index = batch.images[:, 0, 0, 0].round().long()
        for labels, expected in zip(batch.labels, index, strict=True):
            assert (labels == expected).all()
        assert torch.equal(batch.proportions.argmax(1), index)
        assert torch.equal(batch.tags, batch.proportions.bool())


@pytest.mark.parametrize("count", [2, 5, 13])
def test_a_set_that_stays_on_the_host_gives_the_same_batches(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    # Without a GPU: a device that is another one by name, and memory that is not pinned.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    resident = numbered(count)
    streamed = replace(resident, device=torch.device("cpu", 0))
    chosen = settings(augment=AUGMENTATIONS)
    expected_batches = list(batches(resident, chosen, 0, 0))
    streamed_batches = list(batches(streamed, chosen, 0, 0))
    for expected, batch in zip(expected_batches, streamed_batches, strict=True):
        assert torch.equal(batch.images, expected.images)
        assert batch.labels is not None
        assert expected.labels is not None
        assert torch.equal(batch.labels, expected.labels)


@pytest.mark.parametrize("with_labels", [True, False])
def test_regions_move_with_the_pixels(with_labels: bool) -> None:
    # Each pixel has a number, and each pair of neighbours is a region, but for the last four.
    index = np.arange(16, dtype=np.uint8).reshape(4, 4)
    regions = np.where(index < 12, index // 2, IGNORE)
    images = np.stack([index] * 5)
    region_maps = np.stack([regions.astype(np.uint8)] * 5)
    labels = np.minimum(images, 1) if with_labels else None
    proportions = np.full((5, 6, 2), 0.5, np.float32)
    weak = TrainingLabels(labels, proportions, None, region_maps)
    data = make_set(np.stack([images] * 3, -1), np.zeros_like(images), weak, 2)
    turned = []
    moving = settings(augment=("flips", "rotations"), batch_size=5)
    for batch in batches(data, moving, 0, 0):
        assert batch.regions is not None
        assert batch.proportions is not None
        seen = batch.images[:, 0].round().long()
        assert torch.equal(batch.regions, torch.where(seen < 12, seen // 2, IGNORE))
        assert batch.regions.dtype == torch.int64
        assert batch.proportions.shape == (5, 6, 2)
        assert (batch.labels is not None) == with_labels
        assert bool(batch.valid.all())
        turned.append(seen)
    different = {tuple(image.flatten().tolist()) for image in torch.cat(turned)}
    assert len(different) > 1
    (plain,) = plain_batches(data, 5)
    assert plain.regions is not None
    assert torch.equal(plain.regions, torch.from_numpy(region_maps).long())


def test_a_batch_holds_labels_validity_and_standardised_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    masks = np.zeros((2, 4, 4), np.uint8)
    masks[:, 0] = IGNORE
    labels = np.full((2, 4, 4), IGNORE, np.uint8)
    labels[0, 1, :3] = 2
    labels[1, 2, 2] = 0
    mean = [0.1, 0.2, 0.3]
    std = [0.5, 1, 2]
    weak = TrainingLabels(labels, None, None)
    data = make_set(images, masks, weak, 3, Normalisation.of(mean, std, CPU))
    (batch,) = batches(data, settings(), 0, 0)
    assert batch.labels is not None
    assert batch.labels_per_patch is not None
    # The order is drawn; only the first patch has labels of class 2.
    order = [1, 0]
    if (batch.labels[0] == 2).any():
        order = [0, 1]
    scaled = images[order] / 255
    expected = ((scaled - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(batch.images, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(batch.valid, masks[order] != IGNORE)
    np.testing.assert_array_equal(batch.labels, labels[order])
    assert batch.labels_per_patch.tolist() == [0.5, 0, 1.5]
    assert batch.images.dtype == torch.float32
    assert batch.labels.dtype == torch.int64
    assert batch.valid.dtype == torch.bool


def test_without_labels_a_batch_has_none() -> None:
    images = np.zeros((3, 4, 4, 3), np.uint8)
    weak = TrainingLabels(None, np.ones((3, 1), np.float32), None)
    data = make_set(images, images[..., 0], weak, 1)
    (batch,) = batches(data, settings(batch_size=3), 0, 0)
    assert batch.labels is batch.labels_per_patch is batch.tags is batch.regions is None
    assert batch.proportions is not None


@pytest.mark.parametrize(
    ("schedule", "progress", "factor"),
    [
        ("constant", 0.0, 1),
        ("constant", 0.9, 1),
        ("cosine", 0.0, 1),
        ("cosine", 0.25, (2 + 2**0.5) / 4),
        ("cosine", 0.5, 0.5),
        ("cosine", 1.0, 0),
        ("poly", 0.0, 1),
        ("poly", 0.75, 0.0625),
        ("poly", 1.0, 0),
    ],
)
def test_schedules_by_hand(schedule: Any, progress: float, factor: float) -> None:
    chosen = Training(schedule=schedule, poly_power=2)
    assert learning_rate_factor(chosen, progress) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize(
    ("progress", "length", "factor"),
    [
        (0.0, 0.0, 1),
        (0.7, 0.0, 1),
        (0.0, 0.5, math.exp(-5)),
        (0.25, 0.5, math.exp(-1.25)),
        (0.5, 0.5, 1),
        (0.9, 0.5, 1),
        (0.5, 1, math.exp(-1.25)),
    ],
)
def test_ramps_by_hand(progress: float, length: float, factor: float) -> None:
    assert ramp(progress, length) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("fields", "rates"),
    [
        ({}, [0.4, 0.4, 0.4, 0.4]),
        (
            {"schedule": "cosine", "schedule_per": "epoch"},
            [0.4, 0.1 * (2 + 2**0.5), 0.2, 0.1 * (2 - 2**0.5)],
        ),
        ({"schedule": "poly", "poly_power": 1, "schedule_per": "epoch"}, [0.4, 0.3, 0.2, 0.1]),
        # Those of the second of two steps.
        ({"schedule": "poly", "poly_power": 1, "schedule_per": "step"}, [0.35, 0.25, 0.15, 0.05]),
    ],
)
def test_results_hold_the_learning_rate_of_their_last_step(
    fields: dict[str, Any], rates: list[float]
) -> None:
    results, _ = trained({"epochs": 4, "learning_rate": 0.4, "optimizer": "sgd", **fields})
    assert [result.learning_rate for result in results] == pytest.approx(rates)
    assert [result.epoch for result in results] == [1, 2, 3, 4]


def test_the_learning_rate_is_what_moves_the_weights() -> None:
    """Plain SGD on the mean of the logits moves the last bias by the sum of the learning rates."""
    fields = {
        "optimizer": "sgd",
        "momentum": 0,
        "learning_rate": 0.1,
        "schedule": "poly",
        "poly_power": 1,
    }
    start = make_network().state_dict()["3.bias"].clone()
    _, weights = trained(fields, [Term(Mean(), weight=2.0)])
    # Two epochs of two steps, with the whole rate, 3/4, 1/2 and 1/4 of it: 2.5 in all.
    torch.testing.assert_close(weights["3.bias"], start - 2 * 0.1 * 2.5)


@pytest.mark.parametrize(
    ("fields", "kind", "expected"),
    [
        ({"optimizer": "adam"}, torch.optim.Adam, {"lr": 0.1, "weight_decay": 0.2}),
        ({"optimizer": "adamw"}, torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.2}),
        (
            {"optimizer": "sgd", "momentum": 0.7},
            torch.optim.SGD,
            {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.7},
        ),
    ],
)
def test_optimizers_have_what_the_settings_say(
    fields: dict[str, Any], kind: type, expected: dict[str, float]
) -> None:
    chosen = settings(learning_rate=0.1, weight_decay=0.2, **fields)
    optimizer = make_optimizer(make_network(), chosen, CPU)
    assert type(optimizer) is kind
    for name, value in expected.items():
        assert optimizer.param_groups[0][name] == value


def test_the_objective_is_the_weighted_sum_and_terms_are_recorded_unweighted() -> None:
    terms = [
        Term(Constant(value=2.0), weight=0.5),
        Term(Constant(value=3.0), weight=4.0),
        Term(Constant(value=100.0), weight=0.0),
    ]
    results, _ = trained({}, terms)
    for result in results:
        assert result.terms == {"constant": 2.0, "constant#2": 3.0, "constant#3": 100.0}
        assert result.loss == pytest.approx(13)


def test_a_ramped_weight_rises_with_the_steps() -> None:
    terms = [Term(Constant(value=3.0), weight=2.0, ramp=0.5), Term(Constant(value=1.0))]
    results, _ = trained({"epochs": 4, "batch_size": 4}, terms)
    # One step in each of four epochs, and the ramp ends after two of them.
    factors = [math.exp(-5), math.exp(-1.25), 1, 1]
    for result, factor in zip(results, factors, strict=True):
        assert result.loss == pytest.approx(2 * factor * 3 + 1)
        assert result.terms["constant"] == 3.0


def test_auxiliary_logits_enter_the_objective_with_their_weights() -> None:
    model = Heads(3)
    terms = [Term(Mean(), weight=2.0), Term(Constant(value=7.0))]
    procedure = Procedure(settings(optimizer="sgd", momentum=0, learning_rate=0.1), "fp32", 0)
    results = list(train(model, coloured(), terms, procedure, (0.5, 0.25)))
    # Four steps, two in each epoch; the gradient of a head is its weight times 2.
    head_weights = torch.tensor([1.0, 0.5, 0.25])
    fall = 4 * 0.1 * 2 * head_weights
    of_three_classes = torch.stack([-fall] * 3, 1)
    torch.testing.assert_close(model.biases.detach(), of_three_classes)
    steps_before = ((0, 1), (2, 3))
    for result, steps in zip(results, steps_before, strict=True):
        # Three classes, and a main bias that falls by 0.2 a step.
        mean = -3 * 0.2 * np.mean(steps)
        assert result.terms == pytest.approx({"mean": mean, "constant": 7.0})
        # An auxiliary bias falls more slowly by its weight, and counts by its weight.
        of_means = 2 * mean * (1 + 0.5**2 + 0.25**2)
        of_constants = 7 * (1 + 0.5 + 0.25)
        assert result.loss == pytest.approx(of_means + of_constants)


@pytest.mark.parametrize("weights", [(0.5,), (0.5, 0.5, 0.5)])
def test_another_number_of_auxiliary_logits_than_weights_is_an_error(
    weights: tuple[float, ...],
) -> None:
    procedure = Procedure(settings(), "fp32", 0)
    training = train(Heads(3), coloured(), [Term(Mean())], procedure, weights)
    with pytest.raises(ValueError, match="zip"):
        list(training)


def test_the_event_of_an_epoch_is_a_dictionary_in_the_documented_order() -> None:
    result = EpochResult(epoch=2, loss=0.5, terms={"a": 1.0}, learning_rate=0.1, seconds=3.0)
    event = {"epoch": 2, "loss": 0.5, "terms": {"a": 1.0}, "learning_rate": 0.1, "seconds": 3.0}
    assert list(result.as_event().items()) == list(event.items())
    followed = replace(result, validation=0.7).as_event()
    assert list(followed) == [*event, "validation"]
    assert followed["validation"] == 0.7


def test_a_term_of_weight_zero_teaches_nothing() -> None:
    term = Term(CrossEntropy())
    nothing = Term(PartialCrossEntropy(), weight=0)
    _, alone = trained({}, [term])
    _, with_nothing = trained({}, [term, nothing])
    for name, values in alone.items():
        assert torch.equal(values, with_nothing[name])


def test_terms_are_numbered_where_a_loss_occurs_again() -> None:
    losses = [Constant(), CrossEntropy(), Constant(), Constant(), CrossEntropy()]
    names = ["constant", "cross-entropy", "constant#2", "constant#3", "cross-entropy#2"]
    assert name_terms([Term(loss) for loss in losses]) == names


@pytest.mark.parametrize(("infinite", "value"), [(False, "nan"), (True, "inf")])
@pytest.mark.parametrize(
    ("at", "epoch", "finished"),
    [
        (1, 1, 0),
        (2, 1, 0),
        (3, 2, 1),
        (6, 3, 2),
    ],
)
def test_a_loss_that_is_not_finite_is_named_with_its_step(
    infinite: bool, value: str, at: int, epoch: int, finished: int
) -> None:
    Breaking.calls.clear()
    terms = [Term(CrossEntropy()), Term(Breaking(at=at, infinite=infinite))]
    procedure = Procedure(settings(epochs=3), "fp32", 0)
    training = train(make_network(), coloured(), terms, procedure)
    message = (
        rf"loss term breaking is not finite at step {at} \(epoch {epoch}\):"
        rf" cross-entropy [\d.]+, breaking {value}\. Lower training\.learning_rate"
    )
    results: list[EpochResult] = []
    with pytest.raises(FloatingPointError, match=message):
        results.extend(training)
    assert len(results) == finished


def test_a_sum_that_overflows_is_named_as_such() -> None:
    message = "loss term the weighted sum is not finite at step 1 (epoch 1)"
    with pytest.raises(FloatingPointError, match=re.escape(message)):
        trained({}, [Term(Constant(value=3e38), weight=2.0)])


def test_the_network_is_trained_in_training_mode() -> None:
    model = make_network().eval()
    procedure = Procedure(settings(epochs=1), "fp32", 0)
    list(train(model, coloured(), [Term(CrossEntropy())], procedure))
    assert model.training
    assert model[1].num_batches_tracked == 2


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_network_computes_in_the_precision_and_losses_in_fp32(
    precision: str, kind: torch.dtype
) -> None:
    types: list[torch.dtype] = []

    class Noted(NeedsNothing):
        name: ClassVar[str] = "noted"

        def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
            types.append(logits.dtype)
            return logits.sum()

    model = make_network()
    model[3].register_forward_hook(lambda module, inputs, output: types.append(output.dtype))
    procedure = Procedure(settings(epochs=1), precision, 0)
    list(train(model, coloured(2), [Term(Noted())], procedure))
    assert types == [kind, torch.float32]


@pytest.mark.parametrize(
    ("patches", "batch_size", "steps"),
    [
        (8, 4, 2),
        (9, 4, 2),
        (10, 4, 3),
        (1, 4, 1),
        (4, 4, 1),
        (5, 4, 1),
        (9, 1, 9),
        (2, 1, 2),
    ],
)
def test_steps_of_an_epoch_by_hand(patches: int, batch_size: int, steps: int) -> None:
    assert steps_per_epoch(patches, batch_size) == steps
