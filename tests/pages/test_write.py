"""The files of all leaderboards: written, indexed, and compared with their records."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from demo import HEADER, board_of, record, scored
from places import ROOT

from harness.cli.main import main
from harness.leaderboard.board import Board, read_board, records_path
from harness.pages.index_page import to_index
from harness.pages.write import files, stale, write_board, write_boards

COMMITTED = ROOT / "leaderboards"
SCORES = {
    "full": [900, 910, 920],
    "points-1": [700, 710, 740],
    "points-5": [800, 830, 820],
    "few": [880],
}


def put(board: Board, root: Path) -> None:
    path = root / "records" / f"{board.header['board']}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in (board.header, *board.records)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(scored(SCORES, board="demo", profile=None), tmp_path)
    put(scored(SCORES, board="other.smoke", scenario="other", profile="smoke"), tmp_path)
    write_boards([], tmp_path)
    return tmp_path


def test_committed_leaderboards_are_what_their_records_give() -> None:
    assert stale([], COMMITTED) == ({}, [])


def test_what_is_written_is_what_is_expected(root: Path) -> None:
    assert {path.name for path in root.iterdir()} == {
        "records",
        "README.md",
        "demo.md",
        "demo.csv",
        "demo.svg",
        *SMOKE,
    }
    assert stale([], root) == ({}, [])
    assert "![mIoU against labelled pixels](demo.svg)" in (root / "demo.md").read_text()


SMOKE = ("other.smoke.md", "other.smoke.csv")


@pytest.mark.parametrize("name", ["demo.md", "demo.csv", "demo.svg", "README.md"])
@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text(path.read_text() + "\n"),
        lambda path: path.write_bytes(b"\xff"),
    ],
)
def test_a_file_that_differs_is_found_and_written_again(
    root: Path, name: str, change: object
) -> None:
    change(root / name)  # type: ignore[operator]
    before = (root / name).read_bytes() if (root / name).exists() else None
    assert [*stale([], root)[0]] == [*stale(["demo"], root)[0]] == [root / name]
    assert ((root / name).read_bytes() if (root / name).exists() else None) == before
    write_boards(["demo"], root)
    assert stale([], root) == ({}, [])


def test_a_page_without_records_and_a_curve_of_a_smoke_test_are_found(root: Path) -> None:
    put(scored(SCORES, board="gone", profile=None), root)
    write_boards([], root)
    (root / "records" / "gone.jsonl").unlink()
    (root / "other.smoke.svg").write_text("")
    write_boards([], root)
    (root / "other.smoke.svg").write_text("")
    found, damaged = stale([], root)
    assert {path.name for path in found} == {"gone.md", "gone.csv", "gone.svg", "other.smoke.svg"}
    assert found[root / "gone.md"] == "has no records: restore records/gone.jsonl, or delete it"
    assert not damaged
    assert stale(["demo"], root) == ({}, [])


def test_what_a_person_put_beside_the_boards_is_theirs(root: Path) -> None:
    (root / "notes.md").write_text("See `harness leaderboard demo`.\n")
    (root / "notes.csv").write_text("method,seconds\n")
    (root / "drawing.svg").write_text("<svg/>")
    assert stale([], root) == ({}, [])


def test_a_board_that_is_written_is_in_the_index(root: Path) -> None:
    board = scored(SCORES, board="third", scenario="third", profile=None)
    put(board, root)
    write_board(read_board(records_path(root, "third")), root)
    assert "[third](third.md)" in (root / "README.md").read_text()
    assert stale([], root) == ({}, [])


def test_the_index_by_hand() -> None:
    boards = [
        scored(SCORES, board="b.mini", scenario="b"),
        scored({"full": [900]}, board="a", scenario="a", profile=None),
    ]
    boards += [
        scored(SCORES, board="a.smoke", profile="smoke"),
        scored(SCORES, board="a.set-1", overrides=["seeds=1"]),
    ]
    page = to_index(boards)
    assert page == to_index(boards[::-1])
    results, _, smoke = page.partition("## Smoke tests")
    first, second = [line for line in results.splitlines() if line.startswith("| [")]
    assert first.split("|")[1].strip() == "[a](a.md)"
    assert "none with 3 seeds" in first
    line = [cell.strip() for cell in second.split("|")[1:-1]]
    assert line[:5] == ["[b](b.mini.md)", "mini", "d", "points-5", "81.7"]
    assert line[5].startswith("89.7 [")  # 2450 / 2730
    assert line[6:] == ["4", "3"]
    assert "[a.smoke](a.smoke.md)" in smoke
    assert "a.smoke" not in results
    assert "set-1" not in page


def test_the_command_names_the_files_and_exits_with_1(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(root))
    assert main(["leaderboard", "--check"]) == 0
    assert capsys.readouterr().out == ""
    (root / "demo.csv").write_text("rank\n")
    assert main(["leaderboard", "--check", "demo"]) == 1
    assert str(root / "demo.csv") in capsys.readouterr().out
    assert (root / "demo.csv").read_text() == "rank\n"
    assert main(["leaderboard", "--check", "dem"]) == 2
    assert "Did you mean 'demo'" in capsys.readouterr().err
    assert main(["leaderboard", "dem"]) == 2
    assert "Did you mean 'demo'" in capsys.readouterr().err
    assert main(["leaderboard"]) == 0
    assert main(["leaderboard", "--check"]) == 0


DIFFERENT = [
    record("full", 0, [[6, 2], [0, 2]], 100, 1.0),
    record("points|<i>", 0, [[6, 3], [0, 2]], 5, 1.0),
]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: path.write_text("{}\n"),
            "bad.jsonl:1: the first line must describe the board",
        ),
        (
            lambda path: put(
                board_of(HEADER | {"board": "bad"}, tuple(DIFFERENT)), path.parent.parent
            ),
            "leaderboard bad: full, seed 0",
        ),
    ],
    ids=["unreadable", "not comparable"],
)
def test_a_damaged_board_does_not_stop_the_others(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], object],
    message: str,
) -> None:
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(root))
    put(scored(SCORES, board="bad", profile=None), root)
    assert main(["leaderboard"]) == 0
    before = (root / "bad.md").read_text()
    damage(root / "records" / "bad.jsonl")
    (root / "demo.md").write_text("")
    assert main(["leaderboard", "--check"]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert [line for line in told.out.splitlines() if "not what the records give" in line] == [
        f"{root / 'demo.md'} is not what the records give: write it with harness leaderboard, or"
        " restore the records"
    ]
    assert main(["leaderboard"]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert str(root / "demo.md") in told.out
    assert "bad.md" not in told.out
    assert (root / "demo.md").read_text().startswith("# demo")
    assert (root / "bad.md").read_text() == before
    index = (root / "README.md").read_text()
    assert "[demo](demo.md)" in index
    assert "bad.md" not in index
    assert "- `records/bad.jsonl`" in index
    write_board(read_board(records_path(root, "demo")), root)  # as after `harness run`
    assert (root / "README.md").read_text() == index


def test_a_folder_where_a_page_should_be_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(root))
    (root / "demo.csv").unlink()
    (root / "demo.csv").mkdir()
    assert main(["leaderboard"]) == 2
    assert (
        "demo.csv: cannot be written (Is a directory): make way for it" in capsys.readouterr().err
    )
    assert [path for path in root.iterdir() if path.name.startswith(".")] == []
    assert main(["leaderboard", "--check"]) == 1


def test_a_folder_without_records_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path / "none"))
    assert main(["leaderboard"]) == main(["leaderboard", "--check"]) == 2
    assert "run a scenario first" in capsys.readouterr().err


def test_a_board_without_results_has_files() -> None:
    board = scored({"full": [900]})
    failed = {
        "status": "failed",
        "key": "k",
        "method": "full",
        "seed": 0,
        "error": {"type": "E", "message": "m"},
    }
    texts = files(board_of(board.header, (failed,)))
    assert texts["demo.mini.svg"] is None
    assert "No method has finished" in str(texts["demo.mini.md"])
