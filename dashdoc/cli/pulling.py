"""Download a checkpoint: what it takes, consent, a bar."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from dashdoc.cli.figures import counted, size
from dashdoc.cli.progress import ReadingBar
from dashdoc.cli.terminal import Terminal
from dashdoc.errors import UsageError

if TYPE_CHECKING:
    from dashdoc.models.download import Download


def pull(name: str, terminal: Terminal, bar: ReadingBar, *, yes: bool = False) -> Path | None:
    """The folder of the downloaded checkpoint; None where the user said no.

    Raises:
        UsageError: no consent was given, and nobody is there to ask.
        ModelError: as `plan_download` and `download`.
    """
    from dashdoc.models.download import check_room, download, plan_download

    bar.asking(name)
    plan = plan_download(name)
    bar.clear()
    check_room(plan)
    if plan.missing_bytes:
        terminal.show(_plan_view(plan))
        if not yes:
            if not terminal.interactive:
                raise UsageError(
                    f"{name} is a download of {size(plan.missing_bytes)}. To agree to it: "
                    f"dashdoc model pull {name} --yes"
                )
            if not terminal.confirm("Download it?"):
                return None
    bar.download(name)
    folder = download(plan, bar.bytes)
    bar.clear()
    return folder


def _plan_view(plan: "Download") -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    held = plan.total_bytes - plan.missing_bytes
    there = f", {size(held)} of it there already" if held else ""
    grid.add_row("model", plan.name)
    grid.add_row("revision", plan.revision)
    grid.add_row("size", f"{size(plan.total_bytes)} in {counted(len(plan.files), 'file')}{there}")
    grid.add_row("free", size(plan.free_bytes))
    grid.add_row("folder", str(plan.repository))
    return grid
