"""A board with hostile names, and a folder of runs with test patches, as a report reads them."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from demo import board_of
from numpy.typing import NDArray

from harness.core.images import open_without_georeference
from harness.core.values import IGNORE
from harness.leaderboard.board import Board
from harness.metrics import summary

# Names that would run or load something where a page shows them as HTML.
SCRIPT = "<script>alert(1)</script>"
POINTS = ['points-5"><img src=x onerror=alert(2)>', 'points-20"><img src=x onerror=alert(2)>']

CLASSES = [{"name": SCRIPT, "color": [60, 16, 152]}, {"name": "b", "color": [110, 193, 228]}]
CLASS_NAMES = [SCRIPT, "b"]
SIDE = 16
"""Pixels of a side of a test patch."""

HEADER: dict[str, Any] = {
    "board": "demo",
    "scenario": "demo",
    "about": "</script><script>alert(3)</script> {{ 7 * 7 }}",
    "profile": "mini",
    "overrides": ["seeds=3"],
    "dataset": {"name": "d", "source": "<b>here</b>", "licence": "none", "citation": "@misc{d}"},
    "reference": "full",
    "methods": [{"name": name, "about": "a & b"} for name in ("full", *POINTS, "shares")],
    "seeds": [0, 1, 2],
    "published": {"source": "Paper, <i>Table 1</i>", "metric": "mIoU", "values": {POINTS[0]: 0.5}},
}

SUPERVISIONS = {"full": "full", "shares": "proportions"}
"""What methods are given; the others get points."""


def record(method: str, seed: int, counts: list[list[int]], pixels: int) -> dict[str, Any]:
    """Make the record of a finished run.

    Args:
        method: its name.
        seed: its seed.
        counts: the confusion counts of the one test image.
        pixels: how many pixels of 100 are labelled.
    """
    supervision = SUPERVISIONS.get(method, "points-per-class")
    annotation = {
        "supervision": supervision,
        "unit": "scene",
        "units": 1,
        "labelled_pixels": pixels,
        "labelled_pixels_by_class": [pixels, 0],
        "units_without_labels": 0,
        "proportion_vectors": int(method == "shares"),
        "tag_vectors": 0,
        "reveals": ["presence"],
    }
    history: list[dict[str, Any]] = []
    for epoch in (1, 2, 3):
        loss = (1 + seed) / epoch
        history.append({"epoch": epoch, "loss": loss, "terms": {}, "learning_rate": 1.0})
    groups = [f"g{number}" for number in range(20)]
    part = {"patches": 3, "groups": groups}
    return {
        "status": "ok",
        "key": hashlib.sha256(f"{method} {seed}".encode()).hexdigest(),
        "method": method,
        "seed": seed,
        "classes": CLASSES,
        "mean_over": CLASS_NAMES,
        "metrics": summary(np.array(counts), CLASS_NAMES, CLASS_NAMES),
        "initialisation": "random",
        "confusion": {"images": ["x"], "groups": ["x"], "counts": [counts]},
        "ledger": {
            "scenes": 1,
            "patches": 1,
            "labelled_pixels": pixels,
            "labelled_share": pixels / 100,
            "supervisions": [annotation],
        },
        "history": history,
        "cost": {"seconds": 2.0, "peak_memory_mib": 100.0, "started": "2026-01-01T00:00:00+00:00"},
        "hardware": {"device": "cpu", "name": "c", "precision": "fp32"},
        "packages": {"torch": "2", "numpy": "2", "weakseg-harness": "0.1.0"},
        "parameters": 10,
        "split": {"train": part, "validation": part, "test": part},
        "settings": {
            "protocol": 1,
            "dataset": {"name": "d", "content": "c", "version": "1", "source": "s"},
            "patches": {"size": SIDE, "stride": None},
            "split": {"by": "official"},
            "model": {"name": "m", "architecture": "unet", "version": "1", "source": "s"},
            "training": {"epochs": 3, "augment": []},
            "supervision": [{"name": supervision, "count": pixels}],
            "seed": seed,
        },
    }


FULL = [
    record("full", 0, [[6, 2], [0, 2]], 100),
    record("full", 1, [[8, 0], [0, 2]], 100),
    record("full", 2, [[6, 2], [0, 2]], 100),
]
WEAK = [record(POINTS[0], seed, [[6, 2], [2, 0]], 5) for seed in (0, 1, 2)]
MORE = [record(POINTS[1], 0, [[7, 1], [1, 1]], 20)]
SHARES = [record("shares", 0, [[8, 0], [2, 0]], 0)]
FAILED = {
    "status": "failed",
    "key": "f",
    "method": POINTS[1],
    "seed": 1,
    "error": {"type": "RuntimeError", "message": SCRIPT},
}
MISSING = {"status": "missing", "key": "e", "method": "shares", "seed": 1}
BOARD = board_of(HEADER, (*FULL, *WEAK, *MORE, *SHARES, FAILED, MISSING))


def tracked() -> Board:
    """Return the board with points-20 and shares on a selection track of their own.

    They are selected by their own weak labels. The loss of their last epoch is not finite.
    """
    records = []
    for run in BOARD.records:
        fields = run.as_json()
        if fields["status"] == "ok" and fields["method"] in (POINTS[1], "shares"):
            fields["settings"]["training"].update(validation="loss", selection="best-validation")
            for epoch in fields["history"]:
                epoch["validation"] = 2.0 / epoch["epoch"]
            fields["history"].append({"epoch": 4, "loss": 1.0, "validation": math.nan})
        records.append(fields)
    return board_of(HEADER, records)


def png(path: Path, bands: NDArray[np.uint8]) -> None:
    """Write uint8 [bands, H, W] as PNG."""
    count, height, width = bands.shape
    with open_without_georeference(
        path, "w", driver="PNG", height=height, width=width, count=count, dtype="uint8"
    ) as file:
        file.write(bands)


def store_samples(runs: Path, run: dict[str, Any], patches: int = 2) -> None:
    """Store test patches of a run.

    Their left half is class 0, their right half class 1; the prediction is a column off, and three
    pixels are labelled.

    Args:
        runs: the folder of all runs.
        run: the record of the run.
        patches: how many patches there are.
    """
    folder = runs / run["key"] / "samples"
    folder.mkdir(parents=True)
    truth = np.zeros((SIDE, SIDE), np.uint8)
    truth[:, SIDE // 2 :] = 1
    maps = {"truth": truth, "prediction": np.roll(truth, 1, 1)}
    if run["method"] != "shares":
        weak = np.full((SIDE, SIDE), IGNORE, np.uint8)
        weak[2, 3] = weak[14, 1] = 0
        weak[9, 12] = 1
        maps["weak"] = weak
    entries = []
    for number in range(patches):
        image = np.full((3, SIDE, SIDE), 40 * number + 40, np.uint8)
        png(folder / f"{number}-image.png", image)
        for name, labels in maps.items():
            png(folder / f"{number}-{name}.png", labels[None])
        entry: dict[str, Any] = {
            "patch": f"{SCRIPT}@{number}",
            "confusion": [[112, 16], [16, 112]],
            "files": {name: f"{number}-{name}.png" for name in ("image", *maps)},
        }
        if run["method"] == "shares":
            entry["proportions"] = [0.5, 0.5]
        entries.append(entry)
    (folder / "samples.json").write_text(json.dumps(entries))


def store(runs: Path) -> None:
    """Store the patches of all finished runs but the reference's later ones."""
    for run in (FULL[0], *WEAK, *MORE, *SHARES):
        store_samples(runs, run)
