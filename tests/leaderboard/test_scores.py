"""Scores of a run by their names."""

from __future__ import annotations

import math

import pytest
from demo import record

from harness.leaderboard.scores import compute_score
from harness.records.record import FinishedRecord, parse_record
from harness.scenario.published import SCORE_NAMES


def make_record() -> FinishedRecord:
    """Make a record whose IoU is 6/8 for class a and 2/4 for class b."""
    made = parse_record(record("full", 0, [[6, 2], [0, 2]], pixels=40, seconds=1.5))
    assert isinstance(made, FinishedRecord)
    return made


def score(name: str) -> float:
    made = make_record()
    return compute_score(made, made.confusion.total, name)


@pytest.mark.parametrize("name", SCORE_NAMES)
def test_every_score_that_a_source_may_report_is_computed(name: str) -> None:
    value = score(name.replace("CLASS", "a"))
    # Batches are not in the counts, and this record does not state their mean.
    assert math.isnan(value) == (name == "batch_miou")


def test_scores_by_hand() -> None:
    assert score("miou") == pytest.approx(0.625)
    assert score("iou:b") == pytest.approx(0.5)
    assert score("precision:b") == pytest.approx(0.5)
    assert score("recall:b") == pytest.approx(1.0)
    assert math.isnan(score("iou:absent"))


@pytest.mark.parametrize("name", ["mean_iou", "accuracy:a", "jaccard:a", "iou", ""])
def test_a_name_that_is_no_score_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a score"):
        score(name)
