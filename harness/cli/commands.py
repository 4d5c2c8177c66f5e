"""What each command of the command line does, from its parsed arguments to its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog import load_catalog
from harness.core.errors import InputError

if TYPE_CHECKING:
    from argparse import Namespace

    from harness.catalog import Catalog
    from harness.core.components import Executor
    from harness.execution.experiment import Experiment


def perform(arguments: Namespace) -> int:
    """Does what was asked for and returns the exit code. Each command imports what it needs, so
    that the quick ones stay quick."""
    command = {
        "run": _run,
        "plan": _plan,
        "list": _list,
        "show": _show,
        "leaderboard": _leaderboard,
        "figures": _figures,
        "report": _report,
        "compare": _compare,
        "reproduce": _reproduce,
        "audit": _audit,
        "plugins": _plugins,
        "schema": _schema,
    }[arguments.command]
    return command(arguments)


def _run(arguments: Namespace) -> int:
    from harness.cli.run import run
    from harness.core.paths import runs_root
    from harness.records.store import Store

    catalog = load_catalog()
    experiment = _experiment(catalog, arguments)
    executor = _executor(catalog, arguments.executor, arguments.jobs)
    return run(catalog, experiment, Store(runs_root()), executor, arguments.again)


def _plan(arguments: Namespace) -> int:
    from harness.cli.run import plan
    from harness.core.paths import runs_root
    from harness.records.store import Store

    print(plan(_experiment(load_catalog(), arguments), Store(runs_root())))
    return 0


def _experiment(catalog: Catalog, arguments: Namespace) -> Experiment:
    from harness.execution import experiment as execution

    settings = list(arguments.set)
    settings += [f"seeds={arguments.seeds}"] if arguments.seeds else []
    settings += [f"training.device={arguments.device}"] if arguments.device else []
    return execution.prepare(
        catalog, arguments.scenario, arguments.profile, settings, arguments.only
    )


def _executor(catalog: Catalog, name: str, jobs: int | None) -> Executor:
    from pydantic import ValidationError

    from harness.core.components import Executor

    component = catalog.find("executor", name).component
    try:
        executor = component.model_validate({} if jobs is None else {"jobs": jobs})
    except ValidationError as error:
        raise InputError(f"--jobs {jobs}: executor {name!r}: {error.errors()[0]['msg']}") from error
    assert isinstance(executor, Executor)
    return executor


def _list(arguments: Namespace) -> int:
    from harness.cli.listing import listed

    print(listed(load_catalog(), arguments.kind, arguments.json))
    return 0


def _show(arguments: Namespace) -> int:
    from harness.cli.listing import shown

    print(shown(load_catalog(), arguments.component))
    return 0


def _leaderboard(arguments: Namespace) -> int:
    from harness.core.paths import leaderboards_root
    from harness.pages.write import find_stale, write_boards

    names, root = arguments.board, leaderboards_root()
    if arguments.check:
        found, damaged = find_stale(names, root)
        for path, remedy in found.items():
            print(f"{path} {remedy}")
    else:
        found = {}
        written, damaged = write_boards(names, root)
        for path in written:
            print(f"wrote {path}")
    if damaged:
        raise InputError("\n".join(damaged))
    return 1 if found else 0


def _figures(arguments: Namespace) -> int:
    from pathlib import Path

    from harness.core.paths import leaderboards_root
    from harness.leaderboard.analysis import analyse
    from harness.leaderboard.board import read_board, records_path
    from harness.pages.figures import write_figures

    name, root = arguments.board, leaderboards_root()
    written = write_figures(
        analyse(read_board(records_path(root, name))),
        Path(arguments.out) if arguments.out else root / "figures" / name,
    )
    print(f"wrote {', '.join(map(str, written))}")
    return 0


def _report(arguments: Namespace) -> int:
    from harness.core.paths import leaderboards_root, runs_root
    from harness.leaderboard.analysis import analyse
    from harness.leaderboard.board import read_board, records_path
    from harness.pages.html.page import write_report

    root = leaderboards_root()
    path = root / f"{arguments.board}.html"
    leaderboard = analyse(read_board(records_path(root, arguments.board)))
    write_report(leaderboard, runs_root(), path)
    print(path)
    if arguments.open:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    return 0


def _compare(arguments: Namespace) -> int:
    from harness.comparison.compare import compare, to_json, to_text
    from harness.comparison.find import find
    from harness.core.paths import leaderboards_root, runs_root
    from harness.records.store import Store

    found = compare(
        *(
            find(name, leaderboards_root(), Store(runs_root()))
            for name in (arguments.a, arguments.b)
        )
    )
    print(to_json(found) if arguments.json else to_text(found))
    return 0


def _reproduce(arguments: Namespace) -> int:
    from harness.comparison.reproduce import plans, reproduce
    from harness.core.paths import leaderboards_root, runs_root
    from harness.records.store import Store

    catalog = load_catalog()
    root, board, row = leaderboards_root(), arguments.board, arguments.row
    executor = _executor(catalog, arguments.executor, arguments.jobs)
    made = plans(board, row, arguments.seed, root, catalog, arguments.set)
    return reproduce(board, row, made, root, catalog, Store(runs_root()), executor)


def _audit(arguments: Namespace) -> int:
    from pathlib import Path

    from harness.audit.audit import audit, to_json, to_text
    from harness.audit.rules import Options

    majority, classes = arguments.majority, arguments.classes
    if majority is not None and not 0 < majority <= 100:
        raise InputError(
            f"--majority {majority:g}: is a share of the pixels, above 0 and at most 1 (or 100, in"
            " percent)"
        )
    if classes is not None and classes < 2:
        raise InputError(f"--classes {classes}: there are at least two")
    share = majority / 100 if majority and majority > 1 else majority
    options = Options(share, classes, arguments.averaged, arguments.per_class, arguments.separate)
    found = audit([Path(table) for table in arguments.table], options)
    print(to_json(found) if arguments.json else to_text(found))
    return 1 if found.failed else 0


def _plugins(arguments: Namespace) -> int:
    from harness.cli.listing import plugins

    print(plugins(load_catalog(), arguments.json, arguments.details))
    return 0


def _schema(arguments: Namespace) -> int:
    import json

    from harness.scenario.json_schema import reference, scenario_schema

    catalog = load_catalog()
    print(
        reference(catalog) if arguments.markdown else json.dumps(scenario_schema(catalog), indent=1)
    )
    return 0
