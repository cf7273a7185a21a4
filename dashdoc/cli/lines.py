"""The lines of a chat: from a prompt with line editing and a history in memory, or from a pipe."""

import signal
import sys
from collections.abc import Iterator
from contextlib import suppress

from dashdoc.cli.interrupts import on_interrupt
from dashdoc.cli.terminal import Terminal

PROMPT = "> "


def lines(terminal: Terminal) -> Iterator[str]:
    """Lines that are not blank, until the end of the input or Ctrl-D."""
    read = _typed(terminal) if sys.stdin.isatty() else sys.stdin
    yield from (stripped for line in read if (stripped := line.strip()))


def _typed(terminal: Terminal) -> Iterator[str]:
    """Lines typed at the prompt; Ctrl-C drops the line under way."""
    with suppress(ImportError):  # Windows has its own line editing
        import readline  # noqa: F401
    while True:
        if not terminal.quiet:
            terminal.stderr.print()
        try:
            with on_interrupt(signal.default_int_handler):
                line = _prompted()
        except KeyboardInterrupt:
            terminal.stderr.print("\n(Ctrl-D leaves)", style="dim")
        except EOFError:
            terminal.stderr.print()
            return
        else:
            yield line


def _prompted() -> str:
    """One line; where stdout is no terminal, the prompt must not go there."""
    if sys.stdout.isatty():
        return input(PROMPT)
    print(PROMPT, end="", file=sys.stderr, flush=True)
    if line := sys.stdin.readline():
        return line
    raise EOFError
