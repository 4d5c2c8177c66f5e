"""Compares two runs, rows or boards: what differs in how they were made, and by how much their
scores differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.comparison.differences import (
    Difference,
    find_differences,
    merge_values,
    provenance_values,
    setting_values,
)
from harness.comparison.find import NamedRecords, list_seeds, name_seeds
from harness.comparison.score_labels import label_scores
from harness.core.errors import InputError
from harness.leaderboard.comparability import TEST_IMAGES, Mismatch, find_mismatches
from harness.leaderboard.selection_tracks import is_tested_once
from harness.leaderboard.statistics import (
    Interval,
    ScoresBySeed,
    Spread,
    known,
    spread,
    t_interval,
)
from harness.records.record import FinishedRecord

FEWEST = 3
"""Below this number of seeds, no interval is given."""

WHOLE = ("dataset", "split", "evaluation")
"""Sections that are named as a whole where a field of theirs forbids a comparison."""

Records = Sequence[FinishedRecord]

LabelledScores = Mapping[str, float]
"""The scores of a run by their labels."""


@dataclass(frozen=True, slots=True)
class Score:
    """One score on both sides, A and B."""

    name: str
    """Its label."""
    a: Spread
    """The score of A over its seeds: fractions, or nats for `score_labels.NLL`."""
    b: Spread
    """The same of B."""
    difference: Spread
    """B minus A over the seeds that are paired; the difference of the means where none are."""
    interval: Interval | None
    """The 95 % interval of the difference; None where fewer than `FEWEST` seeds are paired."""
    by_seed: ScoresBySeed
    """B minus A of each paired seed."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs or rows beside each other."""

    method: str
    """The method, where boards are compared; else empty."""
    settings: tuple[Difference, ...]
    """The settings that differ."""
    provenance: tuple[Difference, ...]
    """Versions and hardware that differ."""
    obstacles: tuple[str, ...]
    """Why the scores must not be compared."""
    paired: tuple[int, ...]
    """The seeds that both have; none where there is an obstacle."""
    scores: tuple[Score, ...]
    """Those that all runs of both sides have."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A and B beside each other."""

    a: str
    """What A is, as one line."""
    b: str
    """The same of B."""
    same: bool
    """Whether both sides are the same records."""
    board: bool
    """Whether boards are compared."""
    pairs: tuple[Pair, ...]
    """One pair; of boards, a pair of each method that both have."""
    only: tuple[str, ...]
    """Methods that only one board has, each as BOARD:METHOD."""


def compare(a: NamedRecords, b: NamedRecords) -> Comparison:
    """Compare two runs or rows, or two boards row by row.

    Raises:
        InputError: for a board against something else, or nothing in common.
    """
    # Only to warn: who compares a run with itself sees no difference, and may wonder why.
    is_same = a.records == b.records
    if a.kind == b.kind == "board":
        return Comparison(
            a=describe_side(a),
            b=describe_side(b),
            same=is_same,
            board=True,
            pairs=_compare_boards(a, b),
            only=_methods_of_one_board(a, b),
        )
    for board, other in ((a, b), (b, a)):
        if board.kind == "board":
            raise InputError(
                f"{board.name} is a board and {other.name} a {other.kind}: name a row of the board"
                f" too, {board.name.rstrip(':')}:METHOD"
            )
    pair = compare_records("", a.records, b.records)
    return Comparison(
        a=describe_side(a),
        b=describe_side(b),
        same=is_same,
        board=False,
        pairs=(pair,),
        only=(),
    )


def describe_side(side: NamedRecords) -> str:
    """Say in one line what a side is: its scenario, method and seeds."""
    first = side.records[0]
    scenario = first.scenario or "scenario not recorded"
    if first.profile:
        scenario += f", profile {first.profile}"
    methods = first.method
    if side.kind == "board":
        records_of_method = _records_by_method(side)
        methods = f"{len(records_of_method)} methods"
    # A board has a run of each method with the same seed.
    seeds = dict.fromkeys(record.seed for record in side.records)
    runs = name_seeds(seeds)
    if side.kind == "run":
        runs += f", key {first.key[:12]}"
    return f"{side.name}: {scenario}: {methods}, {runs}"


def _compare_boards(a: NamedRecords, b: NamedRecords) -> tuple[Pair, ...]:
    """Compare the methods that two boards share.

    Raises:
        InputError: where they share none.
    """
    rows_of_b = _records_by_method(b)
    pairs = []
    for method, records in _records_by_method(a).items():
        if method in rows_of_b:
            pairs.append(compare_records(method, records, rows_of_b[method]))
    if not pairs:
        raise InputError(
            f"{a.name} and {b.name} have no method in common: compare their rows, {a.name}:METHOD"
            f" and {b.name}:METHOD"
        )
    return tuple(pairs)


def _methods_of_one_board(a: NamedRecords, b: NamedRecords) -> tuple[str, ...]:
    only = []
    for board, other in ((a, b), (b, a)):
        methods_of_other = _records_by_method(other)
        for method in _records_by_method(board):
            if method not in methods_of_other:
                only.append(f"{board.name}:{method}")
    return tuple(only)


def _records_by_method(side: NamedRecords) -> dict[str, list[FinishedRecord]]:
    records: dict[str, list[FinishedRecord]] = {}
    for record in side.records:
        records_of_method = records.setdefault(record.method, [])
        records_of_method.append(record)
    return records


def compare_records(method: str, a: Records, b: Records) -> Pair:
    """Compare two runs, or the runs of two rows.

    Args:
        method: what to call the pair.
        a: the runs of A, one of each seed.
        b: the runs of B.
    """
    obstacles = find_obstacles(a, b)
    # Differences by seed are of the same test images, which an obstacle may deny.
    paired = () if obstacles else shared_seeds(a, b)
    return Pair(
        method=method,
        settings=setting_differences(a, b),
        provenance=provenance_differences(a, b),
        obstacles=obstacles,
        paired=paired,
        scores=compare_scores(a, b, paired),
    )


def shared_seeds(a: Records, b: Records) -> tuple[int, ...]:
    """Return the seeds of which both sides have a run."""
    seeds_of_a = {record.seed for record in a}
    seeds_of_b = {record.seed for record in b}
    return tuple(sorted(seeds_of_a & seeds_of_b))


def setting_differences(a: Records, b: Records) -> tuple[Difference, ...]:
    """Find the settings in which two sides differ."""
    values_of_a = merge_values(map(setting_values, a))
    values_of_b = merge_values(map(setting_values, b))
    is_of_rows = len(a) > 1 or len(b) > 1
    if is_of_rows:
        # That rows have other seeds is said in the first lines already.
        values_of_a.pop("seed", None)
        values_of_b.pop("seed", None)
    differences = find_differences(values_of_a, values_of_b)
    return tuple(differences)


def provenance_differences(a: Records, b: Records) -> tuple[Difference, ...]:
    """Find the versions and hardware in which two sides differ."""
    values_of_a = merge_values(map(provenance_values, a))
    values_of_b = merge_values(map(provenance_values, b))
    differences = find_differences(values_of_a, values_of_b)
    return tuple(differences)


def find_obstacles(a: Records, b: Records) -> tuple[str, ...]:
    """Say why the scores of two sides must not be compared, a phrase for each reason.

    What forbids their runs to stand in one table forbids it here, see `comparability`.
    """
    records = [*a, *b]
    obstacles = _describe_mismatches(find_mismatches(records))
    if not all(map(is_tested_once, records)):
        obstacles.append("a network was tested more than once")
    # Runs of different seeds may well be tested on different images, as the split is drawn anew.
    # Where nothing pairs them, their means may be compared only if the images are the same.
    if not shared_seeds(a, b) and not _are_tested_alike(a, b):
        obstacles.append("other test images, and no seed in common")
    return tuple(dict.fromkeys(obstacles))


def _describe_mismatches(mismatches: Iterable[Mismatch]) -> list[str]:
    """Name the fields in which runs differ, with the seeds where these must be equal in a seed."""
    obstacles = []
    seeds_of_field: dict[str, list[int]] = {}
    for mismatch in mismatches:
        field = mismatch.field
        if mismatch.within_seed:
            seeds = seeds_of_field.setdefault(field, [])
            seeds.append(mismatch.second.seed)
            continue
        section, _, _ = field.partition(".")
        name = section if section in WHOLE else field
        obstacles.append(f"{name} differs")
    for field, seeds in seeds_of_field.items():
        # Several runs of a seed may differ from the first one: a board has a run of each method.
        seed_list = list_seeds(dict.fromkeys(seeds))
        phrase = f"other {field}" if field == TEST_IMAGES else f"{field} differs"
        obstacles.append(f"{phrase} (seed {seed_list})")
    return obstacles


def _are_tested_alike(a: Records, b: Records) -> bool:
    """Whether each run of B was tested on the images of some run of A."""
    images_of_a = [record.confusion.images for record in a]
    return all(record.confusion.images in images_of_a for record in b)


def compare_scores(a: Records, b: Records, paired: Sequence[int]) -> tuple[Score, ...]:
    """Compare the scores that all runs of both sides have, in the order of the first run.

    Args:
        a: the runs of A.
        b: the runs of B.
        paired: the seeds whose difference is taken; without any, that of the means is.
    """
    scores_of_a = _label_scores_by_seed(a)
    scores_of_b = _label_scores_by_seed(b)
    # What a record is too old to have, or is of another boundary width, has nothing beside it.
    names = _names_in_all([*scores_of_a.values(), *scores_of_b.values()])
    compared = []
    for name in names:
        values_of_a = _pick_score(scores_of_a, name)
        values_of_b = _pick_score(scores_of_b, name)
        score = _compare_score(name, values_of_a, values_of_b, paired)
        compared.append(score)
    return tuple(compared)


def _label_scores_by_seed(records: Records) -> dict[int, LabelledScores]:
    scores_by_seed: dict[int, LabelledScores] = {}
    for record in records:
        scores_by_seed[record.seed] = label_scores(record)
    return scores_by_seed


def _pick_score(scores_by_seed: Mapping[int, LabelledScores], name: str) -> ScoresBySeed:
    return {seed: scores[name] for seed, scores in scores_by_seed.items()}


def _names_in_all(scores_of_runs: Sequence[LabelledScores]) -> list[str]:
    """Return the names of the scores that all runs have, in the order of the first run."""
    first, *others = scores_of_runs
    names = list(first)
    for scores in others:
        names = [name for name in names if name in scores]
    return names


def _compare_score(name: str, a: ScoresBySeed, b: ScoresBySeed, paired: Sequence[int]) -> Score:
    spread_of_a = spread(known(a.values()))
    spread_of_b = spread(known(b.values()))
    difference_by_seed = _difference_by_seed(a, b, paired)
    if paired:
        difference = spread(list(difference_by_seed.values()))
    else:
        # Of n = 0 pairs, so that it has no interval.
        difference_of_means = spread_of_b.mean - spread_of_a.mean
        difference = Spread(n=0, mean=difference_of_means, sd=math.nan)
    return Score(
        name=name,
        a=spread_of_a,
        b=spread_of_b,
        difference=difference,
        interval=interval_of_mean(difference),
        by_seed=difference_by_seed,
    )


def _difference_by_seed(
    a: ScoresBySeed, b: ScoresBySeed, paired: Sequence[int]
) -> Mapping[int, float]:
    differences = {}
    for seed in paired:
        difference = b[seed] - a[seed]
        # A run that has not counted anything for this score is no pair.
        if not math.isnan(difference):
            differences[seed] = difference
    return differences


def interval_of_mean(values: Spread, new_values: int | None = None) -> Interval | None:
    """Return the 95 % Student t interval of a mean; None below `FEWEST` values.

    Args:
        values: mean and deviation.
        new_values: where given, the interval is for the mean of so many new values instead.
    """
    if values.n < FEWEST:
        return None
    return t_interval(values, new_values)
