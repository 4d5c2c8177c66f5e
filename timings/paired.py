"""Time one run of a scenario against another program that does the same job.

    python timings/paired.py --rounds 3 -- python peer.py

The two take turns on the same machine. The scenario is synthetic-density unless `--scenario` names
another, such as one on the other program's own images (README.md here). The other program prints a
last line of JSON with `seconds` and `test_miou`. The harness's seconds are those of the whole run
as recorded: data, annotation, training, testing, writing weights and record. Start-up and imports
of both are left out of the first figure, and part of the second, the wall seconds of the whole
process.
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
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

METHOD = "points-10"


@dataclass(frozen=True)
class Timing:
    """How long one program took, and how well its network did."""

    run_seconds: float
    """What the program itself reports, without start-up and imports."""
    wall_seconds: float
    """The whole process, from start to end."""
    miou: float
    """Mean intersection over union of the test part; shows that both did the same job."""


@dataclass(frozen=True)
class Round:
    """One turn of each program, one directly after the other."""

    harness: Timing
    other: Timing


def time_harness(scratch: Path, scenario: str) -> Timing:
    """Time one run of the harness, with its results in a scratch folder."""
    runs = scratch / "runs"
    folders = {
        "HARNESS_RUNS": str(runs),
        "HARNESS_LEADERBOARDS": str(scratch / "leaderboards"),
    }
    # --again, because every round after the first would find the run done.
    options = ["--only", METHOD, "--seeds", "1", "--again"]
    command = [sys.executable, "-m", "harness.cli", "run", scenario, *options]
    start = time.perf_counter()
    subprocess.run(
        command,
        env={**os.environ, **folders},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wall_seconds = time.perf_counter() - start
    record_file = next(runs.glob("*/record.json"))
    record = json.loads(record_file.read_text(encoding="utf-8"))
    return Timing(record["cost"]["seconds"], wall_seconds, record["metrics"]["miou"])


def time_other(command: Sequence[str]) -> Timing:
    """Time the other program once."""
    start = time.perf_counter()
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    wall_seconds = time.perf_counter() - start
    lines = process.stdout.splitlines()
    last_json = next(line for line in reversed(lines) if line.startswith("{"))
    result = json.loads(last_json)
    return Timing(result["seconds"], wall_seconds, result["test_miou"])


def print_comparison(measure: str, rounds: Sequence[Round]) -> None:
    """Print the medians of both programs, and the median and the range of their ratio.

    `measure` is the name of a field of `Timing`.
    """
    harness = [getattr(turns.harness, measure) for turns in rounds]
    other = [getattr(turns.other, measure) for turns in rounds]
    # Rounds are compared within themselves: both halves of one meet the same load of the machine.
    ratios = sorted(ours / theirs for ours, theirs in zip(harness, other, strict=True))
    print(
        f"{measure}: harness {statistics.median(harness):.4g},"
        f" other {statistics.median(other):.4g},"
        f" ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    )


def main() -> None:
    """Print each round, then the medians and their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--scenario",
        default="synthetic-density",
        help=f"name or path; it has a method {METHOD}",
    )
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(1, arguments.rounds + 1):
            harness = time_harness(Path(scratch), arguments.scenario)
            other = time_other(arguments.command)
            rounds.append(Round(harness, other))
            print(f"round {number}: harness {harness}, other {other}", flush=True)
    for field in fields(Timing):
        print_comparison(field.name, rounds)


if __name__ == "__main__":
    main()
