"""The index over all leaderboards: a line each, smoke tests apart."""

from __future__ import annotations

from collections.abc import Sequence

from harness.leaderboard.analysis import Leaderboard
from harness.leaderboard.board import Board
from harness.leaderboard.rows import Row
from harness.leaderboard.significance import SEEDS_TO_LIST
from harness.leaderboard.statistics import COMPARED_DECIMALS, DASH
from harness.pages import formats, markdown
from harness.pages.markdown import escape_text

INDEX_COLUMNS = (
    "leaderboard",
    "profile",
    "data set",
    "best weak method",
    "mIoU (%)",
    "% of full supervision",
    "methods",
    "seeds",
)


def to_index(leaderboards: Sequence[Leaderboard], damaged: Sequence[str] = ()) -> str:
    """Write the page that lists leaderboards by name, but for those of overrides.

    Args:
        leaderboards: all leaderboards, in any order.
        damaged: names of boards whose records cannot be believed.
    """
    results = []
    smoke_tests = []
    for leaderboard in sorted(leaderboards, key=lambda leaderboard: leaderboard.board.name):
        board = leaderboard.board
        # Somebody's own, and not committed.
        if board.header.overrides:
            continue
        if board.is_smoke:
            smoke_tests.append(_link(board))
        else:
            results.append(leaderboard)
    blocks = [
        "# Leaderboards",
        "Written by `harness leaderboard` from the records in `records/`, never by hand.",
    ]
    if results:
        blocks += _show_results(results)
    if smoke_tests:
        blocks += [
            "## Smoke tests",
            "They show that things run. They are not results.",
            markdown.make_list(smoke_tests),
        ]
    if damaged:
        blocks += [
            "## Damaged",
            "Their records cannot be read, so their pages may be old; `harness leaderboard` says"
            " what is wrong.",
            markdown.make_list([f"`records/{name}.jsonl`" for name in damaged]),
        ]
    return "\n\n".join(blocks) + "\n"


def _show_results(leaderboards: Sequence[Leaderboard]) -> list[str]:
    lines = list(map(_result_line, leaderboards))
    about = (
        f"Best weak method: the highest mean mIoU of the methods with at least {SEEDS_TO_LIST}"
        " seeds that do not label every pixel; others may be as good within the noise, as the"
        " ranks of the board tell. Brackets: 95 % interval over seeds."
    )
    return [markdown.make_table(lines, INDEX_COLUMNS, left=4), about]


def _result_line(leaderboard: Leaderboard) -> list[str]:
    board = leaderboard.board
    best = _find_best(leaderboard)
    method = f"none with {SEEDS_TO_LIST} seeds"
    score = ratio = DASH
    if best is not None:
        method = escape_text(best.method)
        score = formats.format_percent(best.scores.mean_miou.mean)
        ratio = formats.format_interval(
            formats.format_percent(best.against.ratio), best.against.recovery.interval
        )
    return [
        _link(board),
        escape_text(board.header.profile or ""),
        escape_text(board.header.dataset.name),
        method,
        score,
        ratio,
        str(len(board.header.methods)),
        _count_seeds(board),
    ]


def _find_best(leaderboard: Leaderboard) -> Row | None:
    """Find the method with the best mean among those that are listed and label only a part."""
    weak = []
    for row in leaderboard.rows:
        # A share that is not known (NaN) is taken for a part.
        labels_all = row.annotation.labelled_share >= 1
        if row.standing in ("ranked", "unranked") and not labels_all:
            weak.append(row)
    # Rounded, so that of equal methods the same one is named on every machine.
    return max(
        weak, key=lambda row: round(row.scores.mean_miou.mean, COMPARED_DECIMALS), default=None
    )


def _link(board: Board) -> str:
    title = board.name if board.is_smoke else board.header.scenario
    return f"[{escape_text(title)}]({board.name}.md)"


def _count_seeds(board: Board) -> str:
    seeds = str(len(board.header.seeds))
    unfinished = len(board.records) - len(board.finished)
    if unfinished:
        seeds += f" ({unfinished} runs missing or failed)"
    return seeds
