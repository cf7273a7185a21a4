"""The synthetic layer of the attention benchmark, and how its routing is set to a density.

The keys of a chunk share a topic, and 16 neighbouring tokens share most of their queries: what
neighbours read overlaps, and is not the same. The routing scale is found by bisection on the last
1,024 tokens of each length.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dashdoc.kernels import reference

QUERY_HEADS, KV_HEADS, HEAD_DIM, CHUNK = 32, 2, 128, 64
GROUP = QUERY_HEADS // KV_HEADS
DEVICE, DTYPE = "cuda", torch.bfloat16
# What the sets are called (the density of the second half of a long document is near it), and the
# density of the last tokens that the scale is searched for.
DENSITIES = {"0.31": 0.25, "0.08": 0.08}
SIGMA = 1e6
NEIGHBOURS = 16
TAIL = 1024
BISECTIONS = 18


@dataclass(frozen=True)
class Inputs:
    """query [B, Hq, M, D], key and value [B, Hkv, N, D], class_query [Hkv, D]."""

    query: Tensor
    key: Tensor
    value: Tensor
    class_query: Tensor

    @property
    def tokens(self) -> int:
        return self.key.shape[2]


def draw(tokens: int, seed: int = 0) -> Inputs:
    """The whole layer of one sequence, `tokens` a multiple of the chunk size."""
    generator = torch.Generator(DEVICE).manual_seed(seed)
    chunks = tokens // CHUNK

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, device=DEVICE, generator=generator)

    topic = normal(KV_HEADS, chunks, 1, HEAD_DIM)
    key = 0.7 * topic + 0.7 * normal(KV_HEADS, chunks, CHUNK, HEAD_DIM)
    value = normal(KV_HEADS, tokens, HEAD_DIM)
    shared = normal(QUERY_HEADS, tokens // NEIGHBOURS, 1, HEAD_DIM)
    own = normal(QUERY_HEADS, tokens // NEIGHBOURS, NEIGHBOURS, HEAD_DIM)
    query = 0.9 * shared + 0.44 * own
    return Inputs(
        query.view(1, QUERY_HEADS, tokens, HEAD_DIM).to(DTYPE),
        key.view(1, KV_HEADS, tokens, HEAD_DIM).to(DTYPE),
        value[None].to(DTYPE),
        (0.02 * normal(KV_HEADS, HEAD_DIM)).to(DTYPE),
    )


def draw_newest(tokens: int, batch: int) -> Inputs:
    """Sequences of which only the newest token is a query: M = 1."""
    rows = []
    for seed in range(batch):
        row = draw(tokens, seed)
        rows.append(Inputs(row.query[:, :, -1:].clone(), row.key, row.value, row.class_query))
    query, key, value = (
        torch.cat([getattr(row, name) for row in rows]) for name in ("query", "key", "value")
    )
    return Inputs(query, key, value, rows[0].class_query)


def scales(inputs: Inputs) -> dict[str, float]:
    """The routing scale of each density, by its label."""
    summaries = reference.summarize(inputs.key, inputs.class_query, CHUNK)
    return {label: _scale_for(inputs, summaries, wanted) for label, wanted in DENSITIES.items()}


def _scale_for(inputs: Inputs, summaries: Tensor, wanted: float) -> float:
    low, high = 0.01, 16.0
    for _ in range(BISECTIONS):
        scale = math.sqrt(low * high)
        if tail_density(inputs, summaries, scale) > wanted:
            low = scale
        else:
            high = scale
    return scale


def tail_density(inputs: Inputs, summaries: Tensor, scale: float) -> float:
    """Mean density of the last tokens by the definition, their own chunk counted."""
    N, tail = inputs.tokens, min(TAIL, inputs.tokens)
    position = torch.arange(N - tail, N, device=inputs.key.device)
    routed = reference.route(inputs.query[:, :, -tail:], summaries, position, CHUNK, scale)
    active = (routed > 0).sum(-1) + 1
    return (active / (position // CHUNK + 1)).mean().item()


def density(active: Tensor) -> float:
    """The share of the causal triangle's chunks that is read, from active [B, Hkv, N]."""
    N = active.shape[-1]
    whole = (torch.arange(N, device=active.device) // CHUNK + 1).sum().item()
    return active.double().mean((0, 1)).sum().item() / whole


def dense_flops(tokens: int) -> float:
    """Operations of causal attention: two matrix products over every pair of tokens."""
    return 4 * HEAD_DIM * QUERY_HEADS * tokens * (tokens + 1) / 2


def active_flops(active: Tensor) -> float:
    """Operations over the pairs of tokens that are read, from active [B, Hkv, N]."""
    position = torch.arange(active.shape[-1], device=active.device)
    pairs = (active.double() - 1) * CHUNK + position % CHUNK + 1
    return 4 * HEAD_DIM * GROUP * pairs.sum().item()
