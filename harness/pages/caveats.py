"""What a reader must know before believing a headline, as sentences of plain text: pages and
reports show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.leaderboard.board import Board
from harness.leaderboard.rows import Row
from harness.leaderboard.selection_tracks import missing_rows, split_by_track
from harness.pages import formats as cells


def absent(board: Board) -> dict[str, list[int]]:
    """The classes that training parts lack, with the seeds of these."""
    seeds: dict[str, set[int]] = {}
    for record in board.ordered:
        for name in record.get("split", {}).get("train", {}).get("absent_classes", ()):
            seeds.setdefault(name, set()).add(record["seed"])
    return {name: sorted(own) for name, own in seeds.items()}


def notes(board: Board) -> list[str]:
    """What a reader must know beside the columns: how networks were chosen, rows and classes that
    are not there. Plain text."""
    (track,) = split_by_track(board)
    chosen = [f"Selection track `{track}`: {track.meaning}."]
    lacking = [
        f"This leaderboard lacks {row}." for row in missing_rows(board)
    ]
    told = (f"{name} (seed {', '.join(map(str, own))})" for name, own in absent(board).items())
    return (
        chosen
        + lacking
        + ([f"Absent from the training part: {'; '.join(told)}."] if absent(board) else [])
    )


def caveats(board: Board, table: Sequence[Row]) -> list[str]:
    """What stands directly below the headline."""
    return [*incomplete(board, table), *dear(table)]


def incomplete(board: Board, table: Sequence[Row]) -> list[str]:
    """The seeds that the reference lacks, since no method can be compared on them."""
    reference = next((row for row in table if row.role == "reference"), None)
    if reference is None or not reference.runs.failed + reference.missing:
        return []
    lost = {
        record["seed"]: record["status"]
        for record in board.records
        if record["method"] == reference.method
    }
    told = ", ".join(f"{seed} ({state})" for seed, state in sorted(lost.items()) if state != "ok")
    left = ", ".join(map(str, reference.scores.miou))
    compared = (
        f"comparisons with it are over seed {left} alone"
        if left
        else "no method can be compared with it"
    )
    return [f"The reference {reference.method} lacks seed {told}: {compared}."]


def dear(table: Sequence[Row]) -> list[str]:
    """The methods whose labels took longer than those of the reference, so that they save nothing,
    by the board's cost model."""
    reference = next((row for row in table if row.role == "reference"), None)
    if reference is None:
        return []
    slower = [
        row
        for row in table
        if row.role == "method" and row.annotation.seconds > reference.annotation.seconds
    ]
    told = ", ".join(f"{row.method} ({cells.duration(row.annotation.seconds)})" for row in slower)
    masks = f"the {'masks' if reference.annotation.labelled_share == 1 else 'labels'} of {reference.method}"
    takes = (
        f"costs more seconds of annotation than {masks}"
        f" ({cells.duration(reference.annotation.seconds)})"
    )
    return [f"By the cost model, the weak label {takes}: {told}."] if slower else []


def varied(board: Board) -> str:
    """What another seed changes; the split is left out where it is the same for all."""
    split: Mapping[str, Any] = next((record["settings"]["split"] for record in board.finished), {})
    return (
        "initialisation and supervision draw"
        if _fixed(split)
        else "split, initialisation and supervision draw"
    )


def _fixed(split: Mapping[str, Any]) -> bool:
    """Whether settings of a split give one split, whatever the seed: the data set's own, named
    groups, or one pinned draw."""
    if split.get("by") in ("official", "leave-one-group-out"):
        return bool(split["by"] == "official")
    drawn = [
        part
        for part in (split.get("test", 0.0), split.get("validation", 0.0))
        if isinstance(part, int | float) and part
    ]
    return split.get("seed") is not None or not drawn
