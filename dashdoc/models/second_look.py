"""The second look: the few likeliest sentences of a text are found, to be asked alone.

A small model that has read a long text takes a wrong sentence for the answer more often than one
that has read few. So the sentences it may quote are ranked by the chances of their first tokens,
and the best of them are asked the same question once more, in a text of their own.
"""

import math
from collections.abc import Collection, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice

import numpy as np
from torch import Tensor

from dashdoc.models.cache import DashCache
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.lookup import read_on
from dashdoc.models.quoting import Opening, Quotable

SENTENCES = 4  # looked at again
SECOND = 0.5  # what the second look counts for, beside the first
# Openings that are read to find them, at most.
MOST_READ = 16
SURE = 0.9  # probability of an opening of which no other is worth a look


class Chances:
    """Log-probabilities of openings behind what a cache holds.

    One pass over an opening tells those of all tokens behind each of its own, so also a part of
    what begins like it. The cache is left as it was.

    Args:
        logits: [1, vocabulary] after the last token held.
    """

    def __init__(self, network: DashLlamaForCausalLM, cache: DashCache, logits: Tensor) -> None:
        self._network, self._cache = network, cache
        self._behind: dict[Opening, np.ndarray] = {}  # the tokens so far -> [vocabulary]
        self._add((), logits)

    def of(self, opening: Opening) -> float:
        """The log-probability of an opening."""
        if not self.known(opening)[1]:
            self.read(opening)
        return self.known(opening)[0]

    def known(self, opening: Opening) -> tuple[float, bool]:
        """The log-probability of an opening as far as it is known, and whether that is all."""
        total = 0.0
        for count, token in enumerate(opening):
            if (chances := self._behind.get(opening[:count])) is None:
                return total, False
            total += float(chances[token])
        return total, True

    def read(self, opening: Opening) -> None:
        """Get to know an opening of two tokens or more, in one pass."""
        end = self._cache.length
        logits = read_on(self._network, list(opening[:-1]), self._cache, None)
        self._cache.rewind(end)
        self._add(opening[:-1], logits)

    def _add(self, tokens: Opening, logits: Tensor) -> None:
        """Keep the logits [M, vocabulary] behind the last M beginnings of some tokens."""
        first = len(tokens) + 1 - len(logits)
        for count, chances in enumerate(logits.float().log_softmax(-1).cpu().numpy(), first):
            self._behind[tokens[:count]] = chances


def likeliest(chances: Chances, openings: Collection[Opening]) -> Iterator[Opening]:
    """Openings, the likeliest first; those that `MOST_READ` passes do not reach are left out.

    What is known of an opening is never less likely than the whole, so the first that is known to
    its end is the likeliest of all.
    """
    queue = [(-chances.known(opening)[0], opening) for opening in openings]
    heapify(queue)
    left = MOST_READ
    while queue:
        bound, opening = heappop(queue)
        total, whole = chances.known(opening)
        if -total > bound:  # more is known of it by now
            heappush(queue, (-total, opening))
        elif whole:
            yield opening
        elif left:
            chances.read(opening)
            left -= 1
            heappush(queue, (bound, opening))


def worth_a_second_look(chances: Chances, text: Quotable) -> list[Opening]:
    """How the likeliest sentences begin, in the order of the text.

    None where a refusal is likeliest, or one sentence beyond doubt.
    """
    found = likeliest(chances, text.openings)
    first = next(found, text.refusal)
    if first == text.refusal or chances.of(first) > math.log(SURE):
        return []
    others = (opening for opening in found if opening != text.refusal)
    few = {first, *islice(others, SENTENCES - 1)}
    return [opening for opening in text.openings if opening in few]
