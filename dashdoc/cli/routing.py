"""`dashdoc routing`: how sparse the reading of a document was."""

from pathlib import Path

import click

from dashdoc.cli.objects import context_object, routing_object
from dashdoc.cli.opening import open_session
from dashdoc.cli.options import (
    FILE,
    Command,
    Settings,
    model_options,
    option,
    output_options,
    page_options,
    truncate_option,
)
from dashdoc.cli.picture import export
from dashdoc.cli.routing_view import routing_view
from dashdoc.cli.terminal import Terminal
from dashdoc.errors import UsageError


@click.command(
    cls=Command,
    short_help="Show how sparse the routing was while a document was read.",
    examples={
        "Show it": "dashdoc routing report.pdf",
        "Save the picture too": "dashdoc routing report.pdf --export routing.svg",
        "With more left out": "dashdoc routing report.pdf --scale 2",
    },
)
@click.argument("source", metavar="DOCUMENT", type=FILE)
@option(
    "--export",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also save the picture: FILE.svg or FILE.html.",
)
@page_options
@truncate_option
@model_options
@output_options()
def routing(terminal: Terminal, settings: Settings, source: str, target: Path | None) -> None:
    """Read a document and show how sparse the routing was, by layer and along the document."""
    check_target(target)
    session = (opened := open_session(settings, [source], terminal)).session
    assert session.reading is not None
    pages = [(page, start) for _, page, start in session.page_starts()]
    view = routing_view(session.reading, pages, session.model.name)
    if terminal.format == "json":
        terminal.write_json({**routing_object(session.reading), **context_object(opened)})
    else:
        terminal.print(view)
    if target:
        try:
            export(view, target, session.reading.documents[0])
        except OSError as error:
            raise UsageError(f"--export {target} cannot be written: {error.strerror}.") from error
        terminal.note(f"Saved {target}.")


def check_target(target: Path | None) -> None:
    """Refuse a file that cannot be written before the document is read.

    Raises:
        UsageError: another suffix, or a folder that is not there.
    """
    if target is None:
        return
    if target.suffix.lower() not in (".svg", ".html"):
        raise UsageError(f"--export {target}: the name must end in .svg or .html.")
    if not target.parent.is_dir():
        raise UsageError(f"--export {target}: there is no folder {target.parent}.")
