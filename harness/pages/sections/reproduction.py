"""Published scores beside ours, and what explains a difference."""

from __future__ import annotations

from collections.abc import Sequence

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.board import Board
from harness.leaderboard.rows import Row
from harness.pages.formats import format_points
from harness.pages.table import Cell, Table, number_cell, percent_cell, sorted_cell, spread_cell

SCORE_LABELS = {
    "miou": "mIoU",
    "batch_miou": "mIoU, mean over batches",
    "macro_f1": "F1, mean over classes",
    "iou": "IoU",
    "f1": "F1",
}
"""Scores that a source reports, as people write them; others are called what
`scenario.published.SCORE_NAMES` calls them."""

NOT_ABOUT_TRAINING = ("about=", "published.", "seeds=")
"""How those settings of a profile begin that explain no difference."""


def tabulate_reproduction(table: TrackTable) -> Table | None:
    """Show published scores beside ours in the source's own metric, and what may explain a
    difference; None without published scores."""
    lines = []
    for row in table.rows:
        for score, published in row.reproduction.published.items():
            lines.append(_score_line(row, score, published))
    # A source may report methods that the board does not have.
    source = table.board.header.published
    if not lines or source is None:
        return None
    return Table(
        "Reproduction of published numbers",
        ("method", "score", "published (%)", "ours (%)", "n", "difference (pp)"),
        tuple(lines),
        words=("score",),
        about=(
            "± standard deviation over seeds.",
            f"Published: {source.source}; its metric: {source.metric}.",
            "Deviations:",
        ),
        points=tuple(find_deviations(table.board)) or ("none",),
    )


def name_score(score: str) -> str:
    """Write a score for people: f1:road is F1, road."""
    kind, _, class_name = score.partition(":")
    name = SCORE_LABELS.get(kind, kind)
    return f"{name}, {class_name}" if class_name else name


def find_deviations(board: Board) -> list[str]:
    """Say what may explain a difference to published scores, a phrase each."""
    header = board.header
    deviations = _describe_training_parts(board)
    if header.profile:
        changes = []
        # What a profile sets is listed, since its name says nothing to a reader of the source.
        for change in header.changes:
            if not change.startswith(NOT_ABOUT_TRAINING):
                changes.append(change)
        profile = f"profile {header.profile}"
        deviations.append(f"{profile} ({', '.join(changes)})" if changes else profile)
    deviations += header.overrides
    if header.published is not None:
        deviations += header.published.deviations
    return deviations


def _score_line(row: Row, score: str, published: float) -> tuple[Cell, ...]:
    ours = row.reproduction.ours[score]
    difference = ours.mean - published
    return (
        Cell(row.method),
        Cell(name_score(score)),
        percent_cell(published),
        spread_cell(ours),
        number_cell(ours.n, 0),
        sorted_cell(format_points(difference), difference),
    )


def _describe_training_parts(board: Board) -> list[str]:
    """Say where networks began, and how large the training part was."""
    finished = board.finished
    if not finished:
        return []
    initialisations = dict.fromkeys(record.initialisation for record in finished)
    phrases = [f"initialisation here: {', '.join(initialisations)}"]
    patches = []
    scenes = []
    for record in finished:
        part = record.split.train
        patches.append(part.patches)
        # Older records do not count scenes.
        if part.scenes is not None:
            scenes.append(part.scenes)
    for name, counts in (("patches", patches), ("scenes", scenes)):
        if counts:
            phrases.append(f"{name} in the training part: {_format_range(counts)}")
    return phrases


def _format_range(counts: Sequence[int]) -> str:
    """Write the counts of different seeds, from the least to the largest."""
    ends = sorted({min(counts), max(counts)})
    # Folds of one size have one number, not a range.
    return " to ".join(f"{count:,}" for count in ends)
