"""Print an answer while it is written, and let Ctrl-C end it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from dashdoc.cli.terminal import Terminal
from dashdoc.measures import Answer

if TYPE_CHECKING:
    from dashdoc.session import AnswerStream

_ENDED = {
    "length": "The answer was cut at --max-tokens {max_tokens}.",
    "repetition": "The answer was ended because it began to repeat itself.",
    "interrupted": "Interrupted: this is the answer so far.",
}


def stream_answer(stream: "AnswerStream", terminal: Terminal) -> Answer:
    """Write the pieces as they come, but for `--json`; the line is left open."""
    held = ""
    with stopped_by_interrupt(stream):
        for piece in stream:
            if terminal.format == "text":
                # White space waits for what follows it: the citation goes right behind the answer.
                text = held + piece
                written = text.rstrip()
                held = text[len(written) :]
                if written:
                    terminal.write(written)
    assert stream.answer is not None
    return stream.answer


def note_ending(answer: Answer, max_tokens: int, terminal: Terminal) -> None:
    """Say why an answer ended, unless the model ended it."""
    if reason := _ENDED.get(answer.finish_reason):
        terminal.note(reason.format(max_tokens=max_tokens))


@contextmanager
def stopped_by_interrupt(stream: "AnswerStream") -> Iterator[None]:
    """The first Ctrl-C ends the stream and keeps its text, the second leaves at once."""

    def stop(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stream.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
