"""Compares two runs, rows or boards: what differs in how they were made, and by how much their
scores differ."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tabulate import tabulate

from harness.comparison.differences import (
    Difference,
    differing,
    merged,
    provenance_values,
    setting_values,
    shown,
)
from harness.comparison.find import ERRORS, NLL, Record, Selection, scores
from harness.core.errors import InputError
from harness.leaderboard.comparability import TEST_IMAGES, find_mismatches
from harness.leaderboard.selection_tracks import is_tested_once
from harness.leaderboard.statistics import Interval, Spread, spread, t_interval

FEWEST = 3
"""Below this number of seeds, no interval is given."""


WHOLE = ("dataset", "split", "evaluation")
"""Sections that are named as a whole where a field of theirs forbids a comparison."""


@dataclass(frozen=True, slots=True)
class Score:
    """One score on both sides, as fractions (`NLL` in nats): the spread over seeds; B minus A,
    paired by seed where it can be; its 95 % interval."""

    name: str
    a: Spread
    b: Spread
    difference: Spread
    interval: tuple[float, float] | None
    by_seed: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs or rows beside each other. `obstacles` say why their scores must not be compared;
    `paired` are the shared seeds."""

    method: str
    settings: tuple[Difference, ...]
    provenance: tuple[Difference, ...]
    obstacles: tuple[str, ...]
    paired: tuple[int, ...]
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A and B, each as one line; a pair, or a pair for each method that two boards share; methods
    that only one board has.

    `same`: both sides are the same records.
    """

    a: str
    b: str
    same: bool
    board: bool
    pairs: tuple[Pair, ...]
    only: tuple[str, ...]


def compare(a: Selection, b: Selection) -> Comparison:
    """Compares two runs or rows, or two boards row by row. Raises InputError for a board against
    something else, or nothing in common."""
    board, same = "board" in (a.kind, b.kind), a.records == b.records
    if not board:
        return Comparison(_title(a), _title(b), same, board, (_pair("", a.records, b.records),), ())
    if a.kind != b.kind:
        one, other = (a, b) if a.kind == "board" else (b, a)
        raise InputError(
            f"{one.name} is a board and {other.name} a {other.kind}: name a row of the board too,"
            f" {one.name}:METHOD"
        )
    sides = [_methods(side) for side in (a, b)]
    shared = [method for method in sides[0] if method in sides[1]]
    if not shared:
        raise InputError(
            f"{a.name} and {b.name} have no method in common: compare their rows, {a.name}:METHOD"
            f" and {b.name}:METHOD"
        )
    only = [
        f"{side.name}:{method}"
        for side, own in zip((a, b), sides, strict=True)
        for method in own
        if method not in shared
    ]
    pairs = tuple(_pair(method, sides[0][method], sides[1][method]) for method in shared)
    return Comparison(_title(a), _title(b), same, board, pairs, tuple(only))


def _methods(side: Selection) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in side.records:
        found.setdefault(record["method"], []).append(record)
    return found


def _title(side: Selection) -> str:
    methods, seeds = (
        [*dict.fromkeys(str(record[key]) for record in side.records)] for key in ("method", "seed")
    )
    what = f"{len(methods)} methods" if side.kind == "board" else methods[0]
    key = f", key {side.records[0]['key'][:12]}" if side.kind == "run" else ""
    first = side.records[0]
    scenario = first["scenario"] + (f", profile {first['profile']}" if first["profile"] else "")
    return (
        f"{side.name}: {scenario}: {what}, seed{'s' if len(seeds) > 1 else ''}"
        f" {', '.join(seeds)}{key}"
    )


def _pair(method: str, a: Sequence[Record], b: Sequence[Record]) -> Pair:
    settings = differing(*(merged([setting_values(record) for record in side]) for side in (a, b)))
    provenance = differing(
        *(merged([provenance_values(record) for record in side]) for side in (a, b))
    )
    settings = [each for each in settings if each.path != "seed" or len(a) == len(b) == 1]
    obstacles = find_obstacles(a, b)
    tested = [{record["seed"]: record["confusion"]["images"] for record in side} for side in (a, b)]
    shared = sorted(tested[0].keys() & tested[1].keys())
    if not shared and not all(images in tested[0].values() for images in tested[1].values()):
        obstacles.append("other test images, and no seed in common")
    paired = () if obstacles else tuple(shared)
    own = [{record["seed"]: scores(record) for record in side} for side in (a, b)]
    every = [set.intersection(*(set(each) for each in side.values())) for side in own]
    names = [name for name in next(iter(own[0].values())) if name in every[0] & every[1]]
    compared = tuple(
        _score(
            name, {s: own[0][s][name] for s in own[0]}, {s: own[1][s][name] for s in own[1]}, paired
        )
        for name in names
    )
    return Pair(method, tuple(settings), tuple(provenance), tuple(obstacles), paired, compared)


def find_obstacles(a: Sequence[Record], b: Sequence[Record]) -> list[str]:
    """Say why the scores of two sides must not be compared: what forbids their runs to stand in one
    table, a phrase each."""
    records = [*a, *b]
    obstacles: list[str] = []
    seeds_by_field: dict[str, list[int]] = {}
    for mismatch in find_mismatches(records):
        if mismatch.within_seed:
            seeds_by_field.setdefault(mismatch.field, []).append(mismatch.second["seed"])
        else:
            section = mismatch.field.partition(".")[0]
            name = section if section in WHOLE else mismatch.field
            obstacles.append(f"{name} differs")
    for field, seeds in seeds_by_field.items():
        listed = ", ".join(map(str, dict.fromkeys(seeds)))
        phrase = f"other {field}" if field == TEST_IMAGES else f"{field} differs"
        obstacles.append(f"{phrase} (seed {listed})")
    if not all(map(is_tested_once, records)):
        obstacles.append("a network was tested more than once")
    return list(dict.fromkeys(obstacles))


def _score(
    name: str, a: Mapping[int, float], b: Mapping[int, float], paired: Sequence[int]
) -> Score:
    first, second = (
        spread([value for value in side.values() if not math.isnan(value)]) for side in (a, b)
    )
    by_seed = {seed: b[seed] - a[seed] for seed in paired if not math.isnan(a[seed] + b[seed])}
    difference = (
        spread([*by_seed.values()]) if paired else Spread(0, second.mean - first.mean, math.nan)
    )
    return Score(name, first, second, difference, interval(difference), by_seed)


def interval(values: Spread, further: int | None = None) -> Interval | None:
    """The 95 % Student-t interval of the mean of n values; None below `FEWEST`. `further`: of the
    mean of that many new values instead."""
    return t_interval(values, further) if values.n >= FEWEST else None


def to_json(found: Comparison) -> str:
    """A comparison as JSON; what is not known is null."""

    def known(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: known(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [known(item) for item in value]
        return None if isinstance(value, float) and math.isnan(value) else value

    return json.dumps(known(asdict(found)), indent=1, ensure_ascii=False)


def to_text(found: Comparison) -> str:
    """A comparison for a terminal."""
    blocks = [f"A  {found.a}\nB  {found.b}"]
    blocks += ["A and B are the same records"] if found.same else []
    blocks += [f"only on one board: {', '.join(found.only)}"] if found.only else []
    reasons = [*dict.fromkeys(reason for pair in found.pairs for reason in pair.obstacles)]
    same = "comparable: same protocol, profile, data, split, pixels tested and classes"
    blocks.append(f"not comparable: {'; '.join(reasons)}" if reasons else same)
    for title, part in (("settings", "settings"), ("versions, hardware", "provenance")):
        lines = _differences(found, part)
        blocks.append(_table(title, lines, found.board) if lines else f"{title}: no difference")
    if found.board:
        lines = [[pair.method, *_numbers(pair.scores[0]), _seeds(pair)] for pair in found.pairs]
        columns = ["mIoU (%)", "A", "B", "B - A (pp)", "95 % interval", "in both"]
    else:
        (pair,) = found.pairs
        lines = [
            [
                score.name,
                *_numbers(score),
                *(_points(score, score.by_seed.get(seed)) for seed in pair.paired),
            ]
            for score in pair.scores
        ]
        columns = [
            "score (%)",
            "A",
            "B",
            "B - A (pp)",
            "95 % interval",
            *(f"seed {seed}" for seed in pair.paired),
        ]
        if not pair.paired:
            blocks.append("not paired: the difference is that of the means")
    aligned = ["left", *["right"] * (len(columns) - 1)]
    blocks.append(tabulate(lines, columns, colalign=aligned, disable_numparse=True))
    less = (
        [score.name for score in found.pairs[0].scores if score.name in ERRORS]
        if not found.board
        else []
    )
    blocks += [f"Less is better: {'; '.join(less)}."] if less else []
    few = {len(pair.paired) for pair in found.pairs} & set(range(1, FEWEST))
    if few and not found.same:
        one = (
            "One seed in both is one pair of runs: whether another seed would show the same cannot"
            " be told. "
            if 1 in few
            else ""
        )
        blocks.append(f"{one}Intervals need {FEWEST} seeds in both.")
    return "\n\n".join(blocks)


def _differences(found: Comparison, part: str) -> list[list[str]]:
    """A line for each difference; of boards, with the rows that have it."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for pair in found.pairs:
        for each in getattr(pair, part):
            rows.setdefault((each.path, shown(each.a), shown(each.b)), []).append(pair.method)
    everywhere = len(found.pairs)
    return [
        [*key, "all" if len(methods) == everywhere else ", ".join(methods)]
        for key, methods in rows.items()
    ]


def _table(title: str, lines: list[list[str]], board: bool) -> str:
    columns, widths = (
        ([title, "A", "B", "rows"], [None, 44, 44, 30])
        if board
        else ([title, "A", "B"], [None, 44, 44])
    )
    return tabulate(
        [line[: len(columns)] for line in lines],
        columns,
        disable_numparse=True,
        maxcolwidths=widths,
    )


def _numbers(score: Score) -> list[str]:
    ends = (
        "–"
        if score.interval is None
        else " to ".join(_points(score, end) for end in score.interval)
    )
    return [
        _value(score, score.a),
        _value(score, score.b),
        _points(score, score.difference.mean, score.difference.sd),
        ends,
    ]


def _seeds(pair: Pair) -> str:
    if not pair.paired:
        return "–" if pair.obstacles else "no seed"
    return f"seed{'s' if len(pair.paired) > 1 else ''} {', '.join(map(str, pair.paired))}"


def _value(score: Score, value: Spread) -> str:
    return (
        "–"
        if math.isnan(value.mean)
        else _number(score, value.mean)
        + ("" if math.isnan(value.sd) else f" ± {_number(score, value.sd)}")
    )


def _points(score: Score, value: float | None, sd: float = math.nan) -> str:
    if value is None or math.isnan(value):
        return "–"
    return _number(score, value, "+") + ("" if math.isnan(sd) else f" ± {_number(score, sd)}")


def _number(score: Score, value: float, sign: str = "") -> str:
    """A fraction in percent, or nats."""
    return f"{value:{sign}.3f}" if score.name == NLL else f"{100 * value:{sign}.1f}"
