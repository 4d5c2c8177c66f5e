"""How the runs of a board were made: data, split, model, training, hardware."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.boards import Board
from harness.cells import counted, shown
from harness.leaderboard import finished
from harness.words import Cell, Table


def setup(board: Board) -> Table | None:
    """How a board was made; None where no run has finished."""
    done = finished(board)
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
