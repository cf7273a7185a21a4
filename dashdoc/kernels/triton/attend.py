"""Stage 3: softmax attention of each tile over the tokens of the chunks on its list.

What a row reads and how it weighs it is constant over a chunk: one bias for each row and chunk,
`-inf` where the row does not read it, folded into the running maximum.
"""

import math

import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.route import Selection
from dashdoc.kernels.triton.tiles import (
    CHUNK_BITS,
    CHUNK_MASK,
    LOG2_E,
    load_padding,
    load_queries,
    padding_of,
    query_strides,
    row_offsets,
    row_tokens,
    rows_of,
    this_tile,
    tile_positions,
)


def attend(
    query: Tensor, key: Tensor, value: Tensor, selection: Selection, start: int, output: Tensor,
    lse: Tensor | None = None, *,
    chunk_size: int, sharpness: float, local_chunks: int, padding: Tensor | None = None,
) -> None:  # fmt: skip
    """Attend to what `route` chose for the queries `start`, `start + 1`, ...

    Args:
        query: [B, S, Hq, D], in any order.
        key, value: [B, Hkv, N, D].
        selection: of `route` for these queries.
        start: place of the first query among the keys.
        output: where to write [B, S, Hq, D]: a stretch of a contiguous [B, M, Hq, D]; zeros for
            padded queries.
        lse: where to write what the backward pass needs, if anywhere: such a stretch [B, S, Hq]
            in fp32 of the base-2 logarithm of each row's softmax sum, `inf` for padded queries.
        chunk_size: C, tokens; local_chunks: read without a bias.
        sharpness: 1 / sigma of a standardised bias; 0 where the bias is log P as it stands.
        padding: [B] padded tokens at the left.
    """
    B, S, Hq, D = query.shape
    Hkv, tile = key.shape[1], selection.tile
    key, key_rows = rows_of(key)
    value, value_rows = rows_of(value)
    if value_rows != key_rows:
        (key, key_rows), (value, _) = ((t.contiguous(), t.shape[2]) for t in (key, value))
    tiles, capacity = selection.entries.shape[2:]
    _attend[(tiles, Hkv, B)](
        query,
        key,
        value,
        padding_of(padding),
        selection.entries,
        selection.lengths,
        selection.weights,
        selection.means if sharpness else None,
        output,
        lse,
        *query_strides(query),
        start,
        S,
        output.stride(0) // (Hq * D),
        key_rows,
        capacity,
        LOG2_E / math.sqrt(D),
        sharpness or 1.0,
        **tile.sizes(),
        C=chunk_size,
        D=D,
        LOCAL=local_chunks,
        num_warps=tile.warps,
        # What the shared memory holds twice is copied while the chunk before it is attended to.
        num_stages=2 if chunk_size * D * query.element_size() <= 32768 else 1,
    )


@triton.jit(do_not_specialize=["start", "tokens", "output_tokens", "key_rows", "capacity"])
def _attend(
    query_ptr, key_ptr, value_ptr, padding_ptr, entries_ptr, lengths_ptr, weights_ptr, means_ptr,
    output_ptr, lse_ptr, batch_stride, token_stride, head_stride,
    start, tokens, output_tokens, key_rows, capacity, factor, sharpness,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr,
):  # fmt: skip
    """Attend with one tile of tokens over its list."""
    tile, h, b, head, listed = this_tile()
    Hkv = tl.num_programs(1)
    _, first, last = tile_positions(tile, start, tokens, T, T_PAD)
    origin, rows, exists = row_offsets(b, h, tile, tokens, Hkv * G, T, G, T_PAD, G_PAD)
    strides = batch_stride, token_stride, head_stride
    query = load_queries(query_ptr, strides, b, h, tile, tokens, T, G, T_PAD, G_PAD, D)
    padding = load_padding(padding_ptr, b)
    token = row_tokens(T, T_PAD, G_PAD)
    position = first + token  # [ROWS]
    mean = load_means(means_ptr, head * tokens + tile * T, token, exists)

    entries_ptr += listed * capacity
    if weights_ptr is not None:
        weights_ptr += listed * capacity * T
    key_ptr += head * key_rows * D
    value_ptr += head * key_rows * D
    length = tl.load(lengths_ptr + listed)
    plain = length - around(first, last, padding, C, LOCAL)

    top = tl.full([T_PAD * G_PAD], -1e30, tl.float32)
    total = tl.zeros([T_PAD * G_PAD], tl.float32)
    sums = tl.zeros([T_PAD * G_PAD, D], tl.float32)
    for i in range(plain):
        entry = tl.load(entries_ptr + i)
        chunk = entry & CHUNK_MASK
        bias = row_bias(entry, i, token, weights_ptr, mean, sharpness, T)
        top, total, sums = online_softmax(
            query, key_ptr, value_ptr, chunk, bias, position, last, padding, factor,
            top, total, sums, C, D, padding_ptr is not None,
        )  # fmt: skip
    # The chunks around the own ones: causal, and without bias where they are local.
    for i in range(plain, length):
        entry = tl.load(entries_ptr + i)
        chunk = entry & CHUNK_MASK
        bias = row_bias(entry, i, token, weights_ptr, mean, sharpness, T)
        bias = without_local(bias, chunk, position, C, LOCAL)
        top, total, sums = online_softmax(
            query, key_ptr, value_ptr, chunk, bias, position, last, padding, factor,
            top, total, sums, C, D, True,
        )  # fmt: skip

    read = total > 0
    total = tl.where(read, total, 1.0)
    origin += b * (output_tokens - tokens) * (Hkv * G)
    at = rows[:, None] * D + tl.arange(0, D)[None, :]
    sums = sums / total[:, None]
    tl.store(
        output_ptr + origin * D + at, sums.to(output_ptr.dtype.element_ty), mask=exists[:, None]
    )
    if lse_ptr is not None:
        tl.store(
            lse_ptr + origin + rows, tl.where(read, top + tl.log2(total), float("inf")), mask=exists
        )


@triton.jit
def around(first, last, padding, C: tl.constexpr, LOCAL: tl.constexpr):
    """How many entries at the end of a list are local or own to one of the tile's tokens."""
    lowest = tl.maximum(tl.maximum(first // C - LOCAL + 1, padding // C), 0)
    return tl.maximum(last // C - lowest + 1, 0)


@triton.jit
def load_means(means_ptr, tile_start, token, exists):
    """The mean of log2 P of each row [ROWS]; 0 where the bias is not standardised."""
    none = tl.zeros(token.shape, tl.float32)
    return none if means_ptr is None else tl.load(means_ptr + tile_start + token, exists, 0.0)


@triton.jit
def row_bias(entry, i, token, weights_ptr, mean, sharpness, T: tl.constexpr):
    """The bias of one entry for each row [ROWS], base 2; -inf where the row does not read it."""
    if weights_ptr is None:
        bias = tl.where(((entry >> (token + CHUNK_BITS)) & 1) != 0, 0.0, float("-inf"))
    else:
        bias = (tl.load(weights_ptr + i * T + token) - mean) * sharpness
    return bias


@triton.jit
def without_local(bias, chunk, position, C: tl.constexpr, LOCAL: tl.constexpr):
    """The bias, 0 where a row reads the chunk as a local one."""
    own = position // C
    local = (chunk <= own) & (chunk > own - LOCAL) & (bias > float("-inf"))
    return tl.where(local, 0.0, bias)


@triton.jit
def chunk_scores(
    query, keys, chunk, position, padding, factor, C: tl.constexpr, MASKED: tl.constexpr
):
    """Scores [ROWS, C] of one chunk, base 2; -inf for later and for padded tokens where MASKED."""
    scores = tl.dot(query, tl.trans(keys), input_precision="ieee") * factor
    if MASKED:
        place = chunk * C + tl.arange(0, C)
        seen = (place[None, :] <= position[:, None]) & (place >= padding)[None, :]
        scores = tl.where(seen, scores, float("-inf"))
    return scores


@triton.jit
def load_chunk(pointer, chunk, last, C: tl.constexpr, D: tl.constexpr, MASKED: tl.constexpr):
    """The keys or values of one chunk [C, D]; zeros after token `last` where MASKED."""
    place = chunk * C + tl.arange(0, C)
    pointer += chunk.to(tl.int64) * (C * D)
    at = tl.arange(0, C)[:, None] * D + tl.arange(0, D)[None, :]
    mask = (place <= last)[:, None] if MASKED else None
    return tl.load(pointer + at, mask=mask, other=0.0 if MASKED else None)


@triton.jit
def online_softmax(
    query, key_ptr, value_ptr, chunk, bias, position, last, padding, factor, top, total, sums,
    C: tl.constexpr, D: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Take one chunk into the running maximum, sum and weighted sum of each row."""
    keys = load_chunk(key_ptr, chunk, last, C, D, MASKED)
    scores = chunk_scores(query, keys, chunk, position, padding, factor, C, MASKED)
    higher = tl.maximum(top, tl.max(scores, 1) + bias)
    share = tl.exp2(scores - (higher - bias)[:, None])
    decay = tl.exp2(top - higher)
    values = load_chunk(value_ptr, chunk, last, C, D, MASKED)
    sums = tl.dot(share.to(values.dtype), values, sums * decay[:, None], input_precision="ieee")
    return higher, total * decay + tl.sum(share, 1), sums
