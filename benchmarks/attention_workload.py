"""The synthetic layer of the attention benchmark, and how its routing is set to a density.

The keys of a chunk share a topic, and 16 neighbouring tokens share most of their queries: what
neighbours read overlaps, and is not the same. In `ALIKE` they share so much that at a density of
0.08 neighbours choose about as much alike as those of the bundled model (`unions.py`). The routing
scale is found by bisection on the last 1,024 tokens of each length.
"""

import math
from collections.abc import Callable
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
# How much of a query all 16 share, and how much is its own.
UNLIKE, ALIKE = (0.9, 0.44), (0.97, 0.24)
TAIL = 1024
BISECTIONS = 18

# A shape -> standard normal numbers of it, drawn one after another.
Normal = Callable[..., Tensor]


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


def draw(tokens: int, seed: int = 0, likeness: tuple[float, float] = UNLIKE) -> Inputs:
    """The whole layer of one sequence, `tokens` a multiple of the chunk size."""
    generator = torch.Generator(DEVICE).manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, device=DEVICE, generator=generator)

    key = draw_keys(normal, tokens)
    value = normal(1, KV_HEADS, tokens, HEAD_DIM)
    query = draw_queries(normal, tokens, likeness)
    return Inputs(
        query.to(DTYPE),
        key.to(DTYPE),
        value.to(DTYPE),
        (0.02 * normal(KV_HEADS, HEAD_DIM)).to(DTYPE),
    )


def draw_keys(normal: Normal, tokens: int) -> Tensor:
    """[1, Hkv, N, D]: the keys of a chunk share a topic."""
    topic = normal(KV_HEADS, tokens // CHUNK, 1, HEAD_DIM)
    own = normal(KV_HEADS, tokens // CHUNK, CHUNK, HEAD_DIM)
    return (0.7 * topic + 0.7 * own).view(1, KV_HEADS, tokens, HEAD_DIM)


def draw_queries(normal: Normal, tokens: int, likeness: tuple[float, float] = UNLIKE) -> Tensor:
    """[1, Hq, N, D]: neighbours share most of their queries."""
    shared = normal(QUERY_HEADS, tokens // NEIGHBOURS, 1, HEAD_DIM)
    own = normal(QUERY_HEADS, tokens // NEIGHBOURS, NEIGHBOURS, HEAD_DIM)
    alike, apart = likeness
    return (alike * shared + apart * own).view(1, QUERY_HEADS, tokens, HEAD_DIM)


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
    last = inputs.query[:, :, -TAIL:]
    return {
        label: scale_for(last, inputs.tokens, summaries, wanted)
        for label, wanted in DENSITIES.items()
    }


def scale_for(query: Tensor, tokens: int, summaries: Tensor, wanted: float) -> float:
    """The scale at which these queries, the last of so many tokens, have a density."""
    low, high = 0.01, 16.0
    for _ in range(BISECTIONS):
        scale = math.sqrt(low * high)
        if tail_density(query, tokens, summaries, scale) > wanted:
            low = scale
        else:
            high = scale
    return scale


def tail_density(query: Tensor, tokens: int, summaries: Tensor, scale: float) -> float:
    """Mean density of the last tokens by the definition, their own chunk counted."""
    position = torch.arange(tokens - query.shape[2], tokens, device=query.device)
    routed = reference.route(query, summaries, position, CHUNK, scale)
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
