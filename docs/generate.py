"""Write the generated documentation, or check that it is up to date.

`python docs/generate.py` writes docs/scenarios.md, docs/plugins.md, docs/reproductions.md,
docs/record.schema.json and scenarios/scenario.schema.json; `python docs/generate.py --check` exits
with 1 where a committed one differs.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from tabulate import tabulate

from harness import hookspecs
from harness.catalog import load_catalog
from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import read_board_file, records_path
from harness.pages.formats import format_percent
from harness.records.json_schema import record_schema
from harness.scenario.json_schema import reference, scenario_schema

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLE = ROOT / "examples" / "harness-example"


def generate_pages() -> dict[Path, str]:
    """Return the text of each generated file, by its path."""
    # Without the plugins that somebody may have installed beside the built-in ones.
    catalog = load_catalog(built_in_plugins(), disabled=())
    schema = json.dumps(scenario_schema(catalog), indent=1)
    scenarios = read_text(DOCS / "scenarios.md.in")
    return {
        DOCS / "reproductions.md": reproductions_page(),
        DOCS / "plugins.md": plugins_page(),
        DOCS / "scenarios.md": scenarios + "\n" + reference(catalog),
        ROOT / "scenarios" / "scenario.schema.json": schema + "\n",
        DOCS / "record.schema.json": json.dumps(record_schema(), indent=1) + "\n",
    }


def built_in_plugins() -> list[EntryPoint]:
    """Return the entry points of the harness's own distribution."""
    points = []
    for point in entry_points(group="harness"):
        if point.dist and point.dist.name == "weakseg-harness":
            points.append(point)
    return points


def plugins_page() -> str:
    """Return the page about plugins, with the files of the example and the list of hooks."""
    template = read_text(DOCS / "plugins.md.in")
    return template.format(
        hooks=hooks_table(),
        pyproject=read_text(EXAMPLE / "pyproject.toml").strip(),
        module=read_text(EXAMPLE / "harness_example" / "__init__.py").strip(),
        test=read_text(EXAMPLE / "test_harness_example.py").strip(),
    )


def hooks_table() -> str:
    """Return every hook with its signature and what it is for."""
    lines = ["| hook | when |", "| --- | --- |"]
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction):
        if not name.startswith("harness_"):
            continue
        arguments = ", ".join(inspect.signature(function).parameters)
        purpose = " ".join((function.__doc__ or "").split())
        lines.append(f"| `{name}({arguments})` | {purpose} |")
    return "\n".join(lines)


def reproductions_page() -> str:
    """Return the page about reproductions, with a table in place of each {board}."""
    template = read_text(DOCS / "reproductions.md.in")
    return re.sub(r"\{(\S+)\}", lambda match: reproduction_table(match[1]), template)


def reproduction_table(name: str) -> str:
    """Return what a board scored beside what its source printed (%), method by method.

    The board's committed records are read, not its page.
    """
    board = read_board_file(records_path(ROOT / "leaderboards", name))
    published = board.header.published
    measure = published.compare if published else "miou"
    columns = [
        "method",
        "mIoU",
        "seeds",
        "% of full",
        f"ours, as published ({measure})",
        "published",
    ]
    lines = []
    for row in analyse(board).rows:
        score = f"{100 * row.scores.mean_miou.mean:.1f}"
        if row.scores.mean_miou.n > 1:
            score += f" ± {100 * row.scores.mean_miou.sd:.1f}"
        # A method that the source does not name has nothing to stand beside.
        ours, theirs = None, None
        if measure in row.reproduction.published:
            ours = row.reproduction.ours[measure].mean
            theirs = row.reproduction.published[measure]
        ratio = f"{100 * row.against.ratio:.1f}"
        seeds = row.scores.mean_miou.n
        line = [row.method, score, seeds, ratio, format_percent(ours), format_percent(theirs)]
        lines.append(line)
    table = tabulate(
        lines,
        columns,
        tablefmt="pipe",
        disable_numparse=True,
        colalign=("left", *["right"] * (len(columns) - 1)),
    )
    return f"{table}\n\nBoard: [{name}](../leaderboards/{name}.md)."


def read_text(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


def main() -> int:
    """Write or check the files, and return the exit code."""
    stale_pages = {}
    for path, text in generate_pages().items():
        if not path.exists() or read_text(path) != text:
            stale_pages[path] = text
    if "--check" in sys.argv:
        for path in stale_pages:
            print(f"{path.relative_to(ROOT)} is not what python docs/generate.py writes")
        return int(bool(stale_pages))
    for path, text in stale_pages.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
