"""What a reader must know before believing a headline: its legend, what is missing, and why.

All are sentences of plain text. Markdown and HTML show the same ones, so a page and a report cannot
say different things.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.board import Board
from harness.leaderboard.rows import CONSTANT
from harness.leaderboard.selection_tracks import missing_rows
from harness.leaderboard.significance import SEEDS_TO_RANK
from harness.pages.formats import format_duration
from harness.records.record import FinishedRecord, RecordedSplit


@dataclass(frozen=True, slots=True)
class Emphasis:
    """A name within a sentence that is set apart from its words."""

    text: str

    def __str__(self) -> str:
        """Return the name alone."""
        return self.text


Sentence = tuple[str | Emphasis, ...]
"""Words, in which backticks enclose code, and names."""


@dataclass(frozen=True, slots=True)
class UnfinishedRuns:
    """The runs of a board without a result, or with one that is not of today's run."""

    title: str
    runs: tuple[str, ...]
    """A sentence for each."""


def to_plain_text(sentence: Sentence) -> str:
    """Return a sentence without emphasis."""
    return "".join(map(str, sentence))


def find_caveats(table: TrackTable) -> list[str]:
    """Say what stands directly below a headline, since it weighs against it."""
    return find_reference_gaps(table) + find_costly_labels(table)


def find_reference_gaps(table: TrackTable) -> list[str]:
    """Say which seeds the reference lacks: no method can be compared on them."""
    reference = table.reference
    if reference is None or not (reference.runs.failed or reference.missing):
        return []
    lost = []
    # Unlike the headline, this names the seeds: they are lost to every method.
    for record in table.board.runs_of(reference.method):
        if not isinstance(record, FinishedRecord):
            lost.append(f"{record.seed} ({record.status})")
    consequence = "no method can be compared with it"
    if reference.finished:
        seeds = ", ".join(map(str, reference.scores.miou))
        consequence = f"comparisons with it are over seed {seeds} alone"
    return [f"The reference {reference.method} lacks seed {', '.join(lost)}: {consequence}."]


def find_costly_labels(table: TrackTable) -> list[str]:
    """Say which labels took longer than those of the reference, so that they save nothing."""
    reference = table.reference
    if reference is None:
        return []
    costly = []
    for row in table.rows:
        # A cost that is not known is NaN, and not above anything.
        if row.role == "method" and row.annotation.seconds > reference.annotation.seconds:
            costly.append(f"{row.method} ({format_duration(row.annotation.seconds)})")
    if not costly:
        return []
    # A reference may be weakly labelled too.
    labels = "masks" if reference.annotation.labelled_share == 1 else "labels"
    return [
        "By the cost model, the weak label costs more seconds of annotation than the"
        f" {labels} of {reference.method} ({format_duration(reference.annotation.seconds)}):"
        f" {', '.join(costly)}."
    ]


def make_legend(table: TrackTable) -> list[Sentence]:
    """Explain the columns of the headline, and what the board lacks."""
    board = table.board
    reference = board.reference
    sentences: list[Sentence] = [
        (
            "mIoU: of the whole test set (confusion counts summed over images), the mean over"
            " seeds. Brackets: 95 % Student t interval over seeds, for what another"
            f" {describe_seed_changes(board)} would change. The interval over test images is"
            " another one, and folded below.",
        ),
        (
            f"Difference to {reference}: paired by seed (same split, initialisation and"
            " supervision draw), with its 95 % t interval.",
        ),
        (
            f"Gap closed: (mIoU − floor) / ({reference} − floor); the floor is ",
            Emphasis(table.gap_floor),
            ".",
        ),
        (f"Labelled pixels: those of {_labelled_parts(board)} counted by the harness.",),
        (Emphasis(CONSTANT), " predicts the commonest test class everywhere."),
    ]
    for sentence in [*_explain_ranks(table), *_explain_track(table)]:
        sentences.append((sentence,))
    return sentences


def describe_seed_changes(board: Board) -> str:
    """Say what another seed changes; the split is left out where it is the same for all seeds."""
    finished = board.finished
    if not finished or _is_fixed(finished[0].settings.split):
        return "initialisation and supervision draw"
    return "split, initialisation and supervision draw"


def find_unfinished(board: Board) -> UnfinishedRuns | None:
    """List the runs that failed, are missing, or are stale; None where there are none."""
    title = "Failed and missing runs"
    runs = []
    for record in board.records:
        state = ""
        if record.error is not None and record.status == "failed":
            state = f"failed: {record.error.type}: {record.error.message}"
        elif record.stale is not None:
            # Before missing: a stale result that fits no table any more counts as a missing run.
            state = f"stale: {record.stale}"
            title = "Failed, missing and stale runs"
        elif record.status == "missing":
            state = "missing: not run yet"
        if state:
            runs.append(f"{record.method}, seed {record.seed}: {state}")
    return UnfinishedRuns(title, tuple(runs)) if runs else None


def find_absent_classes(board: Board) -> dict[str, list[int]]:
    """Find the classes that training parts lack, with the seeds of these parts."""
    seeds_of_class: dict[str, list[int]] = {}
    for record in board.ordered:
        if record.split is None:
            continue
        for name in record.split.train.absent_classes:
            seeds = seeds_of_class.setdefault(name, [])
            # All methods of a seed have the same training part.
            if record.seed not in seeds:
                seeds.append(record.seed)
    for seeds in seeds_of_class.values():
        seeds.sort()
    return seeds_of_class


def _labelled_parts(board: Board) -> str:
    """Name the parts of the split whose labelled pixels are counted."""
    for record in board.records:
        if record.ledger is not None and record.ledger.validation is not None:
            return "the training split, and of the validation split where it is labelled weakly,"
    return "the training split,"


def _explain_ranks(table: TrackTable) -> list[str]:
    if table.board.is_smoke:
        return [
            "A smoke test has no ranks: it shows that things run, and says nothing about methods."
        ]
    standings = {row.standing for row in table.rows}
    sentences = []
    if "ranked" in standings:
        sentences.append(
            f"Rank: of methods with at least {SEEDS_TO_RANK} seeds. Methods share a rank where"
            " the paired difference to the first of them has a 95 % interval that contains 0,"
            " corrected by Holm over all pairs of the table."
        )
    if "unranked" in standings:
        sentences.append(f"† listed with fewer than {SEEDS_TO_RANK} seeds, so without a rank.")
    return sentences


def _explain_track(table: TrackTable) -> list[str]:
    """Say how networks were chosen, and which rows and classes are not there."""
    board = table.board
    sentences = [f"Selection track `{table.track}`: {table.track.meaning}."]
    for row in missing_rows(board):
        sentences.append(f"This leaderboard lacks {row}.")
    absent = []
    for name, seeds in find_absent_classes(board).items():
        numbers = ", ".join(map(str, seeds))
        absent.append(f"{name} (seed {numbers})")
    if absent:
        sentences.append(f"Absent from the training part: {'; '.join(absent)}.")
    return sentences


def _is_fixed(split: RecordedSplit) -> bool:
    """Tell whether settings of a split give the same split for every seed."""
    if split.by == "official":
        return True
    # Each seed tests on another group, whatever else is set.
    if split.by == "leave-one-group-out":
        return False
    if split.seed is not None:
        return True
    for part in (split.test, split.validation):
        # A fraction is drawn; groups that are named are always the same.
        if isinstance(part, float) and part > 0:
            return False
    return True
