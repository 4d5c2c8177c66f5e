"""Early stopping and the best network, on trainings that are lists of numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from installed import TINY, Workplace

from harness.run.early_stopping import Best, followed
from harness.scenario.settings import Training


def followed_to_the_end(
    values: list[float], **settings: Any
) -> tuple[list[dict[str, Any]], Best | None, list[int]]:
    """The epochs that were seen, the best network, and the epochs that were trained."""
    model, trained = torch.nn.Linear(1, 1), []

    def epochs() -> Iterator[dict[str, Any]]:
        for number in range(1, len(values) + 1):
            trained.append(number)
            torch.nn.init.constant_(model.weight, number)
            yield {"epoch": number}

    measure: Callable[[], float] | None = (
        None if settings.get("validation") is None else lambda: values[trained[-1] - 1]
    )
    following = followed(model, epochs(), measure, Training(**settings))
    seen = []
    while True:
        try:
            seen.append(next(following))
        except StopIteration as end:
            return seen, end.value, trained


@pytest.mark.parametrize(
    ("kind", "values", "patience", "best", "last"),
    [
        ("miou", [0.1, 0.3, 0.2, 0.4], None, 4, 4),
        ("miou", [0.1, 0.3, 0.2, 0.2, 0.9], 2, 2, 4),
        ("miou", [0.3, 0.3, 0.3], 2, 1, 3),  # an equal value is no improvement
        ("loss", [3.0, 1.0, 2.0], None, 2, 3),
        ("loss", [3.0, 4.0, 5.0, 1.0], 1, 1, 2),
        ("loss", [float("nan"), 2.0, float("inf")], None, 2, 3),
    ],
)
def test_the_best_epoch_and_where_patience_ends(
    kind: str, values: list[float], patience: int | None, best: int, last: int
) -> None:
    seen, found, trained = followed_to_the_end(values, validation=kind, patience=patience)
    assert found is not None
    assert (found.epoch, found.value) == (best, values[best - 1])
    assert found.state["weight"].item() == best  # a copy: later epochs do not reach it
    assert trained == list(range(1, last + 1))
    assert [epoch["epoch"] for epoch in seen] == trained


def test_without_validation_nothing_is_followed() -> None:
    seen, found, trained = followed_to_the_end([0.0] * 3)
    assert found is None
    assert seen == [{"epoch": 1}, {"epoch": 2}, {"epoch": 3}]
    assert trained == [1, 2, 3]


def test_nothing_finite_has_no_best_and_ends_by_patience() -> None:
    seen, found, _ = followed_to_the_end([float("nan")] * 5, validation="miou", patience=2)
    assert found is None
    assert len(seen) == 2


@pytest.mark.parametrize("fields", [{"patience": 3}, {"selection": "best-validation"}])
def test_settings_that_need_a_validation_say_so(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need validation: loss or miou"):
        Training(**fields)


@pytest.mark.parametrize("kind", ["loss", "miou"])
def test_a_run_stores_both_networks_and_reports_the_selected_one(
    workplace: Workplace, kind: str
) -> None:
    options = f"epochs: 3, validation: {kind}, selection: best-validation, batch_size: 8"
    workplace.write("tiny.yaml", TINY.replace("epochs: 2, batch_size: 8", options))
    done = workplace.harness("run", "tiny.yaml", "--only", "full")
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(next((workplace.folder / "runs").glob("*/record.json")).read_text())
    values = [epoch["validation"] for epoch in record["history"]]
    best = values.index(min(values) if kind == "loss" else max(values)) + 1
    assert record["selection"]["best_epoch"] == best
    assert record["metrics"] == record["selection"]["best-validation"]["metrics"]
    parts, ledger = record["split"], record["ledger"]
    weakly = parts["validation"]["patches"] if kind == "loss" else 0
    assert ledger["patches"] == parts["train"]["patches"] + weakly
    assert ledger.get("validation") == (
        {"patches": weakly, "labelled_pixels": weakly * 32 * 32} if weakly else None
    )
    confusion = np.array(record["confusion"]["counts"])
    # details are of the reported network
    assert sum(record["details"]["calibration"]["correct"]) == np.trace(confusion.sum(0))
    assert "details" not in record["selection"]["last"]
    if best == 3:
        assert record["selection"]["last"]["metrics"] == record["metrics"]


def test_validation_needs_a_validation_part(workplace: Workplace) -> None:
    workplace.write(
        "tiny.yaml",
        TINY.replace("epochs: 2", "validation: miou").replace(
            "size: 64}", "size: 64, validation: 0}"
        ),
    )
    done = workplace.harness("run", "tiny.yaml")
    assert done.returncode == 2
    assert "training.validation" in done.stderr
    assert not (workplace.folder / "runs").exists()
