"""Reading published tables: Markdown as people write it, CSV, and the numbers in cells."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.audit.read_tables import PublishedTable, read_number, read_tables
from harness.core.errors import InputError


def read_markdown(folder: Path, text: str) -> list[PublishedTable]:
    path = folder / "t.md"
    path.write_text(text, encoding="utf-8")
    return read_tables(path)


def read_one(folder: Path, text: str) -> PublishedTable:
    (table,) = read_markdown(folder, text)
    return table


def test_lines_are_counted_from_the_start_of_the_file(tmp_path: Path) -> None:
    table = read_one(tmp_path, "Table 1.\n\n| m | IoU |\n|---|---|\n| x | 50 |\n| y | 60 |\n")
    assert (table.title, table.number) == ("Table 1.", 3)
    assert [row.number for row in table.rows] == [5, 6]


def test_pipes_behind_a_backslash_belong_to_the_text(tmp_path: Path) -> None:
    table = read_one(tmp_path, "| m \\| n | IoU |\n|---|---|\n| `a\\|b` | 50 |\n")
    assert table.columns == ("m | n", "IoU")
    assert table.rows[0].cells == ("a|b", "50")


def test_emphasis_and_html_in_cells_are_stripped(tmp_path: Path) -> None:
    rows = "| **x**<br>y | **50.1** |\n| z<sup>1</sup> | <b>51</b> |\n"
    table = read_one(tmp_path, f"| m | *IoU* |\n|:--|--:|\n{rows}")
    assert table.columns == ("m", "IoU")
    assert [row.cells for row in table.rows] == [("x y", "50.1"), ("z", "51")]


def test_outer_pipes_may_be_missing(tmp_path: Path) -> None:
    table = read_one(tmp_path, "# | IoU | F1\n--|--|--\nx | 50 | 60\ny | 51\n")
    assert table.columns == ("#", "IoU", "F1")
    assert [row.cells for row in table.rows] == [("x", "50", "60"), ("y", "51", "")]


@pytest.mark.parametrize(
    ("text", "title", "line"),
    [
        ("> Table 2.\n>\n> | m | IoU |\n> |---|---|\n> | x | 50 |\n", "Table 2.", 5),
        ("1. Table 2.\n\n   | m | IoU |\n   |---|---|\n   | x | 50 |\n", "Table 2.", 5),
        ("- | m | IoU |\n  |---|---|\n  | x | 50 |\n", "table 1", 3),
        ('=== "Tab"\n\n    | m | IoU |\n    |---|---|\n    | x | 50 |\n', '=== "Tab"', 5),
        ("<div>\nTable 2.\n\n| m | IoU |\n|---|---|\n| x | 50 |\n</div>\n", "Table 2.", 6),
    ],
)
def test_tables_within_other_blocks(tmp_path: Path, text: str, title: str, line: int) -> None:
    table = read_one(tmp_path, text)
    assert (table.title, table.columns) == (title, ("m", "IoU"))
    assert [(row.number, row.cells) for row in table.rows] == [(line, ("x", "50"))]


@pytest.mark.parametrize("fence", ["```", "~~~", "````\n```"])
def test_pipes_in_a_code_fence_are_no_table(tmp_path: Path, fence: str) -> None:
    end = fence.partition("\n")[0]
    code = f"{fence}\n| a | IoU |\n|---|---|\n| x | 200 |\n{end}\n"
    with pytest.raises(InputError, match="has no table"):
        read_markdown(tmp_path, code)
    table = read_one(tmp_path, f"{code}\n| m | IoU |\n|---|---|\n| y | 50 |\n")
    # A line of code is no caption.
    assert (table.title, table.rows[0].cells) == ("table 1", ("y", "50"))


def test_the_title_is_the_last_line_above_that_is_text(tmp_path: Path) -> None:
    rows = "| m | IoU |\n|---|---|\n| x | 50 |\n"
    for above in (
        "Results\n=======\n\n",
        "## Results ##\n\n",
        "See:\nResults\n",
        "Results\n\n---\n",
    ):
        assert read_one(tmp_path, above + rows).title == "Results"
    tables = read_markdown(tmp_path, f"Results\n\n{rows}\n{rows}")
    assert [table.title for table in tables] == ["Results", "table 2"]


def test_a_note_below_a_table_is_no_row_of_it(tmp_path: Path) -> None:
    rows = "| m | IoU |\n|---|---|\n| x | 50 |\n"
    first, second = read_markdown(tmp_path, f"{rows}Table 2: IoU of each class.\n\n{rows}")
    assert len(first.rows) == 1
    assert second.title == "Table 2: IoU of each class."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("| m | IoU |\n|---|---|\n| x | 1 | 2 |\n", "t.md:3: has 3 cells under 2 headings"),
        ("> | m | IoU |\n> |--|--|\n> | x | 1 | 2 |\n", "t.md:3: has 3 cells under 2 headings"),
        ("m | IoU\n--|--\nx | 1 | 2\n", "t.md:3: has 3 cells under 2 headings"),
        ("Text.\n\n| m | IoU |\n|---|\n| x | 1 |\n", "t.md:3: is over |---|"),
        ("m | IoU\n--|--\nx | 1\n1. | 2\n", "t.md:4: is no row of the table above it"),
    ],
)
def test_no_number_is_dropped_in_silence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_markdown(tmp_path, text)
    assert message in str(error.value)


def test_lines_of_csv_are_counted_with_breaks_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text('m,IoU\n"x\ny",50\n\nz,60\n')
    (table,) = read_tables(path)
    assert table.title == "results"
    assert [(row.number, row.cells) for row in table.rows] == [(3, ("x y", "50")), (5, ("z", "60"))]


words = st.text("abc|é 12.", min_size=1, max_size=8).filter(lambda text: text == text.strip())


@settings(max_examples=50)
@given(st.lists(st.lists(words, min_size=2, max_size=2), min_size=1, max_size=5), st.booleans())
def test_what_is_written_as_markdown_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], outer_pipes: bool
) -> None:
    lines = ["first | second", "--- | ---"]
    for cells in rows:
        escaped = [cell.replace("|", "\\|") for cell in cells]
        lines.append(" | ".join(escaped))
    if outer_pipes:
        lines = [f"| {line} |" for line in lines]
    else:
        # Such a number would start a list.
        assume(not any(line.startswith(("1.", "2.")) for line in lines))
    table = read_one(tmp_path_factory.getbasetemp(), "\n".join(lines))
    assert [row.number for row in table.rows] == list(range(3, 3 + len(rows)))
    for row, cells in zip(table.rows, rows, strict=True):
        assert row.cells == tuple(" ".join(cell.split()) for cell in cells)


@pytest.mark.parametrize(
    ("cell", "value", "spread"),
    [
        ("0,812", 0.812, None),
        ("81,250", 81.25, None),
        ("81,250 ± 0,500", 81.25, 0.5005),
        ("1,234,567", 1234567, None),
        ("75.0 (+25.0)", 75, None),
        ("0.75 (+25 %)", 0.75, None),
        ("75.0 ↑2.1", 75, None),
        ("75.0 +2.1", 75, None),
        ("75.0 (ours)", 75, None),
        ("52.3 (1.3)", 52.3, 1.35),
        ("52,3 [51,0; 53,6]", 52.3, 1.35),
    ],
)
def test_what_is_read_of_a_cell(cell: str, value: float, spread: float | None) -> None:
    number = read_number(cell)
    assert number is not None
    assert number.value == value
    assert not number.percent
    if spread is None:
        assert math.isnan(number.spread)
    else:
        assert number.spread == pytest.approx(spread)


@pytest.mark.parametrize(
    "cell",
    [
        "75.0-80.0",
        "75.0 / 80.0",
        "12 of 30",
        "5 points",
        "~75",
        "<1",
        "75.0 [12]",
        "75.0 [80.0, 90.0]",
        "-",
        "",
    ],
)
def test_what_is_not_a_score(cell: str) -> None:
    assert read_number(cell) is None
