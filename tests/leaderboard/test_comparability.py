"""Runs that may not stand beside each other: each field that keeps them apart, and the two runs
that are named."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from demo import FULL, HEADER, WEAK, board_of

from harness.comparison.compare import find_obstacles
from harness.core.errors import InputError
from harness.leaderboard.comparability import (
    comparable_settings,
    find_problems,
    require_comparable,
)
from harness.records.record import FinishedRecord


def complete(record: dict[str, Any]) -> dict[str, Any]:
    """A copy with what records of today have."""
    copied = copy.deepcopy(record)
    copied |= {"schema_version": 1, "scenario": "demo", "profile": None}
    copied["settings"] |= {
        "profile": None,
        "evaluation": {"batch_average": None, "boundary_radius": 2},
    }
    for part in copied["split"].values():
        part |= {"scenes": 1, "groups": ["g"], "digest": "d"}
    return copied


def changed(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A complete copy with another value at a dotted path."""
    copied = complete(record)
    *steps, last = path.split(".")
    inner = copied
    for step in steps:
        inner = inner[step]
    inner[last] = value
    return copied


def test_rows_of_one_scenario_share_a_table() -> None:
    records = [complete(record) for record in (*FULL, WEAK)]
    assert find_problems(records) == []
    assert find_problems([]) == []


def test_a_run_that_was_not_made_keeps_nothing_apart() -> None:
    missing = {"status": "missing", "method": "x", "seed": 0}
    require_comparable(board_of(HEADER, (complete(FULL[0]), missing)))


OTHER_TRUTH = [[[7, 1], [2, 0]], [[0, 0], [0, 1]]]
OTHER_PREDICTIONS = [[[0, 8], [1, 1]], [[0, 0], [0, 0]]]

FORBIDDING = [
    ("schema_version", 2, "schema_version"),
    ("settings.protocol", 2, "protocol"),
    ("settings.profile", "mini", "profile"),
    ("classes", [{"name": "b"}, {"name": "a"}], "classes"),
    ("mean_over", ["a"], "mean_over"),
    ("settings.dataset.name", "other", "dataset.name"),
    ("settings.dataset.version", "2", "dataset.version"),
    ("settings.dataset.source", "t", "dataset.source"),
    ("settings.dataset.content", "other", "dataset.content"),
    # What a data set ignores is one of its fields.
    ("settings.dataset.ignore", [3], "dataset.ignore"),
    ("settings.patches.size", 16, "patches.size"),
    ("settings.patches.stride", 4, "patches.stride"),
    ("settings.patches.padding", "ignore", "patches.padding"),
    ("settings.patches.downsample", 2, "patches.downsample"),
    ("settings.patches.resize", [64, 64], "patches.resize"),
    ("settings.patches.normalise", "none", "patches.normalise"),
    ("settings.split", {"by": "group", "test": 0.3}, "split.by"),
    ("settings.evaluation.batch_average", 4, "evaluation.batch_average"),
    ("settings.evaluation.boundary_radius", 3, "evaluation.boundary_radius"),
    ("split.train.patches", 4, "split, train: patches"),
    ("split.validation.groups", ["h"], "split, validation: groups"),
    ("split.test.scenes", 2, "split, test: scenes"),
    ("split.test.digest", "e", "split, test: digest"),
    ("confusion.images", ["x", "z"], "test images"),
    ("confusion.counts", OTHER_TRUTH, "test pixels of each class"),
]
"""A path in a record, another value, and the field that is named."""

HARMLESS = [
    ("method", "points"),
    ("key", "other"),
    ("initialisation", "imagenet"),
    ("settings.model", {"name": "n", "version": "1", "source": "s"}),
    ("settings.training.epochs", 9),
    ("settings.supervision", [{"name": "points"}]),
    ("settings.loss", [{"name": "dice"}]),
    ("ledger.labelled_pixels", 1),
    ("cost.seconds", 9.0),
    ("hardware.name", "other"),
    ("packages.torch", "3"),
    ("parameters", 11),
    ("confusion.counts", OTHER_PREDICTIONS),
]
"""A path in a record, and another value that makes another method, or the same one elsewhere."""


@pytest.mark.parametrize(("path", "value", "field"), FORBIDDING)
def test_a_difference_names_both_runs_and_the_field(path: str, value: Any, field: str) -> None:
    records = [complete(FULL[0]), changed(WEAK, path, value), complete(FULL[1])]
    runs = "full, seed 0 (run full0) and points|<i>, seed 0 (run points|<i>0)"
    problems = find_problems(records)
    assert any(problem.startswith(f"{runs} differ in {field}: ") for problem in problems)
    with pytest.raises(InputError, match="cannot stand in one table") as caught:
        require_comparable(board_of(HEADER, tuple(records)))
    assert str(caught.value).startswith("leaderboard demo.mini: full, seed 0")


def is_refused_by_leaderboard(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return find_problems([first, second]) != []


def is_refused_by_compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    a = FinishedRecord.model_validate(first)
    b = FinishedRecord.model_validate(second)
    return find_obstacles([a], [b]) != ()


TESTED_TWICE = ("test_evaluations", {"last": 2}, "")


@pytest.mark.parametrize(("path", "value", "field"), [*FORBIDDING, TESTED_TWICE])
def test_leaderboards_and_compare_refuse_the_same(path: str, value: Any, field: str) -> None:
    first, second = complete(FULL[0]), changed(FULL[0], path, value)
    assert is_refused_by_leaderboard(first, second)
    assert is_refused_by_compare(first, second)


@pytest.mark.parametrize(("path", "value"), HARMLESS)
def test_leaderboards_and_compare_accept_the_same(path: str, value: Any) -> None:
    first, second = complete(FULL[0]), changed(FULL[0], path, value)
    assert not is_refused_by_leaderboard(first, second)
    assert not is_refused_by_compare(first, second)


def test_seeds_may_test_other_images() -> None:
    records = [complete(FULL[0]), changed(FULL[1], "split.test.digest", "e")]
    assert find_problems(records) == []


def test_a_field_newer_than_a_record_is_no_difference() -> None:
    older = complete(WEAK)
    del older["settings"]["evaluation"]
    for part in older["split"].values():
        del part["digest"]
    newer = changed(FULL[0], "settings.patches.resize", None)
    assert "resize" not in older["settings"]["patches"]
    assert find_problems([newer, older]) == []
    assert comparable_settings(older) == comparable_settings(newer)


def test_a_network_tested_twice_is_a_problem() -> None:
    (problem,) = find_problems([complete(WEAK) | {"test_evaluations": {"last": 2}}])
    assert "tested more than once" in problem
    assert "run points|<i>0" in problem
