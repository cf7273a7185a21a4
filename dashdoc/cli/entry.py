"""The console entry: Click's commands behind one place that turns every end into an exit code."""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import click
from click.shell_completion import shell_complete

from dashdoc.cli.ask import ask
from dashdoc.cli.cache import cache
from dashdoc.cli.chat import chat
from dashdoc.cli.compare import compare
from dashdoc.cli.completion import COMPLETE_VARIABLE, completion
from dashdoc.cli.figures import versions
from dashdoc.cli.info import info
from dashdoc.cli.model import model
from dashdoc.cli.options import Group
from dashdoc.cli.routing import routing
from dashdoc.cli.summarize import summarize
from dashdoc.cli.terminal import INTERRUPTED, Terminal
from dashdoc.cli.text import text
from dashdoc.errors import DashdocError, UsageError

CLOSED_PIPE = 141
_NO_ROOM = "Make room and run it again."
# Why nothing more can be written, and the way out; a stream that was closed is a bad descriptor.
_UNWRITABLE: dict[int | None, str] = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EBADF: "Standard output is closed: open it, or send it to a file.",
}


def _print_versions(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        found = versions()
        click.echo(f"dashdoc {found.pop('dashdoc')}")
        click.echo(", ".join(f"{name} {version}" for name, version in found.items()))
        context.exit()


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples={
        "Ask a report": 'dashdoc ask report.pdf "Who signed the contract?"',
        "Ask many questions": "dashdoc chat report.pdf",
        "Summarize a folder": "dashdoc summarize papers/ --output-dir summaries",
    },
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Show the versions of dashdoc and what it stands on.",
)
def cli() -> None:
    """Ask long documents on your own machine, the whole document in one context.

    Exit codes: 0 done, 1 internal error, 2 usage, 3 input, 4 some inputs failed, 5 does not fit,
    6 device, 7 model, 130 interrupted, 141 the reader of the pipe has gone.
    """


for command in (ask, chat, summarize, routing, compare, text, info, model, cache, completion):
    cli.add_command(command)


def main() -> NoReturn:
    """The console script."""
    # Threads of torch that wait for one another at full speed starve where anything else runs:
    # reading took ten times as long beside one busy program, and less than twice with this.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    if instruction := os.environ.get(COMPLETE_VARIABLE):
        sys.exit(shell_complete(cli, {}, "dashdoc", COMPLETE_VARIABLE, instruction))
    # Python has no stream where the caller closed it, as services and `>&-` do. Messages may go
    # nowhere, results may not: what stands in for stdout refuses them, as a closed one does.
    for name, mode, access in (
        ("stdin", "r", os.O_RDONLY),
        ("stdout", "w", os.O_RDONLY),
        ("stderr", "w", os.O_WRONLY),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, access), mode, encoding="utf-8"))
        # A terminal or pipe that is not UTF-8 gets `?` for what it cannot show.
        getattr(sys, name).reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; the error, if any, is printed."""
    terminal = Terminal.for_arguments(arguments)
    try:
        try:
            code = _invoke(arguments, terminal)
        except Exception as error:
            if isinstance(error, BrokenPipeError) or getattr(error, "errno", 0) in _UNWRITABLE:
                raise
            code = _report(error, terminal)
        except KeyboardInterrupt:
            terminal.error("Interrupted.", kind="interrupted", exit_code=INTERRUPTED)
            code = INTERRUPTED
        sys.stdout.flush()
    except BrokenPipeError:
        _silence()
        return CLOSED_PIPE
    except OSError as error:
        if (way_out := _UNWRITABLE.get(error.errno)) is None:
            raise
        _silence()
        message = f"The output cannot be written: {error.strerror}. {way_out}"
        with suppress(OSError):  # also for `--json`, whose object would go where there is no room
            Terminal().error(message, kind=UsageError.kind, exit_code=UsageError.exit_code)
        return UsageError.exit_code
    return code


def _invoke(arguments: Sequence[str], terminal: Terminal) -> int:
    """Click's own `main` would turn Ctrl-C and a closed pipe into exit code 1."""
    try:
        with cli.make_context("dashdoc", list(arguments), obj=terminal) as context:
            return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code


def _report(error: Exception, terminal: Terminal) -> int:
    """Print an error as one message; its exit code."""
    if terminal.verbosity >= 2:
        traceback.print_exception(error)
    if isinstance(error, DashdocError):
        message, kind, code, details = error.message, error.kind, error.exit_code, error.details
    elif isinstance(error, click.ClickException):
        message, kind, code, details = _usage(error), "usage", 2, {}
    else:
        name = type(error).__name__
        message = f"{name}: {error} (-vv shows where; please report it)"
        kind, code, details = "internal", 1, {"exception": name}
    terminal.error(message, kind=kind, exit_code=code, **details)
    return code


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "dashdoc"
    return f"{error.format_message()} Try: {path} --help"


def _silence() -> None:
    """Nothing more can be written: let the interpreter's last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
