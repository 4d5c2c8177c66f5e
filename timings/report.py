"""How large the report of 500 runs with a full gallery is, how long writing it takes, and how soon
a browser shows it.

    PYTHONPATH=tests/helpers python timings/report.py [--methods 50] [--seeds 10] [--opens 5]

Records are synthetic: tests/helpers/reported.py with more methods, epochs, classes, and test patches as
noisy as photographs. The page is opened from a file in headless Chromium, each time in a new
browser.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright
from reported import HEADER, png, record

from harness.leaderboard.board import Board
from harness.pages.html.page import write_report

SIDE, PATCHES, EPOCHS, IMAGES = 256, 6, 50, 20
NAMES = ("building", "land", "road", "vegetation", "water", "other")
COLORS = (
    (60, 16, 152),
    (132, 41, 246),
    (110, 193, 228),
    (254, 221, 58),
    (226, 169, 41),
    (155, 155, 155),
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
TIMES = """() => {
  const [load] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return [load.domInteractive, load.loadEventEnd, paint ? paint.startTime : NaN];
}"""


def board(methods: int, seeds: int) -> Board:
    """Full supervision, and a sweep of points with more and more of them; every run has six classes
    and 50 epochs."""
    names = ["full", *(f"points-{count}" for count in range(1, methods))]
    generator = np.random.default_rng(0)
    runs = []
    for seed in range(seeds):
        for place, name in enumerate(names):
            own = record(name, seed, [], 100_000 if name == "full" else 50 * place)
            right = 0.5 + 0.4 * place / methods
            shares = np.full((len(NAMES), len(NAMES)), (1 - right) / (len(NAMES) - 1))
            np.fill_diagonal(shares, right)
            counts = np.array(
                [[generator.multinomial(800, line) for line in shares] for _ in range(IMAGES)]
            )
            own["classes"] = [
                {"name": each, "color": color} for each, color in zip(NAMES, COLORS, strict=True)
            ]
            own["mean_over"] = list(NAMES)
            own["confusion"] = {
                "images": [*map(str, range(IMAGES))],
                "groups": [*map(str, range(IMAGES))],
                "counts": counts.tolist(),
            }
            own["history"] = [
                {
                    "epoch": epoch,
                    "loss": float(generator.uniform(1, 2)) / epoch,
                    "validation": 1 / epoch,
                }
                for epoch in range(1, EPOCHS + 1)
            ]
            own["settings"]["training"] |= {"validation": "loss"}
            runs.append(own)
    header = HEADER | {
        "methods": [{"name": name, "about": ""} for name in names],
        "seeds": list(range(seeds)),
        "published": None,
    }
    return Board(header, tuple(runs))


def store(runs: Path, own: dict[str, Any]) -> None:
    """Test patches of a run: blobs of classes, an image with noise, a prediction wrong along edges
    and in specks, some points."""
    folder = runs / own["key"] / "samples"
    folder.mkdir(parents=True)
    listed = []
    for number in range(PATCHES):
        scene = np.random.default_rng(100 * own["seed"] + number)
        truth = np.kron(
            scene.integers(0, len(NAMES), (16, 16)), np.ones((SIDE // 16, SIDE // 16), int)
        ).astype(np.uint8)
        image = np.array(COLORS, float)[truth].transpose(2, 0, 1) + scene.normal(
            0, 25, (3, SIDE, SIDE)
        )
        method = np.random.default_rng(int(own["key"][:8], 16) + number)
        predicted = np.roll(truth, method.integers(-3, 4, 2), (0, 1))
        specks = method.random((SIDE, SIDE)) < 0.01
        predicted = np.where(
            specks, method.integers(0, len(NAMES), (SIDE, SIDE)), predicted
        ).astype(np.uint8)
        weak = np.where(method.random((SIDE, SIDE)) < 0.002, truth, 255).astype(np.uint8)
        maps = {"truth": truth, "prediction": predicted, "weak": weak}
        png(folder / f"{number}-image.png", image.clip(0, 255).astype(np.uint8))
        for name, labels in maps.items():
            png(folder / f"{number}-{name}.png", labels[None])
        counts = np.bincount(
            len(NAMES) * truth.astype(int).ravel() + predicted.ravel(), minlength=len(NAMES) ** 2
        )
        files = {name: f"{number}-{name}.png" for name in ("image", *maps)}
        listed.append(
            {
                "patch": f"{number}@0,0",
                "confusion": counts.reshape(len(NAMES), -1).tolist(),
                "files": files,
            }
        )
    (folder / "samples.json").write_text(json.dumps(listed), encoding="utf-8")


def opened(address: str) -> list[float]:
    """Milliseconds from the start of navigation: document parsed, end of the load event, first
    contentful paint."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        times: list[float] = page.evaluate(TIMES)
        print(
            f"parsed {times[0]:.0f} ms, load event {times[1]:.0f} ms, first paint {times[2]:.0f}"
            f" ms; Chromium {browser.version}"
        )
        browser.close()
    return times


def main() -> None:
    """Prints what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("methods", 50), ("seeds", 10), ("opens", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--keep", type=Path, help="where to copy the page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs, path, made = (
            Path(folder) / "runs",
            Path(folder) / "demo.html",
            board(arguments.methods, arguments.seeds),
        )
        for own in made.records:
            store(runs, own)
        start = time.perf_counter()
        write_report(made, runs, path)
        size, seconds = path.stat().st_size / 1e6, time.perf_counter() - start
        print(
            f"{len(made.records)} runs, {size:.1f} MB, written in {seconds:.1f} s, {os.cpu_count()}"
            " cores"
        )
        times = [opened(path.as_uri()) for _ in range(arguments.opens)]
        parsed, loaded, painted = (statistics.median(each) for each in zip(*times, strict=True))
        print(
            f"median of {len(times)}: parsed {parsed:.0f} ms, load event {loaded:.0f} ms, first"
            f" paint {painted:.0f} ms"
        )
        if arguments.keep:
            shutil.copy(path, arguments.keep)


if __name__ == "__main__":
    main()
