"""Summaries of documents of any length: what does not fit is summarised in parts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from dashdoc.documents import Document, Page
from dashdoc.errors import DoesNotFitError
from dashdoc.measures import Answer, Reading, to_json
from dashdoc.prompts import ChatFrame, segments

if TYPE_CHECKING:
    from dashdoc.answer_stream import AnswerStream
    from dashdoc.models import Model
    from dashdoc.session import Cut, Session


class Watcher:
    """Told what happens to a document, while it happens; subclass it to show it."""

    def split(self, parts: int) -> None:
        """The document does not fit and is summarised in parts."""

    def read(self, session: "Session", part: str) -> Reading:
        """Have the session read; `part` names what is read, if it is not the whole document."""
        return session.read()

    def write(self, stream: "AnswerStream", *, is_part: bool) -> Answer:
        """Have the summary written."""
        return stream.finish()

    def notice(self, message: str) -> None:
        """A sentence for the user."""


@dataclass(frozen=True)
class Summary:
    """A summary and what it took: one reading and answer, or those of every part."""

    text: str
    finish_reason: str
    parts: int
    pages: int | None
    readings: list[Reading]
    answers: list[Answer]
    notices: list[str]

    def record(self) -> dict[str, Any]:
        """As JSON types, short enough for a line of a log."""
        return {
            "summary": self.text,
            "finish_reason": self.finish_reason,
            "pages": self.pages,
            "parts": self.parts,
            "readings": [_brief(reading) for reading in self.readings],
            "answers": [_brief(answer) for answer in self.answers],
            "notices": self.notices,
        }


def summarize_document(
    model: "Model",
    document: Document,
    *,
    max_tokens: int,
    truncate: "Cut | None" = None,
    watcher: Watcher | None = None,
) -> Summary:
    """Summarise a document; one that does not fit part by part, then the summaries of its parts.

    Raises:
        DoesNotFitError: not even a part fits, or the summaries are no shorter than the document.
        KeyboardInterrupt: a part was interrupted; an interrupted whole summary is returned.
    """
    return _summarize(model, document, max_tokens, truncate, watcher or Watcher())


def _summarize(
    model: "Model",
    document: Document,
    max_tokens: int,
    truncate: "Cut | None",
    watcher: Watcher,
    *,
    part: str = "",
) -> Summary:
    from dashdoc.session import Session

    try:
        session = Session(model, [document], truncate=truncate)
    except DoesNotFitError as error:
        return _summarize_parts(model, document, max_tokens, watcher, error, part)
    for notice in session.notices:
        watcher.notice(notice)
    reading = watcher.read(session, part)
    stream = session.stream_summary(max_tokens=max_tokens)
    answer = watcher.write(stream, is_part=bool(part))
    if part and answer.finish_reason == "interrupted":
        raise KeyboardInterrupt
    return Summary(
        text=answer.text,
        finish_reason=answer.finish_reason,
        parts=1,
        pages=len(document.pages) if document.paged else None,
        readings=[reading],
        answers=[answer],
        notices=session.notices,
    )


def _summarize_parts(
    model: "Model",
    document: Document,
    max_tokens: int,
    watcher: Watcher,
    error: DoesNotFitError,
    part: str,
) -> Summary:
    frame = ChatFrame(model.tokenizer)
    room = int(str(error.details["limit"])) - len(frame.opening)

    def tokens(pages: Sequence[Page]) -> int:
        texts = segments([document.with_pages(tuple(pages))])
        return sum(len(frame.plain(segment.text)) for segment in texts)

    # Summaries that may be as long as their parts would never come to an end.
    if room < 2 * max_tokens:
        raise error
    groups = part_pages(document.pages, room, tokens)
    watcher.split(len(groups))
    made = [
        _summarize(
            model,
            document.with_pages(group),
            max_tokens,
            None,
            watcher,
            part=f"{part}: {number}" if part else f"part {number} of {len(groups)}",
        )
        for number, group in enumerate(groups, start=1)
    ]
    whole = _summarize(
        model,
        document_of_summaries(document.name, [summary.text for summary in made]),
        max_tokens,
        None,
        watcher,
        part=part,
    )
    steps = [*made, whole]
    return Summary(
        text=whole.text,
        finish_reason=whole.finish_reason,
        parts=len(groups),
        pages=len(document.pages) if document.paged else None,
        readings=[reading for step in steps for reading in step.readings],
        answers=[answer for step in steps for answer in step.answers],
        notices=list(dict.fromkeys(notice for step in steps for notice in step.notices)),
    )


def part_pages(
    pages: Sequence[Page], room: int, tokens: Callable[[Sequence[Page]], int]
) -> list[tuple[Page, ...]]:
    """Pages in groups of at most `room` tokens; a page that is longer is cut at paragraphs."""
    groups: list[tuple[Page, ...]] = []
    group: list[Page] = []
    filled = 0
    for page in pages:
        for piece in _pieces(page, room, tokens):
            length = tokens([piece])
            if group and filled + length > room:
                groups.append(tuple(group))
                group, filled = [], 0
            group.append(piece)
            filled += length
    return [*groups, tuple(group)] if group else groups


def _pieces(page: Page, room: int, tokens: Callable[[Sequence[Page]], int]) -> Iterator[Page]:
    """The page, or halves of it that fit, cut where a paragraph, a line or a word ends."""
    if len(page.text) < 2 or tokens([page]) <= room:
        yield page
        return
    middle = len(page.text) // 2
    ends = (page.text.rfind(mark, 1, middle) for mark in ("\n\n", "\n", " "))
    cut = next((end for end in ends if end > middle // 2), middle)
    for text in (page.text[:cut], page.text[cut:]):
        yield from _pieces(Page(page.number, text, page.label), room, tokens)


def document_of_summaries(name: str, texts: Sequence[str]) -> Document:
    """Summaries as a document of their own."""
    pages = tuple(Page(number, text) for number, text in enumerate(texts, start=1))
    content = sha256("\0".join(texts).encode()).hexdigest()
    return Document(name, "text", pages, len(pages), False, content)


def _brief(measure: Reading | Answer) -> dict[str, Any]:
    """A measure without its text and its long lists."""
    found: dict[str, Any] = to_json(measure)
    told = ("text", "question", "citations", "pages", "coverage", "sources")
    for name in (*told, "documents", "document_tokens"):
        found.pop(name, None)
    for name in ("per_layer", "per_head", "along", "edges"):
        del found["routing"][name]
    return found
