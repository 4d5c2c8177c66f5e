"""The commands that look twice: compare, reproduce and audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from harness.cli.exit_codes import FINDINGS, SUCCESS
from harness.cli.options import (
    Action,
    Workers,
    board_argument,
    changes_option,
    declare,
    gather,
    json_option,
    make_executor,
    worker_options,
)
from harness.core.errors import InputError


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What the user says about published tables that they do not say themselves."""

    majority: float | None
    """Share of the commonest class in the pixels, as a fraction or in percent."""
    classes: int | None
    """Number of classes, with those that a table does not list."""
    per_class: Literal["iou", "f1"] | None
    """The score in columns that are named after classes alone."""
    averaged: bool
    """Whether all numbers are means over runs or images."""
    separate: bool
    """Whether tables of one file are of different data."""


def table_options(action: Action) -> Action:
    """Declare what a user can say about published tables; a command receives it as `facts`."""
    declarations = (
        click.option(
            "--majority",
            type=float,
            metavar="SHARE",
            help="Share of the commonest class: 0.524 or 52.4.",
        ),
        click.option(
            "--classes",
            type=int,
            metavar="N",
            help="Number of classes, where a table does not list all.",
        ),
        click.option(
            "--per-class",
            type=click.Choice(["iou", "f1"]),
            help="The score in columns that are named after classes alone.",
        ),
        click.option(
            "--averaged",
            is_flag=True,
            help="All numbers are means over runs or images, also those without ±.",
        ),
        click.option(
            "--separate",
            is_flag=True,
            help="Tables of one file are of different data: do not compare their rows.",
        ),
    )
    return declare(declarations, gather(TableFacts, "facts", action))


@click.command()
@click.argument("a")
@click.argument("b")
@json_option
def compare(a: str, b: str, as_json: bool) -> int:
    """Say how two runs, rows or boards differ.

    In what they differ, and by how much. A and B are each a BOARD, BOARD:METHOD,
    BOARD:METHOD:SEED, or the first digits of a run's key.
    """
    from harness.comparison import compare as comparing
    from harness.comparison.find import find_records
    from harness.comparison.show import to_json, to_text
    from harness.core.paths import leaderboards_root, runs_root
    from harness.records.store import Store

    root = leaderboards_root()
    store = Store(runs_root())
    named_a = find_records(a, root, store)
    named_b = find_records(b, root, store)
    comparison = comparing.compare(named_a, named_b)
    print(to_json(comparison) if as_json else to_text(comparison))
    return SUCCESS


@click.command()
@board_argument
@click.argument("row")
@click.option(
    "--seed",
    "seeds",
    type=int,
    multiple=True,
    metavar="N",
    help="Only this seed; may be given again.",
)
@changes_option("Where data lies: dataset.folder=PATH; may be given again.")
@worker_options
def reproduce(
    board: str, row: str, seeds: tuple[int, ...], changes: tuple[str, ...], workers: Workers
) -> int:
    """Run a leaderboard's row again from its records.

    BOARD is the name of a board, such as dubai-points.mini, and ROW is one of its methods. The exit
    code is 0 where the new results lie inside the row's interval, else 1.
    """
    from harness.catalog import load_catalog
    from harness.comparison import reproduce as reproduction
    from harness.core.paths import leaderboards_root, runs_root
    from harness.records.store import Store

    catalog = load_catalog()
    # The executor comes first: rebuilding the runs reads all data, which takes a while.
    executor = make_executor(catalog, workers)
    recorded = reproduction.read_row(board, row, leaderboards_root())
    reruns = reproduction.plan_reruns(recorded, seeds, catalog, changes)
    store = Store(runs_root())
    return reproduction.reproduce(recorded, reruns, catalog, store, executor)


@click.command()
@click.argument(
    "tables",
    metavar="TABLE...",
    nargs=-1,
    required=True,
    # `audit` checks itself whether a file is there, and says more than click would.
    type=click.Path(path_type=Path),
)
@table_options
@json_option
def audit(tables: tuple[Path, ...], facts: TableFacts, as_json: bool) -> int:
    """Find numbers in published tables that cannot be true.

    TABLE is a CSV file (.csv, .tsv), or a Markdown file with tables, whose columns are named such
    as "IoU road". The exit code is 1 where there are such numbers.
    """
    from harness.audit import audit as auditing
    from harness.audit.rules import Options

    options = Options(
        majority=read_share(facts.majority),
        classes=check_class_count(facts.classes),
        averaged=facts.averaged,
        per_class=facts.per_class,
        separate=facts.separate,
    )
    result = auditing.audit(tables, options)
    print(auditing.to_json(result) if as_json else auditing.to_text(result))
    return FINDINGS if result.failed else SUCCESS


def read_share(majority: float | None) -> float | None:
    """Return a share as a fraction.

    Args:
        majority: a fraction, or a percentage where it is above 1.

    Raises:
        InputError: where it is no share of anything.
    """
    if majority is None:
        return None
    if not 0 < majority <= 100:
        raise InputError(
            f"--majority {majority:g}: is a share of the pixels, above 0 and at most 1 (or 100, in"
            " percent)"
        )
    # 1 is all pixels and not one percent of them.
    return majority / 100 if majority > 1 else majority


def check_class_count(classes: int | None) -> int | None:
    """Return the number of classes.

    Raises:
        InputError: where there are fewer than two: then there is nothing to segment.
    """
    if classes is not None and classes < 2:
        raise InputError(f"--classes {classes}: there are at least two")
    return classes
