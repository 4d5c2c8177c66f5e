"""The records files of boards: what is believed, and what is refused with its place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from demo import HEADER, record
from places import ROOT

from harness.cli.main import main
from harness.core.errors import InputError
from harness.leaderboard.board import read_board_file
from harness.pages.write import write_boards

COMMITTED = ROOT / "leaderboards" / "records"
WEAK = "points|<i>"
FULL, OTHER = (record("full", seed, [[6, 2], [0, 2]], 100, 4.0) for seed in (0, 1))
FAILED = {
    "status": "failed",
    "key": "f",
    "method": WEAK,
    "seed": 1,
    "error": {"type": "RuntimeError", "message": "out of luck"},
}
ENTRY = {
    "supervision": "points",
    "units": 1,
    "units_without_labels": 0,
    "labelled_pixels": 5,
    "labelled_pixels_by_class": [5, 0],
}
ENTRY |= {"proportion_vectors": 0, "tag_vectors": 0}
BOUNDARY = {
    name: [1, 1]
    for name in ("intersection", "union", "predicted", "predicted_matched", "true", "true_matched")
} | {"radius": 2}
CALIBRATION = {"pixels": [4, 6], "correct": [2, 6], "confidence": [1.5, 5.5], "nll": 3.0}
DETAILED = record(WEAK, 0, [[6, 2], [0, 2]], 5, 2.0)
DETAILED |= {
    "details": {
        "boundary": BOUNDARY,
        "calibration": CALIBRATION,
        "proportions": {"hard": {"error": 0.1}},
    }
}
DETAILED["ledger"] |= {"valid_pixels": 100, "supervisions": [ENTRY]}
LINES = [HEADER, FULL, DETAILED, OTHER, FAILED]


def write(root: Path, lines: list[Any], name: str = "demo.mini") -> Path:
    path = root / "records" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(COMMITTED.glob("*.jsonl")), ids=lambda path: path.stem)
def test_committed_records_are_believed(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    board = read_board_file(path)
    assert board.header.as_json() == json.loads(lines[0])
    assert [record.as_json() for record in board.records] == [
        json.loads(line) for line in lines[1:]
    ]


def test_what_is_whole_is_read_as_it_was_written(tmp_path: Path) -> None:
    board = read_board_file(write(tmp_path, LINES))
    assert [board.header.as_json(), *(record.as_json() for record in board.records)] == LINES


def test_a_planned_run_without_a_line_is_missing(tmp_path: Path) -> None:
    board = read_board_file(write(tmp_path, [HEADER, FULL, FAILED]))
    told = [(record.method, record.seed, record.status) for record in board.records]
    assert told == [
        ("full", 0, "ok"),
        (WEAK, 1, "failed"),
        (WEAK, 0, "missing"),
        ("full", 1, "missing"),
    ]
    write_boards([], tmp_path)
    assert "- full, seed 1: missing: not run yet" in (tmp_path / "demo.mini.md").read_text()


def setting(*path: str | int, to: Any) -> Callable[[list[Any]], None]:
    """Sets what is at a path: the line, from 1, then keys; ... deletes it."""

    def change(lines: list[Any]) -> None:
        number, *keys, last = path
        inside = lines[int(number) - 1]
        for key in keys:
            inside = inside[key]
        if to is ...:
            del inside[last]
        else:
            inside[last] = to

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            setting(1, "board", to="../../evil"),
            "1: board: '../../evil' is not the name of the file",
        ),
        (setting(1, "board", to=...), "1: the first line must describe the board"),
        (setting(1, "reference", to="ful"), "1: reference: 'ful' is not one of the methods"),
        (setting(1, "methods", to=[]), "1: methods: list should have at least 1 item"),
        (setting(1, "methods", 1, "name", to="full"), "1: methods: 'full' occurs twice"),
        (setting(1, "seeds", to="01"), "1: seeds: input should be a valid list"),
        (setting(1, "seeds", to=[0, 0]), "1: seeds: 0 occurs twice"),
        (setting(1, "dataset", "licence", to=...), "1: dataset.licence: is missing"),
        (setting(1, "published", "values", to=[0.5]), "1: published.values: "),
        (
            setting(1, "published", "compare", to="mIoU"),
            "1: published: 'mIoU' of 'points|<i>' is no",
        ),
        (setting(2, "status", to="okay"), "2: status: input should be 'ok', 'failed' or 'missing'"),
        (setting(2, "status", to=["ok"]), "2: status: "),
        (setting(2, "key", to="../../etc"), "2: key: "),
        (setting(2, "seed", to=True), "2: seed: input should be a valid integer"),
        (setting(2, "seed", to=2), "2: the first line plans no run of 'full' with seed 2"),
        (
            setting(2, "method", to="fuller"),
            "2: the first line plans no run of 'fuller' with seed 0",
        ),
        (setting(4, "seed", to=0), "4: full, seed 0, is in line 2 already"),
        (setting(2, "scenario", to="elsewhere"), "2: scenario: 'elsewhere' is not 'demo'"),
        (setting(2, "settings", "profile", to=None), "2: settings.profile: None is not 'mini'"),
        (setting(2, "settings", "seed", to=1), "2: settings.seed: 1 is not 0"),
        (
            setting(2, "settings", "dataset", "name", to="e"),
            "2: settings.dataset.name: 'e' is not 'd'",
        ),
        (setting(2, "schema_version", to=2), "2: schema_version: "),
        (setting(2, "ledger", to=...), "2: ledger: is missing"),
        (setting(2, "hardware", to="cpu"), "2: hardware: "),
        (setting(2, "classes", 0, "color", to=[0, 0]), "2: classes.0.color: "),
        (setting(2, "classes", 0, "name", to="b"), "2: classes: 'b' occurs twice"),
        (setting(2, "mean_over", to=["c"]), "2: mean_over: 'c' is not one of the classes"),
        (
            setting(2, "metrics", "miou", to=0.9),
            "2: metrics.miou: 0.9 is stated, where the counts give 0.625",
        ),
        (
            setting(2, "metrics", "iou", "a", to=0.9),
            "2: metrics.iou.a: 0.9 is stated, where the counts give 0.75",
        ),
        (
            setting(2, "metrics", "accuracy", to=...),
            "2: metrics.accuracy: 'nothing' is stated, where the counts give 0.8",
        ),
        (
            setting(2, "metrics", "f1", to=0.5),
            "2: metrics.f1: 0.5 is stated, where the counts give one for each class",
        ),
        (setting(2, "confusion", "counts", 0, 0, to=[2, 6]), "2: metrics.miou: 0.625 is stated"),
        (setting(2, "confusion", "counts", 0, 0, to=[8]), "2: confusion.counts: must be 2 x 2 x 2"),
        (setting(2, "confusion", "counts", 1, to=...), "2: confusion.counts: must be 2 x 2 x 2"),
        (
            setting(2, "confusion", "counts", 0, 0, to=[-6, 14]),
            "2: confusion.counts.0.0.0: input should be greater than or equal to 0",
        ),
        (setting(2, "confusion", "groups", to=["x"]), "2: confusion.groups: 1 for 2 images"),
        (setting(2, "confusion", "images", 1, to="x"), "2: confusion.images: 'x' occurs twice"),
        (
            setting(3, "ledger", "labelled_share", to=0.01),
            "3: ledger.labelled_share: 0.01 is stated, where the counts give 0.05",
        ),
        (
            setting(3, "ledger", "supervisions", 0, "units", to=...),
            "3: ledger.supervisions.0.units: is missing",
        ),
        (
            setting(3, "ledger", "supervisions", 0, "labelled_pixels_by_class", to=[5]),
            "by_class: 1 numbers for 2 classes",
        ),
        (
            setting(3, "details", "boundary", "union", to=[1]),
            "3: details.boundary.union: 1 numbers for 2 classes",
        ),
        (setting(3, "details", "boundary", to=None), "3: details.boundary: "),
        (
            setting(3, "details", "calibration", "correct", to=[2, 5]),
            "correct: 7 in all, where confusion.counts give 8",
        ),
        (setting(3, "details", "calibration", "confidence", to=[1.5]), "3: details.calibration: "),
        (
            setting(3, "details", "proportions", "hard", "error", to=float("nan")),
            "3: details.proportions.hard.error: ",
        ),
        (setting(5, "error", to=...), "5: error: is missing"),
        (setting(5, "cost", to=1), "5: cost: "),
        (setting(5, "settings", to={}), "5: settings.protocol: is missing"),
        (lambda lines: lines.insert(1, []), "2: input should be "),
        (lambda lines: lines.insert(0, []), "1: the first line must describe the board"),
    ],
)
def test_what_is_damaged_or_edited_is_refused_by_line_and_field(
    tmp_path: Path, change: Callable[[list[Any]], None], message: str
) -> None:
    lines = copy.deepcopy(LINES)
    change(lines)
    path = write(tmp_path, lines)
    with pytest.raises(InputError) as refused:
        read_board_file(path)
    assert str(refused.value).startswith(f"{path}:")
    assert message in str(refused.value)
    assert str(refused.value).endswith(
        ": restore the file, or delete it and run the scenario again"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "demo.jsonl:1: is not JSON"),
        (json.dumps(HEADER).encode() + b"\n{broken\n", "demo.jsonl:2: is not JSON"),
        (json.dumps(HEADER).encode() + b"\n" + b"[" * 100_000, "demo.jsonl:2: is not JSON"),
        (json.dumps(HEADER).encode() + b'\n{"key": "\\ud800"}\n', "demo.jsonl:2: is not JSON"),
        (b"\xff\xfe", "demo.jsonl: cannot be read"),
        (b"{}\n", "demo.jsonl:1: the first line must describe the board"),
    ],
)
def test_a_file_that_is_no_records_file_is_named(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "demo.jsonl"
    path.write_bytes(content.replace(b"demo.mini", b"demo"))
    with pytest.raises(InputError) as refused:
        read_board_file(path)
    assert message in str(refused.value)


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    write(tmp_path, LINES, "demo")
    with pytest.raises(InputError, match="Did you mean 'demo'"):
        read_board_file(tmp_path / "records" / "dem.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InputError, match=r"folder\.jsonl: cannot be read"):
        read_board_file(tmp_path / "folder.jsonl")


def test_scores_may_differ_in_their_last_decimal(tmp_path: Path) -> None:
    lines = copy.deepcopy(LINES)
    lines[1]["metrics"]["miou"] += 1e-6
    read_board_file(write(tmp_path, lines))


@pytest.mark.slow
def test_a_board_of_500_runs_is_read(tmp_path: Path) -> None:
    header_line, *record_lines = (
        (COMMITTED / "synthetic-sampling.jsonl").read_text(encoding="utf-8").splitlines()
    )
    header = json.loads(header_line) | {"board": "many", "seeds": list(range(50))}
    records = []
    for seed in range(50):
        for line in record_lines[:10]:
            record = json.loads(line) | {"seed": seed}
            record["settings"]["seed"] = seed
            records.append(record)
    path = write(tmp_path, [header, *records], "many")
    assert len(read_board_file(path).records) == 50 * len(header["methods"])


def test_a_damaged_board_is_told_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, [HEADER | {"board": "../../evil"}])
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    for command in ("leaderboard", "figures", "report"):
        assert main([command, "demo.mini"]) == 2
        assert "'../../evil' is not the name of the file" in capsys.readouterr().err
