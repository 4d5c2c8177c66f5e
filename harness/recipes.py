"""What each method of a board is: its supervision and its loss, from the settings of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import cells
from harness.boards import Board
from harness.leaderboard import ordered
from harness.words import Cell, Table

HIDDEN = frozenset({"name", "version", "source", "content", "weight", "ramp"})


def methods(board: Board) -> Table | None:
    """A line for each method; None where no run has settings."""
    known: dict[str, Mapping[str, Any]] = {}
    for record in ordered(board):
        if "settings" in record:
            known.setdefault(record["method"], record["settings"])
    if not known:
        return None
    lines = []
    for entry in board.header["methods"]:
        told = recipe(known[entry["name"]]) if entry["name"] in known else (cells.DASH, cells.DASH)
        lines.append(tuple(map(Cell, (entry["name"], *told, entry["about"]))))
    columns: tuple[str, ...] = ("method", "supervision", "loss", "about")
    if not any(line[-1].text for line in lines):
        lines, columns = [line[:-1] for line in lines], columns[:-1]
    return Table("Methods: supervision and loss", columns, tuple(lines), columns)


def recipe(settings: Mapping[str, Any]) -> tuple[str, str]:
    """The supervision and the loss of a method, or the floor it is."""
    given = (
        " and ".join(_component(each) for each in settings.get("supervision", ())) or "whole masks"
    )
    if settings.get("trains_on", "training") == "validation":
        given += ", of the validation part"
    if settings.get("floor"):
        return given, f"floor: {settings['floor']}"
    return given, " + ".join(_term(each) for each in settings.get("loss", ())) or cells.DASH


def _component(each: Mapping[str, Any]) -> str:
    fields = ", ".join(
        f"{name} {cells.shown(value)}" for name, value in each.items() if name not in HIDDEN
    )
    return f"{each['name']} ({fields})" if fields else str(each["name"])


def _term(each: Mapping[str, Any]) -> str:
    """A loss with its weight, and the part of training over which that rises."""
    weight, ramp = each.get("weight", 1), each.get("ramp", 0)
    factor = "" if weight == 1 else f"{cells.shown(weight)} × "
    return (
        factor
        + _component(each)
        + (f", its weight rising over the first {100 * ramp:g} % of training" if ramp else "")
    )
