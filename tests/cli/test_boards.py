"""leaderboard, report and figures. What they write is tested where it is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from installed import Workplace

from harness.cli.main import main


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.slow
def test_leaderboard_is_made_again_byte_for_byte(workplace: Workplace) -> None:
    assert workplace.harness("run", "tiny.yaml").returncode == 0
    boards = workplace.folder / "leaderboards"
    before = read_files(boards)
    for name in before:
        (boards / name).unlink()
    stale = workplace.harness("leaderboard", "--check")
    assert stale.returncode == 1
    assert "tiny.md is not what the records give" in stale.stdout
    assert workplace.harness("leaderboard", "tiny").returncode == 0
    assert read_files(boards) == before
    fresh = workplace.harness("leaderboard", "--check")
    assert (fresh.returncode, fresh.stdout) == (0, "")


@pytest.mark.parametrize(
    "arguments", [["leaderboard", "none"], ["report", "none"], ["figures", "none"]]
)
def test_a_board_without_records(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("harness: ")
    assert not (folder / "leaderboards").exists()
