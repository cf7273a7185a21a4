"""Write docs/cli.md from the commands themselves: `python docs/make_cli.py`."""

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from dashdoc.cli import cli
from dashdoc.cli.options import Exemplified

TARGET = Path(__file__).with_name("cli.md")
HEADING = """\
# Commands

Made from the commands by `python docs/make_cli.py`; `dashdoc COMMAND --help` shows the same. What
`--json` prints and what the exit codes mean is in [formats.md](formats.md).
"""


def page() -> str:
    """All commands as Markdown."""
    context = click.Context(cli, info_name="dashdoc", **cli.context_settings)
    return "\n".join([HEADING, *sections(cli, context)])


def sections(group: click.Group, parent: click.Context) -> Iterator[str]:
    """The commands of a group, and those of the groups among them."""
    for name in group.list_commands(parent):
        command = group.commands[name]
        context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
        yield "\n".join(section(command, context))
        if isinstance(command, click.Group):
            yield from sections(command, context)


def section(command: click.Command, context: click.Context) -> Iterator[str]:
    """The lines about one command."""
    yield f"## {context.command_path}\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"    {context.command_path} {usage}\n"
    yield f"{cleandoc(command.help or '')}\n"
    if isinstance(command, click.Group):
        names = (f"[{name}](#dashdoc-{command.name}-{name})" for name in command.commands)
        yield f"Its commands: {', '.join(names)}."
    options = [param for param in command.params if isinstance(param, click.Option)]
    if options:
        yield "| option | meaning |\n| --- | --- |"
    for option in options:
        if record := option.get_help_record(context):
            name, meaning = (" ".join(text.split()) for text in record)
            yield f"| `{name}` | {meaning} |"
    yield ""
    examples = command.examples if isinstance(command, Exemplified) else {}
    for meaning, line in examples.items():
        yield f"{meaning}:\n\n    {line}\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
