"""`dashdoc cache`: the kept readings, listed and removed."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dashdoc.cli.cache_view import cache_view, entry_object
from dashdoc.cli.figures import counted, size
from dashdoc.cli.options import Command, Group, Settings, option, output_options
from dashdoc.cli.terminal import Terminal
from dashdoc.errors import UsageError

if TYPE_CHECKING:
    from dashdoc.readings import Entry, Readings

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def _bytes(context: click.Context, param: click.Parameter, value: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", value, re.IGNORECASE)
    if found is None:
        raise click.BadParameter(
            f"{value} is no size: write it like 500MB, 20GB or 16GiB.", context, param
        )
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.lower()])


@click.group(
    cls=Group,
    short_help="List and remove kept readings of documents.",
    examples={
        "What is kept": "dashdoc cache ls",
        "Remove one, by its id": "dashdoc cache rm 3f9c02ab71de",
        "Remove the oldest": "dashdoc cache prune --max-size 20GB",
    },
)
def cache() -> None:
    """List and remove the readings that --cache keeps.

    They hold what the documents say, and only you can read them.
    """


@cache.command(
    cls=Command,
    short_help="List them, the last used first.",
    examples={"The readings, and what they take": "dashdoc cache ls"},
)
@output_options()
def ls(terminal: Terminal, settings: Settings) -> None:
    """List kept readings, the last used first."""
    readings = _readings()
    entries = readings.entries()
    if terminal.format == "json":
        found = [entry_object(entry) for entry in entries]
        terminal.write_json({"folder": str(readings.folder), "readings": found})
    elif entries:
        terminal.print(cache_view(entries))
        terminal.aside(f"{_summed(entries)} in {readings.folder}")
    else:
        terminal.note(f"No reading is kept in {readings.folder}; --cache keeps one.")


@cache.command(
    cls=Command,
    short_help="Remove some, or all.",
    examples={
        "One of them": "dashdoc cache rm 3f9c02ab71de",
        "All of them": "dashdoc cache rm --all",
    },
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@option("--all", "everything", is_flag=True, help="All of them.")
@output_options(json=False)
def rm(terminal: Terminal, settings: Settings, ids: Sequence[str], everything: bool) -> None:
    """Remove the kept readings with these IDs, as `dashdoc cache ls` shows them."""
    if bool(ids) == everything:
        raise UsageError("Name the readings to remove by their ids, or all of them with --all.")
    readings = _readings()
    if everything:
        removed = readings.clear()
    else:
        entries = readings.entries()
        removed = readings.remove([_named(entries, id) for id in dict.fromkeys(ids)])
    terminal.stage(f"Removed {_summed(removed)}.")


@cache.command(
    cls=Command,
    short_help="Remove those that were not used for longest.",
    examples={"Leave the last used 5 GB": "dashdoc cache prune --max-size 5GB"},
)
@option(
    "--max-size",
    callback=_bytes,
    default="20GB",
    show_default=True,
    metavar="SIZE",
    help="What may stay, like 500MB or 20GB.",
)
@output_options(json=False)
def prune(terminal: Terminal, settings: Settings, max_size: int) -> None:
    """Remove the kept readings that were not used for longest, until the rest is small enough."""
    terminal.stage(f"Removed {_summed(_readings().prune(max_size))}.")


def _readings() -> "Readings":
    from dashdoc.readings import Readings

    return Readings()


def _named(entries: Sequence["Entry"], id: str) -> "Entry":
    """The one that an id, or the beginning of one, names."""
    found = [entry for entry in entries if id and entry.path.stem.startswith(id)]
    if not found:
        raise UsageError(f"No kept reading has the id {id}. `dashdoc cache ls` lists them.")
    if len(found) > 1:
        raise UsageError(
            f"{counted(len(found), 'kept reading')} begin with {id}: write more of it."
        )
    return found[0]


def _summed(entries: Sequence["Entry"]) -> str:
    return f"{counted(len(entries), 'reading')}, {size(sum(entry.bytes for entry in entries))}"
