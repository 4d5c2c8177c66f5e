"""The tables that a report has for itself: confusion matrices."""

from __future__ import annotations

import numpy as np

from harness.leaderboard.board import Board
from harness.pages.table import Cell, Table, number_cell, shaded_cell


def confusions(board: Board) -> list[tuple[str, Table]]:
    """For each method with results: where the pixels of each true class went (%), summed over test
    images and seeds."""
    found = []
    for method in [entry["name"] for entry in board.header["methods"]]:
        records = [
            record
            for record in board.records
            if record["method"] == method and record["status"] == "ok"
        ]
        if not records:
            continue
        names = [entry["name"] for entry in records[0]["classes"]]
        counts = np.sum(
            [np.array(record["confusion"]["counts"], np.int64).sum(0) for record in records], 0
        )
        shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
        lines = (
            (
                Cell(name),
                *(shaded_cell(float(share) if count.any() else None) for share in line),
                number_cell(float(count.sum()), 0),
            )
            for name, line, count in zip(names, shares, counts, strict=True)
        )
        caption = (
            f"{method}: where the pixels of each true class went (%), over {len(records)}"
            f" {'seeds' if len(records) > 1 else 'seed'}"
        )
        found.append((method, Table(caption, ("true class", *names, "pixels"), tuple(lines))))
    return found
