"""The terminal: the answer goes to stdout, everything else to stderr."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import click
from rich.console import Console, RenderableType
from rich.text import Text

from dashdoc.cli.colors import BAD, WARNING

INTERRUPTED = 130
_PIECE = 1024  # characters

# Control characters could steer the terminal: a document is data, and so is the answer.
_CONTROL = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])
del _CONTROL[ord("\n")], _CONTROL[ord("\t")]


class PlainConsole(Console):
    """A console that leaves a closed pipe to the entry."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@dataclass
class Terminal:
    """Where and how to print; filled from the output options."""

    format: Literal["text", "json", "jsonl"] = "text"
    quiet: bool = False
    verbosity: int = 0
    color: Literal["auto", "always", "never"] = "auto"
    _noted: bool = False

    @classmethod
    def for_arguments(cls, arguments: Sequence[str]) -> "Terminal":
        """What can be told before the command line is parsed, for errors in the parsing."""
        end = list(arguments).index("--") if "--" in arguments else len(arguments)
        options = list(arguments[:end])
        format: Literal["text", "json"] = (
            "json" if "--json" in options or "--jsonl" in options else "text"
        )
        short = [option for option in options if re.fullmatch(r"-v+", option)]
        verbosity = sum(len(option) - 1 for option in short) + options.count("--verbose")
        return cls(format, verbosity=verbosity)

    @cached_property
    def stderr(self) -> Console:
        """The console for people."""
        return PlainConsole(stderr=True, **self._style())

    def print(self, view: RenderableType) -> None:
        """A view that is itself the result, without the spaces that fill up its lines in a pipe."""
        console = PlainConsole(**self._style())
        if console.is_terminal:
            console.print(view)
        else:
            self.write(_plain(console, view))

    @property
    def width(self) -> int | None:
        """Columns of the terminal that the answer goes to; None in a pipe."""
        return PlainConsole().width if sys.stdout.isatty() else None

    @property
    def check(self) -> str:
        """The mark behind an answer that was checked; none in a pipe, which gets words only."""
        return "✓" if sys.stdout.isatty() and _is_utf8() else ""

    @property
    def animated(self) -> bool:
        """Whether a line of stderr can be drawn over."""
        return not self.quiet and sys.stderr.isatty() and not self.stderr.is_dumb_terminal

    def write(self, text: str) -> None:
        """A piece of the answer, at once."""
        text = printable(text)
        # In pieces: of one large write that a closed pipe cuts short, nobody is told.
        for start in range(0, len(text), _PIECE):
            sys.stdout.write(text[start : start + _PIECE])
            sys.stdout.flush()

    def write_json(self, value: object) -> None:
        """One object: indented for `--json`, on one line for `--jsonl`."""
        indent = None if self.format == "jsonl" else 2
        self.write(json.dumps(value, ensure_ascii=not _is_utf8(), indent=indent) + "\n")

    def note(self, message: str) -> None:
        """A sentence the user should know."""
        self._message(("dashdoc: ", "dim"), ("note: ", WARNING), message)

    @property
    def interactive(self) -> bool:
        """Whether a question can be asked: somebody reads stderr and types on stdin."""
        return not self.quiet and sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(self, question: str) -> bool:
        """Ask for yes or no; no is the default. Ctrl-C and Ctrl-D leave as they do elsewhere."""
        try:
            return click.confirm(question, err=True)
        except click.Abort as abort:
            raise KeyboardInterrupt from abort

    def stage(self, message: str) -> None:
        """A stage begins, where no bar can be drawn."""
        self._message(("dashdoc: ", "dim"), message)

    def heading(self, text: str) -> None:
        """The question an answer belongs to."""
        if not self.quiet:
            self._line(Text(text, "bold"))

    def aside(self, text: str) -> None:
        """A line of figures beside an answer."""
        if not self.quiet:
            self._line(Text(text, "dim"))

    def gap(self) -> None:
        """A blank line between what was said on the way and the result, where both are seen."""
        if self._noted and self.stderr.is_terminal and sys.stdout.isatty():
            self.stderr.print()

    def show(self, view: RenderableType) -> None:
        """A table for people."""
        if not self.quiet:
            self.reply(view)

    def reply(self, view: RenderableType) -> None:
        """What was asked for at a prompt."""
        if self.stderr.is_terminal:
            self.stderr.print(view)
        else:
            self.stderr.file.write(_plain(self.stderr, view))

    def error(self, message: str, *, kind: str, exit_code: int, **details: object) -> None:
        """The one message of an error."""
        if self.format == "text":
            line = Text.assemble(("dashdoc: ", "dim"), ("error: ", f"bold {BAD}"), message)
            self._line(line)
        else:
            problem = {"kind": kind, "message": message, "exit_code": exit_code, **details}
            self.write_json({"error": problem})

    def _message(self, *parts: str | tuple[str, str]) -> None:
        if not self.quiet:
            self._noted = True
            self._line(Text.assemble(*parts))

    def _line(self, text: Text) -> None:
        """Wrapped between words on a terminal, left whole in a pipe."""
        self.stderr.print(text, soft_wrap=not self.stderr.is_terminal)

    def _style(self) -> dict[str, Any]:
        """Options of a console: `--color` goes before the environment."""
        style: dict[str, Any] = {"markup": False, "highlight": False, "emoji": False}
        if self.color == "never":
            style["color_system"] = None
        elif self.color == "always":
            style.update(force_terminal=True, no_color=False)
        return style


def printable(text: str) -> str:
    """The text without what could steer the terminal."""
    return text.translate(_CONTROL)


def _plain(console: Console, view: RenderableType) -> str:
    """The view without the spaces that fill up its lines."""
    with console.capture() as capture:
        console.print(view)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _is_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
