"""Which labels chose the network of a row, and the rows that a leaderboard must have. Pure
functions of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.leaderboard.board import Board

Record = Mapping[str, Any]


def track(record: Record) -> str:
    """`none`, `weak-val`, or `dense-val:N` with N densely labelled validation images; N is `?`
    where a run failed before its split.

    It is that of the scenario: where its networks are selected, or stopped, by the validation part.
    A floor, and a method that trains on that part, select nothing themselves, but stand in the
    table of those that do.
    """
    training = record["settings"]["training"]
    if training.get("selection", "last") == "last" and training.get("patience") is None:
        return "none"
    if training["validation"] == "loss":
        return "weak-val"
    return f"dense-val:{record['split']['validation']['scenes'] if 'split' in record else '?'}"


def by_track(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The records by track, in the order of the first of each; no table may mix two.

    Where the number of validation images differs between seeds, as it may where whole groups are
    drawn, and each seed has one number, it is one track: dense-val:3-5. A record that does not say
    its track, since its run was not made or failed early, stands with the others of its method, or
    in the first track.
    """
    own = [track(record) if "settings" in record else "" for record in records]
    sizes = {
        (record["seed"], int(name.partition(":")[2]))
        for record, name in zip(records, own, strict=True)
        if name[-1:].isdigit()
    }
    numbers = sorted({size for _, size in sizes})
    if len(numbers) > 1 and len(sizes) == len({seed for seed, _ in sizes}):
        own = [
            f"dense-val:{numbers[0]}-{numbers[-1]}" if name[-1:].isdigit() else name for name in own
        ]
    known = {
        record["method"]: name
        for record, name in zip(records, own, strict=True)
        if name and not name.endswith("?")
    }
    first = next(iter([*known.values(), *filter(None, own), "none"]))
    tables: dict[str, list[Record]] = {}
    for record, name in zip(records, own, strict=True):
        sure = name and not name.endswith("?")
        tables.setdefault(name if sure else known.get(record["method"], first), []).append(record)
    return tables


def split(board: Board) -> dict[str, Board]:
    """The boards of the tracks of a board, whose tables stand apart; one without records is of the
    track `none`."""
    found = by_track(board.records)
    if len(found) < 2:
        return {next(iter(found), "none"): board}
    parts = {}
    for name in sorted(found):
        records = tuple(found[name])
        methods = {record.method for record in records}
        header = board.header.changed(
            methods=[entry.as_json() for entry in board.header.methods if entry.name in methods]
        )
        parts[name] = replace(board, header=header, records=records)
    return parts


def meaning(track: str) -> str:
    """What a track says of the networks in it."""
    kind, _, number = track.partition(":")
    if kind == "none":
        return "networks of the last epoch of a fixed schedule, tested once"
    labels = (
        f"{number} densely labelled validation images"
        if number
        else "validation images, with each method's own weak labels,"
    )
    return f"{labels} chose the epoch or ended training"


def missing_rows(header: Mapping[str, Any], records: Sequence[Record]) -> tuple[str, ...]:
    """What a board must have and lacks, a phrase each: full supervision as the reference, a floor,
    and few-shot where masks select.

    Only finished runs count. Any of them gives the floor that boards compute themselves, the most
    frequent class.
    """
    done = [record for record in records if record["status"] == "ok"]
    dense = [
        record
        for record in done
        if record["ledger"]["labelled_share"] == 1 and not record["settings"].get("floor")
    ]
    of_training = {record["method"] for record in dense if not few_shot(record)}
    lacking = []
    if header["reference"] not in of_training:
        lacking.append(
            f"full: no finished run of the reference, {header['reference']}, is trained on the"
            " whole masks of the training part"
        )
    if not done:
        lacking.append("floor: no finished run to count the most frequent class from")
    if any(track(record).startswith("dense-val") for record in done) and not any(
        map(few_shot, dense)
    ):
        lacking.append(
            "few-shot: no finished run is trained on the densely labelled images that select the"
            " other networks"
        )
    return tuple(lacking)


def few_shot(record: Record) -> bool:
    """Whether a run is trained on the validation part (`trains_on: validation`)."""
    return bool(record["settings"].get("trains_on", "training") == "validation")


def one_test(record: Record) -> bool:
    """Whether each network of a finished run was tested once. True of records from before that was
    counted."""
    return all(times == 1 for times in record.get("test_evaluations", {}).values())
