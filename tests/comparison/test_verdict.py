"""Whether new runs of a row agree with its records."""

from __future__ import annotations

import demo
import pytest
from scipy import stats

from harness.comparison.verdict import judge
from harness.records.record import FinishedRecord


def make_runs(*correct: int, first: int = 0) -> dict[int, FinishedRecord]:
    """Make runs of consecutive seeds whose only score is the IoU of class a.

    Args:
        correct: of the 1000 pixels of class a, how many are found by each run.
        first: the seed of the first run.
    """
    runs = {}
    for seed, count in enumerate(correct, first):
        fields = demo.record("full", seed, [[count, 1000 - count], [0, 0]], 100, 1.0, "a")
        runs[seed] = FinishedRecord.model_validate(fields)
    return runs


SCORES = (700, 720, 740)
RECORDED = make_runs(*SCORES)
HALF = float(stats.t.ppf(0.975, 2)) * 20 / 3**0.5  # 49.7 of 1000


def test_the_interval_of_the_recorded_mean_is_this() -> None:
    low, high = stats.t.interval(0.95, 2, 720, 20 / 3**0.5)
    assert (720 - low, high - 720) == pytest.approx((HALF, HALF))


@pytest.mark.parametrize(("offset", "agrees"), [(-50, False), (-49, True), (49, True), (50, False)])
def test_all_seeds_again_are_held_against_the_interval_of_the_mean(
    offset: int, agrees: bool
) -> None:
    verdict = judge(RECORDED, make_runs(*(score + offset for score in SCORES)))
    assert verdict.agrees is agrees
    place = "inside" if agrees else "OUTSIDE"
    expected = f"{place} the 95 % t interval of the row, 67.03 to 76.97 % (n = 3)"
    assert verdict.sentence.endswith(expected)


@pytest.mark.parametrize("seed", [1, 9])
def test_some_seeds_or_new_ones_are_held_against_the_wider_interval_for_new_runs(seed: int) -> None:
    half = HALF * 2  # sqrt(1/3 + 1/1) over sqrt(1/3)
    assert judge(RECORDED, make_runs(round(720 + half - 1), first=seed)).agrees
    assert judge(RECORDED, make_runs(round(720 - half + 1), first=seed)).agrees
    assert not judge(RECORDED, make_runs(round(720 + half + 1), first=seed)).agrees
    assert not judge(RECORDED, make_runs(round(720 - half - 1), first=seed)).agrees


def test_the_interval_says_for_how_many_runs_it_is() -> None:
    assert "for 1 more run, 62.06 to 81.94" in judge(RECORDED, make_runs(710, first=1)).sentence
    assert "for 2 more runs, " in judge(RECORDED, make_runs(710, 720, first=1)).sentence


def test_the_same_counts_are_inside_whatever_the_interval() -> None:
    assert judge(RECORDED, {2: RECORDED[2]}) == (
        True,
        "bit-identical: all confusion counts are those recorded",
    )


def test_records_without_a_spread_allow_the_last_digit_of_boards() -> None:
    constant = make_runs(700, 700, 700)
    assert judge(constant, make_runs(700, 700, 703)).agrees  # the mean is 0.1 pp off
    assert not judge(constant, make_runs(700, 700, 704)).agrees


@pytest.mark.parametrize(
    ("recorded", "fresh", "expected"),
    [
        (
            make_runs(700),
            make_runs(701),
            (
                True,
                "1 recorded seed: too few for an interval; mIoU of the same seed is off by 0.10 pp,"
                " within 0.1 pp",
            ),
        ),
        (
            make_runs(700, 720),
            make_runs(700, 722),
            (
                False,
                "2 recorded seeds: too few for an interval; mIoU of the same seed is off by 0.20"
                " pp, more than 0.1 pp",
            ),
        ),
        (
            make_runs(700),
            make_runs(700, first=5),
            (
                False,
                "1 recorded seed: too few for an interval, and no record of seed 5 to compare with",
            ),
        ),
    ],
)
def test_too_few_seeds_for_an_interval_are_compared_one_by_one(
    recorded: dict[int, FinishedRecord],
    fresh: dict[int, FinishedRecord],
    expected: tuple[bool, str],
) -> None:
    assert judge(recorded, fresh) == expected
