"""The command line as a whole: help, exit codes, misspellings, and what it imports."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from installed import Workplace

from harness.cli.main import commands, main
from harness.core.errors import InputError

RUNS = {"--profile", "--only", "--seeds", "--device", "--set"}
WORKERS = {"--executor", "--jobs"}

OPTIONS = {
    "run": RUNS | WORKERS | {"--again"},
    "plan": RUNS,
    "list": {"--json"},
    "show": set[str](),
    "leaderboard": {"--check"},
    "report": {"--open"},
    "figures": {"--out"},
    "export": {"--to", "--out"},
    "compare": {"--json"},
    "reproduce": WORKERS | {"--seed", "--set"},
    "audit": {"--majority", "--classes", "--per-class", "--averaged", "--separate", "--json"},
    "plugins": {"--json", "--details"},
    "schema": {"--markdown"},
}
"""All commands and their options. Scripts rely on them, so that none may go or change its name."""


def test_commands_and_options_are_these() -> None:
    options_of_command = {}
    for name, command in commands.commands.items():
        options = [option for option in command.params if isinstance(option, click.Option)]
        options_of_command[name] = {word for option in options for word in option.opts}
    assert options_of_command == OPTIONS


@pytest.mark.parametrize("name", OPTIONS)
def test_help_explains_every_argument_and_option(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: harness {name} ")
    command = commands.commands[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help
        else:
            name_in_usage = parameter.human_readable_name.strip("[].")
            assert name_in_usage in command.help


def test_help_lists_every_command_in_whole_sentences(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    _, _, listing = text.partition("Commands:\n")
    listing, _, after = listing.partition("\n\n")
    lines = listing.splitlines()
    assert [line.split()[0] for line in lines] == list(OPTIONS)
    # click cuts what is too long for a line, and ends it with three dots.
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)
    for code in ("0 ", "1 ", "2 ", "130 "):
        assert f"\n    {code}" in after
    assert "HARNESS_RUNS" in after


def test_short_help(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h"]) == main(["plan", "-h"]) == 0


def test_no_command_prints_help(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    without_command = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert without_command == capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"harness {version('weakseg-harness')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pln"], "No such command 'pln'. Did you mean 'plan'?"),
        (["leader-board"], "Did you mean 'leaderboard'?"),
        (["xyz"], "No such command 'xyz'. Known: audit, compare,"),
        (["plan", "tiny.yaml", "--profil", "smoke"], "Did you mean"),
        (["audit", "a.md", "--majorty", "1"], "Did you mean"),
        (["list", "modl"], "'modl' is not one of 'dataset', 'supervision', 'loss', 'model'"),
        (["plan", "tiny.yaml", "--device", "gpu"], "'gpu' is not one of 'auto', 'cpu'"),
        (["run", "tiny.yaml", "--jobs", "two"], "'two' is not a valid integer"),
        (["plan"], "Missing argument 'SCENARIO'"),
        (["audit"], "Missing argument 'TABLE...'"),
        (["show", "full", "points"], "unexpected extra argument (points)"),
    ],
)
def test_misspelt_words(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Usage: harness ")
    assert message in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "tiny.yml"], "no scenario tiny.yml"),
        (["run", "tiny.yaml", "--only", "ful"], "--only ful: no such method. Did you mean 'full'?"),
        (["run", "tiny.yaml", "--profile", "smok"], "no profile 'smok'. Did you mean 'smoke'?"),
        (
            ["run", "tiny.yaml", "--set", "training.epoch=3"],
            "--set training.epoch=3: training.epoch: unknown field. Did you mean 'epochs'?",
        ),
        (["run", "tiny.yaml", "--jobs", "0"], "--jobs 0: executor 'local': "),
        (
            ["run", "tiny.yaml", "--jobs", "2", "--executor", "inline"],
            "--jobs 2: executor 'inline'",
        ),
        (
            ["run", "tiny.yaml", "--seeds", "0"],
            "--set seeds=0: seeds: 0: write a number of seeds from 1",
        ),
        (
            ["run", "tiny.yaml", "--executor", "locl"],
            "no executor named 'locl'. Did you mean 'local'?",
        ),
        (["leaderboard", "tiny"], "no leaderboard records"),
    ],
)
def test_mistakes_exit_with_2_and_no_traceback(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("harness: ")
    assert message in captured.err
    assert not (folder / "runs").exists()


def test_several_mistakes_are_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise InputError("line 3: too small\nline 5: unknown")

    monkeypatch.setattr("harness.catalog.load_catalog", fail)
    assert main(["plan", "tiny.yaml"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "line 3: too small\nline 5: unknown\nharness: 2 mistakes\n"


def test_an_interrupt_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.catalog.load_catalog", interrupt)
    assert main(["list"]) == 130
    assert capsys.readouterr() == ("", "harness: interrupted\n")


def test_a_closed_pipe_is_no_failure(workplace: Workplace) -> None:
    """As in `harness list | head -1`, where nobody reads the rest."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=workplace.environment(),
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_shells_complete_commands_and_options(workplace: Workplace) -> None:
    def complete(words: str, position: int) -> str:
        return workplace.harness(
            _HARNESS_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(position)
        ).stdout

    assert complete("harness sch", 1) == "plain,schema\n"
    assert complete("harness run --ag", 2) == "plain,--again\n"


PROGRAM = """
import sys
from harness.cli.main import main
main(sys.argv[1:])
for module in ("torch", "pandas", "pydantic"):
    if module in sys.modules:
        print("imported", module)
"""

LIGHT = {
    "--help": ["torch", "pandas", "pydantic"],
    "plan --help": ["torch", "pandas", "pydantic"],
    "plan tiny.yaml": ["torch", "pandas"],
    "list": ["torch", "pandas"],
    "show tiny-convnet": ["torch", "pandas"],
    "schema": ["torch", "pandas"],
    "leaderboard": ["torch"],
    "audit a.md": ["torch"],
    "compare a b": ["torch"],
}
"""The modules that are slow to import and that these commands must do without."""


@pytest.mark.slow
@pytest.mark.parametrize("command", LIGHT)
def test_commands_that_only_look_start_quickly(workplace: Workplace, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command.split()],
        cwd=workplace.folder,
        env=workplace.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    for module in LIGHT[command]:
        assert f"imported {module}" not in done.stdout
