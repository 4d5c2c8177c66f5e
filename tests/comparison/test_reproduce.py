"""`harness reproduce` on a tiny scenario."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import demo
import numpy as np
import pytest
from installed import TINY, Workplace
from stored_runs import make_records, write_scenario

from harness.catalog import load_catalog
from harness.cli.main import main
from harness.execution.local import cores, share_cores
from harness.metrics import summary

FLOOR = TINY.replace("full: {supervision: full, loss: cross-entropy}", "full: {floor: majority}")


@dataclass(frozen=True)
class RecordedBoard:
    """A board of the tiny scenario that was computed in a folder of its own."""

    workplace: Workplace

    @property
    def path(self) -> Path:
        """The records file."""
        return self.workplace.folder / "leaderboards" / "records" / "tiny.jsonl"

    def read_record(self, method: str) -> dict[str, Any]:
        """Return the record of the only run of a method."""
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        record: dict[str, Any]
        (record,) = [line for line in lines[1:] if line["method"] == method]
        return record

    def write_record(self, record: dict[str, Any]) -> None:
        """Make a record the only one of the board; runs without one are missing."""
        header = self.path.read_text().splitlines()[0]
        self.path.write_text(f"{header}\n{json.dumps(record)}\n")

    def read_run(self, key: str) -> dict[str, Any]:
        """Return the record in the folder of a run."""
        path = self.workplace.folder / "runs" / key / "record.json"
        record: dict[str, Any] = json.loads(path.read_text())
        return record

    def reproduce(self, method: str, *options: str, code: int = 0) -> str:
        """Run the command, check its exit code, and return what it prints."""
        done = self.workplace.harness("reproduce", "tiny", method, *options)
        output = done.stdout + done.stderr
        assert done.returncode == code, output
        assert "Traceback" not in output
        return output


def compute_board(workplace: Workplace, *options: str) -> RecordedBoard:
    done = workplace.harness("run", "tiny.yaml", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return RecordedBoard(workplace)


@pytest.mark.slow
def test_a_row_is_made_again_bit_by_bit(workplace: Workplace) -> None:
    board = compute_board(workplace, "--only", "points-5")
    (workplace.folder / "tiny.yaml").unlink()  # the record is enough
    text = board.path.read_text()
    output = board.reproduce("points-5", "--executor", "inline")
    assert "settings, source and data are as recorded" in output
    assert "bit-identical" in output
    key = board.read_record("points-5")["key"]
    assert (workplace.folder / "runs" / key / "record.1.json").exists()
    assert board.path.read_text() == text  # a board changes by harness run alone


def spoil(record: dict[str, Any]) -> None:
    """Let a record say that every class was found, and an old version of NumPy used."""
    counts = np.eye(5, dtype=int)
    record["confusion"] = {"images": ["x"], "groups": ["x"], "counts": [(10 * counts).tolist()]}
    record["metrics"] = summary(counts, record["mean_over"], record["mean_over"])
    record["details"] = {}
    record["packages"]["numpy"] = "0.1"


@pytest.mark.slow
def test_what_differs_from_the_record_is_said(workplace: Workplace) -> None:
    board = compute_board(workplace, "--only", "full")
    plugin = workplace.site / "harness_example" / "__init__.py"
    plugin.write_text(plugin.read_text() + "\nUNUSED = 1\n")
    record = board.read_record("full")
    spoil(record)
    board.write_record(record)
    output = board.reproduce("full", "--executor", "inline", code=1)
    assert "changed since: model.source: " in output
    assert "so the key of seed 0 is" in output
    assert "1 recorded seed: too few for an interval" in output
    assert "packages.numpy" in output


@pytest.mark.slow
def test_runs_have_the_cpu_threads_of_their_records(workplace: Workplace) -> None:
    # Two runs at once share the cores; one alone would have them all.
    board = compute_board(workplace, "--jobs", "2")
    record = board.read_record("full")
    threads = record["hardware"]["threads"]
    output = board.reproduce("full")
    noun = "thread" if threads == 1 else "threads"
    assert f"computed with {threads} CPU {noun}, as recorded" in output
    assert "bit-identical" in output
    assert board.read_run(record["key"])["hardware"]["threads"] == threads


@pytest.mark.slow
def test_threads_that_a_record_cannot_have_or_does_not_say(workplace: Workplace) -> None:
    board = compute_board(workplace, "--only", "full")
    record = board.read_record("full")
    record["hardware"]["threads"] = 999
    board.write_record(record)
    # Sums in another order may change the score, and so the verdict; it is not looked at here.
    done = workplace.harness("reproduce", "tiny", "full")
    assert f"recorded with 999 CPU threads, of which this machine has {cores()}: " in done.stdout
    assert board.read_run(record["key"])["hardware"]["threads"] == cores()
    del record["hardware"]["threads"]
    board.write_record(record)
    done = workplace.harness("reproduce", "tiny", "full")
    assert "the record does not say how many CPU threads" in done.stdout


@pytest.mark.slow
def test_a_run_that_fails_makes_the_exit_code(workplace: Workplace) -> None:
    workplace.write("tiny.yaml", FLOOR)
    board = compute_board(workplace, "--only", "full")
    record = board.read_record("full")
    # A point of each image is too few to fit the distribution of a class.
    record["settings"]["floor"] = "qda"
    record["settings"]["supervision"] = [{"name": "points-per-image", "count": 1}]
    board.write_record(record)
    output = board.reproduce("full", "--executor", "inline", code=1)
    assert "failed: seed 0: ValueError" in output


@pytest.mark.parametrize(
    ("at_once", "job_count", "threads_needed", "expected"),
    [(None, 20, 1, (8, 1)), (None, 2, 1, (2, 4)), (None, 20, 4, (2, 4))],
)
def test_as_many_runs_at_a_time_as_their_threads_leave_room_for(
    at_once: int | None, job_count: int, threads_needed: int, expected: tuple[int, int]
) -> None:
    assert share_cores(8, at_once, job_count, threads_needed) == expected


def test_threads_and_jobs_on_a_small_machine() -> None:
    assert share_cores(core_count=2, at_once=None, job_count=20, threads_needed=8) == (1, 2)
    assert share_cores(core_count=2, at_once=4, job_count=20, threads_needed=1) == (4, 1)


@pytest.fixture
def leaderboards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a board with a method that finished, and one that did not."""
    (record,) = make_records(write_scenario(tmp_path), load_catalog(disabled=()))
    header = demo.HEADER | {
        "board": "tiny",
        "dataset": {"name": "synthetic-landcover", "source": "", "licence": ""},
        "scenario": record["scenario"],
        "profile": record["profile"],
        "overrides": record["overrides"],
        "seeds": [0],
        "methods": [{"name": "full", "about": ""}, {"name": "lost", "about": ""}],
        "published": None,
    }
    missing = {"method": "lost", "seed": 0, "status": "missing", "key": "0"}
    (tmp_path / "records").mkdir()
    text = "".join(json.dumps(line) + "\n" for line in (header, record, missing))
    (tmp_path / "records" / "tiny.jsonl").write_text(text)
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("tiyn full", "Did you mean 'tiny'?"),
        ("tiny ful", "Did you mean 'full'?"),
        ("tiny lost", "no finished run is recorded (missing)"),
        ("tiny full --seed -1", "--seed -1: tiny has no such seed of 'full': its seeds are 0"),
        ("tiny full --seed 0 --seed 7", "--seed 7: tiny has no such seed of 'full'"),
        ("tiny full --set training.epochs=1", "a run is made again as it was"),
        ("tiny full --executor nowhere", "no executor named 'nowhere'"),
    ],
)
def test_mistakes(
    leaderboards: Path, capsys: pytest.CaptureFixture[str], arguments: str, message: str
) -> None:
    assert main(["reproduce", *arguments.split()]) == 2
    assert message in capsys.readouterr().err


def test_a_floor_of_the_board_has_no_runs(
    leaderboards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "tiny", "most frequent class"]) == 2
    assert "there is nothing to run" in capsys.readouterr().err
