"""A board with hostile names, and a folder of runs with test patches, as a report reads them."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from demo import board_of
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from harness.leaderboard.board import Board
from harness.metrics import summary

SCRIPT = "<script>alert(1)</script>"
POINTS = ['points-5"><img src=x onerror=alert(2)>', 'points-20"><img src=x onerror=alert(2)>']
COLORS = [[60, 16, 152], [110, 193, 228]]
SIDE = 16
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


def record(method: str, seed: int, counts: list[list[int]], pixels: int) -> dict[str, Any]:
    """A finished run with the counts of one test image."""
    kind = {"full": "full", "shares": "proportions"}.get(method, "points-per-class")
    given = {
        "supervision": kind,
        "unit": "scene",
        "units": 1,
        "units_without_labels": 0,
        "tag_vectors": 0,
        "reveals": ["presence"],
    }
    given |= {
        "labelled_pixels": pixels,
        "labelled_pixels_by_class": [pixels, 0],
        "proportion_vectors": int(method == "shares"),
    }
    return {
        "status": "ok",
        "key": hashlib.sha256(f"{method} {seed}".encode()).hexdigest(),
        "method": method,
        "seed": seed,
        "classes": [
            {"name": name, "color": color}
            for name, color in zip((SCRIPT, "b"), COLORS, strict=True)
        ],
        "mean_over": [SCRIPT, "b"],
        "metrics": summary(np.array(counts), [SCRIPT, "b"], [SCRIPT, "b"]),
        "initialisation": "random",
        "confusion": {"images": ["x"], "groups": ["x"], "counts": [counts]},
        "ledger": {
            "scenes": 1,
            "patches": 1,
            "labelled_pixels": pixels,
            "labelled_share": pixels / 100,
            "supervisions": [given],
        },
        "history": [
            {"epoch": epoch, "loss": (1 + seed) / epoch, "terms": {}, "learning_rate": 1.0}
            for epoch in (1, 2, 3)
        ],
        "cost": {"seconds": 2.0, "peak_memory_mib": 100.0, "started": "2026-01-01T00:00:00+00:00"},
        "hardware": {"device": "cpu", "name": "c", "precision": "fp32"},
        "packages": {"torch": "2", "numpy": "2", "weakseg-harness": "0.1.0"},
        "parameters": 10,
        "split": {
            part: {"patches": 3, "groups": [f"g{number}" for number in range(20)]}
            for part in ("train", "validation", "test")
        },
        "settings": {
            "protocol": 1,
            "dataset": {"name": "d", "content": "c", "version": "1", "source": "s"},
            "patches": {"size": SIDE, "stride": None},
            "split": {"by": "official"},
            "model": {"name": "m", "architecture": "unet", "version": "1", "source": "s"},
            "training": {"epochs": 3, "augment": []},
            "supervision": [{"name": kind, "count": pixels}],
            "seed": seed,
        },
    }


FULL = [
    record("full", seed, counts, 100)
    for seed, counts in enumerate([[[6, 2], [0, 2]], [[8, 0], [0, 2]], [[6, 2], [0, 2]]])
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
    """The board, whose points-20 and shares are now selected by their own weak labels: a selection
    track of their own."""
    records = []
    for own in BOARD.records:
        if own["status"] == "ok" and own["method"] in (POINTS[1], "shares"):
            training = own["settings"]["training"] | {
                "validation": "loss",
                "selection": "best-validation",
            }
            history = [epoch | {"validation": 2.0 / epoch["epoch"]} for epoch in own["history"]]
            own = own | {
                "settings": own["settings"] | {"training": training},
                "history": [*history, {"epoch": 4, "loss": 1.0, "validation": math.nan}],
            }
        records.append(own)
    return board_of(HEADER, tuple(records))


def png(path: Path, bands: NDArray[np.uint8]) -> None:
    """Writes uint8 [C, H, W]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        count, height, width = bands.shape
        with rasterio.open(
            path, "w", driver="PNG", height=height, width=width, count=count, dtype="uint8"
        ) as file:
            file.write(bands)


def store_samples(runs: Path, own: dict[str, Any], patches: int = 2) -> None:
    """Two test patches of a run: the left half class 0, the right half class 1, the prediction one
    column off, three labelled pixels."""
    folder = runs / own["key"] / "samples"
    folder.mkdir(parents=True)
    truth = np.zeros((SIDE, SIDE), np.uint8)
    truth[:, SIDE // 2 :] = 1
    weak = np.full((SIDE, SIDE), 255, np.uint8)
    weak[2, 3], weak[9, 12], weak[14, 1] = 0, 1, 0
    listed = []
    for number in range(patches):
        maps = {"truth": truth, "prediction": np.roll(truth, 1, 1)} | (
            {} if own["method"] == "shares" else {"weak": weak}
        )
        png(folder / f"{number}-image.png", np.full((3, SIDE, SIDE), 40 * number + 40, np.uint8))
        for name, labels in maps.items():
            png(folder / f"{number}-{name}.png", labels[None])
        entry: dict[str, Any] = {"patch": f"{SCRIPT}@{number}", "confusion": [[112, 16], [16, 112]]}
        entry["files"] = {name: f"{number}-{name}.png" for name in ("image", *maps)}
        listed.append(entry | ({"proportions": [0.5, 0.5]} if own["method"] == "shares" else {}))
    (folder / "samples.json").write_text(json.dumps(listed))


def store(runs: Path) -> None:
    """The patches of all finished runs but the reference's later ones."""
    for own in (FULL[0], *WEAK, *MORE, *SHARES):
        store_samples(runs, own)
