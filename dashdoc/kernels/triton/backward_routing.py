"""What queries and summaries get through the routing, by the gradient of 1.5-entmax.

With r the root of p and g the gradient of p, the score's is r * (g - sum(r g) / sum(r)).
Roots are computed again on both sides, by tiles of rows and blocks of chunks.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.route import Selection
from dashdoc.kernels.triton.tiles import (
    load_padding,
    load_rows,
    load_summaries,
    row_offsets,
    row_tokens,
    this_tile,
    tile_positions,
)

# Launch options: chunks scored at once, and how their loads are overlapped.
BLOCK = 64
STAGES = 2
# The same for the summaries, and how many programs share the tiles of all blocks of chunks.
SUMMARIES_BLOCK = 64
SUMMARIES_STAGES = 3
SUMMARIES_WARPS = 4
SUMMARIES_PROGRAMS = 1024


def grad_routing(
    query: Tensor, summaries: Tensor, padding: Tensor | None, selection: Selection,
    wanted_grads: Tensor, attention_grad: Tensor, start: int, summary_rows: int, *,
    chunk_size: int, scale: float, sharpness: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The gradient of one piece of queries `start`, `start + 1`, ... [B, S, Hq, D].

    Args:
        query: [B, S, Hq, D], contiguous.
        summaries: [B, Hkv, P, D] of `summary_rows` rows a head.
        wanted_grads, attention_grad: of `grad_attention`.

    Returns:
        The gradient, and for each row of each tile the mean that its scores' gradients are taken
        from, [B, Hkv, tiles, ROWS].
    """
    B, S, _, D = query.shape
    tile, (Hkv, tiles, capacity) = selection.tile, selection.entries.shape[1:]
    grad_query = torch.empty_like(query)
    means = query.new_empty(B, Hkv, tiles, tile.rows, dtype=torch.float32)
    _grad_routing[(tiles, Hkv, B)](
        query,
        summaries,
        padding,
        selection.thresholds,
        wanted_grads,
        attention_grad,
        grad_query,
        means,
        start,
        S,
        summary_rows,
        capacity,
        scale / (2 * math.sqrt(D)),
        sharpness,
        **tile.sizes(),
        C=chunk_size,
        D=D,
        BLOCK=BLOCK,
        num_warps=tile.warps,
        num_stages=STAGES,
    )
    return grad_query, means


def grad_summaries(
    query: Tensor, summaries: Tensor, padding: Tensor | None, selection: Selection,
    wanted_grads: Tensor, means: Tensor, start: int, summary_rows: int, *,
    chunk_size: int, scale: float, sharpness: float,
) -> Tensor:  # fmt: skip
    """The gradient of the summaries before the last query's chunk [B, Hkv, capacity - 1, D].

    `means` are of `grad_routing`; the other arguments as there.
    """
    B, S, _, D = query.shape
    tile, (Hkv, tiles, capacity) = selection.tile, selection.entries.shape[1:]
    blocks = -(-(capacity - 1) // SUMMARIES_BLOCK)
    # Programs take every so-manieth tile; their sums are added up in order.
    shares = max(1, min(tiles, SUMMARIES_PROGRAMS // max(1, blocks * Hkv * B)))
    sums = query.new_empty(shares, B, Hkv, capacity - 1, D, dtype=torch.float32)
    _grad_summaries[(blocks * shares, Hkv, B)](
        query,
        summaries,
        padding,
        selection.thresholds,
        wanted_grads,
        means,
        sums,
        start,
        S,
        tiles,
        capacity,
        summary_rows,
        shares,
        scale / (2 * math.sqrt(D)),
        sharpness,
        **tile.sizes(),
        C=chunk_size,
        D=D,
        BLOCK=SUMMARIES_BLOCK,
        num_warps=SUMMARIES_WARPS,
        num_stages=SUMMARIES_STAGES,
    )
    return sums.sum(0)


@triton.jit(do_not_specialize=["start", "tokens", "summary_rows", "capacity"])
def _grad_routing(
    query_ptr, summaries_ptr, padding_ptr, thresholds_ptr, wanted_grads_ptr, attention_grad_ptr,
    grad_query_ptr, means_ptr,
    start, tokens, summary_rows, capacity, half, sharpness,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Add what one tile's queries get through their routing to what they get otherwise."""
    tile, h, b, head, listed = this_tile()
    Hkv = tl.num_programs(1)
    _, first, last = tile_positions(tile, start, tokens, T, T_PAD)
    origin, rows, exists = row_offsets(b, h, tile, tokens, Hkv * G, T, G, T_PAD, G_PAD)
    query = load_rows(query_ptr, origin, rows, exists, D)
    token, row = row_tokens(T, T_PAD, G_PAD), tl.arange(0, T_PAD * G_PAD)
    past = tl.minimum(first + token, last) // C  # [ROWS]
    top, tau = load_thresholds(thresholds_ptr, listed, T_PAD * G_PAD)
    begin, end = load_padding(padding_ptr, b) // C, last // C
    summaries_ptr += head * summary_rows * D
    wanted_grads_ptr += listed * capacity * T

    pulls = tl.zeros([T_PAD * G_PAD], tl.float32)
    total = tl.zeros([T_PAD * G_PAD], tl.float32)
    for block in range(begin, end, BLOCK):
        chunk = block + tl.arange(0, BLOCK)
        summaries = load_summaries(summaries_ptr, chunk, end, D)
        x = tl.dot(query, tl.trans(summaries), input_precision="ieee") * half
        root = roots(x, top[:, None], tau[:, None], chunk[None, :] < past[:, None])
        wanted = load_wanted(wanted_grads_ptr, chunk, end, T, T_PAD) / G  # [BLOCK, T_PAD]
        wanted = tl.trans(of_rows(wanted, G_PAD))
        pulls += tl.sum(root * wanted, 1)
        total += tl.sum(root, 1)
    mean = pulls / tl.maximum(total, 1e-30)
    tl.store(means_ptr + listed * (T_PAD * G_PAD) + row, mean)

    sums = tl.zeros([T_PAD * G_PAD, D], tl.float32)
    for block in range(begin, end, BLOCK):
        chunk = block + tl.arange(0, BLOCK)
        summaries = load_summaries(summaries_ptr, chunk, end, D)
        x = tl.dot(query, tl.trans(summaries), input_precision="ieee") * half
        root = roots(x, top[:, None], tau[:, None], chunk[None, :] < past[:, None])
        wanted = load_wanted(wanted_grads_ptr, chunk, end, T, T_PAD) / G  # [BLOCK, T_PAD]
        wanted = tl.trans(of_rows(wanted, G_PAD))
        grad_scores = narrow(root * (wanted - mean[:, None]), summaries.dtype)
        sums = tl.dot(grad_scores, summaries, sums, input_precision="ieee")
    sums = sums * (2.0 * half * sharpness) + load_rows(attention_grad_ptr, origin, rows, exists, D)
    at = grad_query_ptr + origin * D + rows[:, None] * D + tl.arange(0, D)[None, :]
    tl.store(at, sums.to(grad_query_ptr.dtype.element_ty), mask=exists[:, None])


@triton.jit(do_not_specialize=["start", "tokens", "tiles", "capacity", "summary_rows", "shares"])
def _grad_summaries(
    query_ptr, summaries_ptr, padding_ptr, thresholds_ptr, wanted_grads_ptr, means_ptr, sums_ptr,
    start, tokens, tiles, capacity, summary_rows, shares, half, sharpness,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sum up what a block of chunks gets from one share of the tiles.

    Scores lie the other way round, [BLOCK, ROWS]: so they multiply the queries without being moved.
    """
    block, share = tl.program_id(0) // shares, tl.program_id(0) % shares
    Hkv, h, b = tl.num_programs(1), tl.program_id(1), tl.program_id(2).to(tl.int64)
    head = b * Hkv + h
    chunk, limit = block * BLOCK + tl.arange(0, BLOCK), capacity - 1
    padded = load_padding(padding_ptr, b) // C
    summaries = load_summaries(summaries_ptr + head * summary_rows * D, chunk, limit, D)
    token = row_tokens(T, T_PAD, G_PAD)
    row = tl.arange(0, T_PAD * G_PAD)
    sums = tl.zeros([BLOCK, D], tl.float32)
    # Past chunks alone are scored: the first tile that may is the one after the chunk's last token.
    first = tl.maximum((block * BLOCK + 1) * C - start, 0) // T
    for tile in range(first + share, tiles, shares):
        listed = head * tiles + tile
        origin, rows, exists = row_offsets(b, h, tile, tokens, Hkv * G, T, G, T_PAD, G_PAD)
        query = load_rows(query_ptr, origin, rows, exists, D)
        top, tau = load_thresholds(thresholds_ptr, listed, T_PAD * G_PAD)
        mean = tl.load(means_ptr + listed * (T_PAD * G_PAD) + row)
        past = (start + tl.minimum(tile * T + token, tokens - 1)) // C
        x = tl.dot(summaries, tl.trans(query), input_precision="ieee") * half
        scored = (chunk[:, None] < past[None, :]) & (chunk >= padded)[:, None]
        root = roots(x, top[None, :], tau[None, :], scored)
        wanted_ptr = wanted_grads_ptr + listed * capacity * T
        wanted = load_wanted(wanted_ptr, chunk, limit, T, T_PAD) / G  # [BLOCK, T_PAD]
        wanted = of_rows(wanted, G_PAD)
        grad_scores = narrow(root * (wanted - mean[None, :]), query.dtype)
        sums = tl.dot(grad_scores, query, sums, input_precision="ieee")
    sums_ptr += (share * tl.num_programs(2) * Hkv + head) * limit * D
    at = sums_ptr + chunk[:, None] * D + tl.arange(0, D)[None, :]
    tl.store(at, sums * (2.0 * half * sharpness), mask=(chunk < limit)[:, None])


@triton.jit
def load_wanted(pointer, chunk, limit, T: tl.constexpr, T_PAD: tl.constexpr):
    """The gradients of P of a block of chunks for each token of a tile [BLOCK, T_PAD]."""
    token = tl.arange(0, T_PAD)
    mask = (chunk < limit)[:, None] & (token < T)[None, :]
    return tl.load(pointer + chunk[:, None] * T + token[None, :], mask=mask, other=0.0)


@triton.jit
def of_rows(wanted, G_PAD: tl.constexpr):
    """Each token's for all of its rows: [BLOCK, T_PAD] -> [BLOCK, ROWS]."""
    wide = tl.broadcast_to(wanted[:, :, None], (wanted.shape[0], wanted.shape[1], G_PAD))
    return tl.reshape(wide, (wanted.shape[0], wanted.shape[1] * G_PAD))


@triton.jit
def load_thresholds(pointer, listed, ROWS: tl.constexpr):
    """The maxima and thresholds of a tile's rows, [ROWS] each."""
    at = pointer + (listed * ROWS + tl.arange(0, ROWS)) * 2
    return tl.load(at), tl.load(at + 1)


@triton.jit
def roots(x, top, tau, scored):
    """The roots of the probabilities of half the scores x."""
    return tl.where(scored, tl.maximum(x - top - tau, 0.0), 0.0)


@triton.jit
def narrow(x, dtype: tl.constexpr):
    """x in another dtype; the largest number of fp16 where it does not hold x."""
    if dtype == tl.float16:
        x = tl.clamp(x, -65504.0, 65504.0)
    return x.to(dtype)
