"""A leaderboard as a value: computed once from a board, and handed to everything that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from harness.leaderboard import budgets, significance
from harness.leaderboard.board import Board
from harness.leaderboard.bootstrap import image_interval
from harness.leaderboard.comparability import require_comparable, usable_records
from harness.leaderboard.convergence import ValidationScores, validation_scores
from harness.leaderboard.rows import Row, find_gap_floor, make_rows
from harness.leaderboard.selection_tracks import Track, split_by_track
from harness.leaderboard.significance import PairedTest
from harness.leaderboard.statistics import Interval


# Not `slots`, which leave no room for what is computed when it is first asked for.
@dataclass(frozen=True)
class TrackTable:
    """The rows of one selection track, which alone may stand beside each other.

    What takes long is computed when it is first asked for, and then kept.
    """

    track: Track
    """How the networks were chosen."""
    board: Board
    """The runs of this track."""
    rows: tuple[Row, ...]
    """A row of each method, in the order of the scenario, and of the floor after them."""

    @property
    def reference(self) -> Row | None:
        """The row of the reference, if the track has it."""
        for row in self.rows:
            if row.role == "reference":
                return row
        return None

    @property
    def gap_floor(self) -> str:
        """The method that the gap is measured from."""
        return find_gap_floor(self.board)

    @property
    def listed(self) -> tuple[Row, ...]:
        """The rows of the headline: all of a smoke test, else those with enough seeds."""
        if self.board.is_smoke:
            return self.rows
        return tuple(row for row in self.rows if row.standing != "unlisted")

    @cached_property
    def tests(self) -> Mapping[str, PairedTest]:
        """Paired tests of the methods that are listed, against the reference."""
        scores = {}
        for row in self.rows:
            # Holm's correction is over all tests of a table, so rows that a reader does not see
            # must not be among them.
            if row.standing in ("ranked", "unranked"):
                scores[row.method] = row.scores.miou
        reference = self.reference
        if reference is None:
            return significance.paired_tests({}, scores)
        return significance.paired_tests(reference.scores.miou, scores)

    @cached_property
    def image_intervals(self) -> Mapping[str, Interval | str]:
        """The interval over test images of each method with a result, or why it has none."""
        intervals = {}
        for row in self.rows:
            records = self.board.finished_of(row.method)
            if records:
                intervals[row.method] = image_interval(records)
        return intervals

    @cached_property
    def budgets(self) -> tuple[budgets.BudgetCurve, ...]:
        """Score against annotation for each family of methods that differ in its amount."""
        return budgets.budget_curves(self.board)

    @cached_property
    def validation_scores(self) -> Mapping[str, ValidationScores]:
        """The validation mIoU after each epoch, by method and seed."""
        return validation_scores(self.board)


@dataclass(frozen=True)
class Leaderboard:
    """A board and what follows from it."""

    board: Board
    """The board, in which a stale result that does not fit is a missing run."""
    tables: tuple[TrackTable, ...]
    """One of each selection track, in the order of their names."""

    @property
    def rows(self) -> list[Row]:
        """The rows of all tracks."""
        rows: list[Row] = []
        for table in self.tables:
            rows += table.rows
        return rows

    @property
    def has_tracks(self) -> bool:
        """Whether there are tables that may not be compared with each other."""
        return len(self.tables) > 1


def analyse(board: Board) -> Leaderboard:
    """Compute the leaderboard of a board.

    Stale results that cannot stand beside the current ones are missing runs there, see
    `comparability.usable_records`.

    Raises:
        InputError: naming runs that cannot stand in one table.
    """
    # Before the tracks: a result from other validation images would make one of its own.
    usable = replace(board, records=usable_records(board))
    tables = []
    for track, part in split_by_track(usable).items():
        require_comparable(part)
        rows = tuple(make_rows(part))
        tables.append(TrackTable(track, part, rows))
    return Leaderboard(usable, tuple(tables))
