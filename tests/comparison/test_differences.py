"""In which settings and versions runs differ, and how values are written."""

from __future__ import annotations

from typing import Any

import pytest
from comparable_runs import FULL, WEAK, change_settings

from harness.comparison.compare import provenance_differences, setting_differences
from harness.comparison.differences import Difference, find_differences, format_value, merge_values
from harness.core.flatten import flatten


def test_nested_values_become_paths() -> None:
    nested = {"a": {"b": 1}, "c": [{"d": [2, 3]}, {"d": []}], "e": [], "f": {}}
    assert flatten(nested) == {"a.b": 1, "c.0.d": [2, 3], "c.1.d": [], "e": []}


def test_fields_that_a_record_is_too_old_to_have_are_at_their_defaults() -> None:
    newer = change_settings(
        FULL,
        patches={"size": 8, "resize": None, "stride": None},
        training={"epochs": 3},
        evaluation={"boundary_radius": 2},
    )
    assert setting_differences(FULL, newer) == (Difference("training.epochs", 2, 3),)


def test_settings_are_compared_by_path() -> None:
    differences = setting_differences(FULL, WEAK)
    assert differences == (
        Difference("supervision.0.name", "full", "points"),
        Difference("supervision.0.count", None, 5),
    )


def test_the_seeds_of_rows_are_no_difference_and_those_of_runs_are() -> None:
    assert setting_differences(FULL[:2], FULL[2:]) == ()
    assert setting_differences(FULL[:1], FULL[2:]) == (Difference("seed", 0, 2),)


def test_versions_are_compared() -> None:
    newer = [run.changed(packages={"torch": "2.2"}) for run in FULL]
    assert provenance_differences(FULL, newer) == (Difference("packages.torch", "2.1", "2.2"),)


def test_runs_of_one_side_that_differ_show_all_their_values() -> None:
    merged = merge_values([{"a": 1, "b": [2]}, {"a": 3, "b": [2]}, {"a": 1}])
    assert merged == {"a": (1, 3), "b": ([2], None)}
    assert find_differences(merged, {"a": 1, "b": ([2], None)}) == [Difference("a", (1, 3), 1)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.1 + 0.2, "0.3"),
        (True, "True"),
        (["a", 1.0], "[a, 1]"),
        (("a", None), "a | –"),
        ("0123456789abcdef" * 4, "0123456789ab…"),
        ("0123456789abcdef", "0123456789abcdef"),
    ],
)
def test_values_are_written_for_people(value: Any, text: str) -> None:
    assert format_value(value) == text
