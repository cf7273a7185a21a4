"""Greedy decoding in which the device is one step ahead: no token waits for the host.

A token is chosen and fed back on the device. The host launches the next step before it reads the
token of this one, and where that token ends the answer, the cache is rewound.
"""

from collections.abc import Generator

import torch
from torch import Tensor

from dashdoc.models.cache import DashCache
from dashdoc.models.llama import DashLlamaForCausalLM, RoutingMeter
from dashdoc.models.step import KEPT_STEPS, DecodeStep, step_over


def tokens_ahead(
    network: DashLlamaForCausalLM, cache: DashCache, logits: Tensor, count: int,
    meter: RoutingMeter | None = None,
) -> Generator[int]:  # fmt: skip
    """Up to `count` tokens after the logits [1, vocabulary]; all but the last are read in.

    Once the iterator is closed the cache holds, and the meter has counted, what came before the
    last token that was taken.
    """
    start, index = cache.length, 0
    token, mail = logits.argmax(-1), Mail(logits.device)
    counted = start
    step: DecodeStep | None = None

    def count_up_to(end: int) -> None:
        nonlocal counted
        if meter is not None and step is not None and counted < end:
            step.hand_over(meter, counted, end)
        counted = end

    mail.post(token)
    try:
        for index in range(count):
            end = start + index  # tokens held for certain
            if index + 1 < count:
                if step is None or end == cache.capacity:
                    count_up_to(end)
                    cache.fill(end)
                    cache.reserve(end + 1)
                    token, step = token if step is None else step.token, step_over(network, cache)
                    step.begin(token, end)
                step()
                mail.post(step.token)
                if end % KEPT_STEPS == 0:
                    count_up_to(end)
            yield mail.read()
    finally:
        count_up_to(start + index)
        cache.fill(start + index)


class Mail:
    """Tokens on their way from the device to the host, in order; two at most are under way."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._slots = torch.zeros(2, dtype=torch.int64, pin_memory=self._cuda)
        self._arrived: list[torch.cuda.Event] = []
        if self._cuda:
            self._arrived = [torch.cuda.Event() for _ in range(2)]  # type: ignore[no-untyped-call]
        self._posted = self._read = 0

    def post(self, token: Tensor) -> None:
        """Send a token [1], without waiting for it."""
        slot = self._posted % 2
        self._slots[slot : slot + 1].copy_(token, non_blocking=True)
        if self._cuda:
            self._arrived[slot].record()
        self._posted += 1

    def read(self) -> int:
        """The token posted first of those not read yet."""
        slot = self._read % 2
        if self._cuda:
            self._arrived[slot].synchronize()
        self._read += 1
        return int(self._slots[slot])
