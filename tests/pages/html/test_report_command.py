"""The command `harness report`, and what it refuses."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path

import pytest
from reported import FAILED, FULL, HEADER, MISSING, MORE, SHARES, WEAK

from harness.cli.main import main

RECORDS = {
    "demo": (FULL[0], WEAK[0], MORE[0], SHARES[0]),
    "empty": (FAILED, MISSING),
}


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of leaderboards: one with results, and one without."""
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "runs"))
    (tmp_path / "records").mkdir()
    for name, records in RECORDS.items():
        lines = [HEADER | {"board": name}, *records]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / "records" / f"{name}.jsonl").write_text(text)
    return tmp_path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to show."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    return addresses


def test_the_path_is_printed(
    boards: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "demo"]) == 0
    assert capsys.readouterr().out.strip() == str(boards / "demo.html")
    assert opened == []


def test_a_browser_is_opened_if_asked(boards: Path, opened: list[str]) -> None:
    assert main(["report", "demo", "--open"]) == 0
    assert opened == [(boards / "demo.html").as_uri()]


@pytest.mark.usefixtures("boards")
def test_an_unknown_board_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "dem"]) == 2
    assert "Did you mean 'demo'" in capsys.readouterr().err


def test_a_board_without_results_names_the_command(
    boards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "empty"]) == 2
    expected = (
        "has no finished run to report:"
        " `harness run scenarios/demo.yaml --profile mini --set seeds=3`"
    )
    assert expected in capsys.readouterr().err
    assert list(boards.glob("*.html")) == []


@pytest.mark.parametrize("package", ["jinja2", "plotly.offline"])
def test_a_missing_package_is_named_with_its_extra(
    boards: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    package: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["report", "demo"]) == 2
    message = capsys.readouterr().err
    assert f"harness report needs {package}" in message
    assert "pip install 'weakseg-harness[report]'" in message
    assert list(boards.glob("*.html")) == []


def test_a_report_that_cannot_be_written_is_an_error(
    boards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (boards / "demo.html").mkdir()
    assert main(["report", "demo"]) == 2
    assert "demo.html: cannot be written" in capsys.readouterr().err
