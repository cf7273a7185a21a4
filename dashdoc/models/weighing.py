"""What the routing turned to for an answer: how it weighed every chunk, before and after."""

import numpy as np
import torch
from torch import Tensor

from dashdoc.kernels.reference import route
from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.metering import ChunkMeter

# Queries routed at once: many at a time cost little, and so many are little to keep.
ROUTED_TOGETHER = 64
# How much more than before the question a chunk must be weighed to count.
TURNED_TO = 2


class AnswerMeter(ChunkMeter):
    """A meter that also weighs the chunks, for every layer and KV head, over two spans of tokens.

    The weight is the routing probability P of stage 2, the own and other local chunks left out.
    It is computed from the kept queries, a few dozen at a time and the same on every backend, so
    that nothing is added to the reading, and next to nothing to a token.

    Args:
        known: position of the first token that knows the question; those before, from the first
            one metered on, know the instruction only.
        answered: position of the first token that a token of the answer follows.
    """

    def __init__(self, config: DashLlamaConfig, known: int, answered: int) -> None:
        super().__init__(config)
        self._config = config
        self._known, self._answered = known, answered
        self._kept: dict[int, list[Tensor]] = {}  # layer -> queries [B, Hq, M, D]
        self._first: dict[int, int] = {}  # layer -> position of the first kept query
        self._summaries: dict[int, Tensor] = {}
        self._sums = torch.zeros(2, *self._shape, 0)  # [before and after, layers, Hkv, P]
        self._counted = [0, 0]

    def add(self, layer: int, start: int, active: Tensor, query: Tensor, summaries: Tensor) -> None:
        super().add(layer, start, active, query, summaries)
        kept = self._kept.setdefault(layer, [])
        if not kept:
            self._first[layer] = start
        kept.append(query)
        self._summaries[layer] = summaries
        if start + query.shape[2] - self._first[layer] >= ROUTED_TOGETHER:
            self._weigh(layer)

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean weight of each chunk [layers, Hkv, P], before the question and while answering."""
        for layer in self._kept:
            self._weigh(layer)
        before, after = self._sums.double().cpu().numpy()
        return before / max(self._counted[0], 1), after / max(self._counted[1], 1)

    def turned_to(self) -> np.ndarray:
        """[P] how much the routing turned to each chunk for the answer.

        Every text has chunks that are read whatever is asked: its first, its latest. So a head's
        weight on a chunk counts only beyond twice what the same head gave it before the question
        was known. The mean is that of squares, over layers and heads: one head that turns to a
        chunk says more than many that stray there, the more so the longer the text.
        """
        before, after = self.means()
        return np.asarray(np.square(np.maximum(after - TURNED_TO * before, 0)).mean((0, 1)))

    @torch.inference_mode()
    def _weigh(self, layer: int) -> None:
        """Route the kept queries of a layer, and forget them."""
        if not self._kept[layer]:
            return
        config, summaries = self._config, self._summaries[layer]
        start = self._first[layer]
        for queries in torch.split(torch.cat(self._kept[layer], 2), ROUTED_TOGETHER, 2):
            end = start + queries.shape[2]
            position = torch.arange(start, end, device=queries.device)
            own = position // config.chunk_size
            P = int(own[-1])
            weights = route(
                queries, summaries[:, :, :P], position, config.chunk_size, config.scaling_factor
            )
            local = torch.arange(P, device=queries.device) > own[:, None] - config.local_chunks
            weights = weights.masked_fill(local, 0).sum(0)  # [Hkv, M, P]
            self._sum(layer, 0, weights[:, : max(self._known - start, 0)])
            self._sum(layer, 1, weights[:, max(self._answered - start, 0) :])
            start = end
        self._kept[layer] = []

    def _sum(self, layer: int, span: int, weights: Tensor) -> None:
        """Add the weights [Hkv, M, P] of M tokens of a span."""
        if (grown := weights.shape[2] - self._sums.shape[3]) > 0:
            self._sums = torch.nn.functional.pad(self._sums.to(weights.device), (0, grown))
        self._sums[span, layer, :, : weights.shape[2]] += weights.sum(1)
        if layer == 0:
            self._counted[span] += weights.shape[1]
