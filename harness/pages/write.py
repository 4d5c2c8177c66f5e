"""The files of leaderboards: written from records, or compared with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.errors import InputError
from harness.core.files import replace_file
from harness.leaderboard.analysis import analyse
from harness.leaderboard.annotation_costs import cost_model
from harness.leaderboard.board import Board, read_board, records_path
from harness.leaderboard.comparability import require_comparable
from harness.leaderboard.selection_tracks import split_by_track
from harness.pages.csv_file import FIRST_COLUMNS, to_csv
from harness.pages.curve_svg import curve_svg
from harness.pages.index_page import to_index
from harness.pages.leaderboard_page import to_markdown, written_by

INDEX = "README.md"


Files = Mapping[str, str | None]
"""Texts by file name; None where the file must not be there."""


def files(board: Board) -> Files:
    """The page of a board, its CSV, and its curve, where there is something to draw."""
    # one drawing would compare what no table may
    apart = board.header.is_smoke or len(split_by_track(board)) > 1
    name, curve = board.header["board"], None if apart else curve_svg(analyse(board).rows, board)
    return {
        f"{name}.md": to_markdown(board, curve is not None),
        f"{name}.csv": to_csv(board),
        f"{name}.svg": curve,
    }


def write_board(board: Board, root: Path) -> list[Path]:
    """Writes the files of a board below `root`, and the index over all boards there. Returns the
    paths that are the board's."""
    written = _write(files(board), root)
    _write(_index(*_believed(known(root), root)), root)
    return written


def write_boards(names: Sequence[str], root: Path) -> tuple[list[Path], list[str]]:
    """Writes the files of the named boards (default: all) from their records, and the index.
    Returns all paths, and what is wrong with the boards that are damaged: those are left as they
    are, and do not stop the others.

    Raises InputError where there are no boards, or none of a name, or a file cannot be written.
    """
    boards, damaged = _believed(_all(root, names), root)
    written = [
        path
        for name in names or boards
        if name in boards
        for path in _write(files(boards[name]), root)
    ]
    return written + _write(_index(boards, damaged), root), list(damaged.values())


def stale(names: Sequence[str], root: Path) -> tuple[dict[Path, str], list[str]]:
    """The files of the named boards (default: all) and the index that are not what the records
    give, with what to do about each, and what is wrong with the boards that are damaged. Writes
    nothing.

    For all boards also pages that no records are left of.
    """
    boards, damaged = _believed(_all(root, names), root)
    expected: dict[str, str | None] = {} if damaged else {**_index(boards, damaged)}
    for name in names or boards:
        expected |= files(boards[name]) if name in boards else {}
    remedy = (
        "is not what the records give: write it with harness leaderboard, or restore the records"
    )
    found = {root / name: remedy for name, text in expected.items() if _text(root / name) != text}
    if not names:
        gone = (
            path
            for path in sorted(root.glob("*.*"))
            if path.name not in expected and path.stem not in damaged
        )
        found |= {
            path: f"has no records: restore records/{path.stem}.jsonl, or delete it"
            for path in gone
            if _generated(path)
        }
    return found, list(damaged.values())


def _generated(path: Path) -> bool:
    """Whether a file says that it was written here; a person's own notes do not."""
    text = _text(path) or ""
    if path.suffix == ".svg":
        return _generated(path.with_name(f"{path.stem}.md"))
    return (path.suffix == ".md" and written_by(path.stem) in text) or (
        path.suffix == ".csv" and text.startswith(FIRST_COLUMNS)
    )


def known(root: Path) -> list[str]:
    """The names of the boards that there are records of."""
    return sorted(path.stem for path in (root / "records").glob("*.jsonl"))


def _all(root: Path, names: Sequence[str]) -> list[str]:
    """The names of all boards. Raises InputError where there are none, or with the nearest where
    one of `names` is not among them."""
    found = known(root)
    for name in names:
        if name not in found:
            read_board(records_path(root, name))
    if not found:
        raise InputError(
            f"no leaderboard records in {root / 'records'}: run a scenario first, or set"
            " HARNESS_LEADERBOARDS"
        )
    return found


def _believed(names: Sequence[str], root: Path) -> tuple[dict[str, Board], dict[str, str]]:
    """The boards of these names by name, and what is wrong with those whose records are damaged or
    cannot stand in one table."""
    cost_model(root)  # a mistake in it is not one of a board
    boards, damaged = {}, {}
    for name in names:
        try:
            board = read_board(records_path(root, name))
            for part in split_by_track(board).values():
                require_comparable(part)
            boards[name] = board
        except InputError as error:
            damaged[name] = str(error)
    return boards, damaged


def _index(boards: Mapping[str, Board], damaged: Mapping[str, str]) -> Files:
    return {INDEX: to_index(list(boards.values()), sorted(damaged))}


def _text(path: Path) -> str | None:
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() else None


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
