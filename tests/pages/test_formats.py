"""Numbers as people read them, and text that Markdown shows as it is."""

from __future__ import annotations

import math

import pytest

from harness.pages.formats import (
    format_amount,
    format_duration,
    format_number,
    format_percent,
    format_setting,
)
from harness.pages.markdown import escape_sentence, fold, make_table
from harness.pages.table import number_cell, percent_cell


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (9.94, "9.9 s"),
        (54.2, "54 s"),
        (99.4, "99 s"),
        (99.5, "1.7 min"),
        (120, "2 min"),
        (5000, "83 min"),
        (6000, "1.7 h"),
        (45.5e3, "13 h"),
        (4.4e6, "1,220 h"),
    ],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_what_is_not_known_is_a_dash() -> None:
    assert format_duration(math.nan) == format_amount(math.nan) == "–"
    assert number_cell(math.nan).text == "–"
    assert number_cell(None).value is None
    assert percent_cell(None).text == format_percent(None) == "–"


def test_amounts_have_three_digits() -> None:
    amounts = [format_amount(value) for value in (0.5, 12345, 1234567.0)]
    assert amounts == ["0.5", "12,300", "1,230,000"]


def test_cells_separate_thousands_and_keep_the_number_to_sort_by() -> None:
    cell = number_cell(1234.56)
    assert (cell.text, cell.value) == ("1,234.6", 1234.56)
    assert format_number(1234.56) == "1234.6"
    assert percent_cell(0.123).text == "12.3"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (0.1, "0.1"), (1e-05, "1e-05"), (None, "none"), (["a", 2], "[a, 2]")],
)
def test_settings_are_nearly_yaml(value: object, text: str) -> None:
    assert format_setting(value) == text


def test_code_in_a_sentence_is_left_alone() -> None:
    assert escape_sentence("see `a_b*` and *c*") == r"see `a_b*` and \*c\*"


def test_words_stand_left_and_numbers_right() -> None:
    table = make_table([["a", "b", "1"]], ["name", "word", "number"], words=("word",))
    _, name, word, number, _ = table.splitlines()[1].split("|")
    assert name.startswith(":")
    assert word.startswith(":")
    assert number.endswith(":")


def test_empty_blocks_do_not_fold() -> None:
    assert fold("a < b", "", "c") == ("<details>\n<summary>a &lt; b</summary>\n\nc\n\n</details>")
