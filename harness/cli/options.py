"""Arguments and options that several commands share, each declared once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from harness.core.errors import InputError

if TYPE_CHECKING:
    from harness.catalog import Catalog
    from harness.core.components import Executor

Action = Callable[..., int]
"""What a command does: from its arguments and options to the exit code."""

Decorator = Callable[[Action], Action]


@dataclass(frozen=True, slots=True)
class Workers:
    """What is to compute the runs."""

    executor: str
    """Name of an executor component."""
    jobs: int | None
    """How many runs are computed at a time; None leaves it to the executor."""


board_argument = click.argument("board")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def changes_option(help_text: str) -> Decorator:
    """Declare `--set FIELD=VALUE`, which a command receives as `changes`."""
    return click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help=help_text)


def worker_options(action: Action) -> Action:
    """Declare `--executor` and `--jobs`, which a command receives as `workers`."""
    declarations = (
        click.option(
            "--executor",
            default="local",
            metavar="NAME",
            help="What computes the runs (default: local); see `harness list executor`.",
        ),
        click.option(
            "--jobs",
            type=int,
            metavar="N",
            help="Number of runs at a time (default: by cores or GPUs).",
        ),
    )
    return declare(declarations, gather(Workers, "workers", action))


def declare(declarations: tuple[Decorator, ...], action: Action) -> Action:
    """Declare several arguments and options, which help lists in the order given."""
    # Like decorators that stand above each other, the last one comes first.
    for declaration in reversed(declarations):
        action = declaration(action)
    return action


def gather(kind: type[Any], name: str, action: Action) -> Action:
    """Pass options that belong together to a command as one value.

    Args:
        kind: a dataclass whose fields have the names of the options.
        name: what the command calls the value.
        action: the command.
    """

    # wraps also carries over the options that are already declared for the command.
    @functools.wraps(action)
    def action_of_options(**options: Any) -> int:
        values = {field.name: options.pop(field.name) for field in fields(kind)}
        options[name] = kind(**values)
        return action(**options)

    return action_of_options


def make_executor(catalog: Catalog, workers: Workers) -> Executor:
    """Make the executor that a user asked for.

    Raises:
        InputError: where no executor has this name, or it does not take this number of jobs.
    """
    from pydantic import ValidationError

    from harness.core.components import Executor
    from harness.core.validation import list_mistakes

    # Without --jobs nothing is passed: an executor need not have such a field, as inline has not.
    settings = {}
    if workers.jobs is not None:
        settings = {"jobs": workers.jobs}
    component = catalog.find("executor", workers.executor).component
    try:
        executor = component.model_validate(settings)
    except ValidationError as error:
        reason = list_mistakes(error)[0].message
        raise InputError(
            f"--jobs {workers.jobs}: executor {workers.executor!r}: {reason}"
        ) from error
    assert isinstance(executor, Executor)
    return executor
