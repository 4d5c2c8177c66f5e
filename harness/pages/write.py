"""The files of leaderboards: written from records, or compared with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.errors import InputError
from harness.core.files import replace_file
from harness.leaderboard.analysis import Leaderboard, analyse
from harness.leaderboard.annotation_costs import cost_model
from harness.leaderboard.board import read_board_file, records_path
from harness.pages.csv_file import FIRST_COLUMNS, to_csv
from harness.pages.curve_svg import to_svg
from harness.pages.index_page import to_index
from harness.pages.leaderboard_page import name_command, to_markdown

INDEX = "README.md"

Files = Mapping[str, str | None]
"""Texts by file name; None where the file must not be there."""


def make_files(leaderboard: Leaderboard) -> Files:
    """Make the page of a leaderboard, its CSV, and its drawing, where there is something to
    draw."""
    name = leaderboard.board.name
    drawing = None
    # One drawing of several tracks would compare what no table may, and a smoke test shows nothing.
    if not leaderboard.board.is_smoke and not leaderboard.has_tracks:
        drawing = to_svg(leaderboard.tables[0])
    return {
        f"{name}.md": to_markdown(leaderboard, has_drawing=drawing is not None),
        f"{name}.csv": to_csv(leaderboard),
        f"{name}.svg": drawing,
    }


def write_leaderboard(leaderboard: Leaderboard, root: Path) -> list[Path]:
    """Write the files of a leaderboard below `root`, and the index over all that are there.

    Returns:
        The paths that are the leaderboard's own.
    """
    name = leaderboard.board.name
    written = _write(make_files(leaderboard), root)
    others = find_boards(root)
    # It is analysed already.
    if name in others:
        others.remove(name)
    leaderboards, damaged = _read_leaderboards(others, root)
    leaderboards[name] = leaderboard
    _write(_make_index(leaderboards, damaged), root)
    return written


def write_boards(names: Sequence[str], root: Path) -> tuple[list[Path], list[str]]:
    """Write the files of boards from their records, and the index.

    Args:
        names: the boards; all, if there are none.
        root: the leaderboards' folder.

    Returns:
        All paths, and what is wrong with the boards that are damaged: those are left as they are,
        and do not stop the others.

    Raises:
        InputError: where there are no boards, or none of a name, or a file cannot be written.
    """
    leaderboards, damaged = _read_leaderboards(_require_boards(root, names), root)
    written = []
    for name in names or leaderboards:
        if name in leaderboards:
            written += _write(make_files(leaderboards[name]), root)
    written += _write(_make_index(leaderboards, damaged), root)
    return written, list(damaged.values())


def find_stale(names: Sequence[str], root: Path) -> tuple[dict[Path, str], list[str]]:
    """Find the files that are not what the records give, and write nothing.

    Args:
        names: the boards; if there are none all, and then also pages that no records are left of.
        root: the leaderboards' folder.

    Returns:
        What to do about each file, and what is wrong with the boards that are damaged.

    Raises:
        InputError: where there are no boards, or none of a name.
    """
    leaderboards, damaged = _read_leaderboards(_require_boards(root, names), root)
    expected: dict[str, str | None] = {}
    # The index names damaged boards: one that does not would be told twice.
    if not damaged:
        expected.update(_make_index(leaderboards, damaged))
    for name in names or leaderboards:
        if name in leaderboards:
            expected.update(make_files(leaderboards[name]))
    remedies = {}
    for name, text in expected.items():
        if _read_text(root / name) != text:
            remedies[root / name] = (
                "is not what the records give: write it with harness leaderboard, or restore the"
                " records"
            )
    if not names:
        for path in sorted(root.glob("*.*")):
            is_expected = path.name in expected or path.stem in damaged
            if not is_expected and _is_generated(path):
                remedies[path] = f"has no records: restore records/{path.stem}.jsonl, or delete it"
    return remedies, list(damaged.values())


def find_boards(root: Path) -> list[str]:
    """Return the names of the boards that there are records of."""
    return sorted(path.stem for path in (root / "records").glob("*.jsonl"))


def _is_generated(path: Path) -> bool:
    """Tell whether a file says that it was written here; a person's own notes do not."""
    text = _read_text(path) or ""
    if path.suffix == ".svg":
        return _is_generated(path.with_suffix(".md"))
    if path.suffix == ".csv":
        return text.startswith(FIRST_COLUMNS)
    return path.suffix == ".md" and name_command(path.stem) in text


def _require_boards(root: Path, names: Sequence[str]) -> list[str]:
    """Return the names of all boards.

    Raises:
        InputError: where there are none, or one of the names is not among them.
    """
    boards = find_boards(root)
    for name in names:
        if name not in boards:
            # Its error suggests the nearest name.
            read_board_file(records_path(root, name))
    if not boards:
        raise InputError(
            f"no leaderboard records in {root / 'records'}: run a scenario first, or set"
            " HARNESS_LEADERBOARDS"
        )
    return boards


def _read_leaderboards(
    names: Sequence[str], root: Path
) -> tuple[dict[str, Leaderboard], dict[str, str]]:
    """Read and analyse boards.

    Returns:
        Leaderboards by name, and by name what is wrong with the boards whose records are damaged or
        cannot stand in one table.
    """
    # A mistake in the cost model is not one of a board: it stops everything here.
    cost_model(root)
    leaderboards = {}
    damaged = {}
    for name in names:
        try:
            leaderboards[name] = analyse(read_board_file(records_path(root, name)))
        except InputError as error:
            damaged[name] = str(error)
    return leaderboards, damaged


def _make_index(leaderboards: Mapping[str, Leaderboard], damaged: Mapping[str, str]) -> Files:
    return {INDEX: to_index(list(leaderboards.values()), sorted(damaged))}


def _read_text(path: Path) -> str | None:
    """Read a file, whatever is in it; None where there is none."""
    if not path.is_file():
        return None
    # A damaged file differs from what is expected, and is no error. Line ends are kept.
    return path.read_bytes().decode("utf-8", "replace")


def _write(texts: Files, root: Path) -> list[Path]:
    written = []
    for name, text in texts.items():
        path = root / name
        if text is not None:
            replace_file(path, text)
            written.append(path)
        elif path.is_file():
            path.unlink()
    return written
