"""The command line as a user meets it: in an empty folder, with a plugin of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from installed import TINY, Workplace

from harness.records.store import Store


def without_times(record: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in record.items() if key != "cost"}


def records(place: Workplace, folder: str = "runs") -> dict[str, dict[str, object]]:
    found = [json.loads(path.read_text()) for path in (place.folder / folder).glob("*/record.json")]
    return {f"{record['method']}/{record['seed']}": record for record in found}


def test_run_writes_everything_and_is_deterministic(workplace: Workplace) -> None:
    log = workplace.folder / "log.jsonl"
    first = workplace.harness("run", "tiny.yaml", HARNESS_EXAMPLE_LOG=str(log))
    assert first.returncode == 0, first.stderr
    assert "points-5" in first.stdout
    assert "wrote" in first.stdout
    assert [json.loads(line)["status"] for line in log.read_text().splitlines()] == ["ok", "ok"]

    found = records(workplace)
    assert set(found) == {"full/0", "points-5/0"}
    ledger = found["points-5/0"]["ledger"]
    # 5 points for at most 5 classes in 7 training images
    assert ledger["labelled_pixels"] <= 5 * 5 * 7
    assert found["full/0"]["ledger"]["labelled_share"] == 1.0
    assert [epoch["epoch"] for epoch in found["full/0"]["history"]] == [1, 2]
    assert set(found["points-5/0"]["history"][0]["terms"]) == {"partial-cross-entropy", "entropy"}
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
    assert {path.name for path in (workplace.folder / "leaderboards").iterdir()} == {
        "README.md",
        "tiny.md",
        "tiny.csv",
        "records",
    }

    again = workplace.harness(
        "run", "tiny.yaml", "--executor", "inline", HARNESS_RUNS=str(workplace.folder / "second")
    )
    assert again.returncode == 0, again.stderr
    second = records(workplace, "second")
    for name, record in found.items():
        one, other = without_times(record), without_times(second[name])
        one["hardware"], other["hardware"] = (
            {**r["hardware"], "threads": None} for r in (record, second[name])
        )  # type: ignore[dict-item]
        assert one == other


def test_finished_runs_are_not_computed_again_unless_asked(workplace: Workplace) -> None:
    assert workplace.harness("run", "tiny.yaml", "--only", "full").returncode == 0
    plan = workplace.harness("plan", "tiny.yaml")
    assert "2 runs: 1 done, 1 missing" in plan.stdout
    resumed = workplace.harness("run", "tiny.yaml")
    assert "1 runs to do (1 done before)" in resumed.stdout
    again = workplace.harness("run", "tiny.yaml", "--only", "full", "--again")
    assert "1 runs to do" in again.stdout
    assert len(list((workplace.folder / "runs").glob("*/record.1.json"))) == 1


def test_leaderboard_is_made_again_byte_for_byte(workplace: Workplace) -> None:
    assert workplace.harness("run", "tiny.yaml").returncode == 0
    boards = workplace.folder / "leaderboards"
    before = {path.name: path.read_bytes() for path in boards.iterdir() if path.is_file()}
    for name in before:
        (boards / name).unlink()
    assert workplace.harness("leaderboard", "tiny").returncode == 0
    assert {path.name: path.read_bytes() for path in boards.iterdir() if path.is_file()} == before


def test_profiles_and_overrides_never_mix(workplace: Workplace) -> None:
    plans = [
        ("plan", "tiny.yaml"),
        ("plan", "tiny.yaml", "--profile", "smoke"),
        ("plan", "tiny.yaml", "--set", "training.epochs=3"),
    ]
    outputs = [workplace.harness(*plan).stdout for plan in plans]
    keys = [
        {line.split()[2] for line in output.splitlines() if line.endswith(("labels", "dense"))}
        for output in outputs
    ]
    assert all(len(each) == 2 for each in keys)
    assert len(keys[0] | keys[1] | keys[2]) == 6
    assert [output.split(":")[0] for output in outputs][:2] == ["tiny", "tiny.smoke"]
    assert outputs[2].startswith("tiny.set-")


def test_a_profile_that_changes_nothing_has_keys_of_its_own(workplace: Workplace) -> None:
    workplace.write(
        "tiny.yaml", TINY.replace("smoke: {training: {epochs: 1}}", "same: {training: {epochs: 2}}")
    )
    base, same = (
        workplace.harness("plan", "tiny.yaml", *extra).stdout
        for extra in ((), ("--profile", "same"))
    )
    keys = [
        {line.split()[2] for line in output.splitlines() if line.endswith(("labels", "dense"))}
        for output in (base, same)
    ]
    assert not keys[0] & keys[1]


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


@pytest.mark.parametrize(
    ("failure", "shown"),
    [
        ("raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
        ("return logits.sum() * float('nan')", "loss term broken is not finite at step 1"),
        ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9"),
    ],
)
def test_a_failed_run_is_a_record_and_exit_code_1(
    workplace: Workplace, failure: str, shown: str
) -> None:
    from installed import install

    install(workplace.site, "harness_failing", FAILING.replace("FAILURE", failure))
    workplace.write(
        "tiny.yaml",
        TINY.replace("[partial-cross-entropy, {name: entropy, weight: 0.1, ramp: 0.5}]", "broken"),
    )
    done = workplace.harness("run", "tiny.yaml")
    assert done.returncode == 1, done.stderr
    assert "failed: points-5, seed 0" in done.stdout
    assert shown in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    found = records(workplace)
    assert (found["full/0"]["status"], found["points-5/0"]["status"]) == ("ok", "failed")
    board = (workplace.folder / "leaderboards" / "tiny.md").read_text()
    assert "0 (1 failed)" in board
    assert shown.split(":")[0] in board
    assert "1 done, 1 failed" in workplace.harness("plan", "tiny.yaml").stdout


def test_a_failing_observer_does_not_stop_the_run(workplace: Workplace) -> None:
    done = workplace.harness("run", "tiny.yaml", HARNESS_EXAMPLE_LOG=str(workplace.folder))
    assert done.returncode == 0
    assert (
        "warning: plugin 'harness_example' failed in harness_run_finished: IsADirectoryError"
        in done.stderr
    )


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_interrupted_runs_go_on(workplace: Workplace, sent: signal.Signals, code: int) -> None:
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
    deadline = time.monotonic() + 120
    while (
        not list((workplace.folder / "runs").glob("*/epochs.csv")) and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    (os.kill if sent == signal.SIGKILL else os.killpg)(process.pid, sent)
    out, error = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in out + error
    assert not list((workplace.folder / "runs").glob("*/record.json"))
    deadline = time.monotonic() + 30
    while (
        "1 missing" not in (plan := workplace.harness("plan", "tiny.yaml", "--only", "full").stdout)
        and time.monotonic() < deadline
    ):
        time.sleep(0.5)
    assert "1 missing" in plan


def test_a_worker_ends_at_once_with_the_main_process(workplace: Workplace) -> None:
    """In the middle of a step that takes minutes, so that it would not soon find its pipe
    closed."""
    from installed import install

    marker = workplace.folder / "training"
    failure = f"import pathlib, time; pathlib.Path({str(marker)!r}).touch(); time.sleep(300)"
    install(workplace.site, "harness_failing", FAILING.replace("FAILURE", failure))
    workplace.write(
        "tiny.yaml",
        TINY.replace("[partial-cross-entropy, {name: entropy, weight: 0.1, ramp: 0.5}]", "broken"),
    )
    command = [sys.executable, "-m", "harness.cli", "run", "tiny.yaml", "--only", "points-5"]
    process = subprocess.Popen(
        command, cwd=workplace.folder, env=workplace.environment(), stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    (folder,) = (workplace.folder / "runs").iterdir()
    store = Store(folder.parent)
    assert store.state(folder.name) == "running"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    deadline = time.monotonic() + 10
    while store.state(folder.name) == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert store.state(folder.name) == "missing"


def test_looking_commands(workplace: Workplace) -> None:
    listed = json.loads(workplace.harness("list", "--json").stdout)
    assert {
        (entry["kind"], entry["name"]) for entry in listed if entry["plugin"] == "harness_example"
    } == {
        ("model", "tiny-convnet"),
        ("loss", "entropy"),
    }
    assert "width" in workplace.harness("show", "tiny-convnet").stdout
    assert "points-per-class" in workplace.harness("list", "supervision").stdout
    schema = json.loads(workplace.harness("schema").stdout)
    assert "model-tiny-convnet" in schema["$defs"]
    shown = workplace.harness("show", "tiny-convnot")
    assert shown.returncode == 2
    assert "Did you mean 'tiny-convnet'?" in shown.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("--help",),
        ("plan", "tiny.yaml"),
        ("list",),
        ("leaderboard",),
        ("schema",),
        ("audit", "a.md"),
        ("compare", "a", "b"),
    ],
)
def test_commands_that_only_look_do_not_import_torch(
    workplace: Workplace, command: tuple[str, ...]
) -> None:
    program = (
        "import sys; from harness.cli.main import main\n"
        f"try: main({list(command)!r})\n"
        "except SystemExit: pass\n"
        "print('TORCH' if 'torch' in sys.modules else 'LIGHT')\n"
        "print('PYDANTIC' if 'pydantic' in sys.modules else 'BARE')\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", program],
        cwd=workplace.folder,
        env=workplace.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "LIGHT" in out
    assert command != ("--help",) or "BARE" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "tiny.yml"), "no scenario tiny.yml"),
        (("run", "tiny.yaml", "--only", "ful"), "--only ful: no such method. Did you mean 'full'?"),
        (("run", "tiny.yaml", "--profile", "smok"), "no profile 'smok'. Did you mean 'smoke'?"),
        (
            ("run", "tiny.yaml", "--set", "training.epoch=3"),
            "--set training.epoch=3: training.epoch: unknown field. Did you mean 'epochs'?",
        ),
        (("run", "tiny.yaml", "--jobs", "0"), "--jobs 0"),
        (
            ("run", "tiny.yaml", "--seeds", "0"),
            "--set seeds=0: seeds: 0: write a number of seeds from 1",
        ),
        (
            ("run", "tiny.yaml", "--executor", "locl"),
            "no executor named 'locl'. Did you mean 'local'?",
        ),
        (("leaderboard", "tiny"), "no leaderboard records"),
    ],
)
def test_mistakes_exit_with_2_and_no_traceback(
    workplace: Workplace, arguments: tuple[str, ...], message: str
) -> None:
    done = workplace.harness(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (workplace.folder / "runs").exists()
