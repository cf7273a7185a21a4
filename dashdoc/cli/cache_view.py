"""Kept readings as a table, and as objects."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from dashdoc.cli.colors import BAD
from dashdoc.cli.figures import count, size

if TYPE_CHECKING:
    from dashdoc.readings import Entry


def cache_view(entries: Sequence["Entry"]) -> Table:
    """A row for each."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("id", no_wrap=True)
    table.add_column("reading", overflow="fold")
    table.add_column("tokens", justify="right", no_wrap=True)
    table.add_column("model", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("last used", no_wrap=True)
    for entry in entries:
        documents, tokens, model = Text("cannot be used", BAD), "", ""
        if entry.about:
            reading = entry.about["reading"]
            documents = Text(", ".join(reading["documents"]))
            tokens, model = count(reading["tokens"]), entry.about["model"]
        used = date.fromtimestamp(entry.used).isoformat()
        table.add_row(entry.id, documents, tokens, model, size(entry.bytes), used)
    return table


def entry_object(entry: "Entry") -> dict[str, Any]:
    """One with all that is known of it; only id, file, size and last use if it cannot be used."""
    used = datetime.fromtimestamp(entry.used).astimezone().isoformat(timespec="seconds")
    found = {"id": entry.id, "file": str(entry.path), "bytes": entry.bytes, "last_used": used}
    if entry.about:
        reading = entry.about["reading"]
        found["model"], found["read_at"] = entry.about["model"], entry.about["read_at"]
        found.update({name: reading[name] for name in ("documents", "pages", "tokens", "seconds")})
    return found
