"""An answer under way: text as it comes, then everything that was measured about it."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from dashdoc.citations import cited_pages, coverage
from dashdoc.measures import Answer
from dashdoc.models.generation import Decoding, forward
from dashdoc.models.memory import peak_bytes
from dashdoc.models.metering import ChunkMeter
from dashdoc.models.quoting import Quotation
from dashdoc.models.weighing import AnswerMeter
from dashdoc.said_once import SaidOnce

if TYPE_CHECKING:
    from dashdoc.session import Session


class AnswerStream:
    """An answer under way: iterate for text, `stop` it, then take `answer`.

    The request follows the first `start` tokens of the cache, which hold at least the documents.
    `ids` are the tokens of the answer.
    """

    def __init__(
        self, session: "Session", question: str, request: list[int], max_tokens: int, start: int
    ) -> None:
        self._session, self._question, self._request = session, question, request
        self._max_tokens, self._start = max_tokens, start
        self._decoding: Decoding | None = None
        self._stopped = False
        self.ids: list[int] = []
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
        meter = self._meter()
        began = time.perf_counter()
        session._cache.rewind(self._start)
        request = torch.tensor([self._request], device=model.device)
        self.ids = ids = list[int]()
        text = decoded = ""
        once = None if self._question else SaidOnce()
        first = 0.0
        with session._memory_explained():
            logits = forward(model.network, request, session._cache, meter)
            self._decoding = decoding = Decoding(
                model.network,
                session._cache,
                logits,
                model.stop_ids,
                self._max_tokens,
                meter,
                context=session._read_ids + self._request,
                quotation=self._quotation(),
            )
            if self._stopped:
                decoding.stop()
            for token in decoding:
                if not ids:
                    first = time.perf_counter() - began
                ids.append(token)
                # A token may hold a part of a character: wait for the rest of it.
                longer = model.tokenizer.decode(ids, skip_special_tokens=True).lstrip()
                if longer.endswith("\ufffd") or len(longer) <= len(decoded):
                    continue
                fresh, decoded = longer[len(decoded) :], longer
                if once:
                    fresh = once.hand_on(fresh)
                    if once.repeated:
                        decoding.stop()
                if fresh:
                    text += fresh
                    yield fresh
        if once and (rest := once.close()):
            text += rest
            yield rest
        seconds = time.perf_counter() - began
        first = first or seconds
        text = text.rstrip()
        citations = session.cite(text)
        self.answer = Answer(
            question=self._question,
            text=text,
            finish_reason="repetition" if once and once.repeated else decoding.finish_reason,
            prompt_tokens=self._start + len(self._request),
            tokens=len(ids),
            first_token_seconds=first,
            seconds=seconds,
            tokens_per_second=max(len(ids) - 1, 0) / max(seconds - first, 1e-9),
            peak_memory_bytes=peak_bytes(model.device),
            routing=meter.routing(),
            citations=citations,
            pages=cited_pages(citations),
            coverage=coverage(text, citations),
            sources=session._sources(meter) if isinstance(meter, AnswerMeter) else None,
        )

    def _quotation(self) -> Quotation | None:
        """What keeps an answer to the words of the text, of a model that quotes."""
        session = self._session
        if not self._question or not session.model.config.quotes:
            return None
        return Quotation(session._quotable, session.model.stop_ids)

    def _meter(self) -> ChunkMeter:
        """Counts what is read; for a question, it also weighs what the routing turned to."""
        config, frame = self._session.model.config, self._session._frame
        if not self._question:
            return ChunkMeter(config)
        end = self._start + len(self._request)
        asked = len(frame.plain(self._question)) + len(frame.closing)
        return AnswerMeter(config, known=max(end - asked, self._start), answered=end - 1)
