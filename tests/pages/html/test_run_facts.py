"""Settings and provenance of runs: each is said once, where it belongs."""

from __future__ import annotations

from demo import board_of
from reported import BOARD, FULL, HEADER, MORE, POINTS, SHARES, WEAK

from harness.leaderboard.board import Board
from harness.pages.html.run_facts import RUN_COLUMNS, MethodRuns, collect_run_facts


def runs_of(method: str, board: Board = BOARD) -> MethodRuns:
    (runs,) = [runs for runs in collect_run_facts(board).methods if runs.method == method]
    return runs


def column_of(runs: MethodRuns, name: str) -> list[str]:
    place = RUN_COLUMNS.index(name)
    return [line[place].text for line in runs.runs.lines]


def test_what_all_runs_share_is_said_once() -> None:
    shared = collect_run_facts(BOARD).shared
    assert shared["training.epochs"] == "3"
    assert shared["packages.torch"] == "2"
    assert "training.epochs" not in runs_of(POINTS[0]).facts


def test_what_a_method_has_is_said_of_it() -> None:
    # Number 1 of a list of one needs no number.
    assert runs_of(POINTS[0]).facts["supervision.name"] == "points-per-class"
    assert runs_of("full").facts["supervision.name"] == "full"


def test_long_lists_are_cut() -> None:
    groups = collect_run_facts(BOARD).shared["split.test.groups"]
    assert groups == "g0, g1, g2, g3, g4, g5, g6, g7, … (20)"


def test_lists_of_mappings_are_numbered() -> None:
    supervision = [{"name": "a"}, {"name": "b"}]
    run = FULL[0] | {"settings": FULL[0]["settings"] | {"supervision": supervision}}
    shared = collect_run_facts(board_of(HEADER, [run])).shared
    assert (shared["supervision 1.name"], shared["supervision 2.name"]) == ("a", "b")


def test_nothing_is_said_in_words() -> None:
    shared = collect_run_facts(BOARD).shared
    assert shared["patches.stride"] == "none"
    assert shared["training.augment"] == "none"


def test_each_run_has_a_line() -> None:
    runs = runs_of("full")
    assert column_of(runs, "seed") == ["0", "1", "2"]
    assert column_of(runs, "mIoU (%)") == ["62.5", "100.0", "62.5"]
    assert column_of(runs, "state") == ["ok", "ok", "ok"]


def test_a_run_says_in_what_it_differs_from_others_of_its_method() -> None:
    other = WEAK[1] | {"packages": {"torch": "3"}}
    runs = runs_of(POINTS[0], board_of(HEADER, [WEAK[0], other]))
    first, second = column_of(runs, "differs in")
    assert first == "packages.torch 2; packages.numpy 2; packages.weakseg-harness 0.1.0"
    assert second == "packages.torch 3"


def test_a_failed_run_has_its_key_and_state() -> None:
    runs = runs_of(POINTS[1])
    assert column_of(runs, "state") == ["ok", "failed"]
    assert column_of(runs, "key")[1] == "f"
    assert column_of(runs, "peak memory (MiB)") == ["100", "–"]


def test_a_stale_run_says_so() -> None:
    stale = MORE[0] | {"stale": "protocol 1 is older than 2"}
    assert column_of(runs_of(POINTS[1], board_of(HEADER, [stale])), "state") == ["ok, stale"]


def test_a_method_without_a_result_has_no_facts() -> None:
    missing = {"status": "missing", "key": "e", "method": "shares", "seed": 0}
    runs = runs_of("shares", board_of(HEADER, [*FULL, missing]))
    assert runs.facts == {}
    assert runs_of("shares", board_of(HEADER, SHARES)).about == "a & b"
