"""`dashdoc chat`: many questions over one reading."""

from collections.abc import Sequence

import click

from dashdoc.cli.chatting import Chat
from dashdoc.cli.opening import open_session
from dashdoc.cli.options import (
    FILE,
    Command,
    Settings,
    cache_option,
    max_tokens_option,
    model_options,
    output_options,
    page_options,
    truncate_option,
)
from dashdoc.cli.terminal import Terminal
from dashdoc.errors import UsageError


@click.command(
    cls=Command,
    short_help="Ask many questions over one reading.",
    examples={
        "Talk about a report": "dashdoc chat report.pdf",
        "Answer a list of questions, one a line": "dashdoc chat report.pdf < questions.txt",
        "The same for a program": "dashdoc chat report.pdf --jsonl < questions.txt",
    },
)
@click.argument("sources", nargs=-1, required=True, metavar="DOCUMENT...", type=FILE)
@max_tokens_option
@page_options
@truncate_option
@cache_option
@model_options
@output_options(json=False, jsonl=True)
def chat(terminal: Terminal, settings: Settings, sources: Sequence[str]) -> int:
    """Read documents once and answer questions about them, one after another.

    An answer may build on the earlier ones: they stay in the context behind the document. Where it
    is full, or after /new, the context goes back to the document alone. /help lists the commands.
    Ctrl-C ends an answer, Ctrl-D leaves. Lines are kept in memory only.

    From a pipe, each line is a question or a command, and with --jsonl each question gives one
    object. The exit code is 4 if one of them failed.
    """
    if "-" in sources:
        raise UsageError("Standard input (-) brings the questions; name the documents as files.")
    return Chat(open_session(settings, sources, terminal), settings, terminal).run()
