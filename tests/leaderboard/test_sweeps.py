"""Which methods belong together, and which of them a drawing joins."""

from __future__ import annotations

from demo import HEADER, board_of, numbered_record
from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.sweeps import Sweep, choose_lines, find_sweeps


def lines_of(budgets: dict[str, float]) -> dict[str, tuple[str, ...]]:
    """Return the methods of each line, by its name, of methods with these budgets."""
    board = board_of(HEADER | {"methods": []}, [numbered_record(method) for method in budgets])
    lines = choose_lines(find_sweeps(board.finished), budgets)
    return {line.name: line.methods for line in lines}


def test_a_sweep_is_a_line() -> None:
    assert lines_of({"points-0.01": 1, "points-0.1": 10, "qda": 1}) == {
        "points-*": ("points-0.01", "points-0.1"),
        "qda": ("qda",),
    }
    assert lines_of({"noise-1e-05": 3, "noise-0.5": 3}) == {"noise-*": ("noise-1e-05", "noise-0.5")}


def test_a_method_alone_keeps_its_name() -> None:
    assert lines_of({"focal-20": 1, "points-20": 1}) == {
        "focal-20": ("focal-20",),
        "points-20": ("points-20",),
    }


def test_names_that_do_not_tell_what_differs_are_all_named() -> None:
    assert Sweep("supervision.0.count", ("few", "many-20")).name == "few, many-20"
    assert Sweep("supervision.0.count", ("p5-w1", "p20-w1")).name == "p*-w1"


def test_of_two_swept_numbers_the_one_that_changes_the_budget_is_along_the_line() -> None:
    assert lines_of({"p5-w1": 5, "p5-w2": 5, "p20-w1": 20, "p20-w2": 20}) == {
        "p*-w1": ("p5-w1", "p20-w1"),
        "p*-w2": ("p5-w2", "p20-w2"),
    }
    assert lines_of({"unet18-5": 5, "unet18-20": 20, "unet34-5": 5}) == {
        "unet18-*": ("unet18-5", "unet18-20"),
        "unet34-5": ("unet34-5",),
    }


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), unique=True), st.data())
def test_every_method_is_in_one_line(numbers: list[tuple[int, int]], data: st.DataObject) -> None:
    budgets = {}
    for first, second in numbers:
        budgets[f"a{first}-b{second}"] = float(data.draw(st.integers(1, 3)))
    joined: list[str] = []
    for methods in lines_of(budgets).values():
        joined += methods
    assert sorted(joined) == sorted(budgets)
