"""Stage 3 for training: the routing prior as more head dimensions of a dense, fused attention."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# The widest heads that PyTorch's fused attention takes, and what their width must divide by.
WIDEST_HEAD = 256
HEAD_STEP = 8
# Stands for a bias of -inf: its exponential is zero, and half precision can hold it.
UNREAD = -3e4


def fits(query: Tensor, tokens: int, chunk_size: int) -> bool:
    """Whether heads with one more dimension a chunk are not too wide."""
    return query.shape[-1] + _padded(-(-tokens // chunk_size)) <= WIDEST_HEAD


def attend_augmented(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, position: Tensor, chunk_size: int
) -> Tensor:
    """`reference.attend` of a whole sequence, without a bias for every pair of tokens.

    A query is followed by its biases, a key by a one at the place of its chunk: their product is
    the score with its bias. So a fused kernel without any mask does the work, forward and
    backward, in memory linear in N; it saves the traffic of the mask, not the arithmetic of the
    chunks that are not read.

    Args:
        query: [B, Hq, N, D]; key, value: [B, Hkv, N, D].
        bias: [B, Hkv, N, P] of `reference.prior`, P chunks; see `fits`.
        position: [N] places of the tokens, 0 to N - 1; chunk_size: tokens.

    Returns:
        [B, Hq, N, D] in the query's dtype.
    """
    N, D = query.shape[2:]
    group = query.shape[1] // key.shape[1]
    more = _padded(bias.shape[-1])
    scale = 1 / math.sqrt(D)
    device, dtype = query.device, query.dtype
    if torch.is_autocast_enabled(device.type):
        dtype = torch.get_autocast_dtype(device.type)
    biases = (bias / scale).clamp_min(UNREAD).to(dtype).repeat_interleave(group, 1)
    place = F.one_hot(position // chunk_size, more).to(dtype).expand(*key.shape[:2], N, more)
    output = F.scaled_dot_product_attention(
        torch.cat((query.to(dtype), F.pad(biases, (0, more - bias.shape[-1]))), -1),
        torch.cat((key.to(dtype), place), -1),
        F.pad(value.to(dtype), (0, more)),
        is_causal=True,
        scale=scale,
        enable_gqa=group > 1,
    )
    return output[..., :D].to(query.dtype)


def _padded(chunks: int) -> int:
    return -(-chunks // HEAD_STEP) * HEAD_STEP
