"""Writes results for other programs: a frame as CSV or Parquet, a headline as a LaTeX table."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import InputError
from harness.core.files import replacing
from harness.leaderboard.analysis import Leaderboard, TrackTable
from harness.leaderboard.rows import Row
from harness.leaderboard.statistics import Interval

if TYPE_CHECKING:
    import pandas

ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
"""What LaTeX writes otherwise; a backslash is enough before the other special characters."""

SPECIAL = re.compile(r"[\\~^<>|&%$#_{}]")

LATEX_COLUMNS = (
    "method",
    r"mIoU (\%)",
    r"95\,\% interval",
    "difference (pp)",
    r"95\,\% interval",
    "$n$",
)

LATEX_DASH = "--"


def to_csv(frame: pandas.DataFrame) -> str:
    """Write a frame as CSV: floats have six decimals, and what is not known is empty."""
    return frame.to_csv(index=False, float_format="%.6f", lineterminator="\n")


def write_parquet(frame: pandas.DataFrame, path: Path) -> None:
    """Write a frame as a Parquet file.

    Raises:
        InputError: where pyarrow is not installed.
        OSError: where the file cannot be written.
    """
    try:
        with replacing(path) as partial:
            frame.to_parquet(partial, engine="pyarrow", index=False)
    except ImportError as error:
        raise InputError("parquet needs pyarrow: pip install 'weakseg-harness[parquet]'") from error


def to_latex(leaderboards: Iterable[Leaderboard]) -> str:
    """Write the headlines of leaderboards as LaTeX tables, for the package booktabs.

    Each selection track of a board has a table of its own, since tracks may not be compared.
    """
    tables = []
    for leaderboard in leaderboards:
        for table in leaderboard.tables:
            tables.append(_write_table(table))
    return "\n".join(tables)


def escape_latex(text: str) -> str:
    """Write text so that LaTeX shows it as it is."""
    return SPECIAL.sub(lambda match: ESCAPES.get(match[0], f"\\{match[0]}"), text)


def _write_table(table: TrackTable) -> str:
    lines = [
        f"% {table.board.name}, selection track {table.track}",
        f"% difference: to {table.board.reference}, paired by repetition",
        r"\begin{tabular}{lrrrrr}",
        r"\toprule",
        _write_line(LATEX_COLUMNS),
        r"\midrule",
    ]
    for row in table.listed:
        lines.append(_write_line(_cells(row)))
    lines += [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    score = row.scores.mean_miou
    difference = row.against.difference
    difference_cells = [_percent(difference.mean, "+"), _percent_interval(difference.interval, "+")]
    if row.role == "reference":
        difference_cells = [LATEX_DASH, LATEX_DASH]
    return (
        escape_latex(row.method),
        _percent(score.mean),
        _percent_interval(score.interval),
        *difference_cells,
        str(score.n),
    )


def _write_line(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _percent_interval(interval: Interval, sign: str = "") -> str:
    if math.isnan(interval.low):
        return LATEX_DASH
    return f"{{[{_percent(interval.low, sign)}, {_percent(interval.high, sign)}]}}"


def _percent(value: float, sign: str = "") -> str:
    if math.isnan(value):
        return LATEX_DASH
    # A negative zero becomes a positive one: its sign is not the same on every machine.
    rounded = round(100 * value, 1) + 0.0
    # In mathematics LaTeX sets a minus, and in text a hyphen.
    return f"${rounded:{sign}.1f}$"
