"""Times one run of a scenario against another program that does the same job, in turn, on the same
machine.

    python timings/paired.py --rounds 3 -- python peer.py

The scenario is synthetic-density unless `--scenario` names another, such as one on the other
program's own images (README.md here). The other program prints a last line of JSON with `seconds`
and `test_miou`. The harness's seconds are those of the whole run as recorded: data, annotation,
training, testing, writing weights and record. Start-up and imports of both are left out of the
first figure, and part of the second, the wall seconds of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def ours(scratch: Path, scenario: str) -> tuple[float, float, float]:
    """Seconds of the run, seconds of the whole process, mIoU."""
    places = {f"HARNESS_{name}": str(scratch / name) for name in ("RUNS", "LEADERBOARDS")}
    started = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "harness.cli",
        "run",
        scenario,
        "--only",
        "points-10",
        "--seeds",
        "1",
        "--again",
    ]
    subprocess.run(command, env={**os.environ, **places}, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    record = json.loads(next((scratch / "RUNS").glob("*/record.json")).read_text(encoding="utf-8"))
    return record["cost"]["seconds"], wall, record["metrics"]["miou"]


def theirs(command: list[str]) -> tuple[float, float, float]:
    """The same of the other program."""
    started = time.perf_counter()
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result = json.loads(next(line for line in reversed(out.splitlines()) if line.startswith("{")))
    return result["seconds"], time.perf_counter() - started, result["test_miou"]


def main() -> None:
    """Prints each round, then the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--scenario", default="synthetic-density", help="name or path; it has a method points-10"
    )
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(arguments.rounds):
            rounds.append((ours(Path(scratch), arguments.scenario), theirs(arguments.command)))
            print(
                f"round {number + 1}: harness (run s, wall s, mIoU) {rounds[-1][0]}, other"
                f" {rounds[-1][1]}",
                flush=True,
            )
    for index, name in enumerate(("run seconds", "wall seconds", "mIoU")):
        first, second = (statistics.median(each[side][index] for each in rounds) for side in (0, 1))
        ratios = sorted(each[0][index] / each[1][index] for each in rounds)
        print(
            f"{name}: harness {first:.4g}, other {second:.4g}, ratio"
            f" {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        )


if __name__ == "__main__":
    main()
