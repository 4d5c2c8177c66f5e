"""The tables that only a report has: confusion matrices."""

from __future__ import annotations

import numpy as np

from harness.leaderboard.board import Board
from harness.metrics import Counts
from harness.pages.formats import count_nouns
from harness.pages.table import Cell, Table, number_cell, shaded_cell


def tabulate_confusions(board: Board) -> dict[str, Table]:
    """Show where the pixels of each true class went, by method, for each that has a result.

    Counts are summed over test images and seeds.
    """
    tables = {}
    for method in board.header.method_names:
        records = board.finished_of(method)
        if not records:
            continue
        total: Counts = np.sum([record.confusion.total for record in records], axis=0)
        seeds = count_nouns(len(records), "seed")
        caption = f"{method}: where the pixels of each true class went (%), over {seeds}"
        tables[method] = _tabulate_counts(caption, records[0].class_names, total)
    return tables


def _tabulate_counts(caption: str, class_names: list[str], total: Counts) -> Table:
    lines = []
    for name, counts in zip(class_names, total, strict=True):
        pixels = int(counts.sum())
        cells = [Cell(name)]
        for count in counts.tolist():
            # A class that no test image has went nowhere, which is not 0 % everywhere.
            cells.append(shaded_cell(count / pixels if pixels else None))
        cells.append(number_cell(pixels, 0))
        lines.append(tuple(cells))
    return Table(caption, ("true class", *class_names, "pixels"), tuple(lines))
