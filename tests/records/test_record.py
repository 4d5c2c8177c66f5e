"""Records as values: nothing is lost on the way in and out, and nothing damaged gets in."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import demo
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from pydantic import ValidationError

from harness.leaderboard.board import read_board_file
from harness.records.record import (
    Confusion,
    FailedRecord,
    FinishedRecord,
    MissingRecord,
    parse_record,
)

COMMITTED = sorted((ROOT / "leaderboards" / "records").glob("*.jsonl"))
FINISHED = demo.record("m", 0, [[6, 2], [0, 2]], pixels=5, seconds=1.0)
FINISHED["selection"] = {"rule": "last", "last_epoch": 1}
FINISHED["history"] = [{"epoch": 1, "loss": 0.5, "terms": {"ce": 0.5}}]


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_records_are_written_as_they_were_read(path: Path) -> None:
    # The first line describes the board.
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    for line in lines:
        value = json.loads(line)
        assert parse_record(value).as_json() == value


@pytest.mark.parametrize(
    ("status", "kind"),
    [("ok", FinishedRecord), ("failed", FailedRecord), ("missing", MissingRecord)],
)
def test_the_status_decides_the_type(status: str, kind: type[Any]) -> None:
    error = {"type": "RuntimeError", "message": "out of luck"}
    assert type(parse_record(FINISHED | {"status": status, "error": error})) is kind


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Return every object in a JSON value, at any depth."""
    objects: list[dict[str, Any]] = []
    if isinstance(value, dict):
        objects.append(value)
        for inner in value.values():
            objects += objects_in(inner)
    elif isinstance(value, list):
        for inner in value:
            objects += objects_in(inner)
    return objects


# Objects by name, whose values have a type of their own.
NAMED_NUMBERS = (FINISHED["history"][0]["terms"], FINISHED["packages"])
OBJECTS = range(len(objects_in(FINISHED)))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(OBJECTS), JSON_VALUES, min_size=1, max_size=4))
def test_unknown_fields_are_kept_at_any_depth(additions: dict[int, Any]) -> None:
    value = copy.deepcopy(FINISHED)
    objects = objects_in(value)
    for index, addition in additions.items():
        if objects[index] not in NAMED_NUMBERS:
            objects[index]["a newer field"] = addition
    written = parse_record(value).as_json()
    # As text, in which NaN is equal to itself. The order of unknown fields may differ.
    assert json.dumps(written, sort_keys=True) == json.dumps(value, sort_keys=True)


def test_what_is_left_out_is_not_written() -> None:
    record = parse_record(FINISHED)
    assert record.stale is None
    assert "stale" not in record.as_json()


def test_a_field_may_be_left_out_and_not_be_null() -> None:
    with pytest.raises(ValidationError, match="may be absent, but not null"):
        parse_record(FINISHED | {"stale": None})


def test_a_run_without_a_pixel_of_its_classes_has_a_result() -> None:
    undefined = FINISHED | {"metrics": {"miou": math.nan, "accuracy": math.nan}}
    written = parse_record(undefined).as_json()["metrics"]
    assert math.isnan(written["miou"])
    assert math.isnan(written["accuracy"])


@pytest.mark.parametrize(
    ("field", "damage"),
    [("seed", "0"), ("seed", True), ("seed", 1.5), ("parameters", -1), ("key", "../elsewhere")],
)
def test_a_value_of_another_type_is_refused(field: str, damage: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        parse_record(FINISHED | {field: damage})


def test_records_can_be_compared_after_their_counts_were_summed() -> None:
    first = Confusion(images=["x"], groups=["x"], counts=[[[1, 2], [3, 4]]])
    second = first.changed()
    assert first.total.tolist() == [[1, 2], [3, 4]]
    assert second.total.tolist() == [[1, 2], [3, 4]]
    assert first == second


def test_a_changed_record_is_checked_and_the_first_one_stays() -> None:
    record = parse_record(FINISHED)
    assert record.changed(seed=1).seed == 1
    assert record.seed == 0
    with pytest.raises(ValidationError, match="seed"):
        record.changed(seed=-1)


def test_classes_are_known_by_their_places() -> None:
    record = FinishedRecord.model_validate(FINISHED | {"mean_over": ["b"]})
    assert record.class_names == ["a", "b"]
    assert record.mean_indices == [1]


def test_every_committed_board_has_results() -> None:
    assert COMMITTED
    for path in COMMITTED:
        assert read_board_file(path).finished
