"""What pages say below the headline, of each method, and of how runs were recorded."""

from __future__ import annotations

from typing import Any

import pytest
from demo import HEADER, board_of, record, rows_of, scored
from harness.pages.caveats import caveats, varied

from harness.leaderboard.board import Board
from harness.pages.leaderboard_page import headline, to_markdown
from harness.pages.sections.setup import recipe

ENTRY = {"supervision": "points-per-class", "units": 1, "units_without_labels": 0, "reveals": []}
ENTRY |= {"proportion_vectors": 0, "tag_vectors": 0, "present_classes": 0}


def lost(board: Board, method: str, seed: int, status: str) -> Board:
    """The board without that run."""
    stub: dict[str, Any] = {"status": status, "key": "k", "method": method, "seed": seed}
    stub |= {"error": {"type": "E", "message": "m"}} if status == "failed" else {}
    return board_of(
        board.header,
        tuple(
            stub if (own["method"], own["seed"]) == (method, seed) else own for own in board.records
        ),
    )


def test_seeds_that_the_reference_lacks_are_told_first() -> None:
    board = scored({"full": [900, 910, 920, 930, 940], "points": [700, 710, 720, 730, 740]})
    assert caveats(board, rows_of(board)) == []
    board = lost(lost(board, "full", 1, "failed"), "full", 3, "missing")
    told = (
        "The reference full lacks seed 1 (failed), 3 (missing): comparisons with it are over seed"
        " 0, 2, 4 alone."
    )
    assert caveats(board, rows_of(board)) == [told]
    page = to_markdown(board)
    assert next(line for line in page.splitlines() if line.startswith("- ")) == f"- {told}"
    assert headline(board).splitlines()[-1] == told
    board = lost(board, "points", 0, "failed")
    assert len(caveats(board, rows_of(board))) == 1  # a seed that a method lacks stands in its line
    board = scored({"full": [900], "points": [700]})
    board = lost(board, "full", 0, "missing")
    assert caveats(board, rows_of(board)) == [
        "The reference full lacks seed 0 (missing): no method can be compared with it."
    ]


@pytest.mark.parametrize(("labels", "told"), [(2000, ["points (30 min)"]), (1000, [])])
def test_a_weak_label_that_costs_more_than_masks_is_told(labels: int, told: list[str]) -> None:
    """A million pixels of masks are 1278 s, a point 0.9 s."""
    board = scored({"full": [900], "points": [700]})
    full, points = board.records
    masks = full | {
        "ledger": {
            "scenes": 1,
            "patches": 1,
            "labelled_pixels": 10**6,
            "labelled_share": 1.0,
            "supervisions": [],
        }
    }
    entry = ENTRY | {"labelled_pixels": labels, "labelled_pixels_by_class": [labels, 0]}
    given = points | {
        "ledger": (
            points["ledger"]
            | {
                "labelled_pixels": labels,
                "supervisions": [entry | {"units_without_labels": 1}],
            }
        )
    }
    dear = board_of(board.header, (masks, given))
    start = (
        "By the cost model, the weak label costs more seconds of annotation than the masks of full"
        " (21 min): "
    )
    assert caveats(dear, rows_of(dear)) == [f"{start}{each}." for each in told]
    assert (start in to_markdown(dear)) == bool(told)


@pytest.mark.parametrize(
    ("split", "fixed"),
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
    split: dict[str, Any], fixed: bool
) -> None:
    board = scored({"full": [900], "points": [700]})
    records = tuple(own | {"settings": own["settings"] | {"split": split}} for own in board.records)
    board = board_of(board.header, records)
    assert varied(board) == ("" if fixed else "split, ") + "initialisation and supervision draw"
    assert f"for what another {varied(board)} would change" in to_markdown(board)


def test_methods_are_explained_from_their_settings() -> None:
    points = {
        "name": "points-per-class",
        "unit": "scene",
        "count": 10,
        "version": "1",
        "source": "s",
    }
    loss = {
        "name": "entropy",
        "normalised": True,
        "version": "1",
        "source": "s",
        "weight": 0.1,
        "ramp": 0.5,
    }
    assert recipe(
        {
            "supervision": [points, {"name": "tags"}],
            "loss": [{"name": "ce", "weight": 1.0, "ramp": 0.0}, loss],
        }
    ) == (
        "points-per-class (unit scene, count 10) and tags",
        "ce + 0.1 × entropy (normalised true), its weight rising over the first 50 % of training",
    )
    assert recipe({"supervision": [], "loss": [], "floor": "qda"}) == ("whole masks", "floor: qda")
    assert recipe({"supervision": [points], "loss": [], "trains_on": "validation"})[0].endswith(
        ", of the validation part"
    )
    board = board_of(
        HEADER | {"methods": [{"name": "full", "about": "All pixels."}]},
        (record("full", 0, [[6, 2], [0, 2]], 100, 1.0),),
    )
    assert "| full     | whole masks   | –      | All pixels. |" in to_markdown(board)


def test_the_commits_of_runs_are_told_with_what_was_not_committed() -> None:
    states = [
        {"commit": "a" * 40, "changes": None},
        {"commit": "a" * 40, "changes": "c" * 64},
        {"commit": None, "changes": None},
    ]
    board = scored({"full": [900, 910, 920, 930]})
    records = [
        own | ({"git": states[own["seed"]]} if own["seed"] < 3 else {}) for own in board.records
    ]
    page = to_markdown(board_of(board.header, tuple(records)))
    first, second = (
        f"{'a' * 12} without uncommitted changes",
        f"{'a' * 12} with uncommitted changes {'c' * 12}",
    )
    assert (
        f"| recorded at    | {first}: 1 run; {second}: 1 run; no commit is known: 2 runs " in page
    )
