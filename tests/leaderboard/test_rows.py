"""Leaderboards as a pure function of records, checked on a board counted by hand."""

from __future__ import annotations

import csv
import io
import json
import math
import re

import pytest
from demo import FULL, HEADER, WEAK, board_of, rows_of, scored
from demo import csv_of as to_csv
from demo import page_of as to_markdown
from demo import terminal_of as headline
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.leaderboard.rows import FLOOR, named_floor
from harness.leaderboard.statistics import Interval
from harness.pages.formats import count_nouns as counted
from harness.pages.formats import format_interval as within
from harness.pages.formats import format_number as number
from harness.pages.formats import format_percent as percent
from harness.pages.formats import format_points as signed
from harness.pages.markdown import escape_text as text

FAILED = {
    "status": "failed",
    "key": "f",
    "method": "points|<i>",
    "seed": 1,
    "error": {"type": "RuntimeError", "message": "out of luck"},
}
BOARD = board_of(HEADER, (FULL[0], WEAK, FULL[1], FAILED))


def test_rows_counted_by_hand() -> None:
    full, weak, floor = rows_of(BOARD)
    # full: seed 0 IoU a = 6/8, b = 2/4; seed 1 both 1. weak: a = 6/10, b = 0.
    assert full.scores.miou == pytest.approx({0: 0.625, 1: 1.0})
    assert full.scores.mean_miou.mean == pytest.approx(0.8125)
    assert full.scores.mean_miou.sd == pytest.approx(0.375 / 2**0.5)
    assert weak.scores.miou == pytest.approx({0: 0.3})
    assert (weak.runs.planned, weak.runs.failed, weak.missing) == (2, 1, 0)
    assert weak.against.difference.n == 1  # paired: seed 1 has no partner
    assert weak.against.difference.mean == pytest.approx(0.3 - 0.625)
    assert weak.against.ratio == pytest.approx(0.3 / 0.625)
    assert (weak.annotation.labelled_pixels, weak.seconds, weak.reproduction.published) == (
        5,
        2.0,
        {"miou": 0.5},
    )
    assert floor.method == FLOOR
    assert floor.scores.miou == pytest.approx({0: 0.4, 1: 0.4})  # class a everywhere: 8/10 and 0


def cells(page: str, table: int, method: str) -> list[str]:
    """The cells of a method's line in a page's nth table."""
    tables = [block for block in page.replace("\\|", "").split("\n\n") if block.startswith("|")]
    return next(
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in tables[table].splitlines()
        if method in map(str.strip, line.split("|"))
    )


def test_markdown_shows_failures_and_escapes() -> None:
    page = to_markdown(BOARD)
    assert page.startswith("# demo, profile mini\n")
    assert "1 (1 failed)" in page
    assert "- points\\|&lt;i&gt;, seed 1: failed: RuntimeError: out of luck" in page
    assert "<b>" not in page
    assert "&lt;b&gt;markup&lt;/b&gt; \\| pipes" in page
    assert "harness run scenarios/demo.yaml --profile mini" in page
    assert "| initialisation" in page


def test_the_headline_by_hand() -> None:
    page = to_markdown(
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


def test_methods_are_ranked_from_five_seeds_listed_from_three_and_apart_below() -> None:
    scores = {
        "full": [900] * 5,
        "two": [500, 510],
        "four": [600, 610, 620, 630],
        "good": [800, 801, 802, 803, 804],
    }
    scores |= {"same": [801, 800, 802, 804, 803], "bad": [400, 411, 402, 403, 404]}
    board = scored(scores)
    assert {row.method: (row.standing, row.rank) for row in rows_of(board)} == {
        "full": ("reference", None),
        "two": ("unlisted", None),
        "four": ("unranked", None),
        "good": ("ranked", 1),
        "same": ("ranked", 1),
        "bad": ("ranked", 3),
        FLOOR: ("floor", None),
    }
    page = to_markdown(board)
    head, _, below = page.partition("## Not listed: fewer than 3 seeds")
    assert cells(head, 0, "four")[0] == "†"
    assert " two " not in head
    assert "50.0, 51.0" in below
    order = [cells(head, 0, method)[0] for method in ("good", "same", "bad")]
    assert order == ["1", "1", "3"]


def test_the_gap_is_closed_from_qda_or_the_majority_or_the_most_frequent_class() -> None:
    scores = {
        "full": [800, 800],
        "points": [600, 600],
        "constant": [100, 100],
        "pixels": [200, 200],
    }
    qda = scored(scores, {"constant": "majority", "pixels": "qda"})
    majority = scored(scores, {"constant": "majority"})
    bare = scored(scores)
    assert [named_floor(board) for board in (qda, majority, bare)] == ["pixels", "constant", FLOOR]
    gaps = [rows_of(board)[1].gap_closed.value for board in (qda, majority, bare)]
    assert gaps == pytest.approx([(0.6 - 0.2) / (0.8 - 0.2), (0.6 - 0.1) / (0.8 - 0.1), 0.6 / 0.8])
    assert [row.role for row in rows_of(qda)] == ["reference", "method", "floor", "floor", "floor"]


def test_a_run_has_collapsed_where_it_is_no_better_than_the_commonest_class() -> None:
    points = rows_of(scored({"full": [800] * 4, "points": [10, 11, 0, 500]}))[1]
    assert points.collapsed == 0.5  # the most frequent class has 0, so up to 0.01


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
    board = board_of(board.header, (board.records[0] | {"details": details}, board.records[1]))
    assert {
        name: value.mean for name, value in rows_of(board)[0].scores.details.items()
    } == pytest.approx(
        {
            "boundary_iou": 0.25,
            "boundary_f1": 0.5,
            "proportion_error_hard": 0.125,
            "ece": 0.5,
            "nll": 0.5,
        }
    )
    page = to_markdown(board)
    assert "boundary IoU (%) |" in page
    assert "within 3 pixels" in page
    assert "soft (%)" not in page
    assert "ECE" not in to_markdown(scored({"full": [800]}))


def test_few_seeds_are_not_testable() -> None:
    three = {"full": [900, 901, 902], "points": [100, 110, 120]}
    assert "not testable at n=3" in cells(to_markdown(scored(three)), 2, "points")
    eight = {"full": [900] * 8, "points": [100, 110, 120, 130, 100, 110, 120, 140]}
    assert cells(to_markdown(scored(eight)), 2, "points")[-1] == "0.008"  # 2 of 2^8


def test_a_smoke_test_is_called_one_and_has_no_ranks() -> None:
    scores = {"full": [900] * 5, "points": [800, 801, 802, 803, 804]}
    for board in (scored(scores, scenario="smoke"), scored(scores, profile="smoke")):
        page = to_markdown(board)
        assert "a smoke test, not a result" in page.splitlines()[0]
        assert "rank |" not in page
        assert all(row.rank is None for row in rows_of(board))
        assert {line["standing"] for line in csv.DictReader(io.StringIO(to_csv(board)))} == {
            "smoke"
        }


@settings(max_examples=20)
@given(st.permutations(range(12)))
def test_the_order_of_records_does_not_matter(order: list[int]) -> None:
    board = scored(
        {"full": [900, 890, 880, 870, 860, 850], "points": [700, 720, 740, 730, 710, 750]}
    )
    shuffled = board_of(board.header, tuple(board.records[index] for index in order))
    assert to_markdown(shuffled) == to_markdown(board)
    assert to_csv(shuffled) == to_csv(board)


def test_every_table_is_rectangular() -> None:
    page = to_markdown(BOARD).replace("\\|", "")
    for block in page.split("\n\n"):
        widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1


def test_csv_keeps_numbers() -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(BOARD))))
    assert [line["method"] for line in lines] == ["full", "points|<i>", FLOOR]
    assert float(lines[0]["miou"]) == pytest.approx(0.8125)
    assert lines[1]["miou_sd"] == ""
    assert lines[0]["miou_per_seed"] == "0:0.625000 1:1.000000"
    assert lines[1]["iou_b"] == "0.000000"


ENTRY = {
    "units": 2,
    "units_without_labels": 0,
    "labelled_pixels": 5,
    "labelled_pixels_by_class": [5, 0],
    "proportion_vectors": 0,
    "tag_vectors": 0,
}


def test_the_error_of_proportions_has_a_column_where_a_method_has_proportions() -> None:
    noisy = [
        ENTRY | {"supervision": "full"},
        ENTRY
        | {"supervision": "noisy", "total_variation": {"mean": 0.25, "median": 0.2, "max": 1.0}},
    ]
    board = board_of(HEADER, (*FULL, WEAK | {"ledger": WEAK["ledger"] | {"supervisions": noisy}}))
    full, weak, floor = rows_of(board)
    assert weak.annotation.total_variation == 0.25
    assert math.isnan(full.annotation.total_variation)
    assert math.isnan(floor.annotation.total_variation)
    page = to_markdown(board).replace("\\|", "")
    (columns, _, *lines) = [
        line.split("|")
        for line in page.split("<summary>Annotation and cost</summary>\n\n")[1]
        .split("\n\n")[0]
        .splitlines()
    ]
    column = [name.strip() for name in columns].index("proportions off by (%)")
    assert [line[column].strip() for line in lines] == ["–", "25.0"]
    assert "total variation" in page
    assert [line["total_variation"] for line in csv.DictReader(io.StringIO(to_csv(board)))] == [
        "",
        "0.250000",
        "",
    ]
    for written in (to_markdown(BOARD), to_csv(BOARD)):
        assert "proportions" not in written.lower()
        assert "variation" not in written


def test_labelled_pixels_that_are_for_validation_are_told() -> None:
    validated = WEAK | {
        "ledger": WEAK["ledger"] | {"validation": {"patches": 1, "labelled_pixels": 2}}
    }
    assert (
        "of the training split, and of the validation split where it is labelled weakly"
        in to_markdown(board_of(HEADER, (*FULL, validated)))
    )
    assert "Labelled pixels: those of the training split, counted by the harness." in to_markdown(
        BOARD
    )


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
    page = to_markdown(
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
    full, weak, floor = rows_of(board)
    # full, seed 0: a: TP 6, FP 0, FN 2; b: TP 2, FP 2, FN 0; seed 1: all right.
    means = {
        "accuracy": 0.9,
        "macro_f1": (12 / 14 + 4 / 6 + 2) / 4,
        "f1:b": 5 / 6,
        "precision:a": 1.0,
        "recall:a": 0.875,
    }
    assert {score: ours.mean for score, ours in full.reproduction.ours.items()} == pytest.approx(
        means | {"precision:b": 0.75}
    )
    assert (weak.reproduction.published, floor.reproduction.published) == ({"miou": 0.5}, {})
    page = to_markdown(board).split("<summary>Reproduction")[1].split("</details>")[0]
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
    table = list(csv.DictReader(io.StringIO(to_csv(board))))
    assert [line["published_precision_b"] for line in table] == ["0.500000", "", ""]
    assert [line["reproduced_precision_b"] for line in table] == ["0.750000", "", ""]
    assert [line["published_miou"] for line in table] == ["", "0.500000", ""]


def test_missing_runs_and_a_board_without_results() -> None:
    missing = {"status": "missing", "key": "k", "method": "full", "seed": 0}
    empty = board_of(HEADER, (missing, FAILED))
    assert "full, seed 0: missing: not run yet" in to_markdown(empty)
    assert "nan" not in to_markdown(empty) + headline(empty)
    assert "nan" not in headline(board_of(HEADER, (WEAK,)))  # no reference to compare with


def test_it_is_a_function_of_the_records_alone() -> None:
    again = board_of(HEADER, [json.loads(json.dumps(record.as_json())) for record in BOARD.records])
    assert to_markdown(again) == to_markdown(BOARD)
    assert to_csv(again) == to_csv(BOARD)


def test_cells_have_no_negative_zero() -> None:
    assert (signed(-0.0001), signed(0.0001), signed(-0.01)) == ("+0.0", "+0.0", "−1.0")
    assert number(-0.0001, 2) == "0.00"
    assert within("1.0", Interval(-0.0001, 0.02)) == "1.0 [0.0, 2.0]"


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
    assert text(name) == shown


def test_hostile_names_stand_as_they_are() -> None:
    name = "**a** [b](c) <i>"
    page = to_markdown(scored({name: [900] * 3, "x": [800] * 3}))
    assert "**a**" not in page.replace(
        "<summary>Recovery, gap closed, and tests against **a** [b](c) &lt;i&gt;</summary>", ""
    )
    assert "<i>" not in page
    assert "](c)" not in page.replace(r"\](c)", "").replace("[b](c) &lt;i&gt;</summary>", "")


def test_numbers_have_one_kind_of_minus_sign() -> None:
    assert (number(-2.74, 1), percent(-2.742), signed(-0.01)) == ("−2.7", "−274.2", "−1.0")
    board = scored(
        {"full": [800] * 3, "points": [600] * 3, "worse": [100, 110, 120], "pixels": [200] * 3},
        {"pixels": "qda"},
    )
    page = to_markdown(board)
    assert cells(page, 0, "worse")[5] == "−15.0"  # (0.11 - 0.2) / (0.8 - 0.2)
    assert not re.search(r"[\[| ]-\d", page)
    assert (
        float(
            next(
                line["gap_closed"]
                for line in csv.DictReader(io.StringIO(to_csv(board)))
                if line["method"] == "worse"
            )
        )
        < 0
    )


def test_one_is_singular_and_none_is_said() -> None:
    assert (counted(1, "test"), counted(2, "test"), counted(0, "run")) == (
        "1 test",
        "2 tests",
        "0 runs",
    )
    assert "corrected over the 1 test of this table" in to_markdown(
        scored({"full": [900] * 3, "points": [800, 801, 802]})
    )
    assert "No method is tested." in to_markdown(scored({"full": [900], "points": [800]}))
