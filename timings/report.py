"""Measure the report of 500 runs with a full gallery: its size, and how soon a browser shows it.

    PYTHONPATH=tests/helpers python timings/report.py [--methods 50] [--seeds 10] [--opens 5]

Records are synthetic: those of tests/helpers/reported.py with more methods, epochs, classes, and
test patches as noisy as photographs. The page is opened from a file in headless Chromium, each time
in a new browser.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from demo import board_of
from numpy.typing import NDArray
from playwright.sync_api import sync_playwright
from reported import HEADER, png, record

from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import Board
from harness.pages.html.page import write_report

SIDE = 256
BLOB = 16
"""A patch of SIDE pixels is a grid of blobs, BLOB pixels wide and high."""
PATCHES = 6
EPOCHS = 50
IMAGES = 20
PIXELS_OF_A_CLASS = 800
"""In each test image."""
NO_LABEL = 255
REPLACED = [[1, 0], [0, 1]]
"""Counts of the two classes that `record` knows; each run gets those of six in their place."""

COLORS = {
    "building": (60, 16, 152),
    "land": (132, 41, 246),
    "road": (110, 193, 228),
    "vegetation": (254, 221, 58),
    "water": (226, 169, 41),
    "other": (155, 155, 155),
}
CLASSES = len(COLORS)

CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
PAINTED = "performance.getEntriesByName('first-contentful-paint').length > 0"
READ_TIMES = """() => {
  const [load] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return [load.domInteractive, load.loadEventEnd, paint ? paint.startTime : NaN];
}"""


@dataclass(frozen=True)
class Opening:
    """How long a browser took to show the page, in milliseconds from the start of navigation."""

    parsed: float
    """The document is parsed."""
    loaded: float
    """The load event has ended."""
    painted: float
    """The first content is painted."""

    def __str__(self) -> str:
        return (
            f"parsed {self.parsed:.0f} ms, load event {self.loaded:.0f} ms,"
            f" first paint {self.painted:.0f} ms"
        )


def make_board(methods: int, seeds: int) -> Board:
    """Make a board of full supervision and a sweep over ever more points."""
    names = ["full"]
    names += [f"points-{count}" for count in range(1, methods)]
    generator = np.random.default_rng(0)
    records = []
    for seed in range(seeds):
        for position, name in enumerate(names):
            labelled_pixels = 100_000 if name == "full" else 50 * position
            run = record(name, seed, REPLACED, labelled_pixels)
            run["classes"] = [
                {"name": class_name, "color": list(color)} for class_name, color in COLORS.items()
            ]
            run["mean_over"] = list(COLORS)
            run["confusion"] = draw_confusion(0.5 + 0.4 * position / methods, generator)
            run["history"] = draw_history(generator)
            run["settings"]["training"]["validation"] = "loss"
            records.append(run)
    header = {
        **HEADER,
        "methods": [{"name": name, "about": ""} for name in names],
        "seeds": list(range(seeds)),
        "published": None,
    }
    return board_of(header, records)


def draw_confusion(accuracy: float, generator: np.random.Generator) -> dict[str, Any]:
    """Draw the counts of every test image, with this share of each class predicted rightly."""
    shares = np.full((CLASSES, CLASSES), (1 - accuracy) / (CLASSES - 1))
    np.fill_diagonal(shares, accuracy)
    names = [str(number) for number in range(IMAGES)]
    counts = []
    for _ in names:
        lines = [generator.multinomial(PIXELS_OF_A_CLASS, line).tolist() for line in shares]
        counts.append(lines)
    return {"images": names, "groups": names, "counts": counts}


def draw_history(generator: np.random.Generator) -> list[dict[str, float]]:
    """Draw falling curves of the training loss and of the validation."""
    history = []
    for epoch in range(1, EPOCHS + 1):
        loss = float(generator.uniform(1, 2)) / epoch
        history.append({"epoch": epoch, "loss": loss, "validation": 1 / epoch})
    return history


def store_samples(runs: Path, run: dict[str, Any]) -> None:
    """Store the test patches of a run."""
    folder = runs / run["key"] / "samples"
    folder.mkdir(parents=True)
    samples = []
    for number in range(PATCHES):
        # All runs of a seed show the same patches, as in a real experiment.
        scene = np.random.default_rng(100 * run["seed"] + number)
        image, truth = draw_scene(scene)
        method = np.random.default_rng(int(run["key"][:8], 16) + number)
        prediction = draw_prediction(truth, method)
        labelled = method.random(truth.shape) < 0.002
        maps = {
            "truth": truth,
            "prediction": prediction,
            "weak": np.where(labelled, truth, NO_LABEL).astype(np.uint8),
        }
        png(folder / f"{number}-image.png", image)
        for name, labels in maps.items():
            png(folder / f"{number}-{name}.png", labels[None])
        pairs = CLASSES * truth.astype(int) + prediction
        counts = np.bincount(pairs.ravel(), minlength=CLASSES**2)
        sample = {
            "patch": f"{number}@0,0",
            "confusion": counts.reshape(CLASSES, CLASSES).tolist(),
            "files": {name: f"{number}-{name}.png" for name in ("image", *maps)},
        }
        samples.append(sample)
    (folder / "samples.json").write_text(json.dumps(samples), encoding="utf-8")


def draw_scene(generator: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw an image [3, SIDE, SIDE], and its mask [SIDE, SIDE] of blobs.

    The noise of the image is what makes its file as large as that of a photograph.
    """
    cells = SIDE // BLOB
    blobs = generator.integers(0, CLASSES, (cells, cells))
    truth = np.kron(blobs, np.ones((BLOB, BLOB), int)).astype(np.uint8)
    colors = np.array(list(COLORS.values()), float)
    bands = colors[truth].transpose(2, 0, 1)
    noisy = bands + generator.normal(0, 25, (3, SIDE, SIDE))
    return noisy.clip(0, 255).astype(np.uint8), truth


def draw_prediction(truth: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a prediction that is wrong along the edges of blobs, and in specks."""
    shifted = np.roll(truth, generator.integers(-3, 4, 2), (0, 1))
    specks = generator.random(truth.shape) < 0.01
    wrong = generator.integers(0, CLASSES, truth.shape)
    return np.where(specks, wrong, shifted).astype(np.uint8)


def open_page(address: str) -> Opening:
    """Open the page in a new browser, whose caches are empty."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_OPTIONS
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_function(PAINTED)
        opening = Opening(*page.evaluate(READ_TIMES))
        print(f"{opening}; Chromium {browser.version}")
        browser.close()
    return opening


def main() -> None:
    """Write the report, open it, and print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--opens", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="where to copy the page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        page = Path(folder) / "demo.html"
        board = make_board(arguments.methods, arguments.seeds)
        for run in board.records:
            store_samples(runs, run.as_json())
        start = time.perf_counter()
        write_report(analyse(board), runs, page)
        seconds = time.perf_counter() - start
        megabytes = page.stat().st_size / 1e6
        print(
            f"{len(board.records)} runs, {megabytes:.1f} MB, written in {seconds:.1f} s,"
            f" {os.cpu_count()} cores"
        )
        openings = [open_page(page.as_uri()) for _ in range(arguments.opens)]
        median = Opening(
            statistics.median(opening.parsed for opening in openings),
            statistics.median(opening.loaded for opening in openings),
            statistics.median(opening.painted for opening in openings),
        )
        print(f"median of {len(openings)}: {median}")
        if arguments.keep:
            shutil.copy(page, arguments.keep)


if __name__ == "__main__":
    main()
