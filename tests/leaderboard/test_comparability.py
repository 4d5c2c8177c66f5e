"""Rows that may not share a table: each field that makes them differ, and the two runs it names."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from demo import FULL, HEADER, WEAK, board_of

from harness.core.errors import InputError
from harness.leaderboard.comparability import problems, require_comparable, settings_of


def own(record: dict[str, Any]) -> dict[str, Any]:
    """A copy with what full records have."""
    found = copy.deepcopy(record) | {"schema_version": 1}
    found["settings"] |= {
        "profile": None,
        "evaluation": {"batch_average": None, "boundary_radius": 2},
    }
    for part in found["split"].values():
        part |= {"scenes": 1, "groups": ["g"], "digest": "d"}
    return found


def changed(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    found = own(record)
    inner, steps = found, path.split(".")
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    return found


def test_rows_of_one_scenario_share_a_table() -> None:
    assert problems([own(record) for record in (*FULL, WEAK)]) == []
    assert problems([]) == []
    require_comparable(
        board_of(HEADER, (own(FULL[0]), {"status": "missing", "method": "x", "seed": 0}))
    )


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("schema_version", 2, "schema_version"),
        ("settings.protocol", 2, "protocol"),
        ("settings.profile", "mini", "profile"),
        ("mean_over", ["a"], "mean_over"),
        ("settings.dataset.content", "other", "dataset.content"),
        # what a data set ignores is one of its fields
        ("settings.dataset.ignore", [3], "dataset.ignore"),
        ("settings.patches.size", 16, "patches.size"),
        ("settings.patches.stride", 4, "patches.stride"),
        ("settings.patches.padding", "ignore", "patches.padding"),
        ("settings.patches.resize", [64, 64], "patches.resize"),
        ("settings.split", {"by": "group", "test": 0.3}, "split.by"),
        ("settings.evaluation.boundary_radius", 3, "evaluation.boundary_radius"),
        ("split.test.digest", "e", "split, test: digest"),
        ("split.train.patches", 4, "split, train: patches"),
        ("confusion.images", ["x", "z"], "test images"),
        ("confusion.counts", [[[7, 1], [2, 0]], [[0, 0], [0, 1]]], "test pixels of each class"),
    ],
)
def test_a_difference_names_both_runs_and_the_field(path: str, value: Any, field: str) -> None:
    records = [own(FULL[0]), changed(WEAK, path, value), own(FULL[1])]
    found = problems(records)
    expected = (
        f"full, seed 0 (run full0) and points|<i>, seed 0 (run points|<i>0) differ in {field}: "
    )
    assert any(text.startswith(expected) for text in found)
    with pytest.raises(InputError, match="cannot stand in one table") as caught:
        require_comparable(board_of(HEADER, tuple(records)))
    assert str(caught.value).splitlines()[0].startswith("leaderboard demo.mini: full, seed 0")


def test_predictions_may_differ() -> None:
    assert (
        problems(
            [own(FULL[0]), changed(WEAK, "confusion.counts", [[[0, 8], [1, 1]], [[0, 0], [0, 0]]])]
        )
        == []
    )


def test_seeds_may_test_other_images() -> None:
    assert problems([own(FULL[0]), changed(FULL[1], "split.test.digest", "e")]) == []


def test_a_field_newer_than_a_record_is_no_difference() -> None:
    older = own(WEAK)
    del older["settings"]["evaluation"]
    for part in older["split"].values():
        del part["digest"]
    newer = changed(FULL[0], "settings.patches.resize", None)
    assert "resize" not in older["settings"]["patches"]
    assert problems([newer, older]) == []
    assert settings_of(older) == settings_of(newer)


def test_a_network_tested_twice_is_a_problem() -> None:
    (text,) = problems([own(WEAK) | {"test_evaluations": {"last": 2}}])
    assert "tested more than once" in text
    assert "run points|<i>0" in text
