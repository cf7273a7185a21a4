"""Print an answer while it is written, and let Ctrl-C end it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dashdoc.cli.citations import places, show_quotes
from dashdoc.cli.interrupts import stopped_by_interrupt
from dashdoc.cli.prose import Prose
from dashdoc.cli.terminal import Terminal
from dashdoc.errors import DashdocError
from dashdoc.measures import Answer

if TYPE_CHECKING:
    from dashdoc.answer_stream import AnswerStream

_ENDED = {
    "length": "The answer was cut at --max-tokens {max_tokens}.",
    "repetition": "The answer was ended because it began to repeat itself.",
    "interrupted": "Interrupted: this is the answer so far.",
}


def give_answer(
    stream: "AnswerStream", documents: Sequence[str], max_tokens: int, terminal: Terminal
) -> Answer:
    """Write an answer with its places behind it, and say what is to be said about it."""
    prose = Prose(terminal)
    try:
        answer = stream_answer(stream, prose)
    except DashdocError:
        if stream.ids:
            prose.end()
        raise
    prose.end(places(answer, documents, terminal.check))
    note_ending(answer, max_tokens, terminal)
    show_quotes(answer, documents, terminal)
    return answer


def stream_answer(stream: "AnswerStream", prose: Prose) -> Answer:
    """Write the pieces as they come; the line is left open."""
    with stopped_by_interrupt(stream):
        for piece in stream:
            prose.write(piece)
    assert stream.answer is not None
    return stream.answer


def note_ending(answer: Answer, max_tokens: int, terminal: Terminal) -> None:
    """Say why an answer ended, unless the model ended it."""
    if reason := _ENDED.get(answer.finish_reason):
        terminal.note(reason.format(max_tokens=max_tokens))
