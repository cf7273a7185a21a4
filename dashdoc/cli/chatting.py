"""A chat under way: lines come in, answers and what commands show go out."""

import signal
import sys

from dashdoc.cli.answering import give_answer
from dashdoc.cli.chat_commands import run_command
from dashdoc.cli.chat_view import answer_line, reading_line
from dashdoc.cli.interrupts import on_interrupt
from dashdoc.cli.lines import lines
from dashdoc.cli.measures_view import measures_view
from dashdoc.cli.objects import answer_object, context_object
from dashdoc.cli.opening import Opened
from dashdoc.cli.options import Settings
from dashdoc.cli.terminal import INTERRUPTED, Terminal
from dashdoc.errors import DashdocError, DeviceError, PartialFailureError
from dashdoc.measures import Answer


class Chat:
    """Answers the lines of standard input; an error in one of them does not end it."""

    def __init__(self, opened: Opened, settings: Settings, terminal: Terminal) -> None:
        from dashdoc.conversation import Conversation

        self.session = opened.session
        self.terminal = terminal
        self.conversation = Conversation(opened.session)
        self.answers: list[Answer] = []
        self._opened, self._settings = opened, settings
        self._by_hand = sys.stdin.isatty()
        self._failures = 0

    def run(self) -> int:
        """Go on until the input ends; the exit code."""
        assert self.session.reading is not None
        self.terminal.aside(reading_line(self.session.reading, by_hand=self._by_hand))
        if self._by_hand:
            # Ctrl-C ends an answer or drops a line; pressed once more, it must not lose the chat.
            with on_interrupt(signal.SIG_IGN):
                for line in lines(self.terminal):
                    self._take(line)
            return 0
        for line in lines(self.terminal):
            self._take(line)
            if self._interrupted():
                return INTERRUPTED
        return PartialFailureError.exit_code if self._failures else 0

    def _interrupted(self) -> bool:
        return bool(self.answers) and self.answers[-1].finish_reason == "interrupted"

    def _take(self, line: str) -> None:
        try:
            if line.startswith("/"):
                run_command(self, line)
            else:
                self._answer(line)
        except DashdocError as error:
            self._failures += 1
            details = {"line": line, **error.details}
            self.terminal.error(
                error.message, kind=error.kind, exit_code=error.exit_code, **details
            )
            if isinstance(error, DeviceError) and self.conversation.turns:
                self.conversation.forget()
                self.terminal.note("The earlier questions are forgotten, to save memory.")

    def _answer(self, question: str) -> None:
        earlier = self.conversation.turns
        stream = self.conversation.stream(question, max_tokens=self._settings.max_tokens)
        if earlier and not self.conversation.turns:
            self.terminal.note("The context is full: the earlier questions are forgotten.")
        if not self._by_hand:
            self.terminal.heading(question)
        names = [document.name for document in self.session.documents]
        answer = give_answer(stream, names, self._settings.max_tokens, self.terminal)
        self.answers.append(answer)
        self._show(answer)

    def _show(self, answer: Answer) -> None:
        """The figures of an answer, as a line, a table or an object."""
        assert self.session.reading is not None
        if self.terminal.format == "jsonl":
            found = answer_object(answer, self.session.reading)
            self.terminal.write_json({**found, **context_object(self._opened)})
        elif self.terminal.verbosity:
            name, verbosity = self.session.model.name, self.terminal.verbosity
            self.terminal.show(measures_view([self.session.reading], [answer], name, verbosity))
        else:
            self.terminal.aside(answer_line(answer))
