"""Documents in one context: read once, then any number of questions."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from itertools import accumulate, chain
from typing import Literal

import torch

from dashdoc import prompts
from dashdoc.answer_stream import AnswerStream
from dashdoc.citations import CitationFinder
from dashdoc.documents import Document
from dashdoc.documents.page_selection import compact
from dashdoc.errors import DeviceError
from dashdoc.estimates import does_not_fit, memory_needed
from dashdoc.layout import Gap, PlacedText, place_texts
from dashdoc.measures import Answer, Citation, Reading, Routing, Sources, Truncation
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import forward
from dashdoc.models.loading import Model
from dashdoc.models.memory import free_bytes, is_out_of_memory, peak_bytes
from dashdoc.models.metering import ChunkMeter
from dashdoc.models.quoting import Quotable
from dashdoc.models.weighing import AnswerMeter
from dashdoc.readings import Readings
from dashdoc.sources import find_sources

MAX_TOKENS = 512
# Room in the cache for a question beside its answer; the cache grows for longer ones.
QUESTION_TOKENS = 512
Cut = Literal["head", "tail", "middle"]


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
        self.context = model.largest_context()  # tokens that memory holds
        self._frame = prompts.ChatFrame(model.tokenizer)
        self._citations = CitationFinder(self.documents)
        self._segments = prompts.segments(self.documents)
        self._ids = [self._frame.plain(segment.text) for segment in self._segments]
        self._gaps: dict[int, Gap] = {}  # segment -> what it lost
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

    def document_starts(self) -> list[int]:
        """First token of each document."""
        *earlier, _ = self._document_tokens()
        return list(accumulate(earlier, initial=len(self._frame.opening)))

    def read(
        self,
        on_progress: Callable[[int, int], None] | None = None,
        *,
        readings: Readings | None = None,
    ) -> Reading:
        """Prefill the cache, piece by piece; `on_progress` gets tokens done and in all.

        With `readings` the cache is restored from a kept one, or kept for the next time; where that
        fails, the notices say so.

        Raises:
            DeviceError: out of memory, with what was needed and free.
        """
        ids = self._read_ids
        began = time.perf_counter()
        self.reading = None
        self._cache.rewind(0)
        with self._memory_explained():
            kept = readings.restore(self.model, ids, self._cache, on_progress) if readings else None
            routing = kept.routing if kept else self._prefill(ids, on_progress)
        seconds = time.perf_counter() - began
        self.reading = Reading(
            documents=[document.name for document in self.documents],
            pages=sum(len(d.pages) for d in self.documents if d.paged),
            tokens=len(ids),
            seconds=seconds,
            tokens_per_second=len(ids) / seconds,
            peak_memory_bytes=peak_bytes(self.model.device),
            routing=routing,
            truncation=self._truncation,
            document_tokens=self._document_tokens(),
            restored_from=kept.read_at if kept else None,
        )
        if readings:
            if not kept:
                readings.save(self.model, ids, self._cache, self.reading)
            self.notices += readings.take_notices()
        return self.reading

    def _prefill(self, ids: list[int], on_progress: Callable[[int, int], None] | None) -> Routing:
        """Read tokens into the empty cache; what their routing did.

        Where memory ends the first time, it goes on in pieces of half the length.
        """
        meter = ChunkMeter(self.model.config)
        tokens = torch.tensor([ids], device=self.model.device)
        whole = piece = self.model.prefill_piece
        start = 0
        while start < len(ids):
            # A piece that fails has counted some of its layers.
            counted = deepcopy(meter)
            try:
                forward(self.model.network, tokens[:, start : start + piece], self._cache, meter)
            except RuntimeError as error:
                if piece < whole or not is_out_of_memory(error):
                    raise
                piece, meter = whole // 2, counted
                self._cache.rewind(start)
                continue
            start = min(start + piece, len(ids))
            if on_progress:
                on_progress(start, len(ids))
        return meter.routing()

    def stream(self, question: str, *, max_tokens: int = MAX_TOKENS) -> AnswerStream:
        """Ask; iterate over the result for pieces of text, then take its `answer`."""
        return self._stream(question, prompts.ASK.format(question=question), max_tokens)

    def ask(self, question: str, *, max_tokens: int = MAX_TOKENS) -> Answer:
        """Ask and wait for the whole answer."""
        return self.stream(question, max_tokens=max_tokens).finish()

    def stream_summary(self, *, max_tokens: int = MAX_TOKENS) -> AnswerStream:
        """Summarise what was read, streaming."""
        return self._stream("", prompts.SUMMARIZE, max_tokens)

    def summarize(self, *, max_tokens: int = MAX_TOKENS) -> Answer:
        """Summarise what was read."""
        return self.stream_summary(max_tokens=max_tokens).finish()

    def cite(self, text: str) -> list[Citation]:
        """The quotes of an answer with their places, or with none where no document holds them."""
        return self._citations.cite(text)

    def _stream(self, question: str, instruction: str, max_tokens: int) -> AnswerStream:
        reading = self.reading or self.read()
        request = self._frame.request(instruction)
        return AnswerStream(self, question, request, max_tokens, reading.tokens)

    @contextmanager
    def _memory_explained(self) -> Iterator[None]:
        """Running out of memory becomes an error with the numbers and a way out."""
        try:
            yield
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            choice = self.model.choice
            needed = choice.cache_bytes(self.tokens) + choice.workspace_bytes(self.tokens)
            raise DeviceError(
                f"Out of memory on {choice.device} at token {self._cache.length:,}, "
                f"{free_bytes(choice.device) / 2**30:.1f} GiB free; the documents have "
                f"{self.tokens:,} tokens, whose cache and workspace need {needed / 2**30:.1f} GiB. "
                "Read fewer pages with --pages, leave some out with --truncate, "
                "or lower --max-tokens."
            ) from error

    @cached_property
    def _read_ids(self) -> list[int]:
        """What the model reads: the documents with their markers, behind the opening."""
        return [*self._frame.opening, *chain.from_iterable(self._ids)]

    @cached_property
    def _texts(self) -> list[PlacedText]:
        return place_texts(self.documents, self._segments, self._ids, self._gaps, self._frame)

    @cached_property
    def _quotable(self) -> Quotable:
        """What an answer that quotes may be."""
        refusal = self._frame.plain(" " + prompts.NO_ANSWER)
        return Quotable([text.ids for text in self._texts], refusal, self.model.tokenizer)

    def _sources(self, meter: AnswerMeter) -> Sources:
        """What routing turned to for an answer."""
        chunk_size = self.model.config.chunk_size
        return find_sources(meter.turned_to(), chunk_size, self._texts, self._frame.text)

    def _document_tokens(self) -> list[int]:
        """Tokens of each document, with its markers."""
        tokens = [0] * len(self.documents)
        for segment, ids in zip(self._segments, self._ids, strict=True):
            tokens[segment.document] += len(ids)
        return tokens

    def _fit(self, truncate: Cut | None) -> Truncation | None:
        """Check that everything fits into memory, or leave out what was asked for."""
        room = self.context - QUESTION_TOKENS - MAX_TOKENS
        if self.tokens <= room:
            return None
        if truncate is None or room <= len(self._frame.opening):
            lengths = list(map(len, self._ids))
            memory = memory_needed(self.model.choice, self.tokens, free_bytes(self.model.device))
            opening = len(self._frame.opening)
            raise does_not_fit(self.documents, lengths, opening, max(room, 0), memory)
        return self._truncate(truncate, room)

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
                self._gaps[index] = Gap(first, ids[first:last])
                if self.documents[segment.document].paged:
                    name = self.documents[segment.document].name
                    lost.setdefault(name, []).append(segment.page)
        pages = {name: compact(numbers) for name, numbers in lost.items()}
        where = "".join(f", in pages {span} of {name}" for name, span in pages.items())
        self.notices.append(f"Left out {drop:,} tokens of the {cut} that do not fit{where}.")
        return Truncation(cut, drop, pages)
