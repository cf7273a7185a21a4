"""The commands of a chat: lines that begin with a slash."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dashdoc.cli.chat_view import help_view, markdown, pages_view
from dashdoc.cli.routing_view import routing_view
from dashdoc.errors import UsageError

if TYPE_CHECKING:
    from dashdoc.cli.chatting import Chat


def run_command(chat: "Chat", line: str) -> None:
    """Run `/name` or `/name FILE`.

    Raises:
        UsageError: no such command, or its file is missing, too much or cannot be written.
    """
    name, _, file = line.partition(" ")
    if (command := COMMANDS.get(name)) is None:
        raise UsageError(f"There is no command {name}. /help lists them; Ctrl-D leaves.")
    if bool(file.strip()) != command.takes_file:
        raise UsageError(f"Write: {command.usage(name)}")
    command.run(chat, file.strip())


class ChatCommand(NamedTuple):
    """What a command does, and what its line in the help says."""

    run: Callable[["Chat", str], None]
    help: str
    takes_file: bool = False

    def usage(self, name: str) -> str:
        return f"{name} FILE" if self.takes_file else name


def _pages(chat: "Chat", _: str) -> None:
    chat.terminal.reply(pages_view(chat.session.documents, chat.answers))


def _routing(chat: "Chat", _: str) -> None:
    assert chat.session.reading is not None
    pages = [(page, start) for _, page, start in chat.session.page_starts()]
    view = routing_view(chat.session.reading, pages, chat.session.model.name)
    chat.terminal.reply(view)


def _save(chat: "Chat", file: str) -> None:
    if not chat.answers:
        raise UsageError("There is no answer to save yet.")
    target = Path(file).expanduser()
    try:
        with target.open("x", encoding="utf-8") as opened:
            opened.write(markdown(chat.session.documents, chat.answers))
    except FileExistsError as error:
        raise UsageError(f"{target} exists already; choose another name.") from error
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}.") from error
    chat.terminal.note(f"Saved {target}.")


def _new(chat: "Chat", _: str) -> None:
    chat.conversation.forget()
    chat.terminal.note("The earlier questions are forgotten.")


def _help(chat: "Chat", _: str) -> None:
    rows = [(command.usage(name), command.help) for name, command in COMMANDS.items()]
    chat.terminal.reply(help_view(rows))


COMMANDS = {
    "/pages": ChatCommand(_pages, "the pages cited so far"),
    "/routing": ChatCommand(_routing, "how sparse the reading was, by layer and by place"),
    "/save": ChatCommand(_save, "save the questions and answers as Markdown", takes_file=True),
    "/new": ChatCommand(_new, "start over: later answers do not see earlier ones"),
    "/help": ChatCommand(_help, "this list"),
}
