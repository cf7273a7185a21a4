"""What Ctrl-C does while something runs."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashdoc.answer_stream import AnswerStream

Handler = Callable[[int, FrameType | None], object] | signal.Handlers


@contextmanager
def on_interrupt(handler: Handler) -> Iterator[None]:
    """Let a handler take Ctrl-C for a while."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def stopped_by_interrupt(stream: "AnswerStream") -> Iterator[None]:
    """The first Ctrl-C ends the stream and keeps its text, the second does what it did before."""
    before = signal.getsignal(signal.SIGINT)

    def stop(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stream.stop()

    with on_interrupt(stop):
        yield
