"""The definition of DashAttention (arXiv 2605.18753, section 3) in PyTorch, one function a stage.

Every backend is tested against these functions. Shapes: B batch, Hq query heads, Hkv KV heads,
M query tokens (the last M of N), N key tokens, D head dimension, C chunk size, P past chunks.
Sums are taken in fp32 (fp64 for fp64 inputs).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from dashdoc.kernels.entmax import entmax15


def summarize(
    key: Tensor, class_query: Tensor, chunk_size: int, padding: Tensor | None = None
) -> Tensor:
    """Stage 1: one summary a complete chunk, the chunk's keys weighed by the class query.

    Args:
        key: [B, Hkv, N, D], rotary embedding applied, from a chunk's first token on.
        class_query: [Hkv, D], or [B, Hkv, N // C, D] where it differs from chunk to chunk.
        chunk_size: C, tokens.
        padding: [B] padded tokens at the left; they take part in nothing.

    Returns:
        [B, Hkv, N // C, D] in the key's dtype; zeros for wholly padded chunks.
    """
    B, H, N, D = key.shape
    chunks = N // chunk_size
    members = _sums(key[:, :, : chunks * chunk_size].reshape(B, H, chunks, chunk_size, D))
    if class_query.dim() == 2:
        class_query = class_query[None, :, None]
    logits = (members * _sums(class_query)[..., None, :]).sum(-1) / math.sqrt(D)
    if padding is None:
        weights = logits.softmax(-1)
    else:
        position = torch.arange(chunks * chunk_size, device=key.device).view(chunks, chunk_size)
        padded = (position < padding[:, None, None])[:, None]  # [B, 1, P, C]
        weights = logits.masked_fill(padded, -1e30).softmax(-1).masked_fill(padded, 0)
    return (weights[..., None] * members).sum(-2).to(key.dtype)


def rotate_class_query(
    class_query: Tensor, frequencies: Tensor, first_position: Tensor, chunk_size: int
) -> Tensor:
    """The rotated convention: the class query rotated at every position of a chunk and averaged.

    As rotations compose, that is the mean over one chunk's offsets, rotated to its first position.

    Args:
        class_query: [Hkv, D].
        frequencies: [D / 2] angles per token (the inverse frequencies of the rotary embedding).
        first_position: [B, P] rotary position of each chunk's first token.
        chunk_size: C, tokens.

    Returns:
        [B, Hkv, P, D] fp32.
    """
    offsets = torch.arange(chunk_size, device=class_query.device)
    mean = _rotate(_sums(class_query)[:, None], offsets[:, None] * frequencies).mean(1)
    angles = first_position[..., None] * frequencies  # [B, P, D / 2]
    return _rotate(mean[None, :, None], angles[:, None])


def route(
    query: Tensor, summaries: Tensor, position: Tensor, chunk_size: int, scale: float,
    padding: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Stage 2: how much of each past chunk a token wants, by 1.5-entmax, mean over its group.

    Args:
        query: [B, Hq, M, D].
        summaries: [B, Hkv, P, D] of the chunks that any of these queries may read.
        position: [M] place of each query among the N tokens.
        chunk_size: C, tokens.
        scale: the sparsity knob; higher is sparser.
        padding: [B] padded tokens at the left.

    Returns:
        [B, Hkv, M, P] probabilities, zero for chunks that are not read.
    """
    B, Hq, M, D = query.shape
    Hkv, P = summaries.shape[1:3]
    grouped = _factors(query).view(B, Hkv, Hq // Hkv, M, D)
    scores = grouped @ _factors(summaries)[:, :, None].transpose(-1, -2)  # [B, Hkv, G, M, P]
    chunk = torch.arange(P, device=query.device)
    past = chunk < (position // chunk_size)[:, None]  # [M, P]
    if padding is not None:
        past = (past & (chunk >= (padding // chunk_size)[:, None, None]))[:, None, None]
    scores = (_sums(scores) * (scale / math.sqrt(D))).masked_fill(~past, -math.inf)
    return entmax15(scores).mean(2)


def prior(
    probabilities: Tensor, position: Tensor, chunk_size: int, chunks: int,
    estimate_diagonal: bool, sigma: float, local_chunks: int,
    padding: Tensor | None = None, mean_log: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The bias of every chunk for every token: 0 for local chunks, `-inf` where it is not read.

    Local chunks are the token's own and the `local_chunks - 1` before it. They stay in the
    competition of stage 2, so that the probabilities of the others do not depend on them.

    Args:
        probabilities: [B, Hkv, M, P] of stage 2.
        position: [M]; chunk_size: tokens; chunks: how many chunks the bias covers, own included.
        estimate_diagonal: log P standardised by its mean over the routed chunks and `sigma`;
            else log P as it stands.
        padding: [B] padded tokens at the left.
        mean_log: [B, Hkv, M, 1] taken as the mean of log P instead of computing it.

    Returns:
        [B, Hkv, M, chunks].
    """
    routed = probabilities > 0
    bias = torch.where(routed, probabilities, 1).log()
    if estimate_diagonal:
        if mean_log is None:
            # A constant for the backward pass, as in the authors' training code.
            mean_log = (
                bias.sum(-1, keepdim=True) / routed.sum(-1, keepdim=True).clamp_min(1)
            ).detach()
        bias = (bias - mean_log) / sigma
    bias = bias.masked_fill(~routed, -math.inf)
    bias = F.pad(bias, (0, chunks - bias.shape[-1]), value=-math.inf)
    chunk, own = torch.arange(chunks, device=bias.device), (position // chunk_size)[:, None]
    local = (chunk <= own) & (chunk > own - local_chunks)  # [M, chunks]
    if padding is not None:
        local = (local & (chunk >= (padding // chunk_size)[:, None, None]))[:, None]
    return bias.masked_fill(local, 0)


def attend(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, position: Tensor, chunk_size: int,
    padding: Tensor | None = None, token: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Stage 3: softmax attention over the tokens of the active chunks.

    Args:
        query: [B, Hq, M, D]; key, value: [B, Hkv, N, D].
        bias: [B, Hkv, M, ceil(N / C)] of `prior`.
        position: [M]; chunk_size: tokens; padding: [B] padded tokens at the left.
        token: [N] place of each key among all tokens, where only some chunks are given.

    Returns:
        [B, Hq, M, D] in the query's dtype; zeros for padded queries.
    """
    B, Hq, M, D = query.shape
    Hkv, N = key.shape[1:3]
    if token is None:
        token = torch.arange(N, device=query.device)
    hidden = token > position[:, None]  # [M, N]
    if padding is not None:
        unreal = position < padding[:, None]  # [B, M]
        hidden = (hidden | (token < padding[:, None, None]))[:, None]
        # A padded query reads everything instead of nothing: its NaN would reach the gradients.
        bias = bias.masked_fill(unreal[:, None, :, None], 0)
        hidden = hidden & ~unreal[:, None, :, None]
    token_bias = _factors(bias)[..., None].expand(-1, -1, -1, -1, chunk_size).flatten(-2)[..., :N]
    token_bias = token_bias.masked_fill(hidden, -math.inf)  # [B, Hkv, M, N]

    group = (B * Hkv, Hq // Hkv)
    output = F.scaled_dot_product_attention(
        _factors(query).reshape(*group, M, D),
        _factors(key).reshape(-1, 1, N, D).expand(*group, N, D),
        _factors(value).reshape(-1, 1, N, D).expand(*group, N, D),
        attn_mask=token_bias.reshape(-1, 1, M, N).expand(*group, M, N),
    ).reshape(B, Hq, M, D)
    if padding is not None:
        output = output.masked_fill(unreal[:, None, :, None], 0)
    return output.to(query.dtype)


def _sums(tensor: Tensor) -> Tensor:
    """In the precision of sums: at least fp32."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _factors(tensor: Tensor) -> Tensor:
    """In the precision of a matrix product's factors: at least fp32, unless autocast lowers it."""
    device = tensor.device.type
    if torch.is_autocast_enabled(device):
        return tensor.to(torch.get_autocast_dtype(device))
    return _sums(tensor)


def _rotate(vector: Tensor, angles: Tensor) -> Tensor:
    """Llama's rotary embedding: [..., D] by angles [..., D / 2]."""
    first, second = vector.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)
