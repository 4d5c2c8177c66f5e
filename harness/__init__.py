"""A benchmark harness for weakly supervised semantic segmentation.

For people, in notebooks and scripts:

    import harness

    frame = harness.results("dubai-points.mini")
    miou = frame[frame.score == "miou"].groupby("method").value.mean()

Boards are read from the leaderboards' folder: HARNESS_LEADERBOARDS, by default `leaderboards`. What
a function needs is imported when it is called, so that `import harness` takes no time. Plugins
import `harness.api` instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

    from harness.leaderboard.board import Board

    __version__: str

__all__ = ["__version__", "history", "read_board", "results"]


def results(*boards: str) -> pandas.DataFrame:
    """Return the results of boards as a frame with a line for each run and score.

    A run that failed or is missing has one line, whose value is NaN. A stale result has values
    where pages show it, so that means are those of the pages. The columns are
    board, scenario, profile, method, repetition, fold, status, score, value, dataset, model,
    supervision, loss, epochs, labelled_pixels, annotation_seconds, seconds, initialisation, device,
    precision and key. `repetition` is the number that scenarios list as `seeds`; `value` is a
    fraction, or nats for the score `nll`.

    Args:
        boards: names of boards, such as dubai-points.mini; all of them where there are none.

    Raises:
        InputError: with the nearest name, where there is no such board; where its file is damaged.
    """
    from harness.leaderboard.frames import make_results

    return make_results(_read_boards(boards))


def history(*boards: str) -> pandas.DataFrame:
    """Return the training of boards as a frame with a line for each run and epoch.

    The columns are board, scenario, profile, method, repetition, fold, status, epoch, loss,
    validation, learning_rate and seconds, and `loss:NAME` for each loss by itself, without its
    weight.

    Args:
        boards: names of boards; all of them where there are none.

    Raises:
        InputError: as `results` does.
    """
    from harness.leaderboard.frames import make_history

    return make_history(_read_boards(boards))


def read_board(name: str) -> Board:
    """Read a board: its header, its records, and what annotation costs.

    Raises:
        InputError: with the nearest name, where there is no such board; where its file is damaged.
    """
    from harness.core.paths import leaderboards_root
    from harness.leaderboard.board import read_board_file, records_path

    return read_board_file(records_path(leaderboards_root(), name))


def _read_boards(names: tuple[str, ...]) -> list[Board]:
    from harness.core.errors import InputError
    from harness.core.paths import leaderboards_root
    from harness.leaderboard.board import list_boards

    root = leaderboards_root()
    chosen = names or list_boards(root)
    if not chosen:
        raise InputError(f"no boards in {root}: set HARNESS_LEADERBOARDS to a folder that has some")
    return [read_board(name) for name in chosen]


# Hidden from type checkers, which would believe that the package has an attribute of any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> str:
        """Return the version, which takes longer to find than everything else here."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import version

        return version("weakseg-harness")
