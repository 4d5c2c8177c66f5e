"""How a board's rows were made: the recipe of each method, and the set-up of its runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.leaderboard.board import Board
from harness.pages import formats as cells
from harness.pages.formats import counted, shown
from harness.pages.table import Cell, Table

HIDDEN = frozenset({"name", "version", "source", "content", "weight", "ramp"})


def methods(board: Board) -> Table | None:
    """A line for each method; None where no run has settings."""
    known: dict[str, Mapping[str, Any]] = {}
    for record in board.ordered:
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


def setup(board: Board) -> Table | None:
    """How a board was made; None where no run has finished."""
    done = board.finished
    if not done:
        return None
    settings, header = done[0]["settings"], board.header

    def every(values: Iterable[Any]) -> str:
        return "; ".join(dict.fromkeys(map(str, values)))

    def plain(section: Mapping[str, Any]) -> str:
        hidden = {"name", "version", "source", "content"}
        return ", ".join(
            f"{key} {shown(value)}" for key, value in section.items() if key not in hidden
        )

    sizes = (
        f"{r['split']['train']['patches']} / {r['split']['validation']['patches']} /"
        f" {r['split']['test']['patches']}"
        for r in done
    )
    packages = ("torch", "segmentation-models-pytorch", "numpy", "weakseg-harness")
    facts = {
        "data set": (
            f"{settings['dataset']['name']} ({plain(settings['dataset']) or 'no settings'});"
            f" {header['dataset']['source']}; licence: {header['dataset']['licence']}"
        ),
        "mean over": ", ".join(done[0]["mean_over"]),
        "patches": plain(settings["patches"]),
        "split": (
            f"{_split(settings['split'])}; patches for training / validation / test: {every(sizes)}"
        ),
        "model": (
            f"{settings['model']['name']} ({plain(settings['model'])}),"
            f" {max(record['parameters'] for record in done):,} parameters"
        ),
        "initialisation": every(record["initialisation"] for record in done),
        "training": plain(settings["training"]),
        "hardware": every(
            f"{r['hardware']['device']}: {r['hardware']['name']}, {r['hardware']['precision']}"
            for r in done
        ),
        "versions": every(
            ", ".join(f"{name} {r['packages'][name]}" for name in packages if name in r["packages"])
            for r in done
        ),
        "recorded at": _commits(done),
        "protocol": settings["protocol"],
    }
    lines = tuple((Cell(name), Cell(str(fact))) for name, fact in facts.items())
    return Table("How it was made", ("what", "value"), lines, ("value",))


def _commits(records: Sequence[Mapping[str, Any]]) -> str:
    """The commits of the core that the runs were computed at, each with what was not committed and
    its runs."""
    found = Counter(_state(record.get("git") or {}) for record in records)
    return "; ".join(f"{state}: {counted(number, 'run')}" for state, number in found.items())


def _state(git: Mapping[str, str | None]) -> str:
    if not git.get("commit"):
        return "no commit is known"
    changes = git.get("changes")
    state = f"with uncommitted changes {changes[:12]}" if changes else "without uncommitted changes"
    return f"{str(git['commit'])[:12]} {state}"


def _split(settings: Mapping[str, Any]) -> str:
    """The settings of a split that its kind uses."""
    used = {"official": ("by",), "leave-one-group-out": ("by", "seed")}.get(
        settings["by"], tuple(settings)
    )
    return ", ".join(
        f"{key} {shown(settings[key])}" for key in used if settings.get(key) is not None
    )
