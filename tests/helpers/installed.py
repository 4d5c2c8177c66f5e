"""Plugins that are installed as far as Python can tell: a module and its metadata in a folder of
sys.path. No network, no pip."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from places import ROOT

EXAMPLE = ROOT / "examples" / "harness-example" / "harness_example.py"


def install(site: Path, name: str, source: str, version: str = "1.0") -> None:
    """Writes module `name` and the metadata of a distribution of that name, with an entry point of
    that name, into `site`."""
    site.mkdir(parents=True, exist_ok=True)
    (site / f"{name}.py").write_text(source, encoding="utf-8")
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(f"[harness]\n{name} = {name}\n", encoding="utf-8")


@dataclass(frozen=True)
class Workplace:
    """An empty folder in which a user works, with the example plugin installed."""

    folder: Path
    site: Path

    def environment(self, **more: str) -> dict[str, str]:
        own = {
            f"HARNESS_{name.upper()}": str(self.folder / name)
            for name in ("runs", "leaderboards", "cache", "data")
        }
        path = os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")]).rstrip(
            os.pathsep
        )
        return {**os.environ, **own, "PYTHONPATH": path, "COLUMNS": "200", **more}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def harness(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs the command line in the folder."""
        command = [sys.executable, "-m", "harness.cli", *arguments]
        options = {"capture_output": True, "text": True, "timeout": 300, "check": False}
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            command, cwd=self.folder, env=self.environment(**more), **options
        )


TINY = """
name: tiny
about: A scenario for tests.
dataset: {name: synthetic-landcover, images: 9, size: 64}
patches: {size: 32}
model: tiny-convnet
training: {epochs: 2, batch_size: 8}
seeds: 1
methods:
  full: {supervision: full, loss: cross-entropy}
  points-{count}:
    sweep: {supervision.count: [5]}
    supervision: points-per-class
    loss: [partial-cross-entropy, {name: entropy, weight: 0.1, ramp: 0.5}]
profiles:
  smoke: {training: {epochs: 1}}
"""
