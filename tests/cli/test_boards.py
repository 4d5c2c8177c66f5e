"""leaderboard, report, figures and export. What they write is tested where it is made."""

from __future__ import annotations

from pathlib import Path

import demo
import pytest
from installed import Workplace

from harness.cli.main import main
from harness.leaderboard.board import write_records


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
    "arguments",
    [["leaderboard", "none"], ["report", "none"], ["figures", "none"], ["export", "none"]],
)
def test_a_board_without_records(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("harness: ")
    assert not (folder / "leaderboards").exists()


@pytest.fixture
def board(folder: Path) -> Path:
    """Write the records of a board `demo.mini`, and return the folder."""
    write_records(demo.board_of({"published": None}, demo.FULL), folder / "leaderboards")
    return folder


def test_export_prints_csv(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "demo.mini"]) == 0
    header, first, *_ = capsys.readouterr().out.splitlines()
    assert header.startswith("board,scenario,profile,method,repetition,fold,status,score,value,")
    assert first.startswith("demo.mini,demo,mini,full,0,0,ok,miou,0.625000,")


def test_export_prints_latex(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "demo.mini", "--to", "latex"]) == 0
    assert capsys.readouterr().out.startswith("% demo.mini, selection track none\n")


@pytest.mark.parametrize("file_format", ["csv", "latex", "parquet"])
def test_export_writes_a_file(
    board: Path, capsys: pytest.CaptureFixture[str], file_format: str
) -> None:
    path = board / "new" / "results"
    arguments = ["export", "demo.mini", "--to", file_format, "--out", str(path)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "parquet"], "give --out FILE"),
        (["--to", "parquet", "--out", "tiny.yaml/results"], "give another file with --out"),
        (["--out", "tiny.yaml/results"], "give another file with --out"),
    ],
)
def test_where_export_cannot_write(
    board: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["export", "demo.mini", *arguments]) == 2
    assert message in capsys.readouterr().err
