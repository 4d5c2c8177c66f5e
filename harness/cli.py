"""The command line. Modules are imported by the command that needs them, so that `harness --help` answers at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.catalog import Catalog
    from harness.components import Executor


def parser() -> argparse.ArgumentParser:
    """The whole command line, as a value."""
    root = argparse.ArgumentParser(
        prog="harness",
        description="Benchmark weakly supervised semantic segmentation: how close to full supervision?",
        epilog="Data sets are looked for in $HARNESS_DATA (default: data), runs kept in $HARNESS_RUNS (runs), leaderboards in"
        " $HARNESS_LEADERBOARDS (leaderboards), decoded patches in $HARNESS_CACHE (~/.cache/weakseg-harness)."
        " Exit codes: 0 all well, 1 a run failed, 2 a mistake in what was asked for, 130 interrupted.",
    )
    root.add_argument("--version", action="store_true", help="print the version")
    commands = root.add_subparsers(dest="command", metavar="COMMAND")

    for name, text in (("run", "compute what is missing, and write the leaderboard"), ("plan", "list the runs, their keys and states")):
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.add_argument("scenario", help="path of a scenario, or its name in scenarios/")
        command.add_argument("--profile", help="a named set of overrides in the scenario, such as smoke or mini")
        command.add_argument("--only", action="append", default=[], metavar="METHOD", help="only this method; may be given again")
        command.add_argument("--seeds", metavar="N", help="number of seeds, instead of the scenario's")
        command.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), help="where to train, instead of the scenario's")
        command.add_argument(
            "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field: training.epochs=3; may be given again"
        )
        if name == "run":
            command.add_argument("--executor", default="local", help="what runs the runs (default: local; see harness list executor)")
            command.add_argument("--jobs", type=int, metavar="N", help="runs at a time (default: by cores or GPUs)")
            command.add_argument("--again", action="store_true", help="compute runs that are done again; old records are kept beside")

    command = commands.add_parser("list", help="list components", description="List the installed components.")
    command.add_argument("kind", nargs="?", choices=("dataset", "supervision", "loss", "model", "executor"))
    command.add_argument("--json", action="store_true")
    command = commands.add_parser("show", help="show a component's fields", description="Show a component: fields, bounds, documentation.")
    command.add_argument("component")
    command = commands.add_parser(
        "leaderboard",
        help="write leaderboards again from their records",
        description="Write leaderboards again from leaderboards/records/.",
    )
    command.add_argument("board", nargs="*", help="name of a board, such as dubai-points.mini (default: all)")
    command = commands.add_parser("plugins", help="list plugins and their state", description="List plugins, also broken ones.")
    command.add_argument("--json", action="store_true")
    command.add_argument("--details", action="store_true", help="with the tracebacks of broken plugins")
    command = commands.add_parser(
        "schema", help="print the JSON schema of a scenario", description="Print what a scenario may contain, with the installed plugins."
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
    from harness.data import InputError

    try:
        return _dispatch(arguments)
    except InputError as error:
        lines = str(error).splitlines()
        print(*(f"harness: {line}" if len(lines) == 1 else line for line in lines), sep="\n", file=sys.stderr)
        if len(lines) > 1:
            print(f"harness: {len(lines)} mistakes", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("harness: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe left, as `harness list | head` does
        return 0


def _dispatch(arguments: argparse.Namespace) -> int:
    if arguments.command == "leaderboard":
        return _leaderboard(arguments.board)
    from harness.catalog import load_catalog

    catalog = load_catalog()
    if arguments.command in ("run", "plan"):
        from harness import execution
        from harness.folders import runs_root
        from harness.store import Store

        settings = list(arguments.set)
        settings += [f"seeds={arguments.seeds}"] if arguments.seeds else []
        settings += [f"training.device={arguments.device}"] if arguments.device else []
        experiment = execution.prepare(catalog, arguments.scenario, arguments.profile, settings, arguments.only)
        store = Store(runs_root())
        if arguments.command == "plan":
            print(execution.plan(experiment, store))
            return 0
        return execution.run(catalog, experiment, store, _executor(catalog, arguments.executor, arguments.jobs), arguments.again)
    if arguments.command == "schema":
        import json

        from harness.schema import reference, scenario_schema

        print(reference(catalog) if arguments.markdown else json.dumps(scenario_schema(catalog), indent=1))
        return 0
    from harness import listing

    if arguments.command == "list":
        print(listing.listed(catalog, arguments.kind, arguments.json))
    elif arguments.command == "show":
        print(listing.shown(catalog, arguments.component))
    else:
        print(listing.plugins(catalog, arguments.json, arguments.details))
    return 0


def _executor(catalog: Catalog, name: str, jobs: int | None) -> Executor:
    from pydantic import ValidationError

    from harness.components import Executor
    from harness.data import InputError

    component = catalog.find("executor", name).component
    try:
        executor = component.model_validate({} if jobs is None else {"jobs": jobs})
    except ValidationError as error:
        raise InputError(f"--jobs {jobs}: executor {name!r}: {error.errors()[0]['msg']}") from error
    assert isinstance(executor, Executor)
    return executor


def _leaderboard(names: Sequence[str]) -> int:
    from harness.boards import read_board, records_path
    from harness.folders import leaderboards_root
    from harness.pages import write_board

    root = leaderboards_root()
    for name in names or sorted(path.stem for path in (root / "records").glob("*.jsonl")):
        written = write_board(read_board(records_path(root, name)), root)
        print(f"wrote {', '.join(map(str, written))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
