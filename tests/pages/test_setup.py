"""What pages say of each method, and of how runs were recorded."""

from __future__ import annotations

from typing import Any

from demo import HEADER, board_of, only_table, page_of, record, rewrite_records, scored, texts_of

from harness.pages.sections.setup import describe_method, tabulate_methods, tabulate_setup
from harness.records.record import RunSettings

POINTS = {"name": "points-per-class", "unit": "scene", "count": 10, "version": "1", "source": "s"}
ENTROPY = {
    "name": "entropy",
    "normalised": True,
    "version": "1",
    "source": "s",
    "weight": 0.1,
    "ramp": 0.5,
}


def settings_with(**fields: Any) -> RunSettings:
    settings = record("full", 0, [[6, 2], [0, 2]], 100, 1.0)["settings"]
    return RunSettings.model_validate(settings | fields)


def test_methods_are_explained_from_their_settings() -> None:
    plain_loss = {"name": "ce", "weight": 1.0, "ramp": 0.0}
    settings = settings_with(supervision=[POINTS, {"name": "tags"}], loss=[plain_loss, ENTROPY])
    assert describe_method(settings) == (
        "points-per-class (unit scene, count 10) and tags",
        "ce + 0.1 × entropy (normalised true), its weight rising over the first 50 % of training",
    )


def test_a_floor_has_no_loss() -> None:
    assert describe_method(settings_with(floor="qda")) == ("whole masks", "floor: qda")


def test_labels_of_the_validation_part_are_told() -> None:
    supervision, _ = describe_method(settings_with(supervision=[POINTS], trains_on="validation"))
    assert supervision == "points-per-class (unit scene, count 10), of the validation part"


def test_what_a_scenario_says_of_methods_is_a_column() -> None:
    run = record("full", 0, [[6, 2], [0, 2]], 100, 1.0)
    board = board_of(HEADER | {"methods": [{"name": "full", "about": "All pixels."}]}, [run])
    assert "| full     | whole masks   | –      | All pixels. |" in page_of(board)
    unexplained = tabulate_methods(only_table(scored({"full": [900]})))
    assert unexplained is not None
    assert unexplained.columns == ("method", "supervision", "loss")


def test_a_method_without_a_run_has_dashes() -> None:
    board = scored({"full": [900], "points": [800]})
    methods = tabulate_methods(only_table(board_of(board.header, board.records[:1])))
    assert methods is not None
    assert texts_of(methods)[1] == {"method": "points", "supervision": "–", "loss": "–"}


def test_boards_without_runs_have_neither_table() -> None:
    table = only_table(board_of(HEADER, []))
    assert tabulate_methods(table) is None
    assert tabulate_setup(table) is None


def test_the_commits_of_runs_are_told_with_what_was_not_committed() -> None:
    states = {
        0: {"commit": "a" * 40, "changes": None},
        1: {"commit": "a" * 40, "changes": "c" * 64},
        2: {"commit": None, "changes": None},
    }

    def add_state(run: dict[str, Any]) -> dict[str, Any]:
        # The last run is older than the field.
        return run | {"git": states[run["seed"]]} if run["seed"] in states else run

    page = page_of(rewrite_records(scored({"full": [900, 910, 920, 930]}), add_state))
    committed = f"{'a' * 12} without uncommitted changes: 1 run"
    changed = f"{'a' * 12} with uncommitted changes {'c' * 12}: 1 run"
    assert f"| recorded at    | {committed}; {changed}; no commit is known: 2 runs " in page
