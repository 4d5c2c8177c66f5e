"""Which labels chose the network of a row, and the rows that a leaderboard must have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.leaderboard.board import Board
from harness.records.record import FinishedRecord, Record


@dataclass(frozen=True, slots=True)
class Track:
    """The labels that chose the networks of a table; rows of two tracks never share one."""

    kind: Literal["none", "weak-val", "dense-val"]
    """No labels, each method's own weak ones, or whole masks of the validation part."""
    fewest: int | None = None
    """How many densely labelled images chose the network, in the seed with fewest; None for other
    kinds, and where a run failed before its split."""
    most: int | None = None
    """The same in the seed with most."""

    @property
    def is_known(self) -> bool:
        """Whether the number of images is known, where there is one."""
        return self.kind != "dense-val" or self.fewest is not None

    @property
    def meaning(self) -> str:
        """A phrase that tells a reader how these networks were chosen."""
        if self.kind == "none":
            return "networks of the last epoch of a fixed schedule, tested once"
        labels = "validation images, with each method's own weak labels,"
        if self.kind == "dense-val":
            labels = f"{self._number} densely labelled validation images"
        return f"{labels} chose the epoch or ended training"

    @property
    def _number(self) -> str:
        if self.fewest is None:
            return "?"
        if self.fewest == self.most:
            return str(self.fewest)
        return f"{self.fewest}-{self.most}"

    def __str__(self) -> str:
        """Return `none`, `weak-val`, `dense-val:3`, `dense-val:3-5` or `dense-val:?`."""
        if self.kind == "dense-val":
            return f"{self.kind}:{self._number}"
        return self.kind


NONE = Track("none")
WEAK_VALIDATION = Track("weak-val")


def find_track(record: Record) -> Track | None:
    """Return the track of a run; None where it was not made, and has no settings.

    It is that of the scenario: where its networks are selected, or stopped, by the validation part.
    A floor, and a method that trains on that part, select nothing themselves, but stand in the
    table of those that do.
    """
    if record.settings is None:
        return None
    training = record.settings.training
    # Validation alone makes no track: it may be watched and decide nothing.
    if not training.selects:
        return NONE
    if training.validation == "loss":
        return WEAK_VALIDATION
    images = None
    # A run may have failed before the images were divided.
    if record.split is not None:
        images = record.split.validation.scenes
    return Track("dense-val", images, images)


def assign_tracks(records: Sequence[Record]) -> list[Track]:
    """Return the track in whose table each record stands.

    A record that does not say its track, since its run was not made or failed early, stands with
    the others of its method, or in the first track.
    """
    stated = [find_track(record) for record in records]
    stated = _unite_tracks_of_seeds(records, stated)
    track_of_method: dict[str, Track] = {}
    incomplete: list[Track] = []
    for record, track in zip(records, stated, strict=True):
        if track is None:
            continue
        if track.is_known:
            track_of_method[record.method] = track
        else:
            incomplete.append(track)
    # Only where no method has a known track does `dense-val:?` become one.
    candidates = [*track_of_method.values(), *incomplete, NONE]
    assigned = []
    for record, track in zip(records, stated, strict=True):
        if track is None or not track.is_known:
            track = track_of_method.get(record.method, candidates[0])
        assigned.append(track)
    return assigned


def _unite_tracks_of_seeds(
    records: Sequence[Record], tracks: Sequence[Track | None]
) -> list[Track | None]:
    """Make one track, dense-val:3-5, of those that differ only because seeds differ.

    The number of validation images may differ between seeds where whole groups are drawn. Where it
    differs within a seed, methods were selected with different labels: these are different tracks.
    """
    images_of_seed: dict[int, int] = {}
    for record, track in zip(records, tracks, strict=True):
        if track is None or track.fewest is None:
            continue
        images = images_of_seed.setdefault(record.seed, track.fewest)
        if images != track.fewest:
            return list(tracks)
    if not images_of_seed:
        return list(tracks)
    numbers = images_of_seed.values()
    common = Track("dense-val", min(numbers), max(numbers))
    joined: list[Track | None] = []
    for track in tracks:
        is_counted = track is not None and track.fewest is not None
        joined.append(common if is_counted else track)
    return joined


def split_by_track(board: Board) -> dict[Track, Board]:
    """Divide a board into the boards of its tracks, whose tables stand apart.

    A board without records is of the track `none`.
    """
    tracks = assign_tracks(board.records)
    records_by_track: dict[Track, list[Record]] = {}
    for record, track in zip(board.records, tracks, strict=True):
        records_by_track.setdefault(track, []).append(record)
    if len(records_by_track) < 2:
        only = next(iter(records_by_track), NONE)
        return {only: board}
    boards = {}
    # By name, so that the order of tables does not depend on which method a scenario lists first.
    for track in sorted(records_by_track, key=str):
        records = tuple(records_by_track[track])
        methods_of_track = {record.method for record in records}
        methods = []
        # Rows are made of the methods of the header, so each table has those of its own runs.
        for method in board.header.methods:
            if method.name in methods_of_track:
                methods.append(method.as_json())
        header = board.header.changed(methods=methods)
        boards[track] = replace(board, header=header, records=records)
    return boards


def missing_rows(board: Board) -> tuple[str, ...]:
    """Name what a board must have and lacks: full supervision as the reference, a floor, and
    few-shot where masks select.

    Only finished runs count. Any of them gives the floor that boards compute themselves, the most
    frequent class.

    Returns:
        A phrase for each row that is missing.
    """
    # Few-shot uses whole masks too, but those of the validation part: it is no full supervision.
    fully_supervised: set[str] = set()
    few_shot: set[str] = set()
    masks_select = False
    for record in board.finished:
        track = find_track(record)
        masks_select |= track is not None and track.kind == "dense-val"
        if _has_all_masks(record):
            methods = few_shot if is_few_shot(record) else fully_supervised
            methods.add(record.method)
    lacking = []
    if board.reference not in fully_supervised:
        lacking.append(
            f"full: no finished run of the reference, {board.reference}, is trained on the"
            " whole masks of the training part"
        )
    if not board.finished:
        lacking.append("floor: no finished run to count the most frequent class from")
    # Who has masks to select with could train on them instead.
    if masks_select and not few_shot:
        lacking.append(
            "few-shot: no finished run is trained on the densely labelled images that select the"
            " other networks"
        )
    return tuple(lacking)


def _has_all_masks(record: FinishedRecord) -> bool:
    """Tell whether a network was trained on whole masks."""
    is_floor = bool(record.settings.floor)
    return not is_floor and record.ledger.labelled_share == 1


def is_few_shot(record: FinishedRecord) -> bool:
    """Tell whether a run is trained on the validation part (`trains_on: validation`)."""
    return record.settings.trains_on == "validation"


def is_tested_once(record: FinishedRecord) -> bool:
    """Tell whether each network of a run was tested once.

    True of records from before that was counted.
    """
    return all(times == 1 for times in record.test_evaluations.values())
