"""Native sparse attention (NSA): compressed chunks, selected chunks and a window, gated.

Each branch has its own keys and values. A chunk's weight in the compressed branch, summed over the
query heads of a group, selects the chunks that are read in full; compression and selection take
the same chunks, so no weights need to be shared out. The paper compresses with an MLP over the
joined tokens of a block; here a learned mean of them goes through a small MLP, which keeps the
parameters within a tenth of the model's.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

from dashdoc.models.configuration import DashLlamaConfig
from examples.compare_routings.chosen import (
    attend_chosen,
    attend_tiles,
    choose_chunks,
    in_sums,
    padded,
)
from examples.compare_routings.layer import ChunkedAttention, rotated

LOCAL_CHUNKS = 2  # always selected, the own included; so is the first
WINDOW_CHUNKS = 4  # of the window, the own included
OPEN = 3.0  # logit of a gate that is nearly open


class Compression(nn.Module):
    """One vector a complete chunk: a learned mean of its tokens, each marked with its place."""

    def __init__(self, chunk_size: int, head_dim: int) -> None:
        super().__init__()
        self.place_embedding = nn.Parameter(torch.zeros(chunk_size, head_dim))
        self.place_logits = nn.Parameter(torch.zeros(chunk_size))
        self.mlp = nn.Sequential(
            nn.Linear(head_dim, head_dim), nn.SiLU(), nn.Linear(head_dim, head_dim)
        )

    def forward(self, heads: Tensor) -> Tensor:
        """[B, H, N, D] to [B, H, N // C, D]."""
        B, H, N, D = heads.shape
        C = len(self.place_logits)
        members = heads[:, :, : N // C * C].view(B, H, -1, C, D) + self.place_embedding
        mean = (self.place_logits.softmax(0)[:, None] * members).sum(3)
        compressed: Tensor = mean + self.mlp(mean)
        return compressed


class NativeSparseAttention(ChunkedAttention):
    """Three branches; `top_k` is how many past chunks are selected."""

    def __init__(self, config: DashLlamaConfig, layer_idx: int, top_k: int) -> None:
        super().__init__(config, layer_idx, top_k)
        size, heads = config.hidden_size, config.num_key_value_heads * self.head_dim
        self.selected_k_proj = nn.Linear(size, heads, bias=False)
        self.selected_v_proj = nn.Linear(size, heads, bias=False)
        self.window_k_proj = nn.Linear(size, heads, bias=False)
        self.window_v_proj = nn.Linear(size, heads, bias=False)
        self.compress_key = Compression(self.chunk_size, self.head_dim)
        self.compress_value = Compression(self.chunk_size, self.head_dim)
        self.gate = nn.Linear(size, 3 * config.num_attention_heads)

    @torch.no_grad()
    def begin_as_full(self) -> None:
        """Begin as the layer of full attention whose keys and values those to compress are."""
        for projections in (
            (self.k_proj, self.selected_k_proj, self.window_k_proj),
            (self.v_proj, self.selected_v_proj, self.window_v_proj),
        ):
            first, *others = projections
            for other in others:
                other.weight.copy_(first.weight)
        self.gate.weight.zero_()
        self.gate.bias.copy_(torch.tensor([-OPEN, OPEN, -OPEN]).repeat(self.gate.out_features // 3))

    def attend(
        self, query: Tensor, hidden: Tensor, position_embeddings: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        C, N = self.chunk_size, hidden.shape[1]
        complete, chunks = N // C, -(-N // C)
        position = torch.arange(N, device=hidden.device)
        # A compressed key stands at its chunk's first token.
        starts = tuple(table[:, : complete * C : C] for table in position_embeddings)
        compressed, weights = attend_compressed(
            query,
            rotated(self.compress_key(self.heads(self.k_proj, hidden)), *starts),
            self.compress_value(self.heads(self.v_proj, hidden)),
            C,
        )
        chosen = choose_chunks(
            padded(weights.detach(), chunks), position, C, self.top_k, LOCAL_CHUNKS
        )
        key = rotated(self.heads(self.selected_k_proj, hidden), *position_embeddings)
        selected = attend_chosen(query, key, self.heads(self.selected_v_proj, hidden), chosen, C)
        window = in_window(position, chunks, C).expand_as(chosen)
        near = rotated(self.heads(self.window_k_proj, hidden), *position_embeddings)
        latest = attend_window(query, near, self.heads(self.window_v_proj, hidden), window, C)
        gates = self.heads_of(self.gate(hidden).sigmoid())  # [B, Hq, N, 3]
        branches = torch.stack((compressed, selected, latest), -1)  # [B, Hq, N, D, 3]
        return (branches * gates[..., None, :]).sum(-1), chosen | window, key

    def heads_of(self, gates: Tensor) -> Tensor:
        """[B, N, 3 Hq] to [B, Hq, N, 3]."""
        return gates.unflatten(-1, (-1, 3)).transpose(1, 2)


def attend_compressed(
    query: Tensor, key: Tensor, value: Tensor, chunk_size: int
) -> tuple[Tensor, Tensor]:
    """Attention over the compressed past, and its weights summed over each group.

    Args:
        query: [B, Hq, N, D]; key, value: [B, Hkv, P, D] of the complete chunks.

    Returns:
        [B, Hq, N, D], zeros where there is no past chunk; weights [B, Hkv, N, P].
    """
    B, Hq, N, D = query.shape
    Hkv, P = key.shape[1:3]
    grouped = query.reshape(B, Hkv, Hq // Hkv, N, D)
    logits = in_sums(grouped @ key[:, :, None].transpose(-1, -2)) / math.sqrt(D)
    own = torch.arange(N, device=query.device) // chunk_size
    to_come = torch.arange(P, device=query.device) >= own[:, None]  # [N, P]
    # Finite: a row without any past chunk must not bring NaN into the gradients.
    weights = logits.masked_fill(to_come, -1e30).softmax(-1).masked_fill(to_come, 0)
    output = weights.to(value.dtype) @ value[:, :, None]
    return output.reshape(B, Hq, N, D), weights.sum(2)


def attend_window(
    query: Tensor, key: Tensor, value: Tensor, window: Tensor, chunk_size: int
) -> Tensor:
    """As `attend_chosen` of the chunks that `in_window` tells; on a GPU, of these tiles alone."""
    if query.is_cuda:
        return attend_tiles(query, key, value, _window(query.shape[2], chunk_size, query.device))
    return attend_chosen(query, key, value, window, chunk_size)


@lru_cache(maxsize=16)
def _window(tokens: int, chunk_size: int, device: torch.device) -> BlockMask:
    def near(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        return (q >= k) & (k // chunk_size > q // chunk_size - WINDOW_CHUNKS)

    return create_block_mask(near, None, None, tokens, tokens, device=device)


def in_window(position: Tensor, chunks: int, chunk_size: int) -> Tensor:
    """[N, chunks], true for the own chunk and those of the window before it."""
    chunk, own = torch.arange(chunks, device=position.device), (position // chunk_size)[:, None]
    return (chunk <= own) & (chunk > own - WINDOW_CHUNKS)
