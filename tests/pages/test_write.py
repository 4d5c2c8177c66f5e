"""The files of all leaderboards: written, indexed, and compared with their records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from demo import HEADER, board_of, record, scored
from places import ROOT

from harness.cli.main import main
from harness.leaderboard.analysis import Leaderboard, analyse
from harness.leaderboard.board import read_board_file, records_path, write_records
from harness.pages.index_page import to_index
from harness.pages.write import find_stale, make_files, write_boards, write_leaderboard

COMMITTED = ROOT / "leaderboards"

SCORES = {
    "full": [900, 910, 920],
    "points-1": [700, 710, 740],
    "points-5": [800, 830, 820],
    "few": [880],
}

Damage = Callable[[Path], object]


def put(root: Path, name: str, profile: str | None = None, scenario: str = "demo") -> None:
    """Put the records of a board below a folder."""
    board = scored(SCORES, board=name, profile=profile, scenario=scenario)
    write_records(board, root)


def read(root: Path, name: str) -> Leaderboard:
    return analyse(read_board_file(records_path(root, name)))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a board and a smoke test, which commands take for theirs."""
    put(tmp_path, "demo")
    put(tmp_path, "other.smoke", profile="smoke", scenario="other")
    write_boards([], tmp_path)
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    return tmp_path


@pytest.mark.slow
def test_committed_leaderboards_are_what_their_records_give() -> None:
    assert find_stale([], COMMITTED) == ({}, [])


def test_what_is_written_is_what_is_expected(root: Path) -> None:
    assert {path.name for path in root.iterdir()} == {
        "records",
        "README.md",
        "demo.md",
        "demo.csv",
        "demo.svg",
        "other.smoke.md",
        "other.smoke.csv",
    }
    assert find_stale([], root) == ({}, [])
    assert "![mIoU against labelled pixels](demo.svg)" in (root / "demo.md").read_text()


def delete(path: Path) -> None:
    path.unlink()


def add_a_line(path: Path) -> None:
    path.write_text(path.read_text() + "\n")


def make_binary(path: Path) -> None:
    path.write_bytes(b"\xff")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo.md", "demo.csv", "demo.svg", "README.md"])
@pytest.mark.parametrize("damage", [delete, add_a_line, make_binary])
def test_a_file_that_differs_is_found_and_written_again(
    root: Path, name: str, damage: Damage
) -> None:
    path = root / name
    damage(path)
    before = path.read_bytes() if path.exists() else None
    assert list(find_stale([], root)[0]) == [path]
    assert list(find_stale(["demo"], root)[0]) == [path]
    # Looking has changed nothing.
    assert (path.read_bytes() if path.exists() else None) == before
    write_boards(["demo"], root)
    assert find_stale([], root) == ({}, [])


def test_a_page_without_records_and_a_drawing_of_a_smoke_test_are_found(root: Path) -> None:
    put(root, "gone")
    write_boards([], root)
    (root / "records" / "gone.jsonl").unlink()
    (root / "other.smoke.svg").write_text("")
    write_boards([], root)
    # It was removed, and comes again.
    (root / "other.smoke.svg").write_text("")
    remedies, damaged = find_stale([], root)
    names = {path.name for path in remedies}
    assert names == {"gone.md", "gone.csv", "gone.svg", "other.smoke.svg"}
    assert remedies[root / "gone.md"] == "has no records: restore records/gone.jsonl, or delete it"
    assert not damaged
    assert find_stale(["demo"], root) == ({}, [])


def test_what_a_person_put_beside_the_boards_is_theirs(root: Path) -> None:
    (root / "notes.md").write_text("See `harness leaderboard demo`.\n")
    (root / "notes.csv").write_text("method,seconds\n")
    (root / "drawing.svg").write_text("<svg/>")
    assert find_stale([], root) == ({}, [])


def test_a_board_that_is_written_is_in_the_index(root: Path) -> None:
    put(root, "third", scenario="third")
    written = write_leaderboard(read(root, "third"), root)
    assert [path.name for path in written] == ["third.md", "third.csv", "third.svg"]
    assert "[third](third.md)" in (root / "README.md").read_text()
    assert find_stale([], root) == ({}, [])


def test_the_index_by_hand() -> None:
    boards = [
        scored(SCORES, board="b.mini", scenario="b"),
        scored({"full": [900]}, board="a", scenario="a", profile=None),
        scored(SCORES, board="a.smoke", profile="smoke"),
        scored(SCORES, board="a.set-1", overrides=["seeds=1"]),
    ]
    leaderboards = [analyse(board) for board in boards]
    page = to_index(leaderboards)
    assert page == to_index(leaderboards[::-1])
    results, _, smoke = page.partition("## Smoke tests")
    first, second = [line for line in results.splitlines() if line.startswith("| [")]
    assert first.startswith("| [a](a.md) ")
    assert "none with 3 seeds" in first
    cells = [cell.strip() for cell in second.split("|")[1:-1]]
    assert cells[:5] == ["[b](b.mini.md)", "mini", "d", "points-5", "81.7"]
    assert cells[5].startswith("89.7 [")  # 2450 / 2730
    assert cells[6:] == ["4", "3"]
    assert "[a.smoke](a.smoke.md)" in smoke
    assert "a.smoke" not in results
    assert "set-1" not in page


def test_the_command_names_the_files_and_exits_with_1(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["leaderboard", "--check"]) == 0
    assert capsys.readouterr().out == ""
    (root / "demo.csv").write_text("rank\n")
    assert main(["leaderboard", "--check", "demo"]) == 1
    assert str(root / "demo.csv") in capsys.readouterr().out
    assert (root / "demo.csv").read_text() == "rank\n"
    assert main(["leaderboard"]) == 0
    assert main(["leaderboard", "--check"]) == 0


@pytest.mark.parametrize("arguments", [["--check", "dem"], ["dem"]])
def test_a_misspelt_board_is_suggested(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["leaderboard", *arguments]) == 2
    assert "Did you mean 'demo'" in capsys.readouterr().err


def make_unreadable(path: Path) -> None:
    path.write_text("{}\n")


def make_not_comparable(path: Path) -> None:
    counts = [
        record("full", 0, [[6, 2], [0, 2]], 100, 1.0),
        record("points|<i>", 0, [[6, 3], [0, 2]], 5, 1.0),
    ]
    write_records(board_of(HEADER | {"board": "bad"}, counts), path.parent.parent)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (make_unreadable, "bad.jsonl:1: the first line must describe the board"),
        (make_not_comparable, "leaderboard bad: full, seed 0"),
    ],
)
def test_a_damaged_board_does_not_stop_the_others(
    root: Path, capsys: pytest.CaptureFixture[str], damage: Damage, message: str
) -> None:
    put(root, "bad")
    assert main(["leaderboard"]) == 0
    before = (root / "bad.md").read_text()
    damage(root / "records" / "bad.jsonl")
    (root / "demo.md").write_text("")
    capsys.readouterr()

    assert main(["leaderboard", "--check"]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out.splitlines() == [
        f"{root / 'demo.md'} is not what the records give: write it with harness leaderboard, or"
        " restore the records"
    ]

    assert main(["leaderboard"]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert str(root / "demo.md") in shown.out
    assert "bad.md" not in shown.out
    assert (root / "demo.md").read_text().startswith("# demo")
    assert (root / "bad.md").read_text() == before


def test_the_index_names_damaged_boards(root: Path) -> None:
    put(root, "bad")
    write_boards([], root)
    make_unreadable(root / "records" / "bad.jsonl")
    write_boards([], root)
    index = (root / "README.md").read_text()
    assert "[demo](demo.md)" in index
    assert "bad.md" not in index
    assert "- `records/bad.jsonl`" in index
    # As after `harness run`.
    write_leaderboard(read(root, "demo"), root)
    assert (root / "README.md").read_text() == index


def test_a_folder_where_a_page_should_be_is_told(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "demo.csv").unlink()
    (root / "demo.csv").mkdir()
    assert main(["leaderboard"]) == 2
    error = capsys.readouterr().err
    assert "demo.csv: cannot be written (Is a directory): make way for it" in error
    # Nothing half-written is left.
    assert not list(root.glob(".*"))
    assert main(["leaderboard", "--check"]) == 1


def test_a_folder_without_records_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path / "none"))
    for arguments in (["leaderboard"], ["leaderboard", "--check"]):
        assert main(arguments) == 2
        assert "run a scenario first" in capsys.readouterr().err


def test_a_board_without_results_has_files() -> None:
    failed = {
        "status": "failed",
        "key": "k",
        "method": "full",
        "seed": 0,
        "error": {"type": "E", "message": "m"},
    }
    board = board_of(scored({"full": [900]}).header, (failed,))
    texts = make_files(analyse(board))
    assert texts["demo.mini.svg"] is None
    assert "No method has finished" in str(texts["demo.mini.md"])
