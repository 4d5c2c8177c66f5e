"""What pages say below the headline."""

from __future__ import annotations

from typing import Any

import pytest
from demo import board_of, only_table, page_of, rewrite_records, scored, terminal_of

from harness.leaderboard.board import Board
from harness.leaderboard.significance import SEEDS_TO_RANK
from harness.pages.notes import (
    describe_seed_changes,
    find_absent_classes,
    find_caveats,
    find_unfinished,
    make_legend,
    to_plain_text,
)

FIVE_SEEDS = {"full": [900, 910, 920, 930, 940], "points": [700, 710, 720, 730, 740]}
ONE_SEED = {"full": [900], "points": [700]}


def lose_run(board: Board, method: str, seed: int, status: str) -> Board:
    """Return the board without the result of a run."""
    lost: dict[str, Any] = {"status": status, "key": "k", "method": method, "seed": seed}
    if status == "failed":
        lost["error"] = {"type": "E", "message": "m"}

    def replace(record: dict[str, Any]) -> dict[str, Any]:
        is_lost = (record["method"], record["seed"]) == (method, seed)
        return lost if is_lost else record

    return rewrite_records(board, replace)


def legend_of(board: Board) -> list[str]:
    return [to_plain_text(sentence) for sentence in make_legend(only_table(board))]


def test_seeds_that_the_reference_lacks_are_told_first() -> None:
    board = scored(FIVE_SEEDS)
    assert find_caveats(only_table(board)) == []
    board = lose_run(lose_run(board, "full", 1, "failed"), "full", 3, "missing")
    caveat = (
        "The reference full lacks seed 1 (failed), 3 (missing): comparisons with it are over seed"
        " 0, 2, 4 alone."
    )
    assert find_caveats(only_table(board)) == [caveat]
    bullets = [line for line in page_of(board).splitlines() if line.startswith("- ")]
    assert bullets[0] == f"- {caveat}"
    assert terminal_of(board).splitlines()[-1] == caveat
    # A seed that a method lacks stands in its own line of the headline.
    board = lose_run(board, "points", 0, "failed")
    assert len(find_caveats(only_table(board))) == 1


def test_a_reference_without_a_result_compares_with_nothing() -> None:
    board = lose_run(scored(ONE_SEED), "full", 0, "missing")
    assert find_caveats(only_table(board)) == [
        "The reference full lacks seed 0 (missing): no method can be compared with it."
    ]


@pytest.mark.parametrize(
    ("points", "costly"), [(2000, ["points (30 min)"]), (1000, [])], ids=["dearer", "cheaper"]
)
def test_a_weak_label_that_costs_more_than_masks_is_told(points: int, costly: list[str]) -> None:
    """A million pixels of masks are 1278 s, a point 0.9 s."""
    entry = {
        "supervision": "points-per-class",
        "units": 1,
        "units_without_labels": 1,
        "labelled_pixels": points,
        "labelled_pixels_by_class": [points, 0],
        "proportion_vectors": 0,
        "tag_vectors": 0,
        "present_classes": 0,
    }

    def annotate(record: dict[str, Any]) -> dict[str, Any]:
        ledger: dict[str, Any] = {"scenes": 1, "patches": 1}
        if record["method"] == "full":
            ledger |= {"labelled_pixels": 10**6, "labelled_share": 1.0, "supervisions": []}
        else:
            ledger |= {
                "labelled_pixels": points,
                "labelled_share": 0.05,
                "supervisions": [entry],
            }
        return record | {"ledger": ledger}

    board = rewrite_records(scored(ONE_SEED), annotate)
    start = (
        "By the cost model, the weak label costs more seconds of annotation than the masks of full"
        " (21 min): "
    )
    assert find_caveats(only_table(board)) == [f"{start}{method}." for method in costly]
    assert (start in page_of(board)) == bool(costly)


@pytest.mark.parametrize(
    ("split", "is_fixed"),
    [
        ({"by": "official", "test": 0.2, "validation": 0.0, "seed": None}, True),
        ({"by": "group", "test": ["a"], "validation": 0.0, "seed": None}, True),
        ({"by": "group", "test": ["a"], "validation": ["b"], "seed": None}, True),
        ({"by": "group", "test": ["a"], "validation": 0.1, "seed": None}, False),
        ({"by": "group", "test": 0.2, "validation": ["b"], "seed": None}, False),
        ({"by": "group", "test": 0.2, "validation": 0.0, "seed": None}, False),
        ({"by": "scene", "test": 0.2, "validation": 0.1, "seed": 3}, True),
        ({"by": "leave-one-group-out", "test": 0.2, "validation": 0.0, "seed": None}, False),
    ],
)
def test_another_split_is_spoken_of_where_seeds_draw_one(
    split: dict[str, Any], is_fixed: bool
) -> None:
    def resplit(record: dict[str, Any]) -> dict[str, Any]:
        return record | {"settings": record["settings"] | {"split": split}}

    board = rewrite_records(scored(ONE_SEED), resplit)
    changes = "initialisation and supervision draw"
    if not is_fixed:
        changes = f"split, {changes}"
    assert describe_seed_changes(board) == changes
    assert f"for what another {changes} would change" in page_of(board)


def test_ranks_are_explained_where_there_are_some() -> None:
    ranked = f"Rank: of methods with at least {SEEDS_TO_RANK} seeds."
    unranked = f"† listed with fewer than {SEEDS_TO_RANK} seeds, so without a rank."
    smoke = "A smoke test has no ranks: it shows that things run, and says nothing about methods."
    mixed = "\n".join(legend_of(scored({**FIVE_SEEDS, "few": [800, 810, 820]})))
    assert ranked in mixed
    assert unranked in mixed
    few = "\n".join(legend_of(scored({"full": [900, 910, 920], "few": [800, 810, 820]})))
    assert ranked not in few
    assert unranked in few
    assert smoke in legend_of(scored(FIVE_SEEDS, profile="smoke"))


def test_unfinished_runs_are_listed_with_their_reasons() -> None:
    board = scored(FIVE_SEEDS)
    assert find_unfinished(board) is None
    board = lose_run(lose_run(board, "full", 1, "failed"), "points", 3, "missing")
    unfinished = find_unfinished(board)
    assert unfinished is not None
    assert unfinished.title == "Failed and missing runs"
    assert unfinished.runs == ("full, seed 1: failed: E: m", "points, seed 3: missing: not run yet")


def test_stale_runs_are_listed_too() -> None:
    def age(record: dict[str, Any]) -> dict[str, Any]:
        return record | {"stale": "recorded under another key"} if record["seed"] == 2 else record

    unfinished = find_unfinished(rewrite_records(scored({"full": [900] * 3}), age))
    assert unfinished is not None
    assert unfinished.title == "Failed, missing and stale runs"
    assert unfinished.runs == ("full, seed 2: stale: recorded under another key",)


def test_classes_that_nothing_was_trained_on_are_told_with_their_seeds() -> None:
    def remove_class(record: dict[str, Any]) -> dict[str, Any]:
        train = record["split"]["train"] | {"absent_classes": ["b"] if record["seed"] else []}
        return record | {"split": record["split"] | {"train": train}}

    board = rewrite_records(scored({"full": [900] * 3}), remove_class)
    assert find_absent_classes(board) == {"b": [1, 2]}
    assert "Absent from the training part: b (seed 1, 2)." in legend_of(board)


def test_what_a_board_lacks_is_told() -> None:
    board = scored(ONE_SEED)
    assert not [sentence for sentence in legend_of(board) if "lacks" in sentence]
    weak = board_of(board.header, [board.records[1]])
    lacking = [sentence for sentence in legend_of(weak) if "lacks" in sentence]
    assert lacking[0].startswith("This leaderboard lacks full: no finished run of the reference")
