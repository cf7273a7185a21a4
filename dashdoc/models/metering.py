"""Counting what the routing reads, layer by layer, while the model runs."""

import numpy as np
import torch
from torch import Tensor

from dashdoc.measures import Routing
from dashdoc.models.configuration import DashLlamaConfig

# The authors' figure leaves out the first 4,096 tokens.
AUTHORS_FIRST_TOKEN = 4096
STRETCHES = 64


class ChunkMeter:
    """Sums the active chunks of all tokens of a chunk, for every layer and KV head.

    All tokens of chunk c could read c + 1 chunks, so these sums give every figure of `Routing`
    without keeping a count for every token.
    """

    def __init__(self, config: DashLlamaConfig) -> None:
        self._chunk_size = config.chunk_size
        self._shape = (config.num_hidden_layers, config.num_key_value_heads)
        self._active: Tensor | None = None  # [layers, Hkv, P] int64
        self._tokens = np.zeros(0, np.int64)  # [P] tokens counted of each chunk
        self._end = 0  # position behind the last token counted

    def add(self, layer: int, start: int, active: Tensor, query: Tensor, summaries: Tensor) -> None:
        """Count M tokens from position `start` on; batch rows are counted together."""
        B, _, M = active.shape
        device = active.device
        chunks = (start + M - 1) // self._chunk_size + 1
        if self._active is None:
            self._active = torch.zeros(*self._shape, 0, dtype=torch.int64, device=device)
        if (grown := chunks - self._active.shape[2]) > 0:
            self._active = torch.nn.functional.pad(self._active, (0, grown))
        chunk = torch.arange(start, start + M, device=device) // self._chunk_size
        self._active[layer].index_add_(1, chunk, active.sum(0, dtype=torch.int64))
        if layer == 0:
            places = np.arange(start, start + M) // self._chunk_size
            self._tokens = np.pad(self._tokens, (0, max(0, chunks - len(self._tokens))))
            self._tokens += B * np.bincount(places, minlength=len(self._tokens))
            self._end = max(self._end, start + M)

    def routing(self) -> Routing:
        """The figures over everything counted so far."""
        assert self._active is not None, "nothing was counted"
        active = self._active.cpu().numpy().astype(np.float64)  # [L, Hkv, P]
        causal = self._tokens * np.arange(1, len(self._tokens) + 1)  # [P] readable chunks
        heads = active.shape[1]

        def skipped(read: np.ndarray, readable: float) -> float:
            return float(1 - read.sum() / readable)

        seen = np.flatnonzero(self._tokens)
        bounds = np.unique(np.linspace(seen[0], seen[-1] + 1, STRETCHES + 1).astype(int))
        stretches = list(zip(bounds[:-1], bounds[1:], strict=True))
        mean_active = active.mean((0, 1))  # [P]
        return Routing(
            tokens=int(self._tokens.sum()),
            chunk_size=self._chunk_size,
            sparsity=skipped(mean_active, causal.sum()),
            sparsity_token_mean=skipped(mean_active[seen] / (seen + 1), float(self._tokens.sum())),
            sparsity_authors=self._authors(mean_active),
            per_layer=[skipped(layer, heads * causal.sum()) for layer in active],
            per_head=[[skipped(head, causal.sum()) for head in layer] for layer in active],
            along=[
                [skipped(layer[:, a:b], heads * causal[a:b].sum()) for a, b in stretches]
                for layer in active
            ],
            edges=[int(b) * self._chunk_size for b in bounds],
        )

    def _authors(self, mean_active: np.ndarray) -> float | None:
        first = -(-AUTHORS_FIRST_TOKEN // self._chunk_size)
        late = self._tokens[first:].sum()
        if not late:
            return None
        return float(1 - self._chunk_size * mean_active[first:].sum() / late / self._end)
