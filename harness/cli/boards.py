"""The commands that write what a leaderboard's records give: leaderboard, report, figures and
export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.exit_codes import FINDINGS, SUCCESS
from harness.cli.options import board_argument
from harness.core.errors import InputError

if TYPE_CHECKING:
    from harness.leaderboard.analysis import Leaderboard

FORMATS = ("csv", "parquet", "latex")
"""What `export` writes."""


@click.command()
@click.argument("boards", metavar="[BOARD]...", nargs=-1)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; exit with 1 where a file is not what its records give.",
)
def leaderboard(boards: tuple[str, ...], check: bool) -> int:
    """Write leaderboards again from their records.

    BOARD is the name of a board, such as dubai-points.mini; all boards by default. Their records
    are in leaderboards/records/.
    """
    if check:
        return check_pages(boards)
    return write_pages(boards)


@click.command()
@board_argument
@click.option("--open", "in_browser", is_flag=True, help="Show the page in the browser.")
def report(board: str, in_browser: bool) -> int:
    """Write a leaderboard as one HTML page.

    BOARD is the name of a board, such as dubai-points.mini. The page is leaderboards/BOARD.html:
    one file, which needs no network.
    """
    from harness.core.paths import leaderboards_root, runs_root
    from harness.pages.html.page import write_report

    path = leaderboards_root() / f"{board}.html"
    write_report(find_leaderboard(board), runs_root(), path)
    print(path)
    # The path is printed first: a browser may take long to start, or there may be none.
    if in_browser:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    return SUCCESS


@click.command()
@board_argument
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where to write (default: leaderboards/figures/BOARD).",
)
def figures(board: str, out: Path | None) -> int:
    """Write the figures of a leaderboard for a paper.

    BOARD is the name of a board, such as dubai-points.mini. Its curves, its scores and the IoU of
    each class are written as PDF, SVG, PNG and CSV.
    """
    from harness.core.paths import leaderboards_root
    from harness.pages.figures import write_figures

    folder = out or leaderboards_root() / "figures" / board
    written = write_figures(find_leaderboard(board), folder)
    print(f"wrote {', '.join(map(str, written))}")
    return SUCCESS


@click.command()
@click.argument("boards", metavar="BOARD...", nargs=-1, required=True)
@click.option(
    "--to",
    "file_format",
    type=click.Choice(FORMATS),
    default="csv",
    help="csv (default) or parquet: every score of every run; latex: the headline.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write; csv and latex are printed by default.",
)
def export(boards: tuple[str, ...], file_format: str, out: Path | None) -> int:
    """Write results for other programs.

    BOARD is the name of a board, such as dubai-points.mini. CSV and Parquet (extra `parquet`) have
    a line for each run and score; LaTeX has a line for each method, and needs the package booktabs.
    """
    if file_format == "parquet":
        export_parquet(boards, out)
        return SUCCESS
    write = format_latex if file_format == "latex" else format_csv
    text = write(boards)
    if out is None:
        print(text, end="")
        return SUCCESS
    from harness.core.files import write_text_atomically

    with explain_unwritable(out):
        write_text_atomically(out, text)
    print(f"wrote {out}")
    return SUCCESS


def export_parquet(boards: Sequence[str], out: Path | None) -> None:
    """Write the results of boards as a Parquet file.

    Raises:
        InputError: where no file is named, or it cannot be written.
    """
    import harness
    from harness.leaderboard.export import write_parquet

    if out is None:
        raise InputError("--to parquet: is no text that could be printed: give --out FILE")
    frame = harness.results(*boards)
    with explain_unwritable(out):
        write_parquet(frame, out)
    print(f"wrote {out}")


def format_csv(boards: Sequence[str]) -> str:
    """Return the results of boards as CSV."""
    import harness
    from harness.leaderboard.export import to_csv

    return to_csv(harness.results(*boards))


def format_latex(boards: Sequence[str]) -> str:
    """Return the headlines of boards as LaTeX tables."""
    from harness.leaderboard.export import to_latex

    return to_latex(map(find_leaderboard, boards))


@contextmanager
def explain_unwritable(path: Path) -> Iterator[None]:
    """Turn the error of a file that cannot be written into one that the user can mend."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: give another file with --out") from error


def find_leaderboard(name: str) -> Leaderboard:
    """Read the board of this name from its records, and compute its leaderboard."""
    from harness.core.paths import leaderboards_root
    from harness.leaderboard.analysis import analyse
    from harness.leaderboard.board import read_board_file, records_path

    return analyse(read_board_file(records_path(leaderboards_root(), name)))


def check_pages(boards: Sequence[str]) -> int:
    """Print which files of boards are not what their records give, and return the exit code."""
    from harness.core.paths import leaderboards_root
    from harness.pages.write import find_stale

    remedies, damaged = find_stale(boards, leaderboards_root())
    for path, remedy in remedies.items():
        print(f"{path} {remedy}")
    refuse_damaged(damaged)
    return FINDINGS if remedies else SUCCESS


def write_pages(boards: Sequence[str]) -> int:
    """Write all files of boards from their records, and return the exit code."""
    from harness.core.paths import leaderboards_root
    from harness.pages.write import write_boards

    written, damaged = write_boards(boards, leaderboards_root())
    for path in written:
        print(f"wrote {path}")
    refuse_damaged(damaged)
    return SUCCESS


def refuse_damaged(damaged: Sequence[str]) -> None:
    """Say what is wrong with the boards that are damaged.

    It is said last: one damaged board does not keep the others from being written or checked.

    Raises:
        InputError: with a line for each damaged board, where there is one.
    """
    if damaged:
        raise InputError("\n".join(damaged))
