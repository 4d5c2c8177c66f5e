"""Runs that may not stand beside each other: each field that keeps them apart, and their names."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from demo import FULL, HEADER, WEAK, board_of

from harness.comparison.compare import find_obstacles
from harness.core.errors import InputError
from harness.leaderboard.comparability import (
    comparable_settings,
    find_problems,
    require_comparable,
    usable_records,
)
from harness.records.record import FinishedRecord, MissingRecord


def complete(record: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with what records of today have."""
    copied = copy.deepcopy(record)
    copied |= {"schema_version": 1, "scenario": "demo", "profile": None}
    copied["settings"] |= {
        "profile": None,
        "evaluation": {"batch_average": None, "boundary_radius": 2},
    }
    for part in copied["split"].values():
        part |= {"scenes": 1, "groups": ["g"], "digest": "d"}
    return copied


def changed(record: dict[str, Any], path: str, value: Any) -> FinishedRecord:
    """Return a complete record with another value at a dotted path."""
    copied = complete(record)
    *steps, last = path.split(".")
    inner = copied
    for step in steps:
        inner = inner[step]
    inner[last] = value
    return FinishedRecord.model_validate(copied)


FIRST = FinishedRecord.model_validate(complete(FULL[0]))
SECOND = FinishedRecord.model_validate(complete(FULL[1]))
POINTS = FinishedRecord.model_validate(complete(WEAK))


def test_rows_of_one_scenario_share_a_table() -> None:
    assert find_problems([FIRST, SECOND, POINTS]) == []
    assert find_problems([]) == []


def test_a_run_that_was_not_made_keeps_nothing_apart() -> None:
    missing = MissingRecord(key="unknown", method="x", seed=0, status="missing")
    require_comparable(board_of(HEADER, [FIRST, missing]))


OTHER_TRUTH = [[[7, 1], [2, 0]], [[0, 0], [0, 1]]]
OTHER_PREDICTIONS = [[[0, 8], [1, 1]], [[0, 0], [0, 0]]]

BLACK = [0, 0, 0]

FORBIDDING = [
    ("settings.protocol", 2, "protocol"),
    ("settings.profile", "mini", "profile"),
    ("classes", [{"name": "b", "color": BLACK}, {"name": "a", "color": BLACK}], "classes"),
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
    records = [FIRST, changed(WEAK, path, value), SECOND]
    runs = "full, seed 0 (run full0) and points|<i>, seed 0 (run points|<i>0)"
    problems = find_problems(records)
    assert any(problem.startswith(f"{runs} differ in {field}: ") for problem in problems)
    with pytest.raises(InputError, match="cannot stand in one table") as caught:
        require_comparable(board_of(HEADER, records))
    assert str(caught.value).startswith("leaderboard demo.mini: full, seed 0")


def is_refused_by_leaderboard(first: FinishedRecord, second: FinishedRecord) -> bool:
    return find_problems([first, second]) != []


def is_refused_by_compare(first: FinishedRecord, second: FinishedRecord) -> bool:
    return find_obstacles([first], [second]) != ()


TESTED_TWICE = ("test_evaluations", {"last": 2}, "")


@pytest.mark.parametrize(("path", "value", "field"), [*FORBIDDING, TESTED_TWICE])
def test_leaderboards_and_compare_refuse_the_same(path: str, value: Any, field: str) -> None:
    other = changed(FULL[0], path, value)
    assert is_refused_by_leaderboard(FIRST, other)
    assert is_refused_by_compare(FIRST, other)


@pytest.mark.parametrize(("path", "value"), HARMLESS)
def test_leaderboards_and_compare_accept_the_same(path: str, value: Any) -> None:
    other = changed(FULL[0], path, value)
    assert not is_refused_by_leaderboard(FIRST, other)
    assert not is_refused_by_compare(FIRST, other)


def test_seeds_may_test_other_images() -> None:
    assert find_problems([FIRST, changed(FULL[1], "split.test.digest", "e")]) == []


def test_a_field_newer_than_a_record_is_no_difference() -> None:
    document = complete(WEAK)
    del document["settings"]["evaluation"]
    for part in document["split"].values():
        del part["digest"]
    assert "resize" not in document["settings"]["patches"]
    older = FinishedRecord.model_validate(document)
    newer = changed(FULL[0], "settings.patches.resize", None)
    assert find_problems([newer, older]) == []
    assert comparable_settings(older) == comparable_settings(newer)


def test_an_empty_list_of_groups_is_not_the_same_as_none_stated() -> None:
    # Today's runs of single scenes state that there are no groups.
    stated = changed(WEAK, "split.test.groups", [])
    (problem,) = find_problems([FIRST, stated])
    assert 'split, test: groups: ["g"] and []' in problem
    test = stated.split.test.without("groups")
    split = stated.split.changed(test=test.as_json())
    assert find_problems([FIRST, stated.changed(split=split.as_json())]) == []


def test_a_network_tested_twice_is_a_problem() -> None:
    (problem,) = find_problems([POINTS.changed(test_evaluations={"last": 2})])
    assert "tested more than once" in problem
    assert "run points|<i>0" in problem


OLD = "recorded with an earlier version of d"


def stale(record: dict[str, Any], source: str, started: str = "") -> FinishedRecord:
    """Return a stale record of a run on this version of the data set's source."""
    result = changed(record, "settings.dataset.source", source)
    return result.changed(stale=OLD, cost={"seconds": 1.0, "started": started})


def test_records_are_used_as_they_are_where_all_are_current() -> None:
    records = (FIRST, POINTS, SECOND)
    assert usable_records(board_of(HEADER, records)) == records


def test_a_stale_record_that_fits_is_used() -> None:
    records = (FIRST, POINTS.changed(stale=OLD))
    assert usable_records(board_of(HEADER, records)) == records


def test_a_stale_record_that_does_not_fit_is_a_missing_run() -> None:
    board = board_of(HEADER, [stale(FULL[0], "old"), POINTS, SECOND])
    left_out, *others = usable_records(board)
    assert others == [POINTS, SECOND]
    assert left_out == MissingRecord(
        key="full0",
        method="full",
        seed=0,
        status="missing",
        stale=f"{OLD}, and left out: it differs from full, seed 1, in dataset.source",
    )
    # The board itself keeps the result.
    assert len(board.finished) == 3


def test_a_stale_record_must_fit_the_current_ones_and_not_the_other_way_round() -> None:
    board = board_of(HEADER, [stale(FULL[0], "old"), stale(FULL[1], "old"), POINTS])
    statuses = [record.status for record in usable_records(board)]
    assert statuses == ["missing", "missing", "ok"]


def test_a_stale_record_whose_network_was_tested_twice_is_a_missing_run() -> None:
    tested_twice = POINTS.changed(stale=OLD, test_evaluations={"last": 2})
    _, left_out = usable_records(board_of(HEADER, [FIRST, tested_twice]))
    assert left_out.stale == f"{OLD}, and left out: a network was tested more than once"


def test_where_all_records_are_stale_they_are_used_as_they_are() -> None:
    records = (stale(FULL[0], "old"), stale(FULL[1], "old"), stale(WEAK, "old"))
    assert usable_records(board_of(HEADER, records)) == records


def test_of_stale_records_that_do_not_fit_each_other_the_latest_decides() -> None:
    older = stale(FULL[0], "older", "2025-01-01T00:00:00")
    old = stale(FULL[1], "old", "2025-02-01T00:00:00")
    later = stale(WEAK, "old", "2025-03-01T00:00:00")
    board = board_of(HEADER, [older, old, later])
    statuses = [record.status for record in usable_records(board)]
    assert statuses == ["missing", "ok", "ok"]


def test_stale_records_of_a_seed_must_fit_each_other_too() -> None:
    # No current run has seed 1, so nothing but the other stale one tells that its images differ.
    one = SECOND.changed(stale=OLD)
    other = changed({**WEAK, "seed": 1}, "split.test.digest", "e").changed(stale=OLD)
    board = board_of(HEADER, [FIRST, one, other])
    statuses = [record.status for record in usable_records(board)]
    assert statuses == ["ok", "ok", "missing"]
    assert find_problems(usable_records(board)) == []
