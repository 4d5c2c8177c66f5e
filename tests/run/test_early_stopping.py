"""Early stopping and the best network, on trainings that are lists of numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from installed import TINY, Workplace

from harness.run.early_stopping import Best, FollowedTraining
from harness.run.train import EpochResult
from harness.scenario.settings import Training


@dataclass
class Rehearsal:
    """A training that makes the weight of its network the number of the epoch.

    The validation values are those that a test has written down.
    """

    values: Sequence[float]
    model: torch.nn.Linear = field(default_factory=lambda: torch.nn.Linear(1, 1))
    trained: list[int] = field(default_factory=list)
    """The epochs that were trained."""
    seen: list[EpochResult] = field(default_factory=list)
    """The epochs that were handed on."""

    def epochs(self) -> Iterator[EpochResult]:
        for number in range(1, len(self.values) + 1):
            self.trained.append(number)
            torch.nn.init.constant_(self.model.weight, number)
            assert self.model.training, "a measure must not leave the network in evaluation mode"
            yield EpochResult(number, loss=1.0, terms={}, learning_rate=0.1, seconds=0.0)

    def measure(self) -> float:
        self.model.eval()
        return self.values[self.trained[-1] - 1]

    def follow(self, **settings: Any) -> Best | None:
        """Follow the training to its end, and return the best network."""
        chosen = Training(**settings)
        measure = None if chosen.validation == "none" else self.measure
        training = FollowedTraining(self.model, self.epochs(), measure, chosen)
        self.seen.extend(training)
        return training.best


@pytest.mark.parametrize(
    ("kind", "values", "patience", "best_epoch", "last_epoch"),
    [
        ("miou", [0.1, 0.3, 0.2, 0.4], None, 4, 4),
        ("miou", [0.1, 0.3, 0.2, 0.2, 0.9], 2, 2, 4),
        # An equal value is no improvement.
        ("miou", [0.3, 0.3, 0.3], 2, 1, 3),
        ("loss", [3.0, 1.0, 2.0], None, 2, 3),
        ("loss", [3.0, 4.0, 5.0, 1.0], 1, 1, 2),
        ("loss", [math.nan, 2.0, math.inf], None, 2, 3),
    ],
)
def test_the_best_epoch_and_where_patience_ends(
    kind: str, values: list[float], patience: int | None, best_epoch: int, last_epoch: int
) -> None:
    rehearsal = Rehearsal(values)
    best = rehearsal.follow(validation=kind, patience=patience)
    assert best is not None
    assert best.epoch == best_epoch
    assert best.value == values[best_epoch - 1]
    # A copy: later epochs do not reach it.
    assert best.state["weight"].item() == best_epoch
    assert rehearsal.trained == list(range(1, last_epoch + 1))
    assert [result.epoch for result in rehearsal.seen] == rehearsal.trained


def test_each_epoch_is_handed_on_with_its_value() -> None:
    values = [3.0, 1.0, 2.0]
    rehearsal = Rehearsal(values)
    rehearsal.follow(validation="loss")
    assert [result.validation for result in rehearsal.seen] == values


def test_without_validation_nothing_is_followed() -> None:
    rehearsal = Rehearsal([0.0] * 3)
    assert rehearsal.follow() is None
    assert rehearsal.trained == [1, 2, 3]
    assert [result.epoch for result in rehearsal.seen] == [1, 2, 3]
    assert [result.validation for result in rehearsal.seen] == [None] * 3


def test_nothing_finite_has_no_best_and_ends_by_patience() -> None:
    rehearsal = Rehearsal([math.nan] * 5)
    assert rehearsal.follow(validation="miou", patience=2) is None
    assert len(rehearsal.seen) == 2


@pytest.mark.parametrize("fields", [{"patience": 3}, {"selection": "best-validation"}])
def test_settings_that_need_a_validation_say_so(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need validation: loss or miou"):
        Training(**fields)


def run_followed(workplace: Workplace, kind: str) -> dict[str, Any]:
    """Run the tiny scenario, followed by a kind of validation, and return its record."""
    options = f"epochs: 3, validation: {kind}, selection: best-validation, batch_size: 8"
    workplace.write("tiny.yaml", TINY.replace("epochs: 2, batch_size: 8", options))
    done = workplace.harness("run", "tiny.yaml", "--only", "full", "--executor", "inline")
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (workplace.folder / "runs").glob("*/record.json")
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def assert_the_validation_part_is_paid_for(record: dict[str, Any], kind: str) -> None:
    """A loss needs weak labels of the validation part, a mean IoU its whole masks."""
    ledger = record["ledger"]
    train = record["split"]["train"]["patches"]
    validation = record["split"]["validation"]["patches"]
    labels = {"patches": validation, "labelled_pixels": validation * 32 * 32}
    if kind == "loss":
        assert ledger["patches"] == train + validation
        assert ledger["validation"] == labels
        assert "selection" not in ledger
    else:
        assert ledger["patches"] == train
        assert "validation" not in ledger
        assert labels.items() <= ledger["selection"].items()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["loss", "miou"])
def test_a_run_stores_both_networks_and_reports_the_selected_one(
    workplace: Workplace, kind: str
) -> None:
    record = run_followed(workplace, kind)
    assert_the_validation_part_is_paid_for(record, kind)
    values = [epoch["validation"] for epoch in record["history"]]
    best_value = min(values) if kind == "loss" else max(values)
    best_epoch = values.index(best_value) + 1
    selection = record["selection"]
    assert selection["best_epoch"] == best_epoch
    assert record["metrics"] == selection["best-validation"]["metrics"]
    assert record["test_evaluations"] == {"last": 1, "best-validation": 1}
    if best_epoch == 3:
        assert selection["last"]["metrics"] == record["metrics"]

    # Details are of the reported network.
    confusion = np.array(record["confusion"]["counts"])
    right = np.trace(confusion.sum(0))
    assert sum(record["details"]["calibration"]["correct"]) == right
    assert "details" not in selection["last"]


@pytest.mark.slow
def test_validation_needs_a_validation_part(workplace: Workplace) -> None:
    followed = TINY.replace("epochs: 2", "validation: miou")
    text = followed.replace("size: 64}", "size: 64, validation: 0}")
    workplace.write("tiny.yaml", text)
    done = workplace.harness("run", "tiny.yaml")
    assert done.returncode == 2
    assert "training.validation" in done.stderr
    assert not (workplace.folder / "runs").exists()
