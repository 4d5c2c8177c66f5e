"""Selection tracks, mandatory rows, and training on the validation part."""

from __future__ import annotations

import json
from typing import Any

import pytest
from installed import TINY, Workplace

from harness.leaderboard.selection_tracks import by_track, missing_rows, one_test, track

SELECTED = {"validation": "miou", "selection": "best-validation", "patience": None}


def record(
    method: str,
    training: dict[str, Any],
    seed: int = 0,
    scenes: int = 3,
    share: float = 0.1,
    **settings: Any,
) -> dict[str, Any]:
    found = {"status": "ok", "method": method, "seed": seed, "ledger": {"labelled_share": share}}
    return found | {
        "settings": {"training": training, **settings},
        "split": {"validation": {"scenes": scenes}},
    }


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({}, "none"),  # as records were before there was validation
        # looked at, and not used
        ({"validation": "miou", "selection": "last", "patience": None}, "none"),
        (SELECTED, "dense-val:3"),
        (SELECTED | {"validation": "loss"}, "weak-val"),
        # training ends by it
        ({"validation": "loss", "selection": "last", "patience": 5}, "weak-val"),
        ({"validation": "miou", "selection": "last", "patience": 5}, "dense-val:3"),
    ],
)
def test_the_track_is_what_chose_the_network(training: dict[str, Any], expected: str) -> None:
    assert track(record("m", training)) == expected


def test_tracks_never_mix() -> None:
    records = [
        record("a", {}),
        record("b", SELECTED),
        record("c", SELECTED, scenes=5),
        record("a", {}, seed=1),
    ]
    assert by_track(records) == {
        "none": [records[0], records[3]],
        "dense-val:3": [records[1]],
        "dense-val:5": [records[2]],
    }


def test_validation_parts_that_differ_between_seeds_are_one_track() -> None:
    records = [
        record(method, SELECTED, seed=seed, scenes=3 + 2 * seed)
        for method in "ab"
        for seed in (0, 1)
    ]
    assert by_track(records) == {"dense-val:3-5": records}


def test_runs_that_were_not_made_stand_with_their_method() -> None:
    missing = [{"status": "missing", "method": method, "seed": 1} for method in "abx"]
    failed = {key: value for key, value in record("b", SELECTED, seed=2).items() if key != "split"}
    records = [record("a", {}), record("b", SELECTED), *missing, failed]
    assert by_track(records) == {
        "none": [records[0], missing[0], missing[2]],
        "dense-val:3": [records[1], missing[1], failed],
    }
    assert by_track([failed]) == {"dense-val:?": [failed]}
    assert by_track(missing[:1]) == {"none": missing[:1]}
    assert by_track([]) == {}


def test_missing_rows_are_named() -> None:
    header = {"reference": "full"}
    full, points = record("full", {}, share=1.0), record("points", {})
    assert missing_rows(header, [full, points]) == ()
    assert [text.partition(":")[0] for text in missing_rows(header, [points])] == ["full"]
    assert [text.partition(":")[0] for text in missing_rows(header, [{"status": "missing"}])] == [
        "full",
        "floor",
    ]
    assert missing_rows(header, [record("full", {}, share=1.0, floor="majority")])[0].startswith(
        "full:"
    )
    few = record("few-shot", SELECTED, share=1.0, trains_on="validation")
    selected = [record("full", SELECTED, share=1.0), record("points", SELECTED)]
    assert [text.partition(":")[0] for text in missing_rows(header, selected)] == ["few-shot"]
    assert missing_rows(header, [*selected, few]) == ()
    assert missing_rows({"reference": "few-shot"}, [*selected, few])[0].startswith("full:")


def test_more_than_one_test_shows() -> None:
    assert one_test({})
    assert one_test({"test_evaluations": {"last": 1, "best-validation": 1}})
    assert not one_test({"test_evaluations": {"last": 1, "best-validation": 2}})


FEW = TINY.replace(
    "epochs: 2, batch_size: 8",
    "epochs: 2, batch_size: 8, validation: miou, selection: best-validation, patience: 1",
).replace(
    "profiles:",
    "  few-shot: {supervision: full, loss: cross-entropy, trains_on: validation}\nprofiles:",
)


def test_few_shot_trains_on_the_images_that_select_and_selects_nothing(
    workplace: Workplace,
) -> None:
    workplace.write("tiny.yaml", FEW)
    done = workplace.harness(
        "run", "tiny.yaml", "--only", "few-shot", "--only", "points-5", "--executor", "inline"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {
        r["method"]: r
        for r in (
            json.loads(p.read_text()) for p in (workplace.folder / "runs").glob("*/record.json")
        )
    }
    few, points = found["few-shot"], found["points-5"]
    validation = few["split"]["validation"]
    assert few["split"] == points["split"]
    assert (few["ledger"]["scenes"], few["ledger"]["patches"]) == (
        validation["scenes"],
        validation["patches"],
    )
    assert few["ledger"]["labelled_share"] == 1.0
    assert "selection" not in few["ledger"]
    pixels = few["ledger"]["labelled_pixels"]
    assert points["ledger"]["selection"] == {
        "scenes": 1,
        "patches": validation["patches"],
        "labelled_pixels": pixels,
    }
    assert few["selection"] == {"rule": "last", "last_epoch": 2}
    assert all("validation" not in epoch for epoch in few["history"])
    assert few["test_evaluations"] == {"last": 1}
    assert points["test_evaluations"] == {"last": 1, "best-validation": 1}
    assert track(few) == track(points) == "dense-val:1"
    header = {"reference": "full"}
    assert [text.partition(":")[0] for text in missing_rows(header, [few, points])] == ["full"]


def test_training_on_a_validation_part_needs_one(workplace: Workplace) -> None:
    few = FEW.replace(
        "validation: miou, selection: best-validation, patience: 1", "precision: fp32"
    )
    workplace.write("tiny.yaml", few.replace("size: 64}", "size: 64, validation: 0}"))
    done = workplace.harness("run", "tiny.yaml")
    assert done.returncode == 2
    assert "methods.few-shot.trains_on" in done.stderr
    assert "Traceback" not in done.stderr
    workplace.write("tiny.yaml", FEW.replace("trains_on: validation", "trains_on: test"))
    done = workplace.harness("plan", "tiny.yaml")
    assert done.returncode == 2
    assert "trains_on" in done.stderr
