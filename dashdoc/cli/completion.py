"""`dashdoc completion`: the script that lets a shell complete `dashdoc`."""

import click
from click.shell_completion import get_completion_class

from dashdoc.cli.options import Command

# With it the shell's script asks `dashdoc` what may follow.
COMPLETE_VARIABLE = "_DASHDOC_COMPLETE"


@click.command(
    cls=Command,
    short_help="Let bash, zsh or fish complete commands, options and files.",
    examples={
        "bash, in ~/.bashrc": 'eval "$(dashdoc completion bash)"',
        "zsh, in ~/.zshrc": 'eval "$(dashdoc completion zsh)"',
        "fish": "dashdoc completion fish > ~/.config/fish/completions/dashdoc.fish",
    },
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL (bash, zsh or fish) complete commands, options and files."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "dashdoc", COMPLETE_VARIABLE).source())
