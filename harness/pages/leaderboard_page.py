"""A leaderboard as a Markdown page, and as a few columns for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import Board
from harness.leaderboard.rows import FLOOR, Row, named_floor
from harness.leaderboard.selection_tracks import split_by_track
from harness.leaderboard.significance import LISTED, RANKED
from harness.leaderboard.statistics import DIGITS
from harness.pages import formats as cells
from harness.pages.caveats import caveats, incomplete, notes, varied
from harness.pages.sections import all_sections
from harness.pages.table import folded


def headline(board: Board) -> str:
    """The few columns that fit a terminal."""
    reference, table = board.header["reference"], analyse(board).rows
    lines = []
    for row in table:
        rank = "" if row.rank is None else str(row.rank)
        difference, ratio = (
            cells.signed(row.against.difference.mean),
            cells.percent(row.against.ratio),
        )
        lines.append(
            (
                rank,
                row.method,
                cells.within(
                    cells.percent(row.scores.mean_miou.mean), row.scores.mean_miou.interval
                ),
                difference,
                ratio,
                row.scores.mean_miou.n,
            )
        )
    columns = ("rank", "method", "mIoU (%)", f"vs {reference} (pp)", f"% of {reference}", "seeds")
    shown = tabulate(
        lines, columns, disable_numparse=True, colalign=("right", "left", *["right"] * 4)
    )
    return "\n".join([shown, *incomplete(board, table)])


def to_markdown(board: Board, curve: bool = False) -> str:
    """The leaderboard as a page: headline table, legend, what failed; everything else folded. A
    table for each selection track.

    curve: whether NAME.svg lies beside it. Raises InputError naming runs that cannot stand in one
    table.
    """
    header, parts = board.header, split_by_track(board)
    blocks = [f"# {_title(header)}", cells.text(header["about"])]
    for track, part in parts.items():
        table = analyse(part).rows
        listed = table if header.is_smoke else [row for row in table if row.standing != "unlisted"]
        blocks += [f"## Selection track `{track}`"] * (len(parts) > 1) + [_headline(header, listed)]
        blocks += [f"![mIoU against labelled pixels]({header['board']}.svg)"] if curve else []
        told = [*map(cells.text, caveats(part, table)), *_legend(part, table)]
        blocks += [
            cells.bullets(told),
            *_unlisted(header, table),
            *_failures(part),
            *map(folded, all_sections.every(part, table)),
        ]
    profile = f" --profile {header['profile']}" if header["profile"] else ""
    options = "".join(f" --set {setting}" for setting in header["overrides"])
    again = f"Runs: `harness run scenarios/{header['scenario']}.yaml{profile}{options}`."
    blocks.append(f"{again} {written_by(header['board'])} [All leaderboards](README.md).")
    return "\n\n".join(block for block in blocks if block) + "\n"


def written_by(board: str) -> str:
    """The sentence of a page that names its command."""
    return f"This page: `harness leaderboard {board}`."


def _title(header: Mapping[str, Any]) -> str:
    if header.is_smoke:
        return f"{cells.text(header['board'])}: a smoke test, not a result"
    profile = f", profile {header['profile']}" if header["profile"] else ""
    overrides = f" ({', '.join(header['overrides'])})" if header["overrides"] else ""
    return cells.text(header["scenario"] + profile + overrides)


def _headline(header: Mapping[str, Any], listed: Sequence[Row]) -> str:
    """The table by mean mIoU; that of a smoke test is as the scenario has it, without ranks."""
    if not any(row.role != "floor" for row in listed):
        return f"No method has finished the {LISTED} seeds that it takes to be listed."
    reference, ranked = cells.text(header["reference"]), not header.is_smoke
    columns = ["rank"] * ranked + [
        "method",
        "mIoU (%)",
        f"difference to {reference} (pp)",
        f"% of {reference}",
    ]
    columns += ["gap closed (%)", "labelled pixels", "seeds"]
    lines = []
    for row in (
        sorted(listed, key=lambda row: -round(row.scores.mean_miou.mean, DIGITS))
        if ranked
        else listed
    ):
        difference = row.against.difference
        line = [
            str(row.rank) if row.rank else "†" if row.standing == "unranked" else cells.DASH
        ] * ranked
        line += [
            _name(row),
            cells.within(cells.percent(row.scores.mean_miou.mean), row.scores.mean_miou.interval),
        ]
        line += [
            (
                "reference"
                if row.role == "reference"
                else cells.within(cells.signed(difference.mean), difference.interval, sign=True)
            )
        ]
        line += [
            cells.percent(row.against.ratio),
            cells.percent(row.gap_closed.value),
            cells.pixels(row.annotation.labelled_pixels),
            _seeds(row),
        ]
        lines.append(line)
    return cells.table(lines, columns, left=1 + ranked)


def _legend(board: Board, table: Sequence[Row]) -> list[str]:
    """What the columns mean. A column that is added to the headline is explained here."""
    header = board.header
    reference, floor = cells.text(header["reference"]), cells.text(named_floor(board))
    validated = any("validation" in record.get("ledger", ()) for record in board.records)
    parts = (
        "the training split, and of the validation split where it is labelled weakly,"
        if validated
        else "the training split,"
    )
    sentences = [
        (
            "mIoU: of the whole test set (confusion counts summed over images), the mean over"
            " seeds. Brackets: 95 % Student t interval over seeds, for what another"
            f" {varied(board)} would change. The interval over test images is another one, and"
            " folded below."
        ),
        (
            f"Difference to {reference}: paired by seed (same split, initialisation and supervision"
            " draw), with its 95 % t interval."
        ),
        f"Gap closed: (mIoU − floor) / ({reference} − floor); the floor is *{floor}*.",
        f"Labelled pixels: those of {parts} counted by the harness.",
        f"*{FLOOR}* predicts the commonest test class everywhere.",
    ]
    if header.is_smoke:
        sentences.append(
            "A smoke test has no ranks: it shows that things run, and says nothing about methods."
        )
    elif any(row.standing == "ranked" for row in table):
        sentences.append(
            f"Rank: of methods with at least {RANKED} seeds. Methods share a rank where the paired"
            " difference to the first of them has a 95 % interval that contains 0, corrected by"
            " Holm over all pairs of the table."
        )
    if not header.is_smoke and any(row.standing == "unranked" for row in table):
        sentences.append(f"† listed with fewer than {RANKED} seeds, so without a rank.")
    return sentences + [cells.prose(note) for note in notes(board)]


def _unlisted(header: Mapping[str, Any], table: Sequence[Row]) -> list[str]:
    few = [row for row in table if row.standing == "unlisted"]
    if header.is_smoke or not few:
        return []
    lines = [
        [
            _name(row),
            ", ".join(f"{100 * score:.1f}" for score in row.scores.miou.values()) or cells.DASH,
            _seeds(row),
        ]
        for row in few
    ]
    return [
        f"## Not listed: fewer than {LISTED} seeds",
        cells.table(lines, ["method", "mIoU (%) of each seed", "seeds"]),
    ]


def _failures(board: Board) -> list[str]:
    lines, title = [], "## Failed and missing runs"
    for record in board.records:
        name = f"{cells.text(record['method'])}, seed {record['seed']}"
        if record["status"] == "failed":
            error = f"{record['error']['type']}: {record['error']['message']}"
            lines.append(f"{name}: failed: {cells.text(error)}")
        elif record["status"] == "missing":
            lines.append(f"{name}: missing: not run yet")
        elif "stale" in record:
            lines.append(f"{name}: stale: {cells.text(record['stale'])}")
            title = "## Failed, missing and stale runs"
    return [title, cells.bullets(lines)] if lines else []


def _name(row: Row) -> str:
    return f"*{FLOOR}*" if row.method == FLOOR else cells.text(row.method)


def _seeds(row: Row) -> str:
    if row.method == FLOOR:
        return ""
    notes = [f"{row.runs.failed} failed"] * bool(row.runs.failed) + [
        f"{row.missing} missing"
    ] * bool(row.missing)
    return f"{len(row.scores.miou)}" + (f" ({', '.join(notes)})" if notes else "")
