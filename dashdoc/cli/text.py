"""`dashdoc text`: what the model will be given, page by page."""

from collections.abc import Sequence

import click

from dashdoc.cli.objects import document_object
from dashdoc.cli.opening import open_documents
from dashdoc.cli.options import FILE, Command, Settings, output_options, page_options
from dashdoc.cli.progress import ReadingBar
from dashdoc.cli.terminal import Terminal


@click.command(
    cls=Command,
    short_help="Show what the model will be given.",
    examples={
        "Some pages": "dashdoc text report.pdf --pages 3-5",
        "Each page as an object": "dashdoc text report.pdf --json",
    },
)
@click.argument("sources", nargs=-1, required=True, metavar="DOCUMENT...", type=FILE)
@page_options
@output_options()
def text(terminal: Terminal, settings: Settings, sources: Sequence[str]) -> None:
    """Show what the model will be given, page by page."""
    with ReadingBar(terminal) as bar:
        documents = open_documents(settings, sources, terminal, bar)
    from dashdoc.prompts import segments

    parts = segments(documents)
    if terminal.format == "text":
        for part in parts:
            terminal.write(part.text)
        return
    terminal.write_json(
        {
            "documents": [document_object(document) for document in documents],
            "pages": [
                {
                    "document": documents[part.document].name,
                    "page": part.page if documents[part.document].paged else None,
                    "text": part.text,
                }
                for part in parts
            ],
            "notices": [notice for document in documents for notice in document.notices],
        }
    )
