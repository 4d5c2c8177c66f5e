"""Runs a leaderboard's row again from its records, and says whether the new results are those of
the row."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tabulate import tabulate

from harness.catalog import Catalog
from harness.comparison.compare import interval
from harness.comparison.differences import (
    differing,
    merged,
    provenance_values,
    setting_values,
    shown,
)
from harness.comparison.find import Record, row, scores
from harness.comparison.rebuild import rebuild
from harness.core.components import Executor
from harness.core.errors import InputError
from harness.core.paths import cache_root, check_writable
from harness.execution.experiment import Experiment, cut_patches
from harness.execution.local import cores
from harness.execution.progress import compute_runs
from harness.leaderboard.board import read_board, records_path
from harness.leaderboard.rows import FLOOR
from harness.leaderboard.statistics import spread
from harness.plan.keys import data_fingerprint
from harness.plan.runs import Run, expand
from harness.records.store import Store

TOLERANCE = 0.001
"""How far a mean may be from the recorded one where there is no interval, or a narrower one: the
last digit that boards print (0.1 pp)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run to be made again: the record it is made from, which is of the same seed where
    `same`."""

    run: Run
    record: Record
    same: bool


def plans(
    board: str,
    method: str,
    seeds: Sequence[int],
    root: Path,
    catalog: Catalog,
    changes: Sequence[str] = (),
) -> list[Plan]:
    """The runs of a row, by default all that finished, each with the CPU threads of its record, or
    as many as there are cores.

    A seed of the row that has not finished is made with the settings of the first that has. Raises
    InputError for an unknown board, row or seed, a row without a finished run, a record that lacks
    something, and data that is absent.
    """
    if method == FLOOR:
        raise InputError(
            f"{FLOOR!r} is computed from the records of the other rows: there is nothing to run"
        )
    found = read_board(records_path(root, board))
    planned = row(found, method)
    done = {record["seed"]: record for record in planned if record["status"] == "ok"}
    if not done:
        states = ", ".join(sorted({record["status"] for record in planned})) or "no runs"
        raise InputError(
            f"{board}, {method}: no finished run is recorded ({states}): nothing to reproduce"
        )
    known = [record["seed"] for record in planned]
    for seed in seeds:
        if seed not in known:
            raise InputError(
                f"--seed {seed}: {board} has no such seed of {method!r}: its seeds are"
                f" {_listed(known)}"
            )
    check_writable("RUNS", "CACHE")
    first, made = next(iter(done.values())), list[Plan]()
    for seed in dict.fromkeys(seeds or done):
        record: Record = done.get(seed, first)
        where = f"{records_path(root, board)}, {method}, seed {record['seed']}"
        scenario = rebuild(record, seed, catalog, where, changes)
        data = data_fingerprint(scenario.dataset, cache_root() / "digests.json")
        runs = expand(scenario, data)
        cut_patches(Experiment(scenario, data, runs, runs))
        threads = _threads(record)
        made.append(
            Plan(
                replace(runs[0], threads=min(threads, cores()) if threads else None),
                record,
                seed in done,
            )
        )
    return made


def reproduce(
    board: str,
    method: str,
    made: Sequence[Plan],
    root: Path,
    catalog: Catalog,
    store: Store,
    executor: Executor,
) -> int:
    """Runs what `plans` made, and prints how it compares with the row. Returns 0 where it lands
    inside the row's interval, else 1."""
    recorded = {
        record["seed"]: record
        for record in row(read_board(records_path(root, board)), method)
        if record["status"] == "ok"
    }
    print(
        f"{board}, {method}: recorded seeds {_listed(recorded)}; running seeds"
        f" {_listed(each.run.seed for each in made)}",
        flush=True,
    )
    for line in (*_changed(made), *_threading(made)):
        print(line, flush=True)
    fresh: dict[int, Record] = {}
    failed = False
    for record in compute_runs(catalog, [each.run for each in made], store, executor, sys.stdout):
        if record["status"] == "ok":
            fresh[record["seed"]] = record
        else:
            failed = True
            print(
                f"failed: seed {record['seed']}: {record['error']['type']}:"
                f" {record['error']['message']}"
            )
    print(f"\n{_table(made, recorded, fresh)}\n")
    print(
        f"runs are in {store.root}; earlier records of the same keys are kept beside the new ones"
    )
    before = merged([provenance_values(each.record) for each in made])
    lines = [
        (each.path, shown(each.a), shown(each.b))
        for each in differing(before, merged([*map(provenance_values, fresh.values())]))
    ]
    if fresh and lines:
        print(
            tabulate(
                lines,
                ("computed with", "recorded", "now"),
                disable_numparse=True,
                maxcolwidths=[None, 50, 50],
            )
        )
    if failed or not fresh:
        return 1
    inside, sentence = verdict(recorded, fresh)
    print(sentence)
    return 0 if inside else 1


def verdict(recorded: Mapping[int, Record], fresh: Mapping[int, Record]) -> tuple[bool, str]:
    """Whether new runs of a row agree with its records, and the sentence that says so. Both by
    seed.

    All recorded seeds again: their mean against the 95 % t interval of the recorded mean. Others:
    against the interval for the mean of so many new runs, which is wider. Too few recorded seeds
    for an interval: each against the record of its own seed, within `TOLERANCE`.
    """
    if all(
        seed in recorded and identical(recorded[seed], record) for seed, record in fresh.items()
    ):
        return True, "bit-identical: all confusion counts are those recorded"
    old, new = (
        {seed: scores(record)["mIoU"] for seed, record in side.items()}
        for side in (recorded, fresh)
    )
    before, now = spread([*old.values()]), spread([*new.values()])
    whole = fresh.keys() == recorded.keys()
    ends = interval(before, None if whole else now.n)
    if ends is None:
        few = f"{before.n} recorded seed{'s' if before.n > 1 else ''}: too few for an interval"
        unknown = [seed for seed in new if seed not in old]
        if unknown:
            return False, f"{few}, and no record of seed {_listed(unknown)} to compare with"
        off = max(abs(new[seed] - old[seed]) for seed in new)
        near = off <= TOLERANCE + 1e-9
        bound = f"{'within' if near else 'more than'} {100 * TOLERANCE:g} pp"
        return near, f"{few}; mIoU of the same seed is off by {100 * off:.2f} pp, {bound}"
    low, high = min(ends[0], before.mean - TOLERANCE), max(ends[1], before.mean + TOLERANCE)
    inside = low - 1e-9 <= now.mean <= high + 1e-9
    kind = "of the row" if whole else f"for {now.n} more run{'s' if now.n > 1 else ''}"
    where = "inside" if inside else "OUTSIDE"
    return (
        inside,
        (
            f"mIoU {100 * now.mean:.2f} %: {where} the 95 % t interval {kind}, {100 * low:.2f} to"
            f" {100 * high:.2f} % (n = {before.n})"
        ),
    )


def identical(one: Record, other: Record) -> bool:
    """Whether two runs predicted the same: equal confusion counts of every test image."""
    a, b = one["confusion"], other["confusion"]
    return bool(a["images"] == b["images"] and np.array_equal(a["counts"], b["counts"]))


def _changed(made: Sequence[Plan]) -> list[str]:
    """What in the settings, source or data is not as recorded, a line each; that the keys are,
    where nothing is."""
    lines: dict[str, None] = {}
    for each in made:
        record = {**each.record, "settings": {**each.record["settings"], "seed": each.run.seed}}
        scenario = each.run.scenario
        now = {
            "classes": [{"name": own.name} for own in scenario.dataset.classes],
            "mean_over": list(scenario.mean_over),
        }
        for other in differing(
            setting_values(record), setting_values({**now, "settings": each.run.settings})
        ):
            lines[
                f"changed since: {other.path}: {shown(other.a)} recorded, {shown(other.b)} now"
            ] = None
        if each.same and each.run.key != each.record["key"]:
            lines[
                f"so the key of seed {each.run.seed} is {each.run.key[:12]}, not"
                f" {each.record['key'][:12]}"
            ] = None
    return [*lines] or ["settings, source and data are as recorded"]


def _threads(record: Record) -> int | None:
    """The CPU threads that a run was computed with, where its record says."""
    threads: int | None = record.get("hardware", {}).get("threads")
    return threads


def _threading(made: Sequence[Plan]) -> list[str]:
    """With how many CPU threads the runs are made, a line for each number recorded: sums in another
    order change scores."""
    lines: dict[str, None] = {}
    for each in made:
        recorded, now = _threads(each.record), each.run.threads
        if not recorded or not now:
            lines[
                "the record does not say how many CPU threads it had: with another number, mIoU can"
                " be tenths of a point off"
            ] = None
        elif recorded != now:
            lines[
                f"recorded with {recorded} CPU threads, of which this machine has {now}: mIoU can"
                " be tenths of a point off"
            ] = None
        else:
            lines[f"computed with {now} CPU thread{'s' if now > 1 else ''}, as recorded"] = None
    return [*lines]


def _table(
    made: Sequence[Plan], recorded: Mapping[int, Record], fresh: Mapping[int, Record]
) -> str:
    lines = []
    for seed in (each.run.seed for each in made):
        old, new = (
            scores(side[seed])["mIoU"] if seed in side else None for side in (recorded, fresh)
        )
        off = "–" if old is None or new is None else f"{100 * (new - old):+.2f}"
        both = seed in recorded and seed in fresh
        counts = (
            ("identical" if identical(recorded[seed], fresh[seed]) else "differ") if both else "–"
        )
        lines.append(
            [
                str(seed),
                *("–" if value is None else f"{100 * value:.2f}" for value in (old, new)),
                off,
                counts,
            ]
        )
    columns = ("seed", "recorded mIoU (%)", "now", "difference (pp)", "confusion counts")
    return tabulate(lines, columns, disable_numparse=True, colalign=("left", *["right"] * 4))


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))
