"""The options that commands share, and help that shows them by what they are about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any, Literal, cast

import click
from click.shell_completion import CompletionItem

from dashdoc.cli.terminal import Terminal

SECTIONS = ("Options", "Document", "Model", "Output")
# For the shell to complete; whether the file can be read is for `documents` to say.
FILE = click.Path(readable=False)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True)
class Settings:
    """What the shared options said; a command that lacks one has its default."""

    model: str = "auto"
    routing: str | None = None
    scale: float | None = None
    chunk_size: int | None = None
    quantize: Literal["8bit", "4bit"] | None = None
    device: str | None = None
    pages: str | None = None
    truncate: Literal["head", "tail", "middle"] | None = None
    password: str | None = None
    max_tokens: int = 512
    cache: bool = False


class Exemplified(click.Command):
    """Help that ends with examples: what each does, and its command line."""

    def __init__(
        self, *args: Any, examples: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples or {}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if not self.examples:
            return
        with formatter.section("Examples"):
            for number, (meaning, line) in enumerate(self.examples.items()):
                # Not wrapped: a command line is there to be copied.
                formatter.write("\n" if number else "")
                formatter.write(f"{'':>{formatter.current_indent}}{meaning}:\n")
                formatter.write(f"{'':>{formatter.current_indent + 2}}{line}\n")


class Group(Exemplified, click.Group):
    """The command that holds the others."""


class Command(Exemplified):
    """A command whose help shows its options in sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
                sections.setdefault(getattr(param, "section", SECTIONS[-1]), []).append(record)
        width = max(len(name) for records in sections.values() for name, _ in records)
        for section in sorted(sections, key=SECTIONS.index):
            with formatter.section(section):
                formatter.write_dl([(name.ljust(width), text) for name, text in sections[section]])


class Option(click.Option):
    """An option that knows its section of the help."""

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section

    def get_help_extra(self, ctx: click.Context) -> Any:
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


def option(*names: str, section: str = "Options", **attributes: Any) -> Decorator:
    """`click.option` in a section."""
    return cast(Decorator, click.option(*names, cls=Option, section=section, **attributes))


def _models(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """The names of models that are always there, else folders."""
    names = [CompletionItem(name) for name in ("auto", "bundled") if name.startswith(begun)]
    return names or [CompletionItem(begun, type="dir")]


def _devices(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    return [name for name in ("cpu", "cuda") if name.startswith(begun)]


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which model, with which routing, where."""
    return _apply(
        command,
        option(
            "--model",
            section="Model",
            envvar="DASHDOC_MODEL",
            default="auto",
            metavar="NAME",
            shell_complete=_models,
            help="auto, bundled, a checkpoint folder or a hub id.  "
            "[default: auto; env: DASHDOC_MODEL]",
        ),
        option(
            "--routing",
            section="Model",
            type=click.Choice(["package", "paper"]),
            metavar="NAME",
            help="package or paper: routing as released or as in the paper's benchmarks, instead "
            "of the checkpoint's own.",
        ),
        option(
            "--scale",
            section="Model",
            type=click.FloatRange(min=0, min_open=True),
            metavar="X",
            help="The sparsity knob: higher reads less.",
        ),
        option(
            "--chunk-size",
            section="Model",
            type=click.IntRange(min=1),
            metavar="N",
            help="Tokens that are routed to together.",
        ),
        option(
            "--quantize",
            section="Model",
            type=click.Choice(["8bit", "4bit"]),
            metavar="BITS",
            help="8bit or 4bit: keep the weights of the layers in fewer bits, to fit a smaller "
            "GPU. Needs bitsandbytes.",
        ),
        option(
            "--device",
            section="Model",
            metavar="NAME",
            shell_complete=_devices,
            help="cuda or cpu.  [default: best]",
        ),
    )


def page_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which part of a document, and how to open it."""
    return _apply(
        command,
        option("--pages", section="Document", metavar="RANGES", help="Only these pages: 3-10,15."),
        option(
            "--password",
            section="Document",
            envvar="DASHDOC_PDF_PASSWORD",
            metavar="TEXT",
            help="Of an encrypted PDF.  [env: DASHDOC_PDF_PASSWORD]",
        ),
    )


truncate_option = option(
    "--truncate",
    section="Document",
    type=click.Choice(["head", "tail", "middle"]),
    metavar="PART",
    help="The part to leave OUT of a document that does not fit: head, tail or middle.",
)

cache_option = option(
    "--cache/--no-cache",
    section="Document",
    envvar="DASHDOC_CACHE",
    default=Settings.cache,
    help="Keep the reading on disk, and restore it the next time.  [env: DASHDOC_CACHE]",
)

max_tokens_option = option(
    "--max-tokens",
    type=click.IntRange(min=1),
    default=Settings.max_tokens,
    show_default=True,
    metavar="N",
    help="The longest answer, in tokens.",
)


def output_options(*, json: bool = True, jsonl: bool = False) -> Decorator:
    """How to print; they fill the `Terminal`, which goes to the command first."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        options = [
            _output("--quiet", key="quiet", is_flag=True, help="Nothing on stderr but errors."),
            _output(
                "-v",
                "--verbose",
                key="verbosity",
                count=True,
                help="More figures; -vv shows tracebacks.",
            ),
            _output(
                "--color",
                key="color",
                type=click.Choice(["auto", "always", "never"]),
                default="auto",
                show_default=True,
                metavar="WHEN",
                help="Colours: auto, always or never.",
            ),
        ]
        if jsonl:
            text = "One JSON object a line."
            options.insert(0, _output("--jsonl", key="format", flag_value="jsonl", help=text))
        if json:
            text = "One JSON object on stdout."
            options.insert(0, _output("--json", key="format", flag_value="json", help=text))
        return _apply(_collected(command), *options)

    return decorate


def _output(*names: str, key: str, **attributes: Any) -> Decorator:
    def fill(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.ensure_object(Terminal), key, value)

    attributes.update(is_eager=True, expose_value=False, callback=fill)
    return option(*names, section="Output", **attributes)


def _collected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gather the shared options into `Settings`, the second argument after the terminal."""
    shared = {field.name for field in fields(Settings)}

    @wraps(command)
    def call(**values: Any) -> Any:
        settings = Settings(**{name: values.pop(name) for name in shared & values.keys()})
        terminal = click.get_current_context().ensure_object(Terminal)
        return command(terminal, settings, **values)

    return call


def _apply(command: Callable[..., Any], *options: Decorator) -> Callable[..., Any]:
    for decorate in reversed(options):
        command = decorate(command)
    return command
