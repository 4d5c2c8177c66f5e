"""A folder for commands that run in the process of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

# Of components that come with the harness alone, so that no plugin needs to be installed.
SCENARIO = """
name: tiny
dataset: {name: synthetic-landcover, images: 9, size: 64}
patches: {size: 32}
model: {name: smp, encoder: resnet18}
training: {epochs: 2, batch_size: 8}
seeds: 1
methods:
  full: {supervision: full, loss: cross-entropy}
  points:
    supervision: {name: points-per-class, count: 5}
    loss: partial-cross-entropy
profiles:
  smoke: {training: {epochs: 1}}
  same: {training: {epochs: 2}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder with a scenario, in which commands work."""
    for name in ("runs", "leaderboards", "cache", "data"):
        monkeypatch.setenv(f"HARNESS_{name.upper()}", str(tmp_path / name))
    # Help and messages are laid out for this width.
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path
