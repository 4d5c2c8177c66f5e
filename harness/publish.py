"""The files of leaderboards: written from records, or compared with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.boards import Board, read_board, records_path
from harness.data import InputError
from harness.index import to_index
from harness.leaderboard import rows, smoke
from harness.pages import to_markdown
from harness.sketch import curve_svg
from harness.spreadsheet import to_csv
from harness.tracks import split

INDEX = "README.md"
Files = Mapping[str, str | None]
"""Texts by file name; None where the file must not be there."""


def files(board: Board) -> Files:
    """The page of a board, its CSV, and its curve, where there is something to draw."""
    apart = smoke(board.header) or len(split(board)) > 1  # one drawing would compare what no table may
    name, curve = board.header["board"], None if apart else curve_svg(rows(board), board)
    return {f"{name}.md": to_markdown(board, curve is not None), f"{name}.csv": to_csv(board), f"{name}.svg": curve}


def write_board(board: Board, root: Path) -> list[Path]:
    """Writes the files of a board below `root`, and the index over all boards there. Returns the paths that are the board's."""
    written = _write(files(board), root)
    _write(_index(root), root)
    return written


def write_boards(names: Sequence[str], root: Path) -> list[Path]:
    """Writes the files of the named boards (default: all) from their records, and the index. Returns all paths."""
    written = [path for name in names or _all(root) for path in _write(files(read_board(records_path(root, name))), root)]
    return written + _write(_index(root), root)


def stale(names: Sequence[str], root: Path) -> list[Path]:
    """The files of the named boards (default: all) and the index that are not what the records give; writes nothing.

    For all boards also pages and CSVs that no records are left of. Raises InputError naming records that are damaged or not there.
    """
    expected: dict[str, str | None] = {}
    for name in names or _all(root):
        expected |= files(read_board(records_path(root, name)))
    expected |= _index(root)
    found = [root / name for name, text in expected.items() if _text(root / name) != text]
    if not names:
        found += sorted(path for path in root.glob("*.*") if path.suffix in (".md", ".csv") and path.name not in expected)
    return found


def known(root: Path) -> list[str]:
    """The names of the boards that there are records of."""
    return sorted(path.stem for path in (root / "records").glob("*.jsonl"))


def _all(root: Path) -> list[str]:
    found = known(root)
    if not found:
        raise InputError(f"no leaderboard records in {root / 'records'}: run a scenario first, or set HARNESS_LEADERBOARDS")
    return found


def _index(root: Path) -> Files:
    return {INDEX: to_index([read_board(records_path(root, name)) for name in known(root)])}


def _text(path: Path) -> str | None:
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() else None


def _write(texts: Files, root: Path) -> list[Path]:
    root.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in texts.items():
        path = root / name
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(text.encode("utf-8"))
            written.append(path)
    return written
