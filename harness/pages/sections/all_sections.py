"""The list of the folded tables, in the order in which pages show them.

A further table is a function in a module of this package, named here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from harness.leaderboard.analysis import TrackTable
from harness.pages.sections.annotation import tabulate_budgets, tabulate_costs
from harness.pages.sections.convergence import tabulate_convergence
from harness.pages.sections.reproduction import tabulate_reproduction
from harness.pages.sections.results import (
    tabulate_classes,
    tabulate_recovery,
    tabulate_scores,
    tabulate_seeds,
    tabulate_test_images,
)
from harness.pages.sections.setup import tabulate_methods, tabulate_setup
from harness.pages.table import Table

SectionTabulator = Callable[[TrackTable], Table | None]
"""Makes a table of a track, or None where there is nothing to show."""

SECTIONS: tuple[SectionTabulator, ...] = (
    tabulate_seeds,
    tabulate_recovery,
    tabulate_test_images,
    tabulate_classes,
    tabulate_scores,
    tabulate_convergence,
    tabulate_costs,
    tabulate_budgets,
    tabulate_reproduction,
    tabulate_methods,
    tabulate_setup,
)


def tabulate_sections(table: TrackTable, without: Collection[SectionTabulator] = ()) -> list[Table]:
    """Make all tables of a track that there is something to show in.

    Args:
        table: the rows.
        without: sections that the page shows elsewhere.
    """
    tables = []
    for section in SECTIONS:
        if section not in without:
            made = section(table)
            if made is not None:
                tables.append(made)
    return tables
