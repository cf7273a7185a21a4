"""`dashdoc model`: checkpoints of the hub, downloaded, found and removed."""

import click

from dashdoc.cli.figures import size
from dashdoc.cli.options import Command, Group, Settings, option, output_options
from dashdoc.cli.progress import ReadingBar
from dashdoc.cli.pulling import pull as pull_model
from dashdoc.cli.terminal import Terminal
from dashdoc.errors import ModelError, UsageError
from dashdoc.released import RELEASED

name_argument = click.argument("name", default=RELEASED, metavar="[ID]")
yes_option = option("--yes", is_flag=True, help="Agree beforehand; needed without a terminal.")


@click.group(
    cls=Group,
    short_help="Download, find and remove checkpoints of the hub.",
    examples={
        "Get the released model": "dashdoc model pull",
        "Make room": "dashdoc model rm",
    },
)
def model() -> None:
    """Download, find and remove checkpoints of the hub.

    They lie in the hub cache, which other programs share. ID is like OWNER/NAME, and the released
    8B model where it is left out.
    """


@model.command(
    cls=Command,
    short_help="Download a checkpoint, after asking.",
    examples={
        "The released model": "dashdoc model pull",
        "In a script": "dashdoc model pull --yes",
    },
)
@name_argument
@yes_option
@output_options(json=False)
def pull(terminal: Terminal, _: Settings, name: str, yes: bool) -> None:
    """Download a checkpoint into the hub cache, and print its folder.

    Size, free space and folder are shown first. A download that was cut goes on where it ended.
    The commit that is pulled is the one that is used until the next pull.
    """
    with ReadingBar(terminal) as bar:
        folder = pull_model(name, terminal, bar, yes=yes)
    if folder is None:
        terminal.note("Nothing was downloaded.")
    else:
        terminal.write(f"{folder}\n")


@model.command(
    cls=Command,
    short_help="Print the folder of a downloaded checkpoint.",
    examples={
        "The released model": "dashdoc model path",
        "Its size": 'du -shL "$(dashdoc model path)"',
    },
)
@name_argument
@output_options(json=False)
def path(terminal: Terminal, _: Settings, name: str) -> None:
    """Print the folder of a checkpoint in the hub cache."""
    from dashdoc.models.hub import cached_folder

    terminal.write(f"{cached_folder(name)}\n")


@model.command(
    cls=Command,
    short_help="Remove a checkpoint from the hub cache, after asking.",
    examples={
        "The released model": "dashdoc model rm",
        "Another, in a script": "dashdoc model rm OWNER/NAME --yes",
    },
)
@name_argument
@yes_option
@output_options(json=False)
def rm(terminal: Terminal, _: Settings, name: str, yes: bool) -> None:
    """Remove a checkpoint, with all its revisions, from the hub cache."""
    from dashdoc.models.hub import cached_repository, occupied_bytes, remove

    repository = cached_repository(name)
    if repository is None:
        raise ModelError(f"{name} is not in the hub cache: there is nothing to remove.")
    freed = size(occupied_bytes(repository))
    if not yes:
        if not terminal.interactive:
            raise UsageError(
                f"Removing {name} frees {freed}. To agree to it: dashdoc model rm {name} --yes"
            )
        if not terminal.confirm(f"Remove {repository.repo_path} ({freed})?"):
            terminal.note("Nothing was removed.")
            return
    remove(repository)
    terminal.note(f"Removed {name}: {freed} are free again.")
