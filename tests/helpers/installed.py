"""Plugins that are installed as far as Python can tell.

A module or package and its metadata lie in a folder of sys.path. No network, no pip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from places import ROOT

EXAMPLE = ROOT / "examples" / "harness-example" / "harness_example"
"""The package of the example plugin."""


def install(site: Path, name: str, source: str | Path, version: str = "1.0") -> None:
    """Install a plugin called `name`, in a distribution and with an entry point of that name.

    Args:
        site: Folder of sys.path.
        name: Also the name of the module or package.
        source: Text of a module, or the folder of a package to copy.
        version: Version of the distribution.
    """
    site.mkdir(parents=True, exist_ok=True)
    if isinstance(source, Path):
        shutil.copytree(source, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        (site / f"{name}.py").write_text(source, encoding="utf-8")
    metadata = site / f"{name}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(f"[harness]\n{name} = {name}\n", encoding="utf-8")


@dataclass(frozen=True)
class Workplace:
    """An empty folder in which a user works, with the example plugin installed."""

    folder: Path
    """Where the user stands, and where everything is written."""
    site: Path
    """A folder of sys.path, for plugins."""

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the variables of a process of this user, and some more."""
        environment = dict(os.environ)
        for name in ("runs", "leaderboards", "cache", "data"):
            environment[f"HARNESS_{name.upper()}"] = str(self.folder / name)
        search_path = [str(self.site)]
        if os.environ.get("PYTHONPATH"):
            search_path.append(os.environ["PYTHONPATH"])
        environment["PYTHONPATH"] = os.pathsep.join(search_path)
        # Messages that name columns are wrapped to the width of the terminal.
        environment["COLUMNS"] = "200"
        return {**environment, **variables}

    def write(self, name: str, text: str) -> Path:
        """Write a file below the folder, and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def harness(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the folder."""
        return subprocess.run(
            [sys.executable, "-m", "harness.cli", *arguments],
            cwd=self.folder,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
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
"""A scenario of two methods that trains for seconds."""
