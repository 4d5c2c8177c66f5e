"""The index over all leaderboards: a line each, smoke tests apart."""

from __future__ import annotations

from collections.abc import Sequence

from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import Board
from harness.leaderboard.rows import Row
from harness.leaderboard.significance import LISTED
from harness.leaderboard.statistics import DIGITS
from harness.pages import formats as cells


def to_index(boards: Sequence[Board], damaged: Sequence[str] = ()) -> str:
    """The page that lists boards by name. Those of overrides are left out: they are somebody's own,
    and not committed.

    damaged: names of boards whose records cannot be believed.
    """
    listed = sorted(
        (board for board in boards if not board.header["overrides"]),
        key=lambda board: str(board.header["board"]),
    )
    results = [board for board in listed if not board.header.is_smoke]
    tests = [board for board in listed if board.header.is_smoke]
    blocks = [
        "# Leaderboards",
        "Written by `harness leaderboard` from the records in `records/`, never by hand.",
    ]
    blocks += [_results(results)] if results else []
    if tests:
        blocks += [
            "## Smoke tests",
            "They show that things run. They are not results.",
            cells.bullets([_link(board) for board in tests]),
        ]
    if damaged:
        told = (
            "Their records cannot be read, so their pages may be old; `harness leaderboard` says"
            " what is wrong."
        )
        blocks += [
            "## Damaged",
            told,
            cells.bullets([f"`records/{name}.jsonl`" for name in damaged]),
        ]
    return "\n\n".join(blocks) + "\n"


def _results(boards: Sequence[Board]) -> str:
    columns = [
        "leaderboard",
        "profile",
        "data set",
        "best weak method",
        "mIoU (%)",
        "% of full supervision",
        "methods",
        "seeds",
    ]
    lines = []
    for board in boards:
        header, best = board.header, _best(board)
        line = [
            _link(board),
            cells.text(header["profile"] or ""),
            cells.text(header["dataset"]["name"]),
        ]
        line += (
            [cells.text(best.method), cells.percent(best.scores.mean_miou.mean)]
            if best
            else [f"none with {LISTED} seeds", cells.DASH]
        )
        line += [
            (
                cells.within(cells.percent(best.against.ratio), best.against.recovery.interval)
                if best
                else cells.DASH
            )
        ]
        lines.append([*line, str(len(header["methods"])), _seeds(board)])
    about = (
        f"Best weak method: the highest mean mIoU of the methods with at least {LISTED} seeds that"
        " do not label every pixel; others may be as good within the noise, as the ranks of the"
        " board tell. Brackets: 95 % interval over seeds."
    )
    return f"{cells.table(lines, columns, left=4)}\n\n{about}"


def _best(board: Board) -> Row | None:
    weak = [
        row
        for row in analyse(board).rows
        if row.standing in ("ranked", "unranked") and not row.annotation.labelled_share >= 1
    ]
    return max(weak, key=lambda row: round(row.scores.mean_miou.mean, DIGITS), default=None)


def _link(board: Board) -> str:
    header = board.header
    title = header["board"] if header.is_smoke else header["scenario"]
    return f"[{cells.text(title)}]({header['board']}.md)"


def _seeds(board: Board) -> str:
    unfinished = sum(record["status"] != "ok" for record in board.records)
    return f"{len(board.header['seeds'])}" + (
        f" ({unfinished} runs missing or failed)" if unfinished else ""
    )
