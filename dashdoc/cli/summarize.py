"""`dashdoc summarize`: one summary of a file; one each and one over all of many."""

from collections.abc import Sequence
from pathlib import Path

import click

from dashdoc.cli.options import (
    FILE,
    Command,
    Settings,
    cache_option,
    max_tokens_option,
    model_options,
    option,
    output_options,
    page_options,
    truncate_option,
)
from dashdoc.cli.summarizing import documents_in, summarize_many, summarize_one
from dashdoc.cli.terminal import Terminal


@click.command(
    cls=Command,
    short_help="Summarize a document, or every document of a folder.",
    examples={
        "One document": "dashdoc summarize report.pdf",
        "A folder into files": "dashdoc summarize papers/ --recursive --output-dir summaries",
        "Only some of it, a line each": "dashdoc summarize papers/ --include '*.pdf' --jsonl",
    },
)
@click.argument("sources", nargs=-1, required=True, metavar="PATH...", type=FILE)
@option("--recursive", is_flag=True, help="Also the folders in a folder.")
@option(
    "--include",
    multiple=True,
    metavar="GLOB",
    help="Only these files of a folder, like *.pdf; give it again for more.",
)
@option(
    "--output-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write NAME.md for each document, summary.md over all, and results.jsonl. "
    "The same command goes on where an interrupted run ended.",
)
@max_tokens_option
@page_options
@truncate_option
@cache_option
@model_options
@output_options(jsonl=True)
def summarize(
    terminal: Terminal,
    settings: Settings,
    sources: Sequence[str],
    recursive: bool,
    include: Sequence[str],
    output_dir: Path | None,
) -> int:
    """Summarize a document, or every document of a folder.

    A document that does not fit is summarized in parts. A PATH that is - is standard input.
    """
    if len(sources) == 1 and output_dir is None and not Path(sources[0]).is_dir():
        return summarize_one(sources[0], settings, terminal)
    paths = documents_in(sources, recursive=recursive, include=include)
    return summarize_many(paths, output_dir, settings, terminal)
