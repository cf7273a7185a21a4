"""Stage 1: one summary a complete chunk, its keys weighed by the class query."""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.tiles import check_inputs, load_padding, padding_of, rows_of


def summarize(
    key: Tensor, class_query: Tensor, chunk_size: int, padding: Tensor | None = None
) -> Tensor:
    """Summarise the complete chunks of the keys.

    Args:
        key: [B, Hkv, N, D], rotary embedding applied, from a chunk's first token on.
        class_query: [Hkv, D], or [B, Hkv, N // C, D] where it differs from chunk to chunk.
        chunk_size: C, tokens.
        padding: [B] padded tokens at the left; they take part in nothing.

    Returns:
        [B, Hkv, N // C, D] in the key's dtype; zeros for wholly padded chunks.
    """
    check_inputs(key)
    B, H, N, D = key.shape
    chunks = N // chunk_size
    summaries = key.new_empty(B, H, chunks, D)
    if chunks == 0:
        return summaries
    key, key_rows = rows_of(key)
    _summarize[(chunks, H, B)](
        key,
        class_query.contiguous(),
        padding_of(padding),
        summaries,
        key_rows,
        1 / math.sqrt(D),
        C=chunk_size,
        D=D,
        EACH_CHUNK=class_query.dim() == 4,
        num_warps=warps(chunk_size, D),
    )
    return summaries


def warps(chunk_size: int, head_dim: int) -> int:
    """As many as hold a chunk's keys in their registers."""
    return 4 if chunk_size * head_dim <= 8192 else 8


@triton.jit(do_not_specialize=["key_rows"])
def _summarize(
    key_ptr, class_query_ptr, padding_ptr, summaries_ptr, key_rows, factor,
    C: tl.constexpr, D: tl.constexpr, EACH_CHUNK: tl.constexpr,
):  # fmt: skip
    """Summarise one chunk of one head."""
    chunk, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    chunks, head = tl.num_programs(0), b * tl.num_programs(1) + h
    d = tl.arange(0, D)
    class_query = load_class_query(class_query_ptr, head * chunks + chunk, h, D, EACH_CHUNK)
    key_ptr += head * key_rows * D
    padding = load_padding(padding_ptr, b)
    summary = summarize_chunk(key_ptr, class_query, chunk, padding, factor, C, D)
    at = summaries_ptr + (head * chunks + chunk) * D + d
    tl.store(at, summary.to(summaries_ptr.dtype.element_ty))


@triton.jit
def load_class_query(pointer, chunk_row, h, D: tl.constexpr, EACH_CHUNK: tl.constexpr):
    """The class query [D] of a chunk: that of its row, or of its KV head for all chunks."""
    row = chunk_row if EACH_CHUNK else h
    return tl.load(pointer + row * D + tl.arange(0, D)).to(tl.float32)


@triton.jit
def chunk_weights(keys, class_query, token, padding, factor):
    """The softmax weights of a chunk's tokens [C]; zeros for padded ones."""
    logits = tl.sum(keys * class_query[None, :], 1) * factor
    logits = tl.where(token >= padding, logits, float("-inf"))
    weights = tl.exp(logits - tl.maximum(tl.max(logits, 0), -1e30))
    return weights / tl.maximum(tl.sum(weights, 0), 1e-30)


@triton.jit
def summarize_chunk(
    keys_ptr, class_query, chunk, padding, factor, C: tl.constexpr, D: tl.constexpr
):
    """The summary [D] of one chunk of the keys at `keys_ptr`."""
    token = chunk * C + tl.arange(0, C)
    at = token.to(tl.int64)[:, None] * D + tl.arange(0, D)[None, :]
    keys = tl.load(keys_ptr + at, mask=(token >= padding)[:, None], other=0.0)  # [C, D]
    keys = keys.to(tl.float32)
    weights = chunk_weights(keys, class_query, token, padding, factor)
    return tl.sum(weights[:, None] * keys, 0)


def summarize_backward(
    grad: Tensor, key: Tensor, class_query: Tensor, chunk_size: int, padding: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Gradients of the keys and of the class query, from that of the summaries.

    Args:
        grad: [B, Hkv, N // C, D]; the others as `summarize` took them.

    Returns:
        [B, Hkv, N, D] and the class query's shape, in their dtypes.
    """
    B, H, N, D = key.shape
    chunks = N // chunk_size
    key, key_rows = rows_of(key)
    grad_key = key.new_zeros(B, H, N, D)
    grad_class = key.new_empty(B, H, chunks, D, dtype=torch.float32)
    if chunks:
        _summarize_backward[(chunks, H, B)](
            grad.contiguous(),
            key,
            class_query.contiguous(),
            padding_of(padding),
            grad_key,
            grad_class,
            key_rows,
            N,
            1 / math.sqrt(D),
            C=chunk_size,
            D=D,
            EACH_CHUNK=class_query.dim() == 4,
            num_warps=warps(chunk_size, D),
        )
    if class_query.dim() == 2:
        grad_class = grad_class.sum((0, 2))
    return grad_key, grad_class.to(class_query.dtype)


@triton.jit(do_not_specialize=["key_rows", "N"])
def _summarize_backward(
    grad_ptr, key_ptr, class_query_ptr, padding_ptr, grad_key_ptr, grad_class_ptr,
    key_rows, N, factor,
    C: tl.constexpr, D: tl.constexpr, EACH_CHUNK: tl.constexpr,
):  # fmt: skip
    """Take the gradient of one chunk's summary back to its keys and the class query."""
    chunk, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    chunks, head = tl.num_programs(0), b * tl.num_programs(1) + h
    d = tl.arange(0, D)
    class_query = load_class_query(class_query_ptr, head * chunks + chunk, h, D, EACH_CHUNK)
    grad = tl.load(grad_ptr + (head * chunks + chunk) * D + d).to(tl.float32)
    padding = load_padding(padding_ptr, b)
    token = chunk * C + tl.arange(0, C)
    at = token.to(tl.int64)[:, None] * D + d[None, :]
    real = (token >= padding)[:, None]
    keys = tl.load(key_ptr + head * key_rows * D + at, mask=real, other=0.0).to(tl.float32)
    weights = chunk_weights(keys, class_query, token, padding, factor)
    pull = tl.sum(keys * grad[None, :], 1)
    grad_logits = weights * (pull - tl.sum(weights * pull, 0)) * factor  # [C]
    grad_keys = weights[:, None] * grad[None, :] + grad_logits[:, None] * class_query[None, :]
    at += head * N * D
    tl.store(grad_key_ptr + at, grad_keys.to(grad_key_ptr.dtype.element_ty))
    grad_class = tl.sum(grad_logits[:, None] * keys, 0)
    tl.store(grad_class_ptr + (head * chunks + chunk) * D + d, grad_class)
