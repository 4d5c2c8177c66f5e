"""Comparisons as text and JSON, and the command `harness compare`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from comparable_runs import COUNTS, FULL, WEAK, call, change_settings, make_run, write_board

from harness.cli.main import main
from harness.comparison.compare import compare
from harness.comparison.find import NamedRecords
from harness.comparison.show import to_json, to_text
from harness.records.record import FinishedRecord


def calibrated(nll: float) -> FinishedRecord:
    """Make a run with four pixels in one bin of confidence."""
    bins = {"pixels": [4], "correct": [3], "confidence": [3.5], "nll": nll}
    return FULL[0].changed(details={"calibration": bins})


def test_errors_are_said_to_be_better_where_they_are_less() -> None:
    text = to_text(compare(call("a", [calibrated(1.0)]), call("b", [calibrated(1.5)])))
    (line,) = [line for line in text.splitlines() if line.startswith("NLL")]
    assert line.split() == ["NLL", "(nats)", "0.250", "0.375", "+0.125", "–", "+0.125"]
    assert "\n\nLess is better: calibration error; NLL (nats).\n\n" in text


def test_what_forbids_a_comparison_is_said_first() -> None:
    text = to_text(compare(call("a", FULL), call("b", change_settings(FULL, protocol=2))))
    assert text.split("\n\n")[1] == "not comparable: protocol differs"
    assert "not paired: the difference is that of the means" in text


def compare_seeds(count: int) -> str:
    return to_text(compare(call("a", FULL[:count]), call("b", WEAK[:count])))


def test_what_can_be_said_of_few_seeds() -> None:
    assert "One seed in both is one pair of runs" in compare_seeds(1)
    assert compare_seeds(2).endswith("\n\nIntervals need 3 seeds in both.")
    assert "Intervals need" not in compare_seeds(3)
    assert "A and B are the same records" not in compare_seeds(3)


def test_the_same_records_need_no_warning() -> None:
    board = NamedRecords("one", "board", tuple(FULL[:1]))
    text = to_text(compare(board, board))
    assert "A and B are the same records" in text
    assert "settings: no difference" in text
    assert text.splitlines()[-1].endswith(" seed 0")
    assert "cannot be told" not in text


def test_json_has_null_for_what_is_not_known() -> None:
    board = NamedRecords("one", "board", tuple(FULL[:1]))
    comparison = json.loads(to_json(compare(board, board)))
    assert comparison["board"] is True
    score = comparison["pairs"][0]["scores"][0]
    assert score["name"] == "mIoU"
    assert score["a"]["sd"] is None
    assert score["interval"] is None


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two boards that share a method."""
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "runs"))
    write_board(tmp_path, "one", [*FULL, *WEAK])
    longer = change_settings(FULL, training={"epochs": 3})
    write_board(tmp_path, "two", [*longer, make_run("other", 0, COUNTS[0])])


def test_the_command_compares_boards(boards: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "one", "two"]) == 0
    text = capsys.readouterr().out
    assert "only on one board: one:weak, two:other" in text
    assert "training.epochs" in text


def test_the_command_prints_json(boards: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "one:full", "one:weak", "--json"]) == 0
    comparison = json.loads(capsys.readouterr().out)
    assert comparison["pairs"][0]["paired"] == [0, 1, 2]


def test_the_command_compares_runs(boards: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "one:full:0", "one:full:1"]) == 0
    assert "Intervals need" not in capsys.readouterr().out
    assert main(["compare", WEAK[0].key[:20], "one:weak:1"]) == 0
    assert f"key {WEAK[0].key[:12]}" in capsys.readouterr().out
