"""Leaderboards as pages, CSV and headline, on a board counted by hand."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from demo import FULL, HEADER, LEDGER_ENTRY, WEAK, board_of, csv_of, page_of, scored, terminal_of
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.leaderboard.rows import CONSTANT
from harness.leaderboard.statistics import Interval
from harness.pages.formats import (
    count_nouns,
    format_interval,
    format_number,
    format_percent,
    format_points,
)
from harness.pages.markdown import escape_text

FAILED = {
    "status": "failed",
    "key": "f",
    "method": "points|<i>",
    "seed": 1,
    "error": {"type": "RuntimeError", "message": "out of luck"},
}
BOARD = board_of(HEADER, (FULL[0], WEAK, FULL[1], FAILED))


def cells(page: str, table: int, method: str) -> list[str]:
    """The cells of a method's line in a page's nth table."""
    tables = [block for block in page.replace("\\|", "").split("\n\n") if block.startswith("|")]
    return next(
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in tables[table].splitlines()
        if method in map(str.strip, line.split("|"))
    )


def test_markdown_shows_failures_and_escapes() -> None:
    page = page_of(BOARD)
    assert page.startswith("# demo, profile mini\n")
    assert "1 (1 failed)" in page
    assert "- points\\|&lt;i&gt;, seed 1: failed: RuntimeError: out of luck" in page
    assert "<b>" not in page
    assert "&lt;b&gt;markup&lt;/b&gt; \\| pipes" in page
    assert "harness run scenarios/demo.yaml --profile mini" in page
    assert "| initialisation" in page


def test_the_headline_by_hand() -> None:
    page = page_of(
        scored(
            {"full": [800, 820, 840], "points": [700, 730, 730], "qda": [300, 300, 330]},
            {"qda": "qda"},
        )
    )
    # mean 0.72, sd sqrt(3e-4), t(2) 4.3027; differences -0.1, -0.09, -0.11; (0.72 - 0.31) / (0.82 -
    # 0.31)
    line = ["†", "points", "72.0 [67.7, 76.3]", "−10.0 [−12.5, −7.5]", "87.8", "80.4", "5", "3"]
    assert cells(page, 0, "points") == line
    assert cells(page, 0, "full")[:4] == ["–", "full", "82.0 [77.0, 87.0]", "reference"]
    assert "the floor is *qda*" in page


def test_ranked_and_listed_methods_stand_above_those_with_few_seeds() -> None:
    scores = {
        "full": [900] * 5,
        "two": [500, 510],
        "four": [600, 610, 620, 630],
        "good": [800, 801, 802, 803, 804],
    }
    scores |= {"same": [801, 800, 802, 804, 803], "bad": [400, 411, 402, 403, 404]}
    board = scored(scores)
    page = page_of(board)
    head, _, below = page.partition("## Not listed: fewer than 3 seeds")
    assert cells(head, 0, "four")[0] == "†"
    assert " two " not in head
    assert "50.0, 51.0" in below
    order = [cells(head, 0, method)[0] for method in ("good", "same", "bad")]
    assert order == ["1", "1", "3"]


def test_details_have_columns_where_records_have_them() -> None:
    boundary = {
        "radius": 3,
        "intersection": [1, 0],
        "union": [4, 0],
        "predicted": [2, 0],
        "true": [2, 0],
    }
    boundary |= {"predicted_matched": [1, 0], "true_matched": [1, 0]}
    details = {"boundary": boundary, "proportions": {"hard": {"error": 0.125}}}
    details["calibration"] = {
        "pixels": [1, 3],
        "correct": [1, 1],
        "confidence": [0.5, 2.5],
        "nll": 2.0,
    }
    board = scored({"full": [800], "points": [700]})
    board = board_of(board.header, (board.records[0].changed(details=details), board.records[1]))
    page = page_of(board)
    assert "boundary IoU (%) |" in page
    assert "within 3 pixels" in page
    assert "soft (%)" not in page
    assert "ECE" not in page_of(scored({"full": [800]}))


def test_few_seeds_are_not_testable() -> None:
    three = {"full": [900, 901, 902], "points": [100, 110, 120]}
    assert "not testable at n=3" in cells(page_of(scored(three)), 2, "points")
    eight = {"full": [900] * 8, "points": [100, 110, 120, 130, 100, 110, 120, 140]}
    assert cells(page_of(scored(eight)), 2, "points")[-1] == "0.008"  # 2 of 2^8


def test_a_smoke_test_is_called_one_and_has_no_ranks() -> None:
    scores = {"full": [900] * 5, "points": [800, 801, 802, 803, 804]}
    for board in (scored(scores, scenario="smoke"), scored(scores, profile="smoke")):
        page = page_of(board)
        assert "a smoke test, not a result" in page.splitlines()[0]
        assert "rank |" not in page
        assert {line["standing"] for line in csv.DictReader(io.StringIO(csv_of(board)))} == {
            "smoke"
        }


@pytest.mark.slow
@settings(max_examples=20)
@given(st.permutations(range(12)))
def test_the_order_of_records_does_not_matter(order: list[int]) -> None:
    board = scored(
        {"full": [900, 890, 880, 870, 860, 850], "points": [700, 720, 740, 730, 710, 750]}
    )
    shuffled = board_of(board.header, tuple(board.records[index] for index in order))
    assert page_of(shuffled) == page_of(board)
    assert csv_of(shuffled) == csv_of(board)


def test_every_table_is_rectangular() -> None:
    page = page_of(BOARD).replace("\\|", "")
    for block in page.split("\n\n"):
        widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1


def test_csv_keeps_numbers() -> None:
    lines = list(csv.DictReader(io.StringIO(csv_of(BOARD))))
    assert [line["method"] for line in lines] == ["full", "points|<i>", CONSTANT]
    assert float(lines[0]["miou"]) == pytest.approx(0.8125)
    assert lines[1]["miou_sd"] == ""
    assert lines[0]["miou_per_seed"] == "0:0.625000 1:1.000000"
    assert lines[1]["iou_b"] == "0.000000"


def test_the_error_of_proportions_has_a_column_where_a_method_has_proportions() -> None:
    noisy = [
        LEDGER_ENTRY | {"supervision": "full"},
        LEDGER_ENTRY
        | {"supervision": "noisy", "total_variation": {"mean": 0.25, "median": 0.2, "max": 1.0}},
    ]
    board = board_of(HEADER, (*FULL, WEAK | {"ledger": WEAK["ledger"] | {"supervisions": noisy}}))
    page = page_of(board).replace("\\|", "")
    (columns, _, *lines) = [
        line.split("|")
        for line in page.split("<summary>Annotation and cost</summary>\n\n")[1]
        .split("\n\n")[0]
        .splitlines()
    ]
    column = [name.strip() for name in columns].index("proportions off by (%)")
    assert [line[column].strip() for line in lines] == ["–", "25.0"]
    assert "total variation" in page
    assert [line["total_variation"] for line in csv.DictReader(io.StringIO(csv_of(board)))] == [
        "",
        "0.250000",
        "",
    ]
    for written in (page_of(BOARD), csv_of(BOARD)):
        assert "proportions" not in written.lower()
        assert "variation" not in written


def test_labelled_pixels_that_are_for_validation_are_told() -> None:
    validated = WEAK | {
        "ledger": WEAK["ledger"] | {"validation": {"patches": 1, "labelled_pixels": 2}}
    }
    assert (
        "of the training split, and of the validation split where it is labelled weakly"
        in page_of(board_of(HEADER, (*FULL, validated)))
    )
    assert "Labelled pixels: those of the training split, counted by the harness." in page_of(BOARD)


@pytest.mark.parametrize(
    ("compare", "expected"),
    [
        ("iou:a", ["IoU, a", "50.0", "60.0", "1", "+10.0"]),
        ("f1:b", ["F1, b", "50.0", "0.0", "1", "−50.0"]),
        ("iou:elsewhere", ["IoU, elsewhere", "50.0", "–", "0", "–"]),
        ("batch_miou", ["mIoU, mean over batches", "50.0", "–", "0", "–"]),
    ],
)
def test_a_reproduction_compares_the_score_of_the_source(compare: str, expected: list[str]) -> None:
    page = page_of(
        board_of(HEADER | {"published": HEADER["published"] | {"compare": compare}}, BOARD.records)
    )
    assert "nan" not in page
    assert cells(page.split("<summary>Reproduction")[1], 0, "points&lt;i&gt;")[1:] == expected


def test_a_reproduction_has_a_line_per_score() -> None:
    several = {
        "accuracy": 0.8,
        "macro_f1": 0.9,
        "f1:b": 0.7,
        "precision:a": 1.0,
        "recall:a": 0.9,
        "precision:b": 0.5,
    }
    published = HEADER["published"] | {
        "values": {"full": several, "points|<i>": 0.5},
        "deviations": ["a bigger network"],
    }
    board = board_of(
        HEADER
        | {"published": published, "changes": ["patches.size=8", "published.metric=x", "seeds=2"]},
        BOARD.records,
    )
    page = page_of(board).split("<summary>Reproduction")[1].split("</details>")[0]
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if line.startswith("| full")
    ]
    assert lines[0] == ["full", "accuracy", "80.0", "90.0 ± 14.1", "2", "+10.0"]
    assert [line[1] for line in lines] == [
        "accuracy",
        "F1, mean over classes",
        "F1, b",
        "precision, a",
        "recall, a",
        "precision, b",
    ]
    assert [line for line in page.splitlines() if line.startswith("- ")] == [
        "- initialisation here: random",
        "- patches in the training part: 3",
        "- profile mini (patches.size=8)",
        "- a bigger network",
    ]
    table = list(csv.DictReader(io.StringIO(csv_of(board))))
    assert [line["published_precision_b"] for line in table] == ["0.500000", "", ""]
    assert [line["reproduced_precision_b"] for line in table] == ["0.750000", "", ""]
    assert [line["published_miou"] for line in table] == ["", "0.500000", ""]


def test_missing_runs_and_a_board_without_results() -> None:
    missing = {"status": "missing", "key": "k", "method": "full", "seed": 0}
    empty = board_of(HEADER, (missing, FAILED))
    assert "full, seed 0: missing: not run yet" in page_of(empty)
    assert "nan" not in page_of(empty) + terminal_of(empty)
    assert "nan" not in terminal_of(board_of(HEADER, (WEAK,)))  # no reference to compare with


def test_the_terminal_says_that_results_are_stale() -> None:
    stale = FULL[0] | {"stale": "recorded with other data"}
    assert "1 stale result: demo.mini.md says why." in terminal_of(board_of(HEADER, (stale, WEAK)))
    assert "stale" not in terminal_of(board_of(HEADER, (FULL[0], WEAK)))


def test_a_stale_result_that_does_not_fit_is_listed_and_not_in_the_table() -> None:
    settings = FULL[0]["settings"] | {"dataset": {"name": "d", "source": "old"}}
    stale = FULL[0] | {"settings": settings, "stale": "recorded with an earlier version of d"}
    page = page_of(board_of(HEADER | {"published": None}, (stale, FULL[1], WEAK)))
    assert "## Failed, missing and stale runs" in page
    assert "- full, seed 0: stale: recorded with an earlier version of d" in page
    assert "| 1 (1 missing)" in page


def test_it_is_a_function_of_the_records_alone() -> None:
    again = board_of(HEADER, [json.loads(json.dumps(record.as_json())) for record in BOARD.records])
    assert page_of(again) == page_of(BOARD)
    assert csv_of(again) == csv_of(BOARD)


def test_cells_have_no_negative_zero() -> None:
    assert (format_points(-0.0001), format_points(0.0001), format_points(-0.01)) == (
        "+0.0",
        "+0.0",
        "−1.0",
    )
    assert format_number(-0.0001, 2) == "0.00"
    assert format_interval("1.0", Interval(-0.0001, 0.02)) == "1.0 [0.0, 2.0]"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("*bold* _it_ `code`", r"\*bold\* \_it\_ \`code\`"),
        ("batch_size", "batch_size"),
        ("[click](http://x) ![i][j] [flips]", r"\[click\](http://x) ![i\][j] [flips]"),
        ("~~a~~ | $x$ \\", r"\~\~a\~\~ \| \$x\$ \\"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("<b> & c", "&lt;b&gt; &amp; c"),
        ("points-1\n\n## x", "points-1 ## x"),
    ],
)
def test_text_is_not_markdown(name: str, shown: str) -> None:
    assert escape_text(name) == shown


def test_hostile_names_stand_as_they_are() -> None:
    name = "**a** [b](c) <i>"
    page = page_of(scored({name: [900] * 3, "x": [800] * 3}))
    assert "**a**" not in page.replace(
        "<summary>Recovery, gap closed, and tests against **a** [b](c) &lt;i&gt;</summary>", ""
    )
    assert "<i>" not in page
    assert "](c)" not in page.replace(r"\](c)", "").replace("[b](c) &lt;i&gt;</summary>", "")


def test_numbers_have_one_kind_of_minus_sign() -> None:
    assert (format_number(-2.74, 1), format_percent(-2.742), format_points(-0.01)) == (
        "−2.7",
        "−274.2",
        "−1.0",
    )
    board = scored(
        {"full": [800] * 3, "points": [600] * 3, "worse": [100, 110, 120], "pixels": [200] * 3},
        {"pixels": "qda"},
    )
    page = page_of(board)
    assert cells(page, 0, "worse")[5] == "−15.0"  # (0.11 - 0.2) / (0.8 - 0.2)
    assert not re.search(r"[\[| ]-\d", page)
    assert (
        float(
            next(
                line["gap_closed"]
                for line in csv.DictReader(io.StringIO(csv_of(board)))
                if line["method"] == "worse"
            )
        )
        < 0
    )


def test_one_is_singular_and_none_is_said() -> None:
    assert (count_nouns(1, "test"), count_nouns(2, "test"), count_nouns(0, "run")) == (
        "1 test",
        "2 tests",
        "0 runs",
    )
    assert "corrected over the 1 test of this table" in page_of(
        scored({"full": [900] * 3, "points": [800, 801, 802]})
    )
    assert "No method is tested." in page_of(scored({"full": [900], "points": [800]}))
