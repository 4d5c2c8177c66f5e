"""Writes a comparison as JSON, or as text for a terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from harness.comparison.compare import FEWEST, Comparison, Pair, Score
from harness.comparison.differences import Difference, format_value
from harness.comparison.find import name_seeds
from harness.comparison.score_labels import LESS_IS_BETTER, NLL
from harness.leaderboard.statistics import DASH, Spread

COMPARABLE = "comparable: same protocol, profile, data, split, pixels tested and classes"
NOT_PAIRED = "not paired: the difference is that of the means"
ONE_PAIR = (
    "One seed in both is one pair of runs: whether another seed would show the same cannot be told."
)

VALUE_WIDTH = 44
"""Longer values are broken into several lines."""

ROWS_WIDTH = 30
"""Longer lists of rows are broken into several lines."""

DifferenceLine = tuple[str, str, str]
"""Where a difference is, and what A and B have there."""

Lines = Sequence[Sequence[str]]


def to_json(comparison: Comparison) -> str:
    """Write a comparison as JSON; what is not known is null."""
    values = _without_nan(asdict(comparison))
    return json.dumps(values, indent=1, ensure_ascii=False)


def _without_nan(value: Any) -> Any:
    """Replace NaN, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def to_text(comparison: Comparison) -> str:
    """Write a comparison for a terminal."""
    blocks = [f"A  {comparison.a}\nB  {comparison.b}"]
    if comparison.same:
        blocks.append("A and B are the same records")
    if comparison.only:
        methods = ", ".join(comparison.only)
        blocks.append(f"only on one board: {methods}")
    blocks.append(_say_whether_comparable(comparison))
    blocks.append(_show_differences("settings", comparison, lambda pair: pair.settings))
    blocks.append(_show_differences("versions, hardware", comparison, lambda pair: pair.provenance))
    if comparison.board:
        blocks.append(_show_rows(comparison.pairs))
    else:
        blocks += _show_pair_scores(comparison.pairs[0])
    if not comparison.same:
        blocks += _warn_of_few_seeds(comparison.pairs)
    return "\n\n".join(blocks)


def _say_whether_comparable(comparison: Comparison) -> str:
    # Rows of a board most often have the same reasons: each is said once.
    reasons: dict[str, None] = {}
    for pair in comparison.pairs:
        reasons.update(dict.fromkeys(pair.obstacles))
    if not reasons:
        return COMPARABLE
    return f"not comparable: {'; '.join(reasons)}"


def _show_differences(
    title: str, comparison: Comparison, differences_of: Callable[[Pair], Iterable[Difference]]
) -> str:
    """Show a line for each difference; of boards, with the rows that have it.

    Args:
        title: the heading.
        comparison: the comparison.
        differences_of: which differences of a pair are shown.
    """
    # Rows of a board most often differ in the same: each difference has one line, which names the
    # rows that have it.
    methods_of_line: dict[DifferenceLine, list[str]] = {}
    for pair in comparison.pairs:
        for difference in differences_of(pair):
            line = (
                difference.path,
                format_value(difference.a),
                format_value(difference.b),
            )
            methods = methods_of_line.setdefault(line, [])
            methods.append(pair.method)
    if not methods_of_line:
        return f"{title}: no difference"
    columns = [title, "A", "B"]
    widths = [None, VALUE_WIDTH, VALUE_WIDTH]
    if not comparison.board:
        return _wrap_table(columns, widths, list(methods_of_line))
    lines = []
    for line, methods in methods_of_line.items():
        is_in_all = len(methods) == len(comparison.pairs)
        rows = "all" if is_in_all else ", ".join(methods)
        lines.append((*line, rows))
    columns.append("rows")
    widths.append(ROWS_WIDTH)
    return _wrap_table(columns, widths, lines)


def _wrap_table(columns: Sequence[str], widths: Sequence[int | None], lines: Lines) -> str:
    return tabulate(
        lines,
        columns,
        # A hash of digits alone is no number.
        disable_numparse=True,
        maxcolwidths=widths,
    )


def _show_rows(pairs: Iterable[Pair]) -> str:
    """Show the mIoU of each method that two boards share."""
    lines = []
    for pair in pairs:
        # The first score is mIoU. Others would need a table each: rows can be compared one by one.
        cells = _score_cells(pair.scores[0])
        seeds = _name_paired(pair)
        lines.append((pair.method, *cells, seeds))
    columns = ["mIoU (%)", "A", "B", "B - A (pp)", "95 % interval", "in both"]
    return _align_table(columns, lines)


def _show_pair_scores(pair: Pair) -> list[str]:
    """Show all scores of two runs or rows, with their difference by seed."""
    columns = ["score (%)", "A", "B", "B - A (pp)", "95 % interval"]
    columns += [f"seed {seed}" for seed in pair.paired]
    lines = []
    for score in pair.scores:
        cells = [score.name, *_score_cells(score)]
        for seed in pair.paired:
            # A seed that has nothing to compare in this score is paired all the same.
            difference = score.by_seed.get(seed)
            cells.append(_format_difference(score, difference))
        lines.append(cells)
    blocks = []
    if not pair.paired:
        blocks.append(NOT_PAIRED)
    blocks.append(_align_table(columns, lines))
    errors = [score.name for score in pair.scores if score.name in LESS_IS_BETTER]
    if errors:
        blocks.append(f"Less is better: {'; '.join(errors)}.")
    return blocks


def _align_table(columns: Sequence[str], lines: Lines) -> str:
    numbers = len(columns) - 1
    alignment = ("left", *["right"] * numbers)
    return tabulate(lines, columns, colalign=alignment, disable_numparse=True)


def _warn_of_few_seeds(pairs: Iterable[Pair]) -> list[str]:
    """Say what cannot be told of so few pairs of runs, where there are few."""
    counts = {len(pair.paired) for pair in pairs}
    # That nothing is paired is said elsewhere: there is an obstacle, or means are compared.
    few = counts.intersection(range(1, FEWEST))
    if not few:
        return []
    sentences = [f"Intervals need {FEWEST} seeds in both."]
    if 1 in counts:
        sentences.insert(0, ONE_PAIR)
    return [" ".join(sentences)]


def _name_paired(pair: Pair) -> str:
    if pair.paired:
        return name_seeds(pair.paired)
    return DASH if pair.obstacles else "no seed"


def _score_cells(score: Score) -> list[str]:
    return [
        _format_spread(score, score.a),
        _format_spread(score, score.b),
        _format_difference(score, score.difference.mean, score.difference.sd),
        _format_interval(score),
    ]


def _format_interval(score: Score) -> str:
    if score.interval is None:
        return DASH
    return " to ".join(_format_difference(score, end) for end in score.interval)


def _format_spread(score: Score, values: Spread) -> str:
    if math.isnan(values.mean):
        return DASH
    mean = _format_score_value(score, values.mean)
    return mean + _format_deviation(score, values.sd)


def _format_difference(score: Score, value: float | None, sd: float = math.nan) -> str:
    if value is None or math.isnan(value):
        return DASH
    difference = _format_score_value(score, value, sign="+")
    return difference + _format_deviation(score, sd)


def _format_deviation(score: Score, sd: float) -> str:
    if math.isnan(sd):
        return ""
    deviation = _format_score_value(score, sd)
    return f" ± {deviation}"


def _format_score_value(score: Score, value: float, sign: str = "") -> str:
    """Write a fraction in percent, or nats."""
    # Nats have no upper end, so percent of them would mean nothing.
    if score.name == NLL:
        return f"{value:{sign}.3f}"
    return f"{100 * value:{sign}.1f}"
