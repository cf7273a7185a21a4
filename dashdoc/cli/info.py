"""`dashdoc info`: the machine, the model, and whether a document fits."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from dashdoc.cli.figures import versions
from dashdoc.cli.info_view import info_view
from dashdoc.cli.machine import machine
from dashdoc.cli.objects import choice_object, document_object
from dashdoc.cli.opening import choose, open_documents
from dashdoc.cli.options import (
    FILE,
    Command,
    Settings,
    model_options,
    output_options,
    page_options,
)
from dashdoc.cli.progress import ReadingBar
from dashdoc.cli.terminal import Terminal


@click.command(
    cls=Command,
    short_help="Show the machine and the model, and whether a document fits.",
    examples={
        "The machine and the model": "dashdoc info",
        "Whether a document fits, and what it takes": "dashdoc info report.pdf",
    },
)
@click.argument("sources", nargs=-1, metavar="[DOCUMENT]...", type=FILE)
@page_options
@model_options
@output_options()
def info(terminal: Terminal, settings: Settings, sources: Sequence[str]) -> None:
    """Show the machine and the model; for a document, whether it fits.

    No weight is loaded.
    """
    with ReadingBar(terminal) as bar:
        documents = open_documents(settings, sources, terminal, bar)
        bar.model("the tokenizer")
        choice = choose(settings, terminal, bar, say=False)
        from dashdoc.estimates import estimate, measure_room

        room = measure_room(choice)
        needed = estimate(choice, documents, room) if documents else None
    facts = {
        "machine": machine(choice),
        "model": {**choice_object(choice), "notices": list(choice.notices)},
        "memory": asdict(room),
        "documents": [document_object(document) for document in documents],
        "estimate": asdict(needed) if needed else None,
        "versions": versions(),
    }
    if terminal.format == "json":
        terminal.write_json(facts)
    else:
        terminal.print(info_view(facts))
