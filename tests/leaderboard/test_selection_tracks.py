"""Selection tracks, mandatory rows, and training on the validation part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import demo
import pytest
from installed import TINY, Workplace

from harness.leaderboard.selection_tracks import (
    assign_tracks,
    find_track,
    is_tested_once,
    missing_rows,
    split_by_track,
)
from harness.records.record import (
    FinishedRecord,
    Masks,
    MissingRecord,
    Record,
    Selection,
    parse_record,
)

SELECTED = {"validation": "miou", "selection": "best-validation", "patience": None}


def record(
    method: str,
    training: Mapping[str, Any],
    seed: int = 0,
    scenes: int = 3,
    share: float = 0.1,
    **settings: Any,
) -> FinishedRecord:
    """Return a finished run.

    Args:
        method: the name of the method.
        training: the section of this name, where it is not the default.
        seed: the seed.
        scenes: how many scenes the validation part has.
        share: labelled pixels over valid ones.
        settings: other settings.
    """
    fields = demo.record(method, seed, [[6, 2], [0, 2]], pixels=5, seconds=1.0)
    fields["settings"] |= {"training": training, **settings}
    fields["ledger"]["labelled_share"] = share
    fields["split"]["validation"]["scenes"] = scenes
    return FinishedRecord.model_validate(fields)


def missing(method: str) -> MissingRecord:
    return MissingRecord(key="unknown", method=method, seed=1, status="missing")


def failed_before_its_split(finished: FinishedRecord) -> Record:
    error = {"type": "RuntimeError", "message": "out of luck"}
    fields = finished.as_json() | {"status": "failed", "error": error}
    del fields["split"]
    return parse_record(fields)


def assigned(*records: Record) -> list[str]:
    return [str(track) for track in assign_tracks(records)]


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        # As records were before there was validation.
        ({}, "none"),
        # Watched, and not used.
        ({"validation": "miou", "selection": "last", "patience": None}, "none"),
        (SELECTED, "dense-val:3"),
        (SELECTED | {"validation": "loss"}, "weak-val"),
        # Training ends by it.
        ({"validation": "loss", "selection": "last", "patience": 5}, "weak-val"),
        ({"validation": "miou", "selection": "last", "patience": 5}, "dense-val:3"),
    ],
)
def test_the_track_is_what_chose_the_network(training: dict[str, Any], expected: str) -> None:
    assert str(find_track(record("m", training))) == expected


@pytest.mark.parametrize(
    ("training", "meaning"),
    [
        ({}, "networks of the last epoch of a fixed schedule, tested once"),
        (SELECTED, "3 densely labelled validation images chose the epoch or ended training"),
        (
            SELECTED | {"validation": "loss"},
            "validation images, with each method's own weak labels, chose the epoch or ended"
            " training",
        ),
    ],
)
def test_a_track_says_what_it_means(training: dict[str, Any], meaning: str) -> None:
    track = find_track(record("m", training))
    assert track is not None
    assert track.meaning == meaning


def test_tracks_never_mix() -> None:
    last = record("a", {})
    three = record("b", SELECTED)
    five = record("c", SELECTED, scenes=5)
    assert assigned(last, three, five) == ["none", "dense-val:3", "dense-val:5"]


def test_validation_parts_that_differ_between_seeds_are_one_track() -> None:
    records = []
    for method in "ab":
        records.append(record(method, SELECTED, seed=0, scenes=3))
        records.append(record(method, SELECTED, seed=1, scenes=5))
    assert assigned(*records) == ["dense-val:3-5"] * 4


def test_runs_that_were_not_made_stand_with_their_method() -> None:
    assert find_track(missing("a")) is None
    failed = failed_before_its_split(record("b", SELECTED, seed=2))
    tracks = assigned(record("a", {}), record("b", SELECTED), missing("a"), missing("b"), failed)
    assert tracks == ["none", "dense-val:3", "none", "dense-val:3", "dense-val:3"]


def test_a_method_without_any_run_stands_in_the_first_track() -> None:
    assert assigned(record("b", SELECTED), record("a", {}), missing("x"))[-1] == "dense-val:3"
    assert assigned(missing("x")) == ["none"]


def test_without_a_split_the_number_of_images_is_not_known() -> None:
    assert assigned(failed_before_its_split(record("b", SELECTED))) == ["dense-val:?"]


def test_a_record_without_the_number_of_scenes_does_not_know_it_either() -> None:
    older = record("b", SELECTED)
    validation = older.split.validation.without("scenes")
    split = older.split.changed(validation=validation.as_json())
    assert assigned(older.changed(split=split.as_json())) == ["dense-val:?"]


def test_each_track_is_a_board_of_its_methods() -> None:
    records = [record("b", SELECTED), record("a", {})]
    board = demo.board_of({"reference": "a", "methods": [], "published": None}, records)
    parts = split_by_track(board)
    assert [str(track) for track in parts] == ["dense-val:3", "none"]
    assert [part.header.method_names for part in parts.values()] == [["b"], ["a"]]


def names_of_missing_rows(*records: Record, reference: str = "full") -> list[str]:
    board = demo.board_of({"reference": reference, "methods": [], "published": None}, records)
    phrases = missing_rows(board)
    return [phrase.partition(":")[0] for phrase in phrases]


def test_full_supervision_is_mandatory() -> None:
    full = record("full", {}, share=1.0)
    points = record("points", {})
    assert names_of_missing_rows(full, points) == []
    assert names_of_missing_rows(points) == ["full"]
    floor = record("full", {}, share=1.0, floor="majority")
    assert names_of_missing_rows(floor) == ["full"]


def test_a_floor_is_mandatory() -> None:
    assert names_of_missing_rows(missing("full")) == ["full", "floor"]


def test_few_shot_is_mandatory_where_masks_select() -> None:
    few = record("few-shot", SELECTED, share=1.0, trains_on="validation")
    full = record("full", SELECTED, share=1.0)
    points = record("points", SELECTED)
    assert names_of_missing_rows(full, points) == ["few-shot"]
    assert names_of_missing_rows(full, points, few) == []
    assert names_of_missing_rows(full, points, few, reference="few-shot") == ["full"]


def test_more_than_one_test_shows() -> None:
    run = record("m", {})
    assert is_tested_once(run)
    assert is_tested_once(run.changed(test_evaluations={"last": 1, "best-validation": 1}))
    assert not is_tested_once(run.changed(test_evaluations={"last": 1, "best-validation": 2}))


FEW = TINY.replace(
    "epochs: 2, batch_size: 8",
    "epochs: 2, batch_size: 8, validation: miou, selection: best-validation, patience: 1",
).replace(
    "profiles:",
    "  few-shot: {supervision: full, loss: cross-entropy, trains_on: validation}\nprofiles:",
)


def recorded(workplace: Workplace, method: str) -> FinishedRecord:
    """Return the record of the one run of a method."""
    for path in (workplace.folder / "runs").glob("*/record.json"):
        record = parse_record(json.loads(path.read_text()))
        if record.method == method:
            assert isinstance(record, FinishedRecord)
            return record
    raise AssertionError(f"no run of {method}")


@pytest.mark.slow
def test_few_shot_trains_on_the_images_that_select_and_selects_nothing(
    workplace: Workplace,
) -> None:
    workplace.write("tiny.yaml", FEW)
    done = workplace.harness(
        "run", "tiny.yaml", "--only", "few-shot", "--only", "points-5", "--executor", "inline"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    few = recorded(workplace, "few-shot")
    points = recorded(workplace, "points-5")
    validation = few.split.validation
    assert few.split == points.split
    assert few.ledger.scenes == validation.scenes
    assert few.ledger.patches == validation.patches
    assert few.ledger.labelled_share == 1.0
    assert few.ledger.selection is None
    assert points.ledger.selection == Masks(
        scenes=1, patches=validation.patches, labelled_pixels=few.ledger.labelled_pixels
    )
    assert few.selection == Selection(rule="last", last_epoch=2)
    assert [epoch.validation for epoch in few.history] == [None, None]
    assert few.test_evaluations == {"last": 1}
    assert points.test_evaluations == {"last": 1, "best-validation": 1}
    assert assigned(few, points) == ["dense-val:1", "dense-val:1"]
    assert names_of_missing_rows(few, points) == ["full"]


@pytest.mark.slow
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
