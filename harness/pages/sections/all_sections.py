"""All tables of a leaderboard beside its headline, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from harness.leaderboard.board import Board
from harness.leaderboard.rows import Row
from harness.pages.sections import annotation
from harness.pages.sections.convergence import convergence
from harness.pages.sections.reproduction import reproduction
from harness.pages.sections.results import by_seed, per_class, recovery, scores, test_images
from harness.pages.sections.setup import methods, setup
from harness.pages.table import (
    Table,
)


def every(board: Board, table: Sequence[Row], classes: bool = True) -> list[Table]:
    """All tables, in order; classes: whether that of classes is among them."""
    found = [
        by_seed(board, table),
        recovery(board, table),
        test_images(board, table),
        per_class(table) if classes else None,
        scores(board, table),
        convergence(board),
        annotation.cost(board, table),
        annotation.budgets(board),
        reproduction(board, table),
        methods(board),
        setup(board),
    ]
    return [each for each in found if each]
