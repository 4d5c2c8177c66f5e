"""The commands that write what a leaderboard's records give: leaderboard, report and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.exit_codes import FINDINGS, SUCCESS
from harness.cli.options import board_argument
from harness.core.errors import InputError

if TYPE_CHECKING:
    from harness.leaderboard.analysis import Leaderboard


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


def find_leaderboard(name: str) -> Leaderboard:
    """Read the board of this name from its records, and compute its leaderboard."""
    from harness.core.paths import leaderboards_root
    from harness.leaderboard.analysis import analyse
    from harness.leaderboard.board import read_board, records_path

    return analyse(read_board(records_path(leaderboards_root(), name)))


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
