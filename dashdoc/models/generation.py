"""Greedy decoding over a cache, token by token."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch
from torch import Tensor

from dashdoc.measures import FinishReason
from dashdoc.models.cache import DashCache
from dashdoc.models.llama import CACHE_ARGUMENT, DashLlamaForCausalLM, RoutingMeter
from dashdoc.models.lookup import tokens_looked_up
from dashdoc.models.quoting import Quotation, most_likely

# A loop: at least this many copies of one cycle, over at least this many tokens.
REPEATED_COPIES = 3
REPEATED_TOKENS = 48


@torch.inference_mode()
def forward(
    network: DashLlamaForCausalLM, ids: Tensor, cache: DashCache, meter: RoutingMeter | None = None
) -> Tensor:
    """Append tokens [B, M] to the cache; the logits [B, vocabulary] after the last of them."""
    output = network(ids, logits_to_keep=1, use_cache=True, meter=meter, **{CACHE_ARGUMENT: cache})
    logits: Tensor = output.logits[:, -1]
    return logits


@dataclass
class Decoding:
    """Iterate for the token ids of an answer; `finish_reason` tells afterwards why it ended.

    Args:
        logits: [1, vocabulary] after the prompt.
        stop_ids: tokens that end the answer; they are not part of it.
        max_tokens: the answer's length at most.
        context: ids of the text that the answer may quote; the tokens are the same without it,
            but come one at a time.
        quotation: chooses the tokens where the answer must quote; else the most likely are taken.
    """

    network: DashLlamaForCausalLM
    cache: DashCache
    logits: Tensor
    stop_ids: frozenset[int]
    max_tokens: int
    meter: RoutingMeter | None = None
    context: Sequence[int] = ()
    quotation: Quotation | None = None
    finish_reason: FinishReason = "length"
    _stopped: bool = False

    def stop(self) -> None:
        """End after the token under way (the user's Ctrl-C)."""
        self._stopped = True

    def __iter__(self) -> Iterator[int]:
        ids: list[int] = []
        with closing(self._tokens()) as tokens:
            for token in tokens:
                if token in self.stop_ids:
                    self.finish_reason = "stop"
                    return
                ids.append(token)
                yield token
                if self._stopped:
                    self.finish_reason = "interrupted"
                    return
                if repeats(ids):
                    self.finish_reason = "repetition"
                    return

    def _tokens(self) -> Generator[int]:
        """Up to `max_tokens` tokens; each is read into the cache when the next is asked for."""
        if self.logits.is_cuda and len(self.logits) == 1 and not self.quotation:
            from dashdoc.models.ahead import tokens_ahead
            from dashdoc.models.step import has_steps

            if has_steps(self.network):
                yield from tokens_ahead(
                    self.network, self.cache, self.logits, self.max_tokens, self.meter
                )
                return
        choose = self.quotation or most_likely
        if self.context:
            yield from tokens_looked_up(
                self.network,
                self.cache,
                self.logits,
                self.max_tokens,
                self.context,
                self.meter,
                choose,
            )
            return
        for index in range(self.max_tokens):
            token = choose(self.logits[0])
            yield token
            if index + 1 < self.max_tokens:
                step = torch.tensor([[token]], device=self.logits.device)
                self.logits = forward(self.network, step, self.cache, self.meter)


def repeats(ids: list[int]) -> bool:
    """Whether the last tokens are copies of one cycle."""
    for cycle in range(1, len(ids) // REPEATED_COPIES + 1):
        span = max(REPEATED_TOKENS, cycle * REPEATED_COPIES)
        tail = ids[-span:]
        if len(tail) == span and tail[cycle:] == tail[:-cycle]:
            return True
    return False
