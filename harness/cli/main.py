"""The command line. Modules are imported by the command that needs them, so that `harness --help`
answers at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """The whole command line, as a value."""
    root = argparse.ArgumentParser(
        prog="harness",
        description=(
            "Benchmark weakly supervised semantic segmentation: how close to full supervision?"
        ),
        epilog=(
            "Data sets are looked for in $HARNESS_DATA (default: data), runs kept in $HARNESS_RUNS"
            " (runs), leaderboards in $HARNESS_LEADERBOARDS (leaderboards), decoded patches in"
            " $HARNESS_CACHE (~/.cache/weakseg-harness). Exit codes: 0 all well, 1 a run failed or"
            " a check found something, 2 a mistake in what was asked for, 130 interrupted."
        ),
    )
    root.add_argument("--version", action="store_true", help="print the version")
    commands = root.add_subparsers(dest="command", metavar="COMMAND")

    for name, text in (
        ("run", "compute what is missing, and write the leaderboard"),
        ("plan", "list the runs, their keys and states"),
    ):
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.add_argument("scenario", help="path of a scenario, or its name in scenarios/")
        command.add_argument(
            "--profile", help="a named set of overrides in the scenario, such as smoke or mini"
        )
        command.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="METHOD",
            help="only this method; may be given again",
        )
        command.add_argument(
            "--seeds", metavar="N", help="number of seeds, instead of the scenario's"
        )
        command.add_argument(
            "--device",
            choices=("auto", "cpu", "cuda", "mps"),
            help="where to train, instead of the scenario's",
        )
        command.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="change a field: training.epochs=3; may be given again",
        )
        if name == "run":
            command.add_argument(
                "--executor",
                default="local",
                help="what runs the runs (default: local; see harness list executor)",
            )
            command.add_argument(
                "--jobs", type=int, metavar="N", help="runs at a time (default: by cores or GPUs)"
            )
            command.add_argument(
                "--again",
                action="store_true",
                help="compute runs that are done again; old records are kept beside",
            )

    command = commands.add_parser(
        "list", help="list components", description="List the installed components."
    )
    command.add_argument(
        "kind", nargs="?", choices=("dataset", "supervision", "loss", "model", "executor")
    )
    command.add_argument("--json", action="store_true")
    command = commands.add_parser(
        "show",
        help="show a component's fields",
        description="Show a component: fields, bounds, documentation.",
    )
    command.add_argument("component")
    command = commands.add_parser(
        "leaderboard",
        help="write leaderboards again from their records",
        description="Write leaderboards again from leaderboards/records/.",
    )
    command.add_argument(
        "board", nargs="*", help="name of a board, such as dubai-points.mini (default: all)"
    )
    command.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit code 1 where a file is not what its records give",
    )
    command = commands.add_parser(
        "report",
        help="write a leaderboard as one HTML page",
        description="Write leaderboards/BOARD.html: one file that needs no network.",
    )
    command.add_argument("board", help="name of a board, such as dubai-points.mini")
    command.add_argument("--open", action="store_true", help="show it in the browser")
    command = commands.add_parser(
        "figures",
        help="write the figures of a leaderboard for a paper",
        description=(
            "Write the curves, the scores and the IoU of each class of a leaderboard as PDF, SVG,"
            " PNG and CSV."
        ),
    )
    command.add_argument("board", help="name of a board, such as dubai-points.mini")
    command.add_argument(
        "--out", metavar="DIR", help="where to write (default: leaderboards/figures/BOARD)"
    )
    text = "say in what, and by how much, two runs, rows or boards differ"
    command = commands.add_parser("compare", help=text, description=f"{text[0].upper()}{text[1:]}.")
    for side in ("a", "b"):
        command.add_argument(
            side, help="BOARD, BOARD:METHOD, BOARD:METHOD:SEED, or the first digits of a run's key"
        )
    command.add_argument("--json", action="store_true")
    text = "run a leaderboard's row again from its records"
    command = commands.add_parser(
        "reproduce",
        help=text,
        description=(
            f"{text[0].upper()}{text[1:]}. Exit code 0 where it lands inside the row's interval,"
            " else 1."
        ),
    )
    command.add_argument("board", help="name of a board, such as dubai-points.mini")
    command.add_argument("row", help="a method of it")
    command.add_argument(
        "--seed",
        type=int,
        action="append",
        default=[],
        metavar="N",
        help="only this seed; may be given again",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="where data lies: dataset.folder=PATH",
    )
    command.add_argument("--executor", default="local", help="what runs the runs (default: local)")
    command.add_argument(
        "--jobs", type=int, metavar="N", help="runs at a time (default: by cores or GPUs)"
    )
    text = "find numbers in published tables that cannot be true"
    command = commands.add_parser(
        "audit",
        help=text,
        description=f"{text[0].upper()}{text[1:]}. Exit code 1 where there are any.",
    )
    command.add_argument(
        "table",
        nargs="+",
        help=(
            "a CSV file (.csv, .tsv), or a Markdown file with tables; columns named such as IoU"
            " road"
        ),
    )
    command.add_argument(
        "--majority",
        type=float,
        metavar="SHARE",
        help="share of the commonest class: 0.524 or 52.4",
    )
    command.add_argument(
        "--classes",
        type=int,
        metavar="N",
        help="number of classes, where a table does not list all",
    )
    command.add_argument(
        "--per-class",
        choices=("iou", "f1"),
        help="what columns hold that are named after classes alone",
    )
    command.add_argument(
        "--averaged",
        action="store_true",
        help="all numbers are means over runs or images, also those without ±",
    )
    command.add_argument(
        "--separate",
        action="store_true",
        help="tables of one file are of different data: do not compare their rows",
    )
    command.add_argument("--json", action="store_true")
    command = commands.add_parser(
        "plugins",
        help="list plugins and their state",
        description="List plugins, also broken ones.",
    )
    command.add_argument("--json", action="store_true")
    command.add_argument(
        "--details", action="store_true", help="with the tracebacks of broken plugins"
    )
    command = commands.add_parser(
        "schema",
        help="print the JSON schema of a scenario",
        description="Print what a scenario may contain, with the installed plugins.",
    )
    command.add_argument("--markdown", action="store_true", help="as tables for people")
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    arguments = parser().parse_args(argv)
    if arguments.version:
        from importlib.metadata import version

        print(f"harness {version('weakseg-harness')}")
        return 0
    if not arguments.command:
        parser().print_help()
        return 2
    from harness.cli import commands
    from harness.core.errors import InputError

    try:
        return commands.perform(arguments)
    except InputError as error:
        lines = str(error).splitlines()
        print(
            *(f"harness: {line}" if len(lines) == 1 else line for line in lines),
            sep="\n",
            file=sys.stderr,
        )
        if len(lines) > 1:
            print(f"harness: {len(lines)} mistakes", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("harness: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe left, as `harness list | head` does
        return 0
