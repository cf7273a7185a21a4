"""Attention over chosen chunks: which ones, by scores and a fixed count; and what is read of them.

Shapes: B batch, Hq query heads, Hkv KV heads, N tokens, D head dimension, C chunk size, P chunks
of the sequence, the last of which may be partial.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from dashdoc.kernels import reference

_flex_attention = torch.compile(flex_attention, dynamic=False)
# Every length is compiled for itself, in training and in inference.
torch._dynamo.config.recompile_limit = 64


def choose_chunks(
    scores: Tensor, position: Tensor, chunk_size: int, top_k: int, local_chunks: int
) -> Tensor:
    """The `top_k` past chunks of the highest scores, and the token's own.

    The first chunk and the `local_chunks - 1` before the own come first, whatever they score.

    Args:
        scores: [B, Hkv, M, P]; position: [M] of each query.

    Returns:
        [B, Hkv, M, P], true where a chunk is read.
    """
    chunk = torch.arange(scores.shape[-1], device=scores.device)
    own = (position // chunk_size)[:, None]
    past = chunk < own  # [M, P]
    always = past & ((chunk == 0) | (chunk > own - local_chunks))
    ranked = scores.masked_fill(~past, -torch.inf).masked_fill(always, torch.inf)
    best = ranked.topk(min(top_k, len(chunk)), -1).indices
    chosen = torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, best, True)
    return (chosen & past) | (chunk == own)


def attend_chosen(
    query: Tensor, key: Tensor, value: Tensor, chosen: Tensor, chunk_size: int
) -> Tensor:
    """Causal softmax attention over the tokens of the chosen chunks, without any prior.

    Args:
        query: [B, Hq, N, D]; key, value: [B, Hkv, N, D].
        chosen: [B, Hkv, N, P] bool; a token's own chunk must be chosen.

    Returns:
        [B, Hq, N, D] in the query's dtype.
    """
    if query.is_cuda:
        return _attend_fused(query, key, value, chosen, chunk_size)
    bias = torch.zeros_like(chosen, dtype=query.dtype).masked_fill(~chosen, -torch.inf)
    position = torch.arange(query.shape[2], device=query.device)
    return reference.attend(query, key, value, bias, position, chunk_size)


def _attend_fused(
    query: Tensor, key: Tensor, value: Tensor, chosen: Tensor, chunk_size: int
) -> Tensor:
    """All tiles below the diagonal are computed: memory is linear in N, time is not saved."""
    group = query.shape[1] // key.shape[1]

    def masked(score: Tensor, b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        return torch.where(chosen[b, h // group, q, k // chunk_size], score, -torch.inf)

    return attend_tiles(query, key, value, _causal(query.shape[2], query.device), masked)


def attend_tiles(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: BlockMask,
    score_mod: Callable[..., Tensor] | None = None,
) -> Tensor:
    """Flex attention over the tiles of a mask; shapes and result as those of `attend_chosen`."""
    dtype = query.dtype
    if torch.is_autocast_enabled("cuda"):
        dtype = torch.get_autocast_dtype("cuda")
    output: Tensor = _flex_attention(
        query.to(dtype),
        key.to(dtype),
        value.to(dtype),
        score_mod=score_mod,
        block_mask=mask,
        enable_gqa=True,
    )
    return output.to(query.dtype)


@lru_cache(maxsize=16)
def _causal(tokens: int, device: torch.device) -> BlockMask:
    def causal(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        return q >= k

    return create_block_mask(causal, None, None, tokens, tokens, device=device)


def padded(scores: Tensor, chunks: int) -> Tensor:
    """Scores [..., complete chunks] with zeros for the partial one, if there is one."""
    return F.pad(scores, (0, chunks - scores.shape[-1]))


def in_sums(logits: Tensor) -> Tensor:
    """In the precision of sums: at least fp32."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
