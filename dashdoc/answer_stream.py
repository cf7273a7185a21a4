"""An answer under way: text as it comes, then everything that was measured about it.

Before a model that quotes answers, it is asked the same of the few sentences that it finds
likeliest, in a text of their own. That is neither metered nor kept: the answer follows the whole.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dashdoc.citations import cited_pages, coverage
from dashdoc.measures import Answer
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import Decoding, forward
from dashdoc.models.memory import peak_bytes
from dashdoc.models.metering import ChunkMeter
from dashdoc.models.quoting import OPENING, Quotation
from dashdoc.models.second_look import SECOND, Chances, worth_a_second_look
from dashdoc.models.weighing import AnswerMeter
from dashdoc.prompts import ASK
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
        self.ids = ids = list[int]()
        text = decoded = ""
        once = None if self._question else SaidOnce()
        first = 0.0
        with session._memory_explained():
            self._decoding = decoding = self._begin(meter)
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

    def _begin(self, meter: ChunkMeter) -> Decoding:
        """Read the request; what decodes the answer."""
        session, model = self._session, self._session.model
        session._cache.rewind(self._start)
        logits = self._read(self._request, session._cache, meter)
        quotation = None
        if self._question and model.config.quotes:
            starts = self._look_again(logits)
            quotation = Quotation(session._quotable, model.stop_ids, starts)
        return Decoding(
            model.network,
            session._cache,
            logits,
            model.stop_ids,
            self._max_tokens,
            meter,
            context=session._read_ids + self._request,
            quotation=quotation,
        )

    def _look_again(self, logits: Tensor) -> list[int]:
        """Ask the few likeliest sentences alone; where the answer begins by both readings.

        Where there is no choice there are no beginnings.
        """
        session, frame, text = self._session, self._session._frame, self._session._quotable
        network = session.model.network
        before = Chances(network, session._cache, logits)
        few = [] if self._stopped else worth_a_second_look(before, text)
        if len(few) < 2:
            return []
        told = [token for opening in few for token in text.sentence(text.openings[opening][0])]
        alone = [*frame.opening, *frame.plain(f"{frame.text(told).strip()}\n\n")]
        alone += frame.request(ASK.format(question=self._question))
        cache = DashCache(session.model.config, len(alone) + OPENING)
        after = Chances(network, cache, self._read(alone, cache))
        chosen = max(few, key=lambda opening: before.of(opening) + SECOND * after.of(opening))
        return text.openings[chosen]

    def _read(self, ids: list[int], cache: DashCache, meter: ChunkMeter | None = None) -> Tensor:
        """Append tokens to a cache; the logits [1, vocabulary] after them."""
        model = self._session.model
        return forward(model.network, torch.tensor([ids], device=model.device), cache, meter)

    def _meter(self) -> ChunkMeter:
        """Counts what is read; for a question, it also weighs what the routing turned to."""
        config, frame = self._session.model.config, self._session._frame
        if not self._question:
            return ChunkMeter(config)
        end = self._start + len(self._request)
        asked = len(frame.plain(self._question)) + len(frame.closing)
        return AnswerMeter(config, known=max(end - asked, self._start), answered=end - 1)
