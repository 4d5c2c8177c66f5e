"""What a run says of the checkout, the packages and the machine that it was computed with."""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from places import ROOT

from harness.core.errors import InputError
from harness.run.environment import (
    choose_device,
    choose_precision,
    describe_hardware,
    describe_machine,
    git_state,
    package_versions,
    peak_memory_mib,
)

CPU = torch.device("cpu")

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, as somebody whose settings do not matter."""
    identity = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a commit, which tracks nothing but a file of somebody else."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "notes.txt").write_text("mine")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "First")
    return tmp_path


def add_package(checkout: Path) -> Path:
    """Put a package into a checkout, untracked as yet."""
    package = checkout / "harness"
    package.mkdir()
    (package / "api.py").write_text("names = []\n")
    return package


@needs_git
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="these tests are not in a checkout")
def test_the_commit_of_this_checkout_is_seen() -> None:
    assert git_state().commit == git(ROOT, "rev-parse", "HEAD")


@needs_git
def test_a_package_that_is_tracked_has_a_commit_and_its_changes_count(checkout: Path) -> None:
    package = add_package(checkout)
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "Package")
    clean = git_state(package)
    assert clean.commit == git(checkout, "rev-parse", "HEAD")
    assert clean.changes is None

    (checkout / "notes.txt").write_text("changed")
    assert git_state(package).changes is None  # not source

    (package / "api.py").write_text("names = [1]\n")
    changed = git_state(package)
    assert changed.commit == clean.commit
    assert changed.changes is not None
    (package / "api.py").write_text("names = [2]\n")
    assert git_state(package).changes not in (None, changed.changes)


@needs_git
def test_a_package_in_a_checkout_that_does_not_track_it_has_no_commit(checkout: Path) -> None:
    """As where a virtual environment lies in the checkout of somebody's own project."""
    state = git_state(add_package(checkout))
    assert state.commit is None
    assert state.changes is None


def test_without_a_checkout_or_without_git_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = add_package(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(package).commit is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(package).commit is None


def test_packages_that_are_not_installed_are_left_out() -> None:
    versions = package_versions(["ruff-of-nobody", "pytest"])
    assert versions["torch"] == version("torch")
    assert versions["pytest"] == version("pytest")
    assert "ruff-of-nobody" not in versions


def test_a_device_that_is_not_there_is_an_error() -> None:
    assert choose_device("cpu") == CPU
    if not torch.backends.mps.is_available():
        with pytest.raises(InputError, match=r"training\.device: mps is not available here"):
            choose_device("mps")


@pytest.mark.parametrize(
    ("cuda", "mps", "kind"), [(True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_fastest_device(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, kind: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto").type == kind


def test_a_precision_that_is_asked_for_is_taken_and_mps_has_no_bf16() -> None:
    assert choose_precision("fp32", CPU) == "fp32"
    assert choose_precision("bf16", CPU) == "bf16"
    assert choose_precision("auto", torch.device("mps")) == "fp32"
    assert choose_precision("auto", CPU) in ("fp32", "bf16")


def test_the_machine_is_described() -> None:
    machine = describe_machine()
    assert machine.processor
    assert machine.cores is not None
    hardware = describe_hardware(CPU, "fp32")
    assert hardware.device == "cpu"
    assert hardware.name == machine.processor
    assert hardware.precision == "fp32"
    assert hardware.threads == torch.get_num_threads()
    # Python and torch alone take more, wherever a system tells it.
    assert peak_memory_mib() == 0 or peak_memory_mib() > 50
