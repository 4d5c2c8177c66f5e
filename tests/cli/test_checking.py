"""compare, reproduce and audit. What they find is tested where it is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.main import main

Captured = pytest.CaptureFixture[str]

IMPOSSIBLE = """
| method | IoU road | F1 road |
|---|---|---|
| net | 0.90 | 0.50 |
"""

POSSIBLE = IMPOSSIBLE.replace("0.90", "0.33")


@pytest.mark.parametrize(("table", "exit_code"), [(POSSIBLE, 0), (IMPOSSIBLE, 1)])
def test_audit_exits_with_1_where_a_number_cannot_be_true(
    folder: Path, capsys: Captured, table: str, exit_code: int
) -> None:
    Path("table.md").write_text(table, encoding="utf-8")
    assert main(["audit", "table.md"]) == exit_code
    assert "table.md" in capsys.readouterr().out
    assert main(["audit", "--json", "table.md", "--separate"]) == exit_code
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--majority", "0"], "harness: --majority 0: is a share of the pixels, above 0"),
        (["--majority", "101"], "harness: --majority 101: is a share of the pixels, above 0"),
        (["--classes", "1"], "harness: --classes 1: there are at least two"),
        (["--majority", "half"], "'half' is not a valid float"),
        (["--per-class", "dice"], "'dice' is not one of 'iou', 'f1'"),
    ],
)
def test_audit_refuses_what_cannot_be(
    folder: Path, capsys: Captured, options: list[str], message: str
) -> None:
    Path("table.md").write_text(POSSIBLE, encoding="utf-8")
    assert main(["audit", "table.md", *options]) == 2
    assert message in capsys.readouterr().err


def test_shares_may_be_percentages(folder: Path, capsys: Captured) -> None:
    Path("table.md").write_text(POSSIBLE, encoding="utf-8")
    main(["audit", "table.md", "--majority", "0.524", "--json"])
    as_fraction = capsys.readouterr().out
    main(["audit", "table.md", "--majority", "52.4", "--json"])
    assert capsys.readouterr().out == as_fraction


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "one", "two"], "one: no board 'one'"),
        (["reproduce", "one", "full"], "one"),
        (["reproduce", "one", "full", "--executor", "locl"], "Did you mean 'local'?"),
        (["reproduce", "one", "full", "--jobs", "0"], "--jobs 0: executor 'local': "),
    ],
)
def test_what_is_not_there(
    folder: Path, capsys: Captured, arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("harness: ")
    assert message in captured.err
    assert captured.out == ""
