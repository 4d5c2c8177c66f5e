"""Training: batches, schedules, the objective, determinism, and losses that are not finite."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from harness.core.components import Loss
from harness.core.values import IGNORE, Batch, Provision
from harness.run.annotate import TrainingLabels
from harness.run.batches import TrainingSet, batches, plain_batches, steps_per_epoch, training_set
from harness.run.train import learning_rate_factor, optimizer_for, ramp, term_names, train
from harness.scenario.scenario import Term
from harness.scenario.settings import Training
from harness_points.cross_entropy import CrossEntropy, PartialCrossEntropy

pytestmark = pytest.mark.usefixtures("one_thread")

Array = NDArray[Any]
CPU = torch.device("cpu")
COLORS = np.array([(20, 20, 20), (230, 30, 40), (30, 40, 220)], np.uint8)


class Constant(Loss):
    """A value, whatever the logits."""

    name: ClassVar[str] = "constant"
    requires: ClassVar[frozenset[Provision]] = frozenset()
    value: float = 1.0

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.value + 0 * logits.sum()


class Breaking(Loss):
    """Turns into NaN or infinity at the call of this number."""

    name: ClassVar[str] = "breaking"
    requires: ClassVar[frozenset[Provision]] = frozenset()
    calls: ClassVar[list[int]] = []
    at: int
    infinite: bool = False

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        self.calls.append(1)
        return 0 * logits.sum() + (
            1.0 if len(self.calls) != self.at else math.inf if self.infinite else math.nan
        )


def network(seed: int = 0, classes: int = 3) -> torch.nn.Module:
    torch.manual_seed(seed)
    layers = [
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, classes, 1),
    ]
    return torch.nn.Sequential(*layers)


def a_set(
    count: int = 4, size: int = 8, labels: Array | None = None, **vectors: Array
) -> TrainingSet:
    """Patches of three coloured classes with their full masks, or with these labels or vectors."""
    generator = np.random.default_rng(0)
    masks = generator.integers(0, 3, (count, size, size), np.uint8)
    images = (COLORS[masks] + generator.integers(0, 20, (*masks.shape, 3))).astype(np.uint8)
    weak = TrainingLabels(
        masks if labels is None else labels, vectors.get("proportions"), vectors.get("tags")
    )
    return training_set(images, masks, weak, ([0.3] * 3, [0.3] * 3), 3, CPU)


def numbered(count: int, **vectors: Array) -> TrainingSet:
    """Patches whose every pixel and label is their index."""
    ones = np.ones((count, 4, 4), np.uint8) * np.arange(count, dtype=np.uint8)[:, None, None]
    weak = TrainingLabels(ones, vectors.get("proportions"), vectors.get("tags"))
    return training_set(
        np.repeat(ones[..., None], 3, 3), ones, weak, ([0.0] * 3, [1 / 255] * 3), count, CPU
    )


def settings(**fields: Any) -> Training:
    return Training(**{"epochs": 2, "batch_size": 2, "precision": "fp32", "device": "cpu"} | fields)


def trained(
    fields: dict[str, Any],
    terms: Sequence[Term] = (Term(CrossEntropy()),),
    data: TrainingSet | None = None,
    seed: int = 0,
) -> Any:
    """The records of a training without their times, and the weights it ends with."""
    model = network()
    records = list(train(model, data or a_set(), terms, settings(**fields), "fp32", seed))
    return [
        {key: value for key, value in record.items() if key != "seconds"} for record in records
    ], model.state_dict()


@pytest.mark.parametrize(
    "loss", [CrossEntropy(), PartialCrossEntropy()], ids=lambda loss: loss.name
)
def test_a_small_network_overfits_a_small_set(loss: Loss) -> None:
    data, model = a_set(), network()
    records = list(
        train(model, data, [Term(loss)], settings(epochs=40, learning_rate=0.03), "fp32", 0)
    )
    (batch,) = batches(data, settings(batch_size=4), 0, 0)
    assert batch.labels is not None
    assert records[-1]["loss"] < 0.05 < 0.5 < records[0]["loss"]
    assert torch.equal(model.eval()(batch.images).argmax(1), batch.labels)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_the_seed_decides_the_training_to_the_last_bit(optimizer: str) -> None:
    fields = {
        "optimizer": optimizer,
        "augment": ("flips", "rotations", "color-jitter"),
        "schedule": "cosine",
    }
    records, weights = trained(fields, seed=3)
    again, same = trained(fields, seed=3)
    other, different = trained(fields, seed=4)
    assert records == again
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert records != other
    assert not torch.equal(weights["0.weight"], different["0.weight"])


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9])
@pytest.mark.parametrize("epoch", [0, 5])
def test_every_patch_is_seen_once_an_epoch(count: int, epoch: int) -> None:
    seen = [
        index
        for batch in batches(numbered(count), settings(batch_size=4), 0, epoch)
        for index in batch.images[:, 0, 0, 0].tolist()
    ]
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
    assert [
        len(batch.images)
        for batch in batches(numbered(count), settings(batch_size=batch_size), 0, 0)
    ] == sizes


def test_the_order_follows_seed_and_epoch() -> None:
    def order(seed: int, epoch: int, **fields: Any) -> list[int]:
        return torch.cat(
            [
                batch.labels[:, 0, 0]
                for batch in batches(numbered(20), settings(**fields), seed, epoch)
            ]
        ).tolist()

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in range(2) for epoch in range(3)}) == 6
    assert order(0, 1, augment=("flips", "rotations", "color-jitter")) == order(0, 1)


def test_everything_known_of_a_patch_stays_with_it() -> None:
    proportions = np.eye(7, dtype=np.float32)
    for batch in batches(
        numbered(7, proportions=proportions, tags=proportions.astype(bool)),
        settings(batch_size=3),
        0,
        0,
    ):
        assert batch.labels is not None
        assert batch.proportions is not None
        assert batch.tags is not None
        index = batch.images[:, 0, 0, 0].round().long()
        assert torch.equal(batch.labels, index[:, None, None].expand(-1, 4, 4))
        assert torch.equal(batch.proportions.argmax(1), index)
        assert torch.equal(batch.tags, batch.proportions.bool())


@pytest.mark.parametrize("with_labels", [True, False])
def test_regions_move_with_the_pixels(with_labels: bool) -> None:
    index = np.arange(16, dtype=np.uint8).reshape(1, 4, 4).repeat(5, 0)
    regions = np.where(index < 12, index // 2, IGNORE).astype(np.uint8)
    proportions = np.full((5, 6, 2), 0.5, np.float32)
    weak = TrainingLabels(np.minimum(index, 1) if with_labels else None, proportions, None, regions)
    data = training_set(
        np.repeat(index[..., None], 3, 3),
        np.zeros_like(index),
        weak,
        ([0.0] * 3, [1 / 255] * 3),
        2,
        CPU,
    )
    turned = []
    for batch in batches(data, settings(augment=("flips", "rotations"), batch_size=5), 0, 0):
        assert batch.regions is not None
        assert batch.proportions is not None
        seen = batch.images[:, 0].round().long()
        assert torch.equal(batch.regions, torch.where(seen < 12, seen // 2, IGNORE))
        assert (batch.regions.dtype, batch.proportions.shape) == (torch.int64, (5, 6, 2))
        assert (batch.labels is not None) == with_labels
        assert bool(batch.valid.all())
        turned.append(seen)
    assert len({tuple(image.flatten().tolist()) for image in torch.cat(turned)}) > 1
    (plain,) = plain_batches(data, 5)
    assert torch.equal(plain.regions, torch.from_numpy(regions).long())


def test_a_batch_holds_labels_validity_and_standardised_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    masks = np.zeros((2, 4, 4), np.uint8)
    masks[:, 0] = IGNORE
    labels = np.full((2, 4, 4), IGNORE, np.uint8)
    labels[0, 1, :3], labels[1, 2, 2] = 2, 0
    data = training_set(
        images, masks, TrainingLabels(labels, None, None), ([0.1, 0.2, 0.3], [0.5, 1, 2]), 3, CPU
    )
    (batch,) = batches(data, settings(), 0, 0)
    assert batch.labels is not None
    assert batch.labels_per_patch is not None
    order = [0, 1] if (batch.labels[0] == 2).any() else [1, 0]
    expected = (images[order] / 255 - [0.1, 0.2, 0.3]) / [0.5, 1, 2]
    np.testing.assert_allclose(batch.images, expected.transpose(0, 3, 1, 2), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(batch.valid, masks[order] != IGNORE)
    np.testing.assert_array_equal(batch.labels, labels[order])
    assert batch.labels_per_patch.tolist() == [0.5, 0, 1.5]
    assert (batch.images.dtype, batch.labels.dtype, batch.valid.dtype) == (
        torch.float32,
        torch.int64,
        torch.bool,
    )


def test_without_labels_a_batch_has_none() -> None:
    masks = np.zeros((3, 4, 4), np.uint8)
    weak = TrainingLabels(None, np.ones((3, 1), np.float32), None)
    data = training_set(
        np.zeros((3, 4, 4, 3), np.uint8), masks, weak, ([0.0] * 3, [1.0] * 3), 1, CPU
    )
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
    assert learning_rate_factor(
        Training(schedule=schedule, poly_power=2), progress
    ) == pytest.approx(factor, abs=1e-12)


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
        # of the second of two steps
        ({"schedule": "poly", "poly_power": 1, "schedule_per": "step"}, [0.35, 0.25, 0.15, 0.05]),
    ],
)
def test_records_hold_the_learning_rate_of_their_last_step(
    fields: dict[str, Any], rates: list[float]
) -> None:
    records, _ = trained({"epochs": 4, "learning_rate": 0.4, "optimizer": "sgd"} | fields)
    assert [record["learning_rate"] for record in records] == pytest.approx(rates)
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]


def test_the_learning_rate_is_what_moves_the_weights() -> None:
    """Plain SGD on the sum of the logits moves the last bias by the learning rate times the number
    of pixels."""

    class Total(Loss):
        name: ClassVar[str] = "total"
        requires: ClassVar[frozenset[Provision]] = frozenset()

        def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
            return logits.mean((0, 2, 3)).sum()

    fields = {
        "epochs": 2,
        "optimizer": "sgd",
        "momentum": 0,
        "learning_rate": 0.1,
        "schedule": "poly",
        "poly_power": 1,
    }
    start = network().state_dict()["3.bias"].clone()
    # two epochs of two steps: 1, 3/4, 1/2 and 1/4 of the rate
    _, weights = trained(fields, [Term(Total(), weight=2.0)])
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
    optimizer = optimizer_for(
        network(), settings(learning_rate=0.1, weight_decay=0.2, **fields), CPU
    )
    assert type(optimizer) is kind
    assert {name: optimizer.param_groups[0][name] for name in expected} == expected


def test_the_objective_is_the_weighted_sum_and_terms_are_recorded_unweighted() -> None:
    terms = [
        Term(Constant(value=2.0), weight=0.5),
        Term(Constant(value=3.0), weight=4.0),
        Term(Constant(value=100.0), weight=0.0),
    ]
    records, _ = trained({}, terms)
    for record in records:
        assert record["terms"] == {"constant": 2.0, "constant#2": 3.0, "constant#3": 100.0}
        assert record["loss"] == pytest.approx(13)


def test_a_ramped_weight_rises_with_the_steps() -> None:
    records, _ = trained(
        {"epochs": 4, "batch_size": 4},
        [Term(Constant(value=3.0), weight=2.0, ramp=0.5), Term(Constant(value=1.0))],
    )
    factors = [math.exp(-5), math.exp(-1.25), 1, 1]  # one step in each of four epochs
    assert [record["loss"] for record in records] == pytest.approx(
        [1 + 6 * factor for factor in factors]
    )
    assert [record["terms"]["constant"] for record in records] == [3.0] * 4


class Heads(torch.nn.Module):
    """Biases as logits: a main head and, in training mode, auxiliary ones."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.biases = torch.nn.Parameter(torch.zeros(count, 3))

    def forward(self, images: torch.Tensor) -> Any:
        logits = [
            bias[None, :, None, None].expand(len(images), 3, *images.shape[2:])
            for bias in self.biases
        ]
        return logits if self.training else logits[0]


class Mean(Loss):
    """The mean of each class's logits, summed over classes: a gradient of 1 for each bias."""

    name: ClassVar[str] = "mean"
    requires: ClassVar[frozenset[Provision]] = frozenset()

    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return logits.mean((0, 2, 3)).sum()


def test_auxiliary_logits_enter_the_objective_with_their_weights() -> None:
    model, terms = Heads(3), [Term(Mean(), weight=2.0), Term(Constant(value=7.0))]
    chosen = settings(optimizer="sgd", momentum=0, learning_rate=0.1)  # two epochs of two steps
    first, second = train(model, a_set(), terms, chosen, "fp32", 0, (0.5, 0.25))
    steps = torch.tensor([1.0, 0.5, 0.25])
    torch.testing.assert_close(model.biases.detach(), -4 * 0.1 * 2 * steps[:, None].expand(3, 3))
    for record, moved in ((first, (0, 1)), (second, (2, 3))):
        # three classes, and a main bias that falls by 0.2 a step
        after = np.mean([-3 * 0.2 * step for step in moved])
        assert record["terms"] == pytest.approx({"mean": after, "constant": 7.0})
        assert record["loss"] == pytest.approx(2 * after * (1 + 0.5**2 + 0.25**2) + 7 * 1.75)


@pytest.mark.parametrize("weights", [(0.5,), (0.5, 0.5, 0.5)])
def test_another_number_of_auxiliary_logits_than_weights_is_an_error(
    weights: tuple[float, ...],
) -> None:
    with pytest.raises(ValueError, match="zip"):
        list(train(Heads(3), a_set(), [Term(Mean())], settings(), "fp32", 0, weights))


def test_a_term_of_weight_zero_teaches_nothing() -> None:
    alone, with_nothing = (
        trained({}, [Term(CrossEntropy()), *more])[1]
        for more in ((), (Term(PartialCrossEntropy(), weight=0),))
    )
    assert all(torch.equal(alone[name], with_nothing[name]) for name in alone)


def test_terms_are_numbered_where_a_loss_occurs_again() -> None:
    losses = [Constant(), CrossEntropy(), Constant(), Constant(), CrossEntropy()]
    names = ["constant", "cross-entropy", "constant#2", "constant#3", "cross-entropy#2"]
    assert term_names([Term(loss) for loss in losses]) == names


@pytest.mark.parametrize("infinite", [False, True])
@pytest.mark.parametrize(("at", "epoch", "finished"), [(1, 1, 0), (2, 1, 0), (3, 2, 1), (6, 3, 2)])
def test_a_loss_that_is_not_finite_is_named_with_its_step(
    infinite: bool, at: int, epoch: int, finished: int
) -> None:
    Breaking.calls.clear()
    terms, records = [Term(CrossEntropy()), Term(Breaking(at=at, infinite=infinite))], []
    where = (
        rf"at step {at} \(epoch {epoch}\): cross-entropy [\d.]+, breaking"
        rf" {'inf' if infinite else 'nan'}"
    )
    message = rf"loss term breaking is not finite {where}\. Lower training\.learning_rate"
    with pytest.raises(FloatingPointError, match=message):
        records.extend(train(network(), a_set(), terms, settings(epochs=3), "fp32", 0))
    assert len(records) == finished


def test_a_sum_that_overflows_is_named_as_such() -> None:
    with pytest.raises(
        FloatingPointError,
        match=re.escape("loss term the weighted sum is not finite at step 1 (epoch 1)"),
    ):
        trained({}, [Term(Constant(value=3e38), weight=2.0)])


def test_the_network_is_trained_in_training_mode() -> None:
    model = network().eval()
    list(train(model, a_set(), [Term(CrossEntropy())], settings(epochs=1), "fp32", 0))
    assert model.training
    assert model[1].num_batches_tracked == 2


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_network_computes_in_the_precision_and_losses_in_fp32(
    precision: str, kind: torch.dtype
) -> None:
    seen: list[torch.dtype] = []

    class Noted(Loss):
        name: ClassVar[str] = "noted"
        requires: ClassVar[frozenset[Provision]] = frozenset()

        def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
            seen.append(logits.dtype)
            return logits.sum()

    model = network()
    model[3].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    list(train(model, a_set(2), [Term(Noted())], settings(epochs=1), precision, 0))
    assert seen == [kind, torch.float32]


@pytest.mark.parametrize(
    ("patches", "batch_size", "steps"),
    [(8, 4, 2), (9, 4, 2), (10, 4, 3), (1, 4, 1), (4, 4, 1), (5, 4, 1), (9, 1, 9), (2, 1, 2)],
)
def test_steps_of_an_epoch_by_hand(patches: int, batch_size: int, steps: int) -> None:
    assert steps_per_epoch(patches, batch_size) == steps
