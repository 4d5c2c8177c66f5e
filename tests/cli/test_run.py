"""run and plan as a user meets them: in an empty folder, with a plugin of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from installed import TINY, Workplace, install

from harness.cli.main import main
from harness.records.store import Store

Record = dict[str, Any]
Captured = pytest.CaptureFixture[str]

WEAK_LOSS = "[partial-cross-entropy, {name: entropy, weight: 0.1, ramp: 0.5}]"
"""The loss of the weak method in `TINY`."""

FAILING = '''
from typing import ClassVar
from harness.api import Loss, hookimpl
class Broken(Loss):
    """Fails."""
    name: ClassVar[str] = "broken"
    requires: ClassVar[frozenset[str]] = frozenset({"labels"})
    def __call__(self, logits, batch):
        FAILURE
@hookimpl
def harness_losses():
    return [Broken]
'''


def install_failing_loss(workplace: Workplace, failure: str) -> None:
    """Let the weak method of the scenario train with a loss that does this."""
    install(workplace.site, "harness_failing", FAILING.replace("FAILURE", failure))
    workplace.write("tiny.yaml", TINY.replace(WEAK_LOSS, "broken"))


def read_records(folder: Path) -> dict[str, Record]:
    """Return the records in a folder of runs, by method and seed."""
    records = {}
    for path in folder.glob("*/record.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        records[f"{record['method']}/{record['seed']}"] = record
    return records


def without_circumstances(record: Record) -> Record:
    """Return a record without the time it took and the number of threads."""
    rest = {name: value for name, value in record.items() if name != "cost"}
    rest["hardware"] = {**record["hardware"], "threads": None}
    return rest


def read_keys(output: str) -> set[str]:
    """Return the keys in what `plan` printed."""
    lines = [line for line in output.splitlines() if line.endswith(("labels", "dense"))]
    return {line.split()[2] for line in lines}


def read_plan(capsys: Captured, *options: str) -> str:
    """Return what `plan` prints for the scenario, in the process of the test."""
    assert main(["plan", "tiny.yaml", *options]) == 0
    return capsys.readouterr().out


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds, or so long; the caller asserts that it does."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.mark.slow
def test_run_writes_everything_and_is_deterministic(workplace: Workplace) -> None:
    log = workplace.folder / "log.jsonl"
    first = workplace.harness("run", "tiny.yaml", HARNESS_EXAMPLE_LOG=str(log))
    assert first.returncode == 0, first.stderr
    assert "points-5" in first.stdout
    assert "wrote" in first.stdout
    lines = log.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["ok", "ok"]

    records = read_records(workplace.folder / "runs")
    assert set(records) == {"full/0", "points-5/0"}
    full, weak = records["full/0"], records["points-5/0"]
    # 5 points for at most 5 classes in 7 training images
    assert weak["ledger"]["labelled_pixels"] <= 5 * 5 * 7
    assert full["ledger"]["labelled_share"] == 1.0
    assert [epoch["epoch"] for epoch in full["history"]] == [1, 2]
    assert set(weak["history"][0]["terms"]) == {"partial-cross-entropy", "entropy"}
    for folder in (workplace.folder / "runs").iterdir():
        names = {path.name for path in folder.iterdir()}
        assert names >= {
            "run.json",
            "epochs.csv",
            "record.json",
            "confusion.npz",
            "weights.safetensors",
            "samples",
        }
    boards = {path.name for path in (workplace.folder / "leaderboards").iterdir()}
    assert boards == {"README.md", "tiny.md", "tiny.csv", "records"}

    other_folder = workplace.folder / "second"
    again = workplace.harness(
        "run", "tiny.yaml", "--executor", "inline", HARNESS_RUNS=str(other_folder)
    )
    assert again.returncode == 0, again.stderr
    other_records = read_records(other_folder)
    for name, record in records.items():
        assert without_circumstances(record) == without_circumstances(other_records[name])


@pytest.mark.slow
def test_finished_runs_are_not_computed_again_unless_asked(workplace: Workplace) -> None:
    assert workplace.harness("run", "tiny.yaml", "--only", "full").returncode == 0
    plan = workplace.harness("plan", "tiny.yaml")
    assert "2 runs: 1 done, 1 missing" in plan.stdout
    resumed = workplace.harness("run", "tiny.yaml")
    assert "1 runs to do (1 done before)" in resumed.stdout
    again = workplace.harness("run", "tiny.yaml", "--only", "full", "--again")
    assert "1 runs to do\n" in again.stdout
    assert len(list((workplace.folder / "runs").glob("*/record.1.json"))) == 1


def test_profiles_and_overrides_never_mix(folder: Path, capsys: Captured) -> None:
    base = read_plan(capsys)
    smoke = read_plan(capsys, "--profile", "smoke")
    override = read_plan(capsys, "--set", "training.epochs=3")
    keys = [read_keys(output) for output in (base, smoke, override)]
    assert [len(keys_of_plan) for keys_of_plan in keys] == [2, 2, 2]
    assert len(set.union(*keys)) == 6
    assert base.startswith("tiny: 2 runs: 2 missing\n")
    assert smoke.startswith("tiny.smoke: ")
    assert override.startswith("tiny.set-")


def test_a_profile_that_changes_nothing_has_keys_of_its_own(folder: Path, capsys: Captured) -> None:
    base = read_keys(read_plan(capsys))
    same = read_keys(read_plan(capsys, "--profile", "same"))
    assert len(base) == len(same) == 2
    assert not base & same


def test_plan_takes_methods_seeds_and_device(folder: Path, capsys: Captured) -> None:
    assert "2 runs: 2 missing" in read_plan(capsys, "--only", "full", "--only", "points")
    one_method = read_plan(capsys, "--only", "points", "--device", "cpu", "--seeds", "3")
    assert "3 runs: 3 missing" in one_method
    assert "2 epochs on device cpu" in one_method
    assert "generated, no download" in one_method


def test_seeds_and_device_win_over_set(folder: Path, capsys: Captured) -> None:
    options = ("--set", "seeds=4", "--set", "training.device=cuda")
    assert "8 runs: 8 missing" in read_plan(capsys, *options)
    assert "on device cuda" in read_plan(capsys, *options)
    output = read_plan(capsys, "--seeds", "2", "--device", "cpu", *options)
    assert "4 runs: 4 missing" in output
    assert "on device cpu" in output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ("raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
        ("return logits.sum() * float('nan')", "loss term broken is not finite at step 1"),
        ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9"),
    ],
)
def test_a_failed_run_is_a_record_and_exit_code_1(
    workplace: Workplace, failure: str, message: str
) -> None:
    install_failing_loss(workplace, failure)
    done = workplace.harness("run", "tiny.yaml")
    assert done.returncode == 1, done.stderr
    assert "failed: points-5, seed 0" in done.stdout
    assert message in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    records = read_records(workplace.folder / "runs")
    assert records["full/0"]["status"] == "ok"
    assert records["points-5/0"]["status"] == "failed"
    board = (workplace.folder / "leaderboards" / "tiny.md").read_text(encoding="utf-8")
    assert "0 (1 failed)" in board
    assert message.split(":")[0] in board
    assert "1 done, 1 failed" in workplace.harness("plan", "tiny.yaml").stdout


@pytest.mark.slow
def test_a_failing_observer_does_not_stop_the_run(workplace: Workplace) -> None:
    done = workplace.harness("run", "tiny.yaml", HARNESS_EXAMPLE_LOG=str(workplace.folder))
    assert done.returncode == 0
    assert (
        "warning: plugin 'harness_example' failed in harness_run_finished: IsADirectoryError"
        in done.stderr
    )


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "exit_code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_interrupted_runs_go_on(workplace: Workplace, sent: signal.Signals, exit_code: int) -> None:
    workplace.write("tiny.yaml", TINY.replace("epochs: 2,", "epochs: 400,"))
    command = [sys.executable, "-m", "harness.cli", "run", "tiny.yaml", "--only", "full"]
    process = subprocess.Popen(
        command,
        cwd=workplace.folder,
        env=workplace.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # it is ignored where tests run in the background
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    runs = workplace.folder / "runs"
    wait_until(lambda: bool(list(runs.glob("*/epochs.csv"))), seconds=120)
    if sent == signal.SIGKILL:
        process.kill()
    else:
        # A terminal interrupts the workers as well.
        os.killpg(process.pid, sent)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == exit_code
    assert "Traceback" not in output + errors
    assert ("interrupted: what had finished is kept" in output) == (sent == signal.SIGINT)
    assert not list(runs.glob("*/record.json"))

    def is_missing() -> bool:
        plan = workplace.harness("plan", "tiny.yaml", "--only", "full")
        return "1 missing" in plan.stdout

    # A worker may need a moment to notice that its parent was killed.
    wait_until(is_missing, seconds=30)
    assert is_missing()


@pytest.mark.slow
def test_a_worker_ends_at_once_with_the_main_process(workplace: Workplace) -> None:
    """In the middle of a step that takes minutes, so that it would not soon find its pipe
    closed."""
    marker = workplace.folder / "training"
    touch = f"pathlib.Path({str(marker)!r}).touch()"
    install_failing_loss(workplace, f"import pathlib, time; {touch}; time.sleep(300)")
    command = [sys.executable, "-m", "harness.cli", "run", "tiny.yaml", "--only", "points-5"]
    process = subprocess.Popen(
        command, cwd=workplace.folder, env=workplace.environment(), stdout=subprocess.DEVNULL
    )
    wait_until(marker.exists, seconds=120)
    (folder,) = (workplace.folder / "runs").iterdir()
    store = Store(folder.parent)
    assert store.state(folder.name) == "running"
    process.kill()
    process.wait(60)
    wait_until(lambda: store.state(folder.name) != "running", seconds=10)
    assert store.state(folder.name) == "missing"
