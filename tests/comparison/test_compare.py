"""`harness compare` on boards counted by hand."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import demo
import pytest
from scipy import stats

from harness.cli.main import main
from harness.comparison.compare import compare, interval, to_json, to_text
from harness.comparison.find import Selection, find, scores
from harness.core.errors import InputError
from harness.core.hashing import digest
from harness.leaderboard.statistics import spread
from harness.records.store import Store

SETTINGS: dict[str, Any] = {
    "protocol": 1,
    "profile": None,
    "dataset": {"name": "d", "version": "1", "source": "5" * 64, "content": "c" * 64},
    "model": {"name": "m", "version": "1", "source": "s"},
    "patches": {"size": 8},
    "split": {"by": "official"},
    "training": {"epochs": 2},
    "supervision": [{"name": "full"}],
    "loss": [{"name": "cross-entropy", "weight": 1.0}],
}


def record(method: str, seed: int, counts: list[list[int]], **settings: Any) -> dict[str, Any]:
    return demo.record(method, seed, counts, 100, 1.0) | {
        "key": digest([method, seed, settings]),
        "scenario": "demo",
        "profile": None,
        "overrides": [],
        "confusion": {"images": ["x"], "groups": ["x"], "counts": [counts]},
        "packages": {"torch": "2.1"},
        "git": {"commit": "0" * 40, "changes": None},
        "settings": {**copy.deepcopy(SETTINGS), **settings, "seed": seed},
    }


COUNTS = [[[6, 2], [0, 2]], [[8, 0], [0, 2]], [[7, 1], [0, 2]]]
FULL = [record("full", seed, counts) for seed, counts in enumerate(COUNTS)]
WEAK = [
    record("weak", seed, [[6, 2], [2, 0]], supervision=[{"name": "points", "count": 5}])
    for seed in range(3)
]


def selected(name: str, records: list[dict[str, Any]]) -> Selection:
    return Selection(name, "row" if len(records) > 1 else "run", tuple(records))


def changed(records: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    return [{**each, "settings": {**each["settings"], **changes}} for each in records]


def board(root: Path, name: str, records: list[dict[str, Any]]) -> None:
    methods = [
        {"name": method, "about": ""}
        for method in dict.fromkeys(each["method"] for each in records)
    ]
    header = demo.HEADER | {
        "board": name,
        "profile": None,
        "methods": methods,
        "seeds": [0, 1, 2],
        "published": None,
    }
    (root / "records").mkdir(parents=True, exist_ok=True)
    (root / "records" / f"{name}.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in (header, *records))
    )


def test_differences_are_paired_by_seed() -> None:
    (pair,) = compare(selected("full", FULL), selected("weak", WEAK)).pairs
    assert (pair.paired, pair.obstacles) == ((0, 1, 2), ())
    by_name = {score.name: score for score in pair.scores}
    # IoU of a: 6/8, 8/8, 7/8 against 6/10; of b: 2/4, 2/2, 2/3 against 0.
    assert by_name["IoU a"].by_seed == pytest.approx({0: -0.15, 1: -0.4, 2: -0.275})
    assert by_name["IoU b"].by_seed == pytest.approx({0: -0.5, 1: -1.0, 2: -2 / 3})
    assert by_name["mIoU"].difference.mean == pytest.approx(
        (-0.15 - 0.4 - 0.275 - 0.5 - 1 - 2 / 3) / 6
    )
    differences = [-0.15, -0.4, -0.275]
    expected = stats.ttest_rel([0.6] * 3, [0.75, 1.0, 0.875]).confidence_interval()
    assert by_name["IoU a"].interval == pytest.approx(tuple(expected))
    assert interval(spread(differences), further=1) == pytest.approx(
        (
            -0.275 - stats.t.ppf(0.975, 2) * 0.125 * math.sqrt(4 / 3),
            -0.275 + stats.t.ppf(0.975, 2) * 0.125 * math.sqrt(4 / 3),
        )
    )
    assert interval(spread(differences[:2])) is None


def test_settings_are_compared_by_path_with_todays_defaults() -> None:
    newer = changed(
        FULL,
        patches={"size": 8, "resize": None, "stride": None},
        training={"epochs": 3},
        evaluation={"boundary_radius": 2},
    )
    (pair,) = compare(selected("old", FULL), selected("new", newer)).pairs
    assert [(each.path, each.a, each.b) for each in pair.settings] == [("training.epochs", 2, 3)]
    (pair,) = compare(selected("full", FULL), selected("weak", WEAK)).pairs
    assert [each.path for each in pair.settings] == ["supervision.0.name", "supervision.0.count"]
    other = [{**each, "packages": {"torch": "2.2"}} for each in FULL]
    (pair,) = compare(selected("full", FULL), selected("other", other)).pairs
    assert [(each.path, each.b) for each in pair.provenance] == [("packages.torch", "2.2")]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"protocol": 2}, "protocol"),
        ({"profile": "mini"}, "profile"),
        ({"dataset": {**SETTINGS["dataset"], "content": "d" * 64}}, "dataset"),
        ({"dataset": {**SETTINGS["dataset"], "unlabeled": "ignore"}}, "dataset"),
        ({"split": {"by": "group"}}, "split"),
        ({"patches": {"size": 16}}, "patches.size"),
        ({"patches": {"size": 8, "padding": "ignore"}}, "patches.padding"),
        ({"patches": {"size": 8, "downsample": 2}}, "patches.downsample"),
        ({"patches": {"size": 8, "stride": 4}}, "patches.stride"),
        ({"patches": {"size": 8, "normalise": "none"}}, "patches.normalise"),
        ({"evaluation": {"boundary_radius": 3}}, "evaluation"),
    ],
)
def test_what_forbids_a_comparison(change: dict[str, Any], part: str) -> None:
    found = compare(selected("a", FULL), selected("b", changed(FULL, **change)))
    assert found.pairs[0].obstacles == (f"{part} differs",)
    assert found.pairs[0].paired == ()
    assert f"not comparable: {part} differs" in to_text(found)


@pytest.mark.parametrize("change", [{"training": {"epochs": 9}}, {"model": {"name": "n"}}])
def test_what_does_not(change: dict[str, Any]) -> None:
    assert compare(selected("a", FULL), selected("b", changed(FULL, **change))).pairs[0].paired == (
        0,
        1,
        2,
    )


def test_runs_tested_on_other_images_are_not_paired() -> None:
    moved = [{**each, "confusion": {**each["confusion"], "images": ["y"]}} for each in FULL]
    assert compare(selected("a", FULL), selected("b", moved)).pairs[0].obstacles == (
        "other test images (seed 0, 1, 2)",
    )
    assert compare(selected("a", FULL[:1]), selected("b", moved[1:2])).pairs[0].obstacles == (
        "other test images, and no seed in common",
    )
    (pair,) = compare(selected("a", FULL[:1]), selected("b", FULL[1:2])).pairs
    assert (pair.obstacles, pair.paired) == ((), ())
    assert [each.path for each in pair.settings] == ["seed"]
    assert pair.scores[1].difference.mean == pytest.approx(0.2)  # accuracy 0.8 and 1


def test_details_are_compared_where_both_have_them() -> None:
    boundary = {
        "radius": 2,
        "intersection": [1, 1],
        "union": [2, 4],
        "predicted": [4, 0],
        "true": [4, 0],
    }
    boundary |= {"predicted_matched": [4, 0], "true_matched": [2, 0]}
    calibration = {"pixels": [4], "correct": [3], "confidence": [3.5], "nll": 1.0}
    proportions = {
        "hard": {"error": 0.0625, "bias": [0.1, -0.1]},
        "soft": {"error": 0.125, "bias": [0, 0]},
    }
    details = {"boundary": boundary, "calibration": calibration, "proportions": proportions}
    detailed = {**FULL[0], "details": details}
    found = scores(detailed)
    assert found["boundary IoU, 2 px"] == pytest.approx(0.375)
    assert found["boundary F1, 2 px"] == pytest.approx(2 * 0.5 / 1.5)  # class b has no contour
    assert found["calibration error"] == pytest.approx(0.125)
    assert (found["proportions off, hard"], found["proportions off, soft"]) == (0.0625, 0.125)
    assert found["NLL (nats)"] == 0.25  # 1 nat over 4 pixels
    worse = {**detailed, "details": {**details, "calibration": {**calibration, "nll": 1.5}}}
    text = to_text(compare(selected("a", [detailed]), selected("b", [worse])))
    line = next(line.split() for line in text.splitlines() if line.startswith("NLL"))
    assert line == ["NLL", "(nats)", "0.250", "0.375", "+0.125", "–", "+0.125"]
    assert (
        "Less is better: proportions off, hard; proportions off, soft; calibration error; NLL"
        " (nats)." in text
    )
    names = [
        score.name
        for score in compare(selected("a", [detailed]), selected("b", FULL[:1])).pairs[0].scores
    ]
    assert names == ["mIoU", "accuracy", "mean F1", "IoU a", "IoU b"]


def test_what_can_be_said_of_few_seeds() -> None:
    def said(count: int) -> str:
        return to_text(compare(selected("a", FULL[:count]), selected("b", WEAK[:count])))

    assert "One seed in both is one pair of runs" in said(1)
    assert said(2).endswith("\n\nIntervals need 3 seeds in both.")
    assert "Intervals need" not in said(3)
    assert "A and B are the same records" not in said(3)
    alone = Selection("one", "board", tuple(FULL[:1]))
    same = to_text(compare(alone, alone))
    assert "A and B are the same records" in same
    assert same.splitlines()[-1].endswith(" seed 0")
    assert "cannot be told" not in same


def test_boards_are_compared_row_by_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    board(tmp_path, "one", [*FULL, *WEAK])
    board(tmp_path, "two", [*changed(FULL, training={"epochs": 3}), record("other", 0, COUNTS[0])])
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "runs"))
    assert main(["compare", "one", "two"]) == 0
    out = capsys.readouterr().out
    assert "only on one board: one:weak, two:other" in out
    assert "training.epochs" in out
    assert main(["compare", "one:full", "one:weak", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"][0]["scores"][0]["name"] == "mIoU"
    assert main(["compare", "one:full:0", "one:full:1"]) == 0
    assert main(["compare", WEAK[0]["key"][:20], "one:weak:1"]) == 0
    assert "Intervals need 3 seeds" not in capsys.readouterr().out.partition("A  one:full:0")[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("won", "no board 'won'.*Did you mean 'one'"),
        ("one:ful", "has no method 'ful'. Did you mean 'full'"),
        ("one:full:9", "has no seed 9 of 'full': its seeds are 0, 1, 2"),
        ("abcdef", "no board and no run of that key"),
        ("0000", "3 runs have a key that begins so"),
        ("one:lost", "has no finished run .missing.: compute it"),
    ],
)
def test_unknown_names(tmp_path: Path, name: str, message: str) -> None:
    alike = [{**each, "key": f"0000{each['seed']}"} for each in FULL]
    board(
        tmp_path, "one", [*alike, {"method": "lost", "seed": 0, "status": "missing", "key": "ff"}]
    )
    with pytest.raises(InputError, match=message):
        find(name, tmp_path, Store(tmp_path / "runs"))


def test_a_damaged_line_of_a_board_is_named(tmp_path: Path) -> None:
    board(tmp_path, "one", [FULL[0], {"method": "full", "seed": 1}])
    with pytest.raises(InputError, match=r"one.jsonl:3: status: is missing: restore the file"):
        find("one:full", tmp_path, Store(tmp_path / "runs"))


def test_runs_are_found_by_key_in_the_folder_of_runs(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / FULL[0]["key"]
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps(FULL[0]))
    assert find(FULL[0]["key"][:60], tmp_path, Store(tmp_path / "runs")).records == (FULL[0],)
    (folder / "record.json").write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        find(FULL[0]["key"], tmp_path, Store(tmp_path / "runs"))


def test_a_board_is_compared_with_a_board(tmp_path: Path) -> None:
    one = Selection("one", "board", tuple(FULL))
    with pytest.raises(InputError, match="one:METHOD"):
        compare(one, selected("row", FULL))
    with pytest.raises(InputError, match="no method in common"):
        compare(one, Selection("two", "board", tuple(WEAK)))
    assert json.loads(to_json(compare(one, one)))["board"] is True
