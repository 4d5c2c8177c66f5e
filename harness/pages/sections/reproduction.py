"""Published scores beside ours, and what explains a difference."""

from __future__ import annotations

from collections.abc import Sequence

from harness.leaderboard.board import Board
from harness.leaderboard.rows import Row
from harness.pages import formats as cells
from harness.pages.table import (
    Cell,
    Table,
    cell,
    number,
    percent,
    spread,
)

PUBLISHED = {
    "miou": "mIoU",
    "batch_miou": "mIoU, mean over batches",
    "macro_f1": "F1, mean over classes",
    "iou": "IoU",
    "f1": "F1",
}
"""Scores that a source reports, as people write them; others are called what `published.SCORES`
calls them."""


def reproduction(board: Board, table: Sequence[Row]) -> Table | None:
    """Published scores beside ours in the source's own metric, and what explains a difference; None
    without published scores."""
    lines = []
    for row in table:
        for score, value in row.reproduction.published.items():
            ours, difference = (
                row.reproduction.ours[score],
                row.reproduction.ours[score].mean - value,
            )
            line = (
                Cell(row.method),
                Cell(named(score)),
                percent(value),
                spread(ours),
                number(ours.n, 0),
            )
            lines.append((*line, cell(cells.signed(difference), difference)))
    if not lines:
        return None
    published = board.header["published"]
    columns = ("method", "score", "published (%)", "ours (%)", "n", "difference (pp)")
    source = f"Published: {published['source']}; its metric: {published['metric']}."
    about = ("± standard deviation over seeds.", source, "Deviations:")
    return Table(
        "Reproduction of published numbers",
        columns,
        tuple(lines),
        ("score",),
        about,
        tuple(deviations(board)) or ("none",),
    )


def named(score: str) -> str:
    """A score of `published.SCORES` for people: f1:road is F1, road."""
    kind, _, of = score.partition(":")
    return PUBLISHED.get(kind, kind) + (f", {of}" if of else "")


def deviations(board: Board) -> list[str]:
    """What may explain a difference to published scores: initialisation, size of the training part,
    overrides, what the scenario says."""
    header, done = board.header, board.finished
    parts = [record["split"]["train"] for record in done]
    found = (
        [
            "initialisation here:"
            f" {', '.join(dict.fromkeys(record['initialisation'] for record in done))}"
        ]
        if done
        else []
    )
    known = [
        (name, [part[name] for part in parts if name in part]) for name in ("patches", "scenes")
    ]
    found += [f"{name} in the training part: {_range(counts)}" for name, counts in known if counts]
    changes = [
        change
        for change in header.get("changes", ())
        if not change.startswith(("about=", "published.", "seeds="))
    ]
    found += (
        [f"profile {header['profile']}" + (f" ({', '.join(changes)})" if changes else "")]
        if header["profile"]
        else []
    )
    return [*found, *header["overrides"], *header["published"].get("deviations", ())]


def _range(counts: Sequence[int]) -> str:
    """Counts of different seeds, from the least to the largest."""
    return " to ".join(f"{count:,}" for count in sorted({min(counts), max(counts)}))
