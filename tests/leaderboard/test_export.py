"""Results as CSV, Parquet and LaTeX."""

from __future__ import annotations

import sys
from pathlib import Path

import demo
import pandas
import pytest

from harness.core.errors import InputError
from harness.leaderboard.analysis import analyse
from harness.leaderboard.export import escape_latex, to_csv, to_latex, write_parquet


def test_csv_has_six_decimals_and_nothing_for_what_is_unknown() -> None:
    frame = pandas.DataFrame({"name": ["a,b", None], "value": [1 / 3, float("nan")]})
    assert to_csv(frame) == 'name,value\n"a,b",0.333333\n,\n'


def test_parquet_comes_back_as_it_was(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"name": ["a", "b"], "value": [1 / 3, float("nan")]})
    path = tmp_path / "new" / "results.parquet"
    write_parquet(frame, path)
    pandas.testing.assert_frame_equal(pandas.read_parquet(path), frame)


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None in sys.modules is what makes an import fail.
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "results.parquet"
    with pytest.raises(InputError, match=r"pip install 'weakseg-harness\[parquet\]'"):
        write_parquet(pandas.DataFrame({"value": [1.0]}), path)
    assert not path.exists()


def test_latex_of_a_board() -> None:
    board = demo.scored({"full": [800, 820, 840], "a_b": [700, 720, 710], "few": [600]})
    assert to_latex([analyse(board)]) == (
        "% demo.mini, selection track none\n"
        "% difference: to full, paired by repetition\n"
        "\\begin{tabular}{lrrrrr}\n"
        "\\toprule\n"
        "method & mIoU (\\%) & 95\\,\\% interval & difference (pp) & 95\\,\\% interval & $n$ \\\\\n"
        "\\midrule\n"
        "full & $82.0$ & {[$77.0$, $87.0$]} & -- & -- & 3 \\\\\n"
        "a\\_b & $71.0$ & {[$68.5$, $73.5$]} & $-11.0$ & {[$-15.3$, $-6.7$]} & 3 \\\\\n"
        "most frequent class & $0.0$ & {[$0.0$, $0.0$]} & $-82.0$ & {[$-87.0$, $-77.0$]} & 3 \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    )


def test_one_seed_has_no_interval_in_latex() -> None:
    board = demo.scored({"full": [800], "weak": [700]}, profile="smoke")
    assert "weak & $70.0$ & -- & $-10.0$ & -- & 1 \\\\\n" in to_latex([analyse(board)])


def test_latex_has_a_table_for_each_board() -> None:
    leaderboard = analyse(demo.scored({"full": [800]}))
    assert to_latex([leaderboard, leaderboard]).count("\\begin{tabular}") == 2


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b & c", "a\\_b \\& c"),
        ("50 % $x$ #1 {y}", "50 \\% \\$x\\$ \\#1 \\{y\\}"),
        ("\\~^", "\\textbackslash{}\\textasciitilde{}\\textasciicircum{}"),
        ("p|<i>", "p\\textbar{}\\textless{}i\\textgreater{}"),
    ],
)
def test_what_means_something_in_latex_is_escaped(text: str, escaped: str) -> None:
    assert escape_latex(text) == escaped
