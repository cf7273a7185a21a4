"""Prompt-lookup decoding: an answer that quotes is read in several tokens at a time.

What followed the last tokens where they stood before is a draft of the next ones. One pass over the
cache tells what greedy decoding says after each token of the draft. As far as that is the draft
itself it is the answer; the rest is rewound. Several tokens at once round otherwise than one: where
two are as likely to the last digits, the answer may go on with either.
"""

from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor

from dashdoc.models.cache import DashCache
from dashdoc.models.llama import CACHE_ARGUMENT, DashLlamaForCausalLM, RoutingMeter
from dashdoc.models.quoting import Choice, most_likely

# Tokens drafted for each that agrees, and at most. On a CPU the bundled model reads 9 tokens in 1.3
# to 1.5 times the time of one, and 25 in 1.8 to 2.5 times.
DRAFTED_PER_AGREEING = 8
LONGEST_DRAFT = 24
# Tokens that are compared to find the place that agrees longest.
LONGEST_AGREEMENT = 16
# Drafts in a row without a right token, after which no more trust is lost.
MOST_MISSES = 2


def tokens_looked_up(
    network: DashLlamaForCausalLM, cache: DashCache, logits: Tensor, count: int,
    context: Sequence[int], meter: RoutingMeter | None = None, choose: Choice = most_likely,
) -> Generator[int]:  # fmt: skip
    """Up to `count` tokens after the logits [1, vocabulary]; all but the last are read in.

    Once the iterator is closed the cache holds, and the meter has counted, what came before the
    last token that was taken.

    Args:
        context: ids of the text that the answer may quote.
        choose: takes the logits after each token.
    """
    drafts = Drafts(context, count)
    token = choose(logits[0])
    drafts.extend([token])
    yield token
    left = count - 1
    while left:
        end = cache.length  # tokens held for certain
        draft = drafts.propose(left - 1)
        counts = PassCounts()
        logits = read_on(network, [token, *draft], cache, counts if meter else None)
        said = drafts.settle(draft, logits, choose)
        left -= len(said)
        try:
            for token in said:
                end += 1
                yield token
        finally:
            cache.rewind(end)
            if meter:
                counts.hand_over(meter, end)


@torch.inference_mode()
def read_on(
    network: DashLlamaForCausalLM, ids: list[int], cache: DashCache, meter: RoutingMeter | None
) -> Tensor:
    """Append tokens to the cache; the logits [M, vocabulary] after each of them."""
    rows = torch.tensor([ids], device=network.device)
    output = network(rows, use_cache=True, meter=meter, **{CACHE_ARGUMENT: cache})
    logits: Tensor = output.logits[0]
    return logits


class Drafts:
    """Drafts of the next tokens, from the latest place that agrees longest with the last ones.

    Every draft compares all tokens, 0.1 ms for 131,072 of them, so no index is kept.

    Args:
        context: ids of the text so far.
        room: tokens that will follow it, at most.
    """

    def __init__(self, context: Sequence[int], room: int) -> None:
        self._length = len(context)
        self._ids = np.empty(self._length + room, np.int32)
        self._ids[: self._length] = context
        self._misses = 0

    def extend(self, ids: Sequence[int]) -> None:
        """Add tokens of the answer."""
        self._ids[self._length : self._length + len(ids)] = ids
        self._length += len(ids)

    def propose(self, most: int) -> list[int]:
        """At most so many of the next tokens: the longer the agreement, the more of them."""
        end, agreeing = self._longest_agreement()
        trusted = max(agreeing - self._misses, 0)
        tokens = min(DRAFTED_PER_AGREEING * trusted, LONGEST_DRAFT, most)
        draft: list[int] = self._ids[end : min(end + tokens, self._length)].tolist()
        return draft

    def settle(self, draft: Sequence[int], logits: Tensor, choose: Choice) -> list[int]:
        """Add what is chosen: the draft as far as it is right, and one token more.

        `logits` [M, vocabulary] follow the last token, and each of the draft.
        """
        said = [choose(logits[0])]
        while len(said) <= len(draft) and said[-1] == draft[len(said) - 1]:
            said.append(choose(logits[len(said)]))
        if draft:
            self._misses = 0 if len(said) > 1 else min(self._misses + 1, MOST_MISSES)
        self.extend(said)
        return said

    def _longest_agreement(self) -> tuple[int, int]:
        """Where a run ends that agrees longest with the last tokens, the latest; its length."""
        ids = self._ids[: self._length]
        ends = np.flatnonzero(ids[:-1] == ids[-1]) + 1
        if not len(ends):
            return 0, 0
        agreeing = 1
        while agreeing < LONGEST_AGREEMENT:
            longer = ends[ends > agreeing]
            longer = longer[ids[longer - agreeing - 1] == ids[-agreeing - 1]]
            if not len(longer):
                break
            ends, agreeing = longer, agreeing + 1
        return int(ends[-1]), agreeing


class PassCounts:
    """Holds what the routing of one pass read until it is known which of its tokens stay."""

    def __init__(self) -> None:
        self._calls: list[tuple[int, int, Tensor, Tensor, Tensor]] = []

    def add(self, layer: int, start: int, active: Tensor, query: Tensor, summaries: Tensor) -> None:
        self._calls.append((layer, start, active, query, summaries))

    @torch.inference_mode()
    def hand_over(self, meter: RoutingMeter, end: int) -> None:
        """Give a meter the tokens before position `end`, and none of those behind."""
        for layer, start, active, query, summaries in self._calls:
            M = end - start
            meter.add(layer, start, active[:, :, :M], query[:, :, :M], summaries)
