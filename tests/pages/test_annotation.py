"""What a board says of annotation: its columns, budgets, the cost model they are from, and the
selection track."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo import scored
from places import ROOT

from harness.catalog import load_catalog
from harness.cli.main import main
from harness.leaderboard.annotation_costs import DEFAULTS, OWN
from harness.leaderboard.board import Board, read_board, records_path
from harness.leaderboard.rows import FLOOR, rows
from harness.leaderboard.selection_tracks import split_by_track
from harness.pages.csv_file import to_csv
from harness.pages.formats import duration, rounded
from harness.pages.leaderboard_page import to_markdown
from harness.scenario.resolve import read_scenario

CATALOG = load_catalog(disabled=())
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))


def annotated(
    record: dict[str, Any],
    supervision: str,
    pixels: int,
    reveals: tuple[str, ...] = (),
    **settings: Any,
) -> dict[str, Any]:
    """A record of 10 images and 2 classes, each with labels in all of them, and the settings that
    made it."""
    entry = {
        "supervision": supervision,
        "unit": "scene",
        "units": 10,
        "units_without_labels": 0,
        "labelled_pixels": pixels,
    }
    entry |= {
        "labelled_pixels_by_class": [pixels // 2] * 2,
        "present_classes": 20,
        "pieces": 20,
        "proportion_vectors": 0,
    }
    ledger = {
        "scenes": 10,
        "patches": 10,
        "labelled_pixels": pixels,
        "labelled_share": 1.0 if supervision == "full" else 0.1,
    }
    ledger["supervisions"] = [entry | {"tag_vectors": 0, "reveals": list(reveals)}]
    own = {
        "supervision": [
            {"name": supervision, **({} if supervision == "full" else {"count": pixels})}
        ],
        "loss": [{"name": "ce"}],
    }
    return record | {"ledger": ledger, "settings": record["settings"] | own | settings}


def swept() -> Board:
    """Full supervision at 0.9 and points at 0.7, 0.8, 0.88 from 100, 1000 and 10000 pixels, in
    three seeds each."""
    board = scored(
        {
            "full": [900] * 3,
            "points-100": [700] * 3,
            "points-1000": [800] * 3,
            "points-10000": [880] * 3,
        }
    )
    made = []
    for record in board.records:
        count = record["method"].partition("-")[2]
        which = (
            ("points-per-class", int(count), ("which classes occur",))
            if count
            else ("full", 1_000_000)
        )
        made.append(annotated(record, *which))
    return Board(board.header, tuple(made))


def line(page: str, summary: str, name: str) -> list[str]:
    """The cells of a line of a folded table."""
    table = page.split(f"<summary>{summary}</summary>")[1].split("</details>")[0]
    return next(
        [cell.strip() for cell in text.split("|")[1:-1]]
        for text in table.splitlines()
        if text.startswith(f"| {name} ")
    )


def test_what_was_annotated_is_on_the_page_and_in_the_csv() -> None:
    page, table = (
        to_markdown(swept()),
        {own["method"]: own for own in csv.DictReader(io.StringIO(to_csv(swept())))},
    )
    # 20 present classes at 1.5 s, 100 points at 0.9 s; a megapixel of masks at 1278 s
    assert line(page, "Annotation and cost", "points-100")[1:] == [
        "100",
        "10",
        "10",
        "100",
        "2 min",
        "which classes occur",
        "1.0",
    ]
    assert line(page, "Annotation and cost", "full") == [
        "full",
        "1,000,000",
        "100",
        "10",
        "0",
        "21 min",
        "",
        "1.0",
    ]
    points = table["points-100"]
    assert (
        float(points["annotation_seconds"]),
        float(points["clicks"]),
        float(points["annotated_images"]),
    ) == (120, 100, 10)
    assert (points["hidden_knowledge"], points["track"], float(points["selection_seconds"])) == (
        "which classes occur",
        "none",
        0,
    )
    assert table[FLOOR]["annotation_seconds"] == ""
    assert "the packaged cost model" in page
    assert "to select" not in page


def test_masks_that_select_are_told() -> None:
    board = scored({"full": [900], "points": [700]})
    selected = {"training": {"epochs": 1, "validation": "miou", "selection": "best-validation"}}
    made = [
        annotated(record, kind, 100, **selected)
        for record, kind in zip(board.records, ("full", "points-per-class"), strict=True)
    ]
    for record in made:
        record["ledger"]["selection"] = {"scenes": 2, "patches": 2, "labelled_pixels": 2_000_000}
        record["split"] = {
            part: {"patches": 3, "scenes": 2} for part in ("train", "validation", "test")
        }
    page = to_markdown(Board(board.header, tuple(made)))
    assert line(page, "Annotation and cost", "points")[5:7] == ["45 min", "43 min"]
    assert (
        "Selection track `dense-val:2`: 2 densely labelled validation images chose the epoch or"
        " ended training." in page
    )
    assert "This leaderboard lacks few-shot: no finished run" in page


def test_budgets_by_hand() -> None:
    page = to_markdown(swept())
    # 90 % of 0.9 is 0.81, an eighth of the way from 0.8 to 0.88; 95 % is 0.855, eleven sixteenths
    # of it.
    found = line(page, "Budgets to reach 90 and 95 % of full", r"points-\*")
    reached = [f"{rounded(1000 * 10 ** (step / 80))}" for step in (10, 55)]
    assert found == [
        r"points-\*",
        "labelled pixels",
        "100 to 10,000",
        *(f"{own} [{own}, {own}]" for own in reached),
        "79.5 [79.5, 79.5]",
        "3",
    ]
    fewer = swept()
    fewer = Board(
        fewer.header, tuple(own for own in fewer.records if own["method"] != "points-10000")
    )
    assert line(to_markdown(fewer), "Budgets to reach 90 and 95 % of full", r"points-\*")[3:5] == [
        "not reached",
        "not reached",
    ]
    assert "Budgets to reach" not in to_markdown(scored({"full": [900], "points": [700]}))


def test_a_seed_whose_cost_is_not_known_leaves_it_open() -> None:
    board = scored({"full": [900], "points": [700, 710]})
    known, older = annotated(board.records[1], "points-per-class", 100), board.records[2]
    row = rows(Board(board.header, (known, older)))[1]
    assert math.isnan(row.annotation_seconds)
    assert math.isnan(row.clicks)
    assert row.labelled_pixels == 52.5


def put(board: Board, root: Path) -> None:
    path = records_path(root, board.header["board"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(own) + "\n" for own in (board.header, *board.records)))


def test_a_cost_model_beside_the_boards_replaces_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(swept(), tmp_path)
    document = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    document["kinds"]["mask"]["megapixel"]["seconds"] = 7200
    (tmp_path / OWN).write_text(yaml.safe_dump(document))
    page = to_markdown(read_board(records_path(tmp_path, "demo.mini")))
    assert line(page, "Annotation and cost", "full")[5] == "2 h"
    assert f"`{OWN}` in the folder of these leaderboards" in page
    assert "packaged" not in page
    (tmp_path / OWN).write_text("kinds: {}\nsupervisions: {}\n")
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    assert main(["leaderboard"]) == 2
    assert f"{OWN}:1" in capsys.readouterr().err


def test_runs_that_differ_are_no_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    board = swept()
    other = json.loads(json.dumps(board.records[-1]))
    other["settings"]["dataset"]["content"] = "changed"
    put(Board(board.header, (*board.records[:-1], other)), tmp_path)
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    assert main(["leaderboard"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        "harness: leaderboard demo.mini: full, seed 0 (run full0) and points-10000, seed 2 (run"
        " points-10000"
    )
    assert 'differ in dataset.content: "c" and "changed"' in error
    assert [path.name for path in tmp_path.glob("*.md")] == ["README.md"]


def test_tracks_have_tables_of_their_own() -> None:
    board = scored(
        {"full": [900] * 5, "points": [800] * 5, "tuned": [850] * 5, "retuned": [860] * 5}
    )
    made = []
    for record in board.records:
        weakly = (
            {"training": {"epochs": 1, "validation": "loss", "selection": "best-validation"}}
            if "tuned" in record["method"]
            else {}
        )
        made.append(record | {"settings": record["settings"] | weakly})
    mixed = Board(board.header, tuple(made))
    assert {
        str(track): [entry["name"] for entry in part.header["methods"]]
        for track, part in split_by_track(mixed).items()
    } == {
        "none": ["full", "points"],
        "weak-val": ["tuned", "retuned"],
    }
    assert [row.method for row in rows(mixed)] == [
        "full",
        "points",
        FLOOR,
        "tuned",
        "retuned",
        FLOOR,
    ]
    first, second = to_markdown(mixed).split("## Selection track `weak-val`")
    assert "## Selection track `none`" in first
    assert "| tuned " not in first
    assert "| points " not in second
    assert "This leaderboard lacks full" in second
    assert [own["track"] for own in csv.DictReader(io.StringIO(to_csv(mixed)))] == ["none"] * 3 + [
        "weak-val"
    ] * 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (9.94, "9.9 s"),
        (54.2, "54 s"),
        (120, "2 min"),
        (5000, "83 min"),
        (6000, "1.7 h"),
        (45.5e3, "13 h"),
        (4.4e6, "1,220 h"),
    ],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_unknown_amounts_are_a_dash() -> None:
    assert duration(math.nan) == rounded(math.nan) == "–"
    assert [rounded(value) for value in (0.5, 12345, 1234567.0)] == ["0.5", "12,300", "1,230,000"]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenarios_that_select_with_masks_have_a_few_shot_row(path: Path) -> None:
    scenario = read_scenario(path, CATALOG)
    training = scenario.training
    selects = training.validation == "miou" and (
        training.selection != "last" or training.patience is not None
    )
    assert any(method.trains_on == "validation" for method in scenario.methods) == selects
