"""What a board says of annotation: its columns, budgets, and the cost model they are from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo import board_of, csv_lines, page_of, rewrite_records, rows_of, scored
from places import ROOT

from harness.catalog import load_catalog
from harness.cli.main import main
from harness.leaderboard.annotation_costs import DEFAULTS, OWN
from harness.leaderboard.board import Board, read_board_file, records_path, write_records
from harness.leaderboard.rows import CONSTANT
from harness.leaderboard.selection_tracks import split_by_track
from harness.pages.formats import format_amount
from harness.scenario.resolve import read_scenario

CATALOG = load_catalog(disabled=())
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))
COST = "Annotation and cost"
BUDGETS = "Budgets to reach 90 and 95 % of full"


def annotate(run: dict[str, Any], supervision: str, pixels: int) -> dict[str, Any]:
    """Give a run labels of 10 images that each have both classes, and the settings for it."""
    is_full = supervision == "full"
    entry = {
        "supervision": supervision,
        "unit": "scene",
        "units": 10,
        "units_without_labels": 0,
        "labelled_pixels": pixels,
        "labelled_pixels_by_class": [pixels // 2, pixels // 2],
        "present_classes": 20,
        "pieces": 20,
        "proportion_vectors": 0,
        "tag_vectors": 0,
        "reveals": [] if is_full else ["which classes occur"],
    }
    ledger = {
        "scenes": 10,
        "patches": 10,
        "labelled_pixels": pixels,
        "labelled_share": 1.0 if is_full else 0.1,
        "supervisions": [entry],
    }
    component: dict[str, Any] = {"name": supervision}
    if not is_full:
        component["count"] = pixels
    settings = run["settings"] | {"supervision": [component], "loss": [{"name": "ce"}]}
    return run | {"ledger": ledger, "settings": settings}


def annotate_by_name(run: dict[str, Any]) -> dict[str, Any]:
    """Annotate a run with as many points as the name of its method says."""
    _, _, points = run["method"].partition("-")
    if points:
        return annotate(run, "points-per-class", int(points))
    return annotate(run, "full", 1_000_000)


def swept() -> Board:
    """Make a board of full supervision and of points from three budgets, in three seeds each."""
    scores = {
        "full": [900] * 3,
        "points-100": [700] * 3,
        "points-1000": [800] * 3,
        "points-10000": [880] * 3,
    }
    return rewrite_records(scored(scores), annotate_by_name)


def line_of(page: str, summary: str, name: str) -> list[str]:
    """Return the cells of a line of a folded table."""
    _, _, rest = page.partition(f"<summary>{summary}</summary>")
    table, _, _ = rest.partition("</details>")
    for line in table.splitlines():
        if line.startswith(f"| {name} "):
            return [cell.strip() for cell in line.split("|")[1:-1]]
    raise AssertionError(f"{summary} has no line {name}")


def test_what_was_annotated_is_on_the_page() -> None:
    page = page_of(swept())
    # 20 present classes at 1.5 s, 100 points at 0.9 s; a megapixel of masks at 1278 s.
    assert line_of(page, COST, "points-100") == [
        "points-100",
        "100",
        "10",
        "10",
        "100",
        "2 min",
        "which classes occur",
        "1.0",
    ]
    assert line_of(page, COST, "full") == [
        "full",
        "1,000,000",
        "100",
        "10",
        "0",
        "21 min",
        "",
        "1.0",
    ]
    assert "the packaged cost model" in page
    assert "to select" not in page


def test_what_was_annotated_is_in_the_csv() -> None:
    lines = {line["method"]: line for line in csv_lines(swept())}
    points = lines["points-100"]
    assert float(points["annotation_seconds"]) == 120
    assert float(points["clicks"]) == 100
    assert float(points["annotated_images"]) == 10
    assert float(points["selection_seconds"]) == 0
    assert points["hidden_knowledge"] == "which classes occur"
    assert points["track"] == "none"
    assert lines[CONSTANT]["annotation_seconds"] == ""


def test_masks_that_select_are_told() -> None:
    training = {"epochs": 1, "validation": "miou", "selection": "best-validation"}
    masks = {"scenes": 2, "patches": 2, "labelled_pixels": 2_000_000}
    part = {"patches": 3, "scenes": 2}

    def select(run: dict[str, Any]) -> dict[str, Any]:
        supervision = "full" if run["method"] == "full" else "points-per-class"
        run = annotate(run, supervision, 100)
        run["ledger"]["selection"] = masks
        run["settings"]["training"] = training
        return run | {"split": {"train": part, "validation": part, "test": part}}

    page = page_of(rewrite_records(scored({"full": [900], "points": [700]}), select))
    assert line_of(page, COST, "points")[5:7] == ["45 min", "43 min"]
    assert (
        "Selection track `dense-val:2`: 2 densely labelled validation images chose the epoch or"
        " ended training." in page
    )
    assert "This leaderboard lacks few-shot: no finished run" in page


def test_budgets_by_hand() -> None:
    # 90 % of 0.9 is 0.81, an eighth of the way from 0.8 to 0.88; 95 % is 0.855, eleven sixteenths
    # of it.
    smaller = format_amount(1000 * 10 ** (1 / 8))
    larger = format_amount(1000 * 10 ** (11 / 16))
    assert line_of(page_of(swept()), BUDGETS, r"points-\*") == [
        r"points-\*",
        "labelled pixels",
        "100 to 10,000",
        f"{smaller} [{smaller}, {smaller}]",
        f"{larger} [{larger}, {larger}]",
        "79.5 [79.5, 79.5]",
        "3",
    ]


def test_a_share_that_no_budget_reaches_is_told() -> None:
    board = swept()
    cheap = [record for record in board.records if record.method != "points-10000"]
    line = line_of(page_of(board_of(board.header, cheap)), BUDGETS, r"points-\*")
    assert line[3:5] == ["not reached", "not reached"]


def test_a_board_without_a_sweep_has_no_budgets() -> None:
    assert "Budgets to reach" not in page_of(scored({"full": [900], "points": [700]}))


def test_a_seed_whose_cost_is_not_known_leaves_it_open() -> None:
    def annotate_first(run: dict[str, Any]) -> dict[str, Any]:
        return annotate(run, "points-per-class", 100) if run["seed"] == 0 else run

    board = rewrite_records(scored({"full": [900], "points": [700, 710]}), annotate_first)
    points = rows_of(board)[1]
    assert math.isnan(points.annotation.seconds)
    assert math.isnan(points.annotation.clicks)
    assert points.annotation.labelled_pixels == 52.5


def test_a_cost_model_beside_the_boards_replaces_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_records(swept(), tmp_path)
    document = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    document["kinds"]["mask"]["megapixel"]["seconds"] = 7200
    (tmp_path / OWN).write_text(yaml.safe_dump(document))
    page = page_of(read_board_file(records_path(tmp_path, "demo.mini")))
    assert line_of(page, COST, "full")[5] == "2 h"
    assert f"`{OWN}` in the folder of these leaderboards" in page
    assert "packaged" not in page
    (tmp_path / OWN).write_text("kinds: {}\nsupervisions: {}\n")
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    assert main(["leaderboard"]) == 2
    assert f"{OWN}:1" in capsys.readouterr().err


def test_runs_that_differ_are_no_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def change_data(run: dict[str, Any]) -> dict[str, Any]:
        if (run["method"], run["seed"]) == ("points-10000", 2):
            run["settings"]["dataset"]["content"] = "changed"
        return run

    write_records(rewrite_records(swept(), change_data), tmp_path)
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
    scores = {"full": [900] * 5, "points": [800] * 5, "tuned": [850] * 5, "retuned": [860] * 5}
    training = {"epochs": 1, "validation": "loss", "selection": "best-validation"}

    def tune(run: dict[str, Any]) -> dict[str, Any]:
        if "tuned" in run["method"]:
            run["settings"]["training"] = training
        return run

    board = rewrite_records(scored(scores), tune)
    methods = {}
    for track, part in split_by_track(board).items():
        methods[str(track)] = part.header.method_names
    assert methods == {"none": ["full", "points"], "weak-val": ["tuned", "retuned"]}
    rows = [row.method for row in rows_of(board)]
    assert rows == ["full", "points", CONSTANT, "tuned", "retuned", CONSTANT]
    tracks = [line["track"] for line in csv_lines(board)]
    assert tracks == ["none"] * 3 + ["weak-val"] * 3
    first, second = page_of(board).split("## Selection track `weak-val`")
    assert "## Selection track `none`" in first
    assert "| tuned " not in first
    assert "| points " not in second
    assert "This leaderboard lacks full" in second


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenarios_that_select_with_masks_have_a_few_shot_row(path: Path) -> None:
    scenario = read_scenario(path, CATALOG)
    training = scenario.training
    may_choose = training.selection != "last" or training.patience is not None
    selects_with_masks = training.validation == "miou" and may_choose
    parts = {method.trains_on for method in scenario.methods}
    assert ("validation" in parts) == selects_with_masks
