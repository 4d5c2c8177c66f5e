"""Comparing runs, rows and boards that are counted by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from comparable_runs import COUNTS, FULL, SETTINGS, WEAK, call, change_settings, make_run
from scipy import stats

from harness.comparison.compare import (
    Pair,
    Score,
    compare,
    compare_records,
    describe_side,
    interval_of_mean,
)
from harness.comparison.find import NamedRecords
from harness.comparison.score_labels import label_scores
from harness.core.errors import InputError
from harness.leaderboard.statistics import spread
from harness.records.record import FinishedRecord

CALIBRATION = {"pixels": [4], "correct": [3], "confidence": [3.5], "nll": 1.0}
BOUNDARY = {
    "radius": 2,
    "intersection": [1, 1],
    "union": [2, 4],
    "predicted": [4, 0],
    "true": [4, 0],
    "predicted_matched": [4, 0],
    "true_matched": [2, 0],
}
PROPORTIONS = {
    "hard": {"error": 0.0625, "bias": [0.1, -0.1]},
    "soft": {"error": 0.125, "bias": [0, 0]},
}
DETAILS = {"boundary": BOUNDARY, "calibration": CALIBRATION, "proportions": PROPORTIONS}


def find_score(pair: Pair, name: str) -> Score:
    (score,) = [score for score in pair.scores if score.name == name]
    return score


def test_differences_are_paired_by_seed() -> None:
    pair = compare_records("", FULL, WEAK)
    assert (pair.paired, pair.obstacles) == ((0, 1, 2), ())
    # IoU of a: 6/8, 8/8, 7/8 against 6/10; of b: 2/4, 2/2, 2/3 against 0.
    differences_of_a = [-0.15, -0.4, -0.275]
    differences_of_b = [-0.5, -1.0, -2 / 3]
    assert find_score(pair, "IoU a").by_seed == pytest.approx(dict(enumerate(differences_of_a)))
    assert find_score(pair, "IoU b").by_seed == pytest.approx(dict(enumerate(differences_of_b)))
    mean = (sum(differences_of_a) + sum(differences_of_b)) / 6
    assert find_score(pair, "mIoU").difference.mean == pytest.approx(mean)


def test_the_interval_is_that_of_a_paired_t_test() -> None:
    expected = stats.ttest_rel([0.6] * 3, [0.75, 1.0, 0.875]).confidence_interval()
    score = find_score(compare_records("", FULL, WEAK), "IoU a")
    assert score.interval == pytest.approx(tuple(expected))


def test_the_interval_for_new_values_is_wider() -> None:
    differences = spread([-0.15, -0.4, -0.275])
    half = stats.t.ppf(0.975, 2) * 0.125 * math.sqrt(1 / 3 + 1)
    assert interval_of_mean(differences, 1) == pytest.approx((-0.275 - half, -0.275 + half))
    assert interval_of_mean(spread([-0.15, -0.4])) is None


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"protocol": 2}, "protocol"),
        ({"profile": "mini"}, "profile"),
        ({"dataset": {**SETTINGS["dataset"], "content": "d" * 64}}, "dataset"),
        ({"dataset": {**SETTINGS["dataset"], "unlabeled": "ignore"}}, "dataset"),
        ({"split": {"by": "group"}}, "split"),
        ({"patches": {"size": 16}}, "patches.size"),
        ({"patches": {"size": 8, "padding": "ignore"}}, "patches.padding"),
        ({"patches": {"size": 8, "downsample": 2}}, "patches.downsample"),
        ({"patches": {"size": 8, "stride": 4}}, "patches.stride"),
        ({"patches": {"size": 8, "normalise": "none"}}, "patches.normalise"),
        ({"evaluation": {"boundary_radius": 3}}, "evaluation"),
    ],
)
def test_what_forbids_a_comparison(change: dict[str, Any], name: str) -> None:
    pair = compare_records("", FULL, change_settings(FULL, **change))
    assert pair.obstacles == (f"{name} differs",)
    assert pair.paired == ()


@pytest.mark.parametrize("change", [{"training": {"epochs": 9}}, {"model": {"name": "n"}}])
def test_what_does_not(change: dict[str, Any]) -> None:
    pair = compare_records("", FULL, change_settings(FULL, **change))
    assert (pair.obstacles, pair.paired) == ((), (0, 1, 2))


def test_a_network_that_was_tested_twice_forbids_a_comparison() -> None:
    twice = FULL[0].changed(test_evaluations={"last": 2})
    pair = compare_records("", [twice], WEAK[:1])
    assert pair.obstacles == ("a network was tested more than once",)


def move_test(run: FinishedRecord) -> FinishedRecord:
    confusion = run.confusion.as_json()
    confusion["images"] = ["y"]
    return run.changed(confusion=confusion)


def test_runs_tested_on_other_images_are_not_paired() -> None:
    moved = [move_test(run) for run in FULL]
    all_seeds = compare_records("", FULL, moved)
    assert all_seeds.obstacles == ("other test images (seed 0, 1, 2)",)
    other_seeds = compare_records("", FULL[:1], moved[1:2])
    assert other_seeds.obstacles == ("other test images, and no seed in common",)


def test_without_a_seed_in_common_means_are_compared() -> None:
    pair = compare_records("", FULL[:1], FULL[1:2])
    assert (pair.obstacles, pair.paired) == ((), ())
    accuracy = find_score(pair, "accuracy")  # 0.8 and 1
    assert accuracy.difference.mean == pytest.approx(0.2)
    assert (accuracy.interval, accuracy.by_seed) == (None, {})


def test_scores_have_labels_for_people() -> None:
    scores = label_scores(FULL[0].changed(details=DETAILS))
    assert list(scores)[:5] == ["mIoU", "accuracy", "mean F1", "IoU a", "IoU b"]
    assert scores["boundary IoU, 2 px"] == pytest.approx(0.375)
    assert scores["boundary F1, 2 px"] == pytest.approx(2 * 0.5 / 1.5)  # class b has no contour
    assert scores["calibration error"] == pytest.approx(0.125)
    assert scores["proportions off, hard"] == 0.0625
    assert scores["proportions off, soft"] == 0.125
    assert scores["NLL (nats)"] == 0.25  # 1 nat over 4 pixels


def test_details_are_compared_where_both_have_them() -> None:
    detailed = FULL[0].changed(details=DETAILS)
    (*_, last) = compare_records("", [detailed], [detailed]).scores
    assert last.name == "NLL (nats)"
    (*_, last) = compare_records("", [detailed], FULL[:1]).scores
    assert last.name == "IoU b"


@pytest.mark.parametrize(
    ("side", "description"),
    [
        (call("one", FULL), "one: demo: full, seeds 0, 1, 2"),
        (call("k", FULL[1:2]), f"k: demo: full, seed 1, key {FULL[1].key[:12]}"),
        (NamedRecords("b", "board", (FULL[0], WEAK[0])), "b: demo: 2 methods, seed 0"),
        (call("m", [FULL[0].changed(profile="mini")] * 2), "m: demo, profile mini: full, seed 0"),
    ],
)
def test_a_side_is_described_in_one_line(side: NamedRecords, description: str) -> None:
    assert describe_side(side) == description


def test_boards_are_compared_row_by_row() -> None:
    other = make_run("other", 0, COUNTS[0])
    one = NamedRecords("one", "board", (*FULL, *WEAK))
    two = NamedRecords("two", "board", (*change_settings(FULL, training={"epochs": 3}), other))
    comparison = compare(one, two)
    assert [pair.method for pair in comparison.pairs] == ["full"]
    assert comparison.only == ("one:weak", "two:other")
    assert (comparison.board, comparison.same) == (True, False)
    assert compare(one, one).same


def test_a_board_is_compared_with_a_board() -> None:
    board = NamedRecords("one", "board", tuple(FULL))
    with pytest.raises(InputError, match=r"one is a board and row a row: .* too, one:METHOD"):
        compare(board, call("row", FULL))
    with pytest.raises(InputError, match="one is a board and run a run"):
        compare(call("run", FULL[:1]), board)
    with pytest.raises(InputError, match="no method in common"):
        compare(board, NamedRecords("two", "board", tuple(WEAK)))
