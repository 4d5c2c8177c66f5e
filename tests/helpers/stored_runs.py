"""Records of a scenario's runs that were never computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import demo
import numpy as np

from harness.catalog import Catalog
from harness.metrics import summary
from harness.plan.runs import Run, expand
from harness.scenario.resolve import read_scenario

DATASET = "{name: synthetic-landcover, images: 9, size: 64}"
FULL = "full: {supervision: full, loss: cross-entropy}"


def write_scenario(folder: Path, methods: str = FULL, dataset: str = DATASET) -> Path:
    """Write a scenario with one seed, and return its path."""
    lines = [
        "name: s",
        f"dataset: {dataset}",
        "patches: {size: 32}",
        "model: {name: smp}",
        "seeds: 1",
        f"methods:\n  {methods}",
    ]
    path = folder / "s.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def make_records(path: Path, catalog: Catalog, profile: str | None = None) -> list[dict[str, Any]]:
    """Return records of all runs of a scenario, as JSON gives them back.

    Settings, names and classes are what they would be; every class is found without a mistake.
    """
    scenario = read_scenario(path, catalog, profile)
    names = [entry.name for entry in scenario.dataset.classes]
    runs = expand(scenario, "content")
    records = [_make_record(run, names, list(scenario.mean_over)) for run in runs]
    loaded: list[dict[str, Any]] = json.loads(json.dumps(records))
    return loaded


def _make_record(run: Run, names: list[str], mean_over: list[str]) -> dict[str, Any]:
    counts = np.eye(len(names), dtype=int)
    record = demo.record(run.method.name, run.seed, [[1, 0], [0, 1]], 100, 1.0)
    record.update(
        run.title.as_json(),
        key=run.key,
        settings=run.settings,
        mean_over=mean_over,
        classes=[{"name": name, "color": [0, 0, 0]} for name in names],
        metrics=summary(counts, names, mean_over),
        confusion={"images": ["x"], "groups": ["x"], "counts": [counts.tolist()]},
    )
    return record
