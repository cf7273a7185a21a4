"""Documents in one context: read once, then any number of questions."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch

from dashdoc import prompts
from dashdoc.documents import Document, QuoteIndex
from dashdoc.documents.page_selection import compact
from dashdoc.errors import DeviceError, DoesNotFitError
from dashdoc.measures import Answer, Citation, Reading, Truncation
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import Decoding, forward
from dashdoc.models.loading import Model
from dashdoc.models.memory import free_bytes, peak_bytes
from dashdoc.models.metering import ChunkMeter

MAX_TOKENS = 512
# Room in the cache for a question beside its answer; the cache grows for longer ones.
QUESTION_TOKENS = 512
Cut = Literal["head", "tail", "middle"]
# A quote is a run of at least three words in quotation marks.
QUOTED = re.compile(r"[\"“]([^\"“”]+)[\"”]")
QUOTED_WORDS = 3


class Session:
    """Reads documents into one context and answers questions about them.

    Args:
        model: of `load_model`.
        documents: read in this order; several are told apart by their names.
        truncate: the part to leave out if they do not fit; None raises instead.

    Raises:
        DoesNotFitError: more tokens than memory holds; the message has the numbers.
    """

    def __init__(
        self, model: Model, documents: Sequence[Document], *, truncate: Cut | None = None
    ) -> None:
        self.model = model
        self.documents = list(documents)
        self.notices: list[str] = []
        self.reading: Reading | None = None
        self._frame = prompts.ChatFrame(model.tokenizer)
        self._indexes = [QuoteIndex(document) for document in self.documents]
        self._segments = prompts.segments(self.documents)
        self._ids = [self._frame.plain(segment.text) for segment in self._segments]
        self._truncation = self._fit(truncate)
        self._cache = DashCache(model.config, self.tokens + QUESTION_TOKENS + MAX_TOKENS)
        if self.tokens > model.trained_tokens:
            self.notices.append(
                f"{self.tokens:,} tokens are more than the {model.trained_tokens:,} that "
                f"{model.name} was trained for: answers may be worse."
            )

    @property
    def tokens(self) -> int:
        """Tokens of the documents with their markers."""
        return len(self._frame.opening) + sum(map(len, self._ids))

    def page_starts(self) -> list[tuple[str, int, int]]:
        """Document, page number and first token of each page of the reading."""
        starts, offset = [], len(self._frame.opening)
        for segment, ids in zip(self._segments, self._ids, strict=True):
            if ids and self.documents[segment.document].paged:
                starts.append((self.documents[segment.document].name, segment.page, offset))
            offset += len(ids)
        return starts

    def read(self, on_progress: Callable[[int, int], None] | None = None) -> Reading:
        """Prefill the cache, piece by piece; `on_progress` gets tokens done and in all.

        Raises:
            DeviceError: out of memory, with what was needed and free.
        """
        ids = torch.tensor([self._frame.opening + sum(self._ids, [])], device=self.model.device)
        meter = ChunkMeter(self.model.config)
        began = time.perf_counter()
        piece = self.model.prefill_piece
        self.reading = None
        self._cache.rewind(0)
        for start in range(0, ids.shape[1], piece):
            with self._memory_explained():
                forward(self.model.network, ids[:, start : start + piece], self._cache, meter)
            if on_progress:
                on_progress(min(start + piece, ids.shape[1]), ids.shape[1])
        seconds = time.perf_counter() - began
        self.reading = Reading(
            documents=[document.name for document in self.documents],
            pages=sum(len(d.pages) for d in self.documents if d.paged),
            tokens=ids.shape[1],
            seconds=seconds,
            tokens_per_second=ids.shape[1] / seconds,
            peak_memory_bytes=peak_bytes(self.model.device),
            routing=meter.routing(),
            truncation=self._truncation,
        )
        return self.reading

    def stream(self, question: str, *, max_tokens: int = MAX_TOKENS) -> "AnswerStream":
        """Ask; iterate over the result for pieces of text, then take its `answer`."""
        return self._stream(question, prompts.ASK.format(question=question), max_tokens)

    def ask(self, question: str, *, max_tokens: int = MAX_TOKENS) -> Answer:
        """Ask and wait for the whole answer."""
        return self.stream(question, max_tokens=max_tokens).finish()

    def stream_summary(self, *, max_tokens: int = MAX_TOKENS) -> "AnswerStream":
        """Summarise what was read, streaming."""
        return self._stream("", prompts.SUMMARIZE, max_tokens)

    def summarize(self, *, max_tokens: int = MAX_TOKENS) -> Answer:
        """Summarise what was read."""
        return self.stream_summary(max_tokens=max_tokens).finish()

    def cite(self, text: str) -> list[Citation]:
        """The quotes of an answer with their places; an answer without marks is one quote."""
        marked = [quote for quote in QUOTED.findall(text) if len(quote.split()) >= QUOTED_WORDS]
        return [self._locate(quote) for quote in marked or [text] if quote.strip()]

    def _stream(self, question: str, instruction: str, max_tokens: int) -> "AnswerStream":
        if self.reading is None:
            self.read()
        return AnswerStream(self, question, self._frame.request(instruction), max_tokens)

    @contextmanager
    def _memory_explained(self) -> Iterator[None]:
        """Running out of memory becomes an error with the numbers and a way out."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            device = self.model.device
            raise DeviceError(
                f"Out of memory on {device} at token {self._cache.length:,}, "
                f"{free_bytes(device) / 2**30:.1f} GiB free; the documents have {self.tokens:,} "
                "tokens. Read fewer pages with --pages, leave some out with --truncate, "
                "or lower --max-tokens."
            ) from error

    def _locate(self, quote: str) -> Citation:
        for document, index in zip(self.documents, self._indexes, strict=True):
            if place := index.locate(quote):
                lines = None
                if place.first_line is not None and place.last_line is not None:
                    lines = (place.first_line, place.last_line)
                return Citation(quote, document.name, place.page, place.label, lines)
        return Citation(quote, None, None, None, None)

    def _fit(self, truncate: Cut | None) -> Truncation | None:
        """Check that everything fits into memory, or leave out what was asked for."""
        room = self.model.largest_context() - QUESTION_TOKENS - MAX_TOKENS
        if self.tokens <= room:
            return None
        if truncate is None or room <= len(self._frame.opening):
            raise self._does_not_fit(max(room, 0))
        return self._truncate(truncate, room)

    def _does_not_fit(self, room: int) -> DoesNotFitError:
        names = ", ".join(document.name for document in self.documents)
        numbers: dict[str, object] = {"tokens": self.tokens, "limit": room}
        message = f"{names}: {self.tokens:,} tokens, but memory holds {room:,}."
        filled, fitting = len(self._frame.opening), list[prompts.Segment]()
        for segment, ids in zip(self._segments, self._ids, strict=True):
            filled += len(ids)
            if filled > room:
                break
            fitting.append(segment)
        if fitting and self.documents[fitting[-1].document].paged:
            last = fitting[-1]
            numbers["last_page_that_fits"] = last.page
            if len(self.documents) == 1:
                pages = compact(segment.page for segment in fitting)
                message += f" Pages {pages} would fit: --pages {pages.replace(' ', '')}."
            else:
                name = self.documents[last.document].name
                message += f" All up to page {last.page} of {name} would fit."
        message += " To leave a part out: --truncate tail."
        return DoesNotFitError(message, **numbers)

    def _truncate(self, cut: Cut, room: int) -> Truncation:
        """Drop tokens at one place until the rest fits."""
        drop = self.tokens - room
        total = sum(map(len, self._ids))
        start = {"head": 0, "tail": total - drop, "middle": (total - drop) // 2}[cut]
        lost: dict[str, list[int]] = {}
        offset = 0
        for index, (segment, ids) in enumerate(zip(self._segments, self._ids, strict=True)):
            first, last = max(start - offset, 0), min(start + drop - offset, len(ids))
            offset += len(ids)
            if first < last:
                self._ids[index] = ids[:first] + ids[last:]
                if self.documents[segment.document].paged:
                    name = self.documents[segment.document].name
                    lost.setdefault(name, []).append(segment.page)
        pages = {name: compact(numbers) for name, numbers in lost.items()}
        where = "".join(f", in pages {span} of {name}" for name, span in pages.items())
        self.notices.append(f"Left out {drop:,} tokens of the {cut} that do not fit{where}.")
        return Truncation(cut, drop, pages)


class AnswerStream:
    """An answer under way: iterate for text, `stop` it, then take `answer`."""

    def __init__(
        self, session: Session, question: str, request: list[int], max_tokens: int
    ) -> None:
        self._session, self._question, self._request = session, question, request
        self._max_tokens = max_tokens
        self._decoding: Decoding | None = None
        self._stopped = False
        self.answer: Answer | None = None

    def stop(self) -> None:
        """End after the token under way; the text so far is the answer."""
        self._stopped = True
        if self._decoding:
            self._decoding.stop()

    def finish(self) -> Answer:
        """Run to the end and return the answer."""
        for _ in self:
            pass
        assert self.answer is not None
        return self.answer

    def __iter__(self) -> Iterator[str]:
        session, model = self._session, self._session.model
        meter = ChunkMeter(model.config)
        assert session.reading is not None
        began = time.perf_counter()
        session._cache.rewind(session.reading.tokens)
        request = torch.tensor([self._request], device=model.device)
        ids: list[int] = []
        text = ""
        first = 0.0
        with session._memory_explained():
            logits = forward(model.network, request, session._cache, meter)
            self._decoding = decoding = Decoding(
                model.network, session._cache, logits, model.stop_ids, self._max_tokens, meter
            )
            if self._stopped:
                decoding.stop()
            for token in decoding:
                if not ids:
                    first = time.perf_counter() - began
                ids.append(token)
                # A token may hold a part of a character: wait for the rest of it.
                decoded = model.tokenizer.decode(ids, skip_special_tokens=True).lstrip()
                if not decoded.endswith("\ufffd") and len(decoded) > len(text):
                    fresh, text = decoded[len(text) :], decoded
                    yield fresh
        seconds = time.perf_counter() - began
        first = first or seconds
        text = text.rstrip()
        citations = session.cite(text)
        self.answer = Answer(
            question=self._question,
            text=text,
            finish_reason=decoding.finish_reason,
            prompt_tokens=session.reading.tokens + len(self._request),
            tokens=len(ids),
            first_token_seconds=first,
            seconds=seconds,
            tokens_per_second=max(len(ids) - 1, 0) / max(seconds - first, 1e-9),
            peak_memory_bytes=peak_bytes(model.device),
            routing=meter.routing(),
            citations=citations,
            pages=sorted({c.page for c in citations if c.page is not None}),
        )
