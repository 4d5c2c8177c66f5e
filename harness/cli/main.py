"""The command `harness`: its group of commands, and the exit code that each outcome has.

A command returns its exit code. Modules are imported by the command that needs them, so that
`harness --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from harness.cli import boards, checking, look, run
from harness.cli.exit_codes import INTERRUPTED, MISTAKE, SUCCESS
from harness.core.errors import InputError, suggestion

COMMANDS = (
    run.run,
    run.plan,
    look.list_components,
    look.show,
    boards.leaderboard,
    boards.report,
    boards.figures,
    boards.export,
    checking.compare,
    checking.reproduce,
    checking.audit,
    look.plugins,
    look.schema,
)
"""All commands, in the order in which help lists them."""

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""Settings of click that hold for every command."""

# \b keeps click from filling the lines that follow as one paragraph.
EPILOG = """\b
Environment variables:
  HARNESS_DATA          where data sets are (default: data)
  HARNESS_RUNS          where runs are kept (default: runs)
  HARNESS_LEADERBOARDS  where leaderboards are (default: leaderboards)
  HARNESS_CACHE         where decoded patches are (default: ~/.cache/weakseg-harness)

\b
Exit codes:
  0    all is well
  1    a run failed, or a check found something
  2    a mistake in what was asked for
  130  interrupted
"""


class CommandGroup(click.Group):
    """A group that suggests commands and turns what goes wrong in one into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands in the order of `COMMANDS`; click would sort them."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with.

        Raises:
            click.UsageError: with the nearest name, where there is no such command. click itself
                suggests commands only from version 8.4.
        """
        name = args[0]
        # A half-written name is resolved as well, when a shell completes it.
        if name not in self.commands and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}. {suggestion(name, self.commands)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> int:
        """Perform the command and return its exit code.

        The errors are caught here and not in `main`, because click would handle an interrupt and a
        broken pipe before they came there.
        """
        try:
            exit_code: int = super().invoke(ctx)
            # What still waits in the buffer may be what finds the pipe broken.
            sys.stdout.flush()
        except InputError as error:
            print_mistakes(error)
            return MISTAKE
        except KeyboardInterrupt:
            print("harness: interrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            discard_output()
            return SUCCESS
        return exit_code


@click.group(
    cls=CommandGroup, context_settings=CONTEXT_SETTINGS, epilog=EPILOG, invoke_without_command=True
)
@click.version_option(
    package_name="weakseg-harness", prog_name="harness", message="%(prog)s %(version)s"
)
@click.pass_context
def commands(context: click.Context) -> int:
    """Benchmark weakly supervised semantic segmentation.

    It says how close weak supervision comes to full supervision.
    """
    # click takes what is returned here for the exit code only where no command is given.
    if context.invoked_subcommand is None:
        print(context.get_help())
        return MISTAKE
    return SUCCESS


for command in COMMANDS:
    commands.add_command(command)


def main(argv: Sequence[str] | None = None) -> int:
    """Perform a command and return its exit code.

    Args:
        argv: the words after `harness`; those of this process by default.
    """
    words = None if argv is None else list(argv)
    # Not standalone, so that click returns the exit code instead of ending the process. The name is
    # that of the installed command also for `python -m harness.cli`.
    try:
        exit_code: int = commands.main(words, prog_name="harness", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return exit_code


def print_mistakes(error: InputError) -> None:
    """Print what the user can mend to the standard error: one line, or several and their number."""
    mistakes = str(error).splitlines()
    if len(mistakes) == 1:
        print(f"harness: {mistakes[0]}", file=sys.stderr)
        return
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    print(f"harness: {len(mistakes)} mistakes", file=sys.stderr)


def discard_output() -> None:
    """Drop all further output: the reader of the pipe left, as `harness list | head` does."""
    # Python flushes the output once more when it ends, and would exit with 120 if that failed.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
