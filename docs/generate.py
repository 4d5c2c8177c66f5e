"""Writes the generated documentation: docs/scenarios.md, docs/plugins.md, docs/reproductions.md,
docs/record.schema.json and scenarios/scenario.schema.json.

`python docs/generate.py` writes them; `python docs/generate.py --check` exits with 1 where a
committed one differs.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path

from tabulate import tabulate

from harness import hookspecs
from harness.catalog import load_catalog
from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import read_board, records_path
from harness.pages.formats import percent
from harness.records.json_schema import record_schema
from harness.scenario.json_schema import reference, scenario_schema

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "harness-example"


def generated() -> dict[Path, str]:
    """The text of each generated file, with the built-in plugins alone."""
    built_in = [
        point
        for point in entry_points(group="harness")
        if point.dist and point.dist.name == "weakseg-harness"
    ]
    catalog = load_catalog(built_in, disabled=())
    texts = {
        "pyproject": EXAMPLE / "pyproject.toml",
        "module": EXAMPLE / "harness_example.py",
        "test": EXAMPLE / "test_harness_example.py",
    }
    parts = {name: path.read_text(encoding="utf-8").strip() for name, path in texts.items()}
    plugins = (
        (ROOT / "docs" / "plugins.md.in").read_text(encoding="utf-8").format(hooks=hooks(), **parts)
    )
    scenarios = (
        (ROOT / "docs" / "scenarios.md.in").read_text(encoding="utf-8") + "\n" + reference(catalog)
    )
    reproductions = (ROOT / "docs" / "reproductions.md.in").read_text(encoding="utf-8")
    return {
        ROOT / "docs" / "reproductions.md": re.sub(
            r"\{(\S+)\}", lambda match: reproduction(match[1]), reproductions
        ),
        ROOT / "docs" / "plugins.md": plugins,
        ROOT / "docs" / "scenarios.md": scenarios,
        ROOT / "docs" / "record.schema.json": json.dumps(record_schema(), indent=1) + "\n",
        ROOT / "scenarios" / "scenario.schema.json": json.dumps(scenario_schema(catalog), indent=1)
        + "\n",
    }


def hooks() -> str:
    """Every hook with its signature and what it is for."""
    lines = ["| hook | when |", "| --- | --- |"]
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction):
        if name.startswith("harness_"):
            arguments = ", ".join(inspect.signature(function).parameters)
            lines.append(
                f"| `{name}({arguments})` | {' '.join((function.__doc__ or '').split())} |"
            )
    return "\n".join(lines)


def reproduction(name: str) -> str:
    """What a board scored, beside the score of each method that its source compares (%), from the
    board's committed records."""
    board = read_board(records_path(ROOT / "leaderboards", name))
    published = board.header.published
    measure = published.compare if published else "miou"
    lines = []
    for row in analyse(board).rows:
        miou = row.scores.mean_miou
        score = f"{100 * miou.mean:.1f}"
        if miou.n > 1:
            score += f" ± {100 * miou.sd:.1f}"
        # A method that the source does not name has nothing to stand beside.
        ours, printed = None, None
        if measure in row.reproduction.published:
            ours = row.reproduction.ours[measure].mean
            printed = row.reproduction.published[measure]
        ratio = f"{100 * row.against.ratio:.1f}"
        lines.append([row.method, score, miou.n, ratio, percent(ours), percent(printed)])
    columns = [
        "method",
        "mIoU",
        "seeds",
        "% of full",
        f"ours, as published ({measure})",
        "published",
    ]
    table = tabulate(
        lines, columns, tablefmt="pipe", disable_numparse=True, colalign=("left", *["right"] * 5)
    )
    return f"{table}\n\nBoard: [{name}](../leaderboards/{name}.md)."


def main() -> int:
    """Writes or checks, and returns the exit code."""
    stale = [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv:
        print(
            *(
                f"{path.relative_to(ROOT)} is not what python docs/generate.py writes"
                for path in stale
            ),
            sep="\n",
        )
        return bool(stale)
    for path in stale:
        path.write_text(generated()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
