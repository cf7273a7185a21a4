"""Stage 2: which past chunks each token reads, by exact 1.5-entmax over recomputed scores.

A tile walks its past chunks a few times: for the maxima of its rows, for their thresholds (twice
as a rule), and to write the list of the chunks that any of its tokens reads. Scores live in
registers alone.
"""

import math
from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.tiles import (
    CHUNK_BITS,
    MAX_CHUNKS,
    MAX_REGISTERS,
    MAX_TILE_TOKENS,
    Tile,
    load_padding,
    load_rows,
    load_summaries,
    padding_of,
    row_offsets,
    rows_of,
    this_tile,
    tile_positions,
)

# Chunks scored at once.
BLOCK = 64
# The bracket of tau is narrowed until the probabilities of a row sum to one within twice this.
MASS_TOLERANCE = tl.constexpr(4e-6)
# Passes over the chunks; two or three are usual, the bound matters to rounding noise alone.
MAX_PASSES = tl.constexpr(24)
# Steps on the maxima of the lanes, which only give a first guess.
FIRST_STEPS = tl.constexpr(4)


@dataclass(frozen=True)
class Selection:
    """What the tokens of one piece of queries read, as one list a tile.

    A list holds the union of its tokens' active chunks in ascending order. Every chunk from the
    first local one of the tile's first token to the own one of its last is on it.

    `entries` [B, Hkv, tiles, capacity] int32: a chunk, and from bit `CHUNK_BITS` on one bit for
    each token of the tile that reads it.
    `lengths` [B, Hkv, tiles] int32: entries of each list.
    `weights` [B, Hkv, tiles, capacity, T] fp32: log2 P of each entry for each token; `-inf` where
    it does not read it, 0 where it reads it without wanting it. None where the bias is flat.
    `active` [B, Hkv, S] int32: active chunks of each token, local ones included.
    `means` [B, Hkv, S] fp32: the mean of log2 P over the routed chunks of each token.
    `thresholds` [B, Hkv, tiles, ROWS, 2] fp32: of each row the maximum of s / 2, and tau below it.
    """

    tile: Tile
    entries: Tensor
    lengths: Tensor
    weights: Tensor | None
    active: Tensor
    means: Tensor
    thresholds: Tensor


def route(
    query: Tensor, summaries: Tensor, start: int, tile: Tile, *,
    chunk_size: int, scale: float, local_chunks: int, weigh: bool, padding: Tensor | None = None,
) -> Selection:  # fmt: skip
    """Choose the chunks of the queries `start`, `start + 1`, ...

    Args:
        query: [B, S, Hq, D], contiguous.
        summaries: [B, Hkv, P, D], P at least the chunk of the last query.
        start: place of the first query among the keys.
        tile: the shape of the tiles.
        chunk_size: C, tokens; scale: the sparsity knob; local_chunks: always read.
        weigh: whether to write the weights.
        padding: [B] padded tokens at the left.
    """
    B, S, Hq, D = query.shape
    Hkv = summaries.shape[1]
    tiles, capacity = -(-S // tile.tokens), (start + S - 1) // chunk_size + 1
    assert query.is_contiguous() and tile.heads * Hkv == Hq
    assert capacity <= MAX_CHUNKS and tile.tokens <= min(MAX_TILE_TOKENS, chunk_size)
    summaries, summary_rows = rows_of(summaries)

    def empty(*shape: int, dtype: torch.dtype = torch.int32) -> Tensor:
        return query.new_empty(B, Hkv, *shape, dtype=dtype)

    selection = Selection(
        tile,
        entries=empty(tiles, capacity),
        lengths=empty(tiles),
        weights=empty(tiles, capacity, tile.tokens, dtype=torch.float32) if weigh else None,
        active=empty(S),
        means=empty(S, dtype=torch.float32),
        thresholds=empty(tiles, tile.rows, 2, dtype=torch.float32),
    )
    _route[(tiles, Hkv, B)](
        query,
        summaries,
        padding_of(padding),
        selection.entries,
        selection.lengths,
        selection.weights,
        selection.active,
        selection.means,
        selection.thresholds,
        start,
        S,
        summary_rows,
        capacity,
        scale / (2 * math.sqrt(D)),
        **tile.sizes(),
        C=chunk_size,
        D=D,
        LOCAL=local_chunks,
        BLOCK=BLOCK,
        num_warps=tile.warps,
        num_stages=2,
        maxnreg=MAX_REGISTERS,
    )
    return selection


@triton.jit(do_not_specialize=["start", "tokens", "summary_rows", "capacity"])
def _route(
    query_ptr, summaries_ptr, padding_ptr,
    entries_ptr, lengths_ptr, weights_ptr, active_ptr, means_ptr, thresholds_ptr,
    start, tokens, summary_rows, capacity, factor,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """List the chunks that one tile of tokens reads."""
    tile, h, b, head, listed = this_tile()
    Hkv = tl.num_programs(1)
    position, _, _ = tile_positions(tile, start, tokens, T, T_PAD)
    origin, rows, exists = row_offsets(b, h, tile, tokens, Hkv * G, T, G, T_PAD, G_PAD)
    query = load_rows(query_ptr, origin, rows, exists, D)
    padding = load_padding(padding_ptr, b)
    if weights_ptr is not None:
        weights_ptr += listed * capacity * T

    length, active, mean, top, tau = choose(
        query, summaries_ptr + head * summary_rows * D, padding, padding_ptr is not None, position,
        tokens - tile * T, entries_ptr + listed * capacity, weights_ptr, factor,
        T, G, T_PAD, G_PAD, C, D, LOCAL, BLOCK,
    )  # fmt: skip

    token = tl.arange(0, T_PAD)
    real = (token < T) & (tile * T + token < tokens)
    tl.store(lengths_ptr + listed, length)
    tl.store(active_ptr + head * tokens + tile * T + token, active, mask=real)
    tl.store(means_ptr + head * tokens + tile * T + token, mean, mask=real)
    row = tl.arange(0, T_PAD * G_PAD)
    at = thresholds_ptr + (listed * (T_PAD * G_PAD) + row) * 2
    tl.store(at, top)
    tl.store(at + 1, tau)


@triton.jit
def choose(
    query, summaries_ptr, padding, PADDED: tl.constexpr, position, tokens,
    entries_ptr, weights_ptr, factor,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Stage 2 of one tile: find the thresholds of its rows and write its list.

    `summaries_ptr` holds those of the head [chunks, D]; `tokens` is how many of the tile's exist.
    """
    own = position // C  # [T_PAD]
    past = tl.reshape(tl.broadcast_to(own[:, None], (T_PAD, G_PAD)), (T_PAD * G_PAD,))
    first = padding // C
    own_low, own_high = tl.min(own, 0), tl.max(own, 0)
    begin = first // BLOCK * BLOCK
    middle = tl.maximum(own_low // BLOCK * BLOCK, begin)  # all rows have all chunks before it
    column = tl.arange(0, BLOCK)
    field = summaries_ptr, first, past, own_high, factor

    lanes = tl.full([T_PAD * G_PAD, BLOCK], float("-inf"), tl.float32)
    for block in range(begin, middle, BLOCK):
        x = half_scores(query, field, block + column, D, PADDED)
        lanes = tl.maximum(lanes, x)
    for block in range(middle, own_high, BLOCK):
        x = half_scores(query, field, block + column, D, True)
        lanes = tl.maximum(lanes, x)
    top = tl.max(lanes, 1)  # [ROWS]
    wants = top > float("-inf")
    top = tl.where(wants, top, 0.0)

    # The maxima of the lanes are scores of the row: their threshold is a guess close below.
    low = tl.full([T_PAD * G_PAD], -1.0, tl.float32)
    highest = -tl.rsqrt(tl.maximum(past - first, 1).to(tl.float32))
    tau, high = low, highest
    for _ in range(FIRST_STEPS):
        sum1, sum2, support = moments(lanes - top[:, None], tau)
        tau, low, high = improve(tau, low, high, sum1, sum2, support)
    tau, high = low, highest

    passes = 0
    doubt = 1.0
    while (doubt > MASS_TOLERANCE) & (passes < MAX_PASSES):
        sum1 = tl.zeros([T_PAD * G_PAD], tl.float32)
        sum2 = tl.zeros([T_PAD * G_PAD], tl.float32)
        support = tl.zeros([T_PAD * G_PAD], tl.float32)
        for block in range(begin, middle, BLOCK):
            x = half_scores(query, field, block + column, D, PADDED)
            more1, more2, more = moments(x - top[:, None], tau)
            sum1, sum2, support = sum1 + more1, sum2 + more2, support + more
        for block in range(middle, own_high, BLOCK):
            x = half_scores(query, field, block + column, D, True)
            more1, more2, more = moments(x - top[:, None], tau)
            sum1, sum2, support = sum1 + more1, sum2 + more2, support + more
        tau, low, high = improve(tau, low, high, sum1, sum2, support)
        doubt = tl.max((high - low) * sum1, 0)
        passes += 1

    token = tl.arange(0, T_PAD)
    real = (token < T) & (token < tokens) & (position >= padding)
    length = 0
    active = tl.zeros([T_PAD], tl.int32)
    routed = tl.zeros([T_PAD], tl.int32)
    logs = tl.zeros([T_PAD], tl.float32)
    for block in range(begin, own_high + 1, BLOCK):
        chunk = block + column
        x = half_scores(query, field, chunk, D, True)
        root = tl.maximum(x - top[:, None] - tau[:, None], 0.0)
        P = group_mean(root * root, G, T_PAD, G_PAD)  # [T_PAD, BLOCK]
        wanted = (P > 0) & real[:, None]
        local = (chunk[None, :] <= own[:, None]) & (chunk[None, :] > own[:, None] - LOCAL)
        read = wanted | (local & (chunk >= first)[None, :] & real[:, None])
        log = tl.log2(tl.where(wanted, P, 1.0))
        length += append(
            chunk, read, log, first, own_low - LOCAL, own_high, length,
            entries_ptr, weights_ptr, T, T_PAD,
        )  # fmt: skip
        active += tl.sum(read.to(tl.int32), 1)
        routed += tl.sum(wanted.to(tl.int32), 1)
        logs += tl.sum(log, 1)
    mean = logs / tl.maximum(routed, 1).to(tl.float32)
    return length, active, mean, top, tau


@triton.jit
def half_scores(query, field, chunk, D: tl.constexpr, MASKED: tl.constexpr):
    """Half the scaled scores [ROWS, BLOCK] of a block of chunks; -inf where a row has none."""
    summaries_ptr, first, past, limit, factor = field
    summaries = load_summaries(summaries_ptr, chunk, limit, D, MASKED)
    x = tl.dot(query, tl.trans(summaries), input_precision="ieee") * factor
    if MASKED:
        x = tl.where((chunk >= first)[None, :] & (chunk[None, :] < past[:, None]), x, float("-inf"))
    return x


@triton.jit
def moments(x, tau):
    """Sum and sum of squares of relu(x - tau), and how many are above zero: [ROWS] each."""
    root = tl.maximum(x - tau[:, None], 0.0)
    above = tl.where(root > 0, 1.0, 0.0)
    return tl.sum(root, 1), tl.sum(root * root, 1), tl.sum(above, 1)


@triton.jit
def improve(tau, low, high, sum1, sum2, support):
    """One step of Halley's towards the zero of sum2 - 1, within bounds that close on it.

    The norm is convex in tau: where its tangent meets 1 lies below the solution. The quadratic of
    the support of a tau too low still counts what has left the support: its zero lies above.
    """
    excess = sum2 - 1.0
    norm = tl.sqrt(sum2)
    tangent = tau + (norm - 1.0) * norm / tl.maximum(sum1, 1e-30)
    square = sum1 * sum1 - support * excess
    quadratic = tau + excess / tl.maximum(sum1 + tl.sqrt(tl.maximum(square, 0.0)), 1e-30)
    low = tl.maximum(low, tangent)
    bound = tl.where(excess < 0, tau, tl.where(square < 0, high, quadratic))
    high = tl.maximum(tl.minimum(high, bound), low)
    bend = 4.0 * sum1 * sum1 - excess * support
    halley = tau + 2.0 * excess * sum1 / tl.where(bend > 0, bend, 1.0)
    # Both bounds are sharp at a tau too low, one at a tau too high: aim a little low.
    aim = tl.where(bend > 0, halley, tangent) - 0.2 * (high - low)
    return tl.minimum(tl.maximum(aim, low), high), low, high


@triton.jit
def group_mean(p, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr):
    """The mean over a token's G heads: [ROWS, BLOCK] -> [T_PAD, BLOCK]."""
    p = tl.reshape(p, (T_PAD, G_PAD, p.shape[1]))
    if G != G_PAD:
        p = tl.where((tl.arange(0, G_PAD) < G)[None, :, None], p, 0.0)
    return tl.sum(p, 1) / G


@triton.jit
def append(
    chunk, read, log, first, before_local, own_high, length,
    entries_ptr, weights_ptr, T: tl.constexpr, T_PAD: tl.constexpr,
):  # fmt: skip
    """Append the chunks that any token reads, and all around the own ones; how many they are."""
    token = tl.arange(0, T_PAD)
    bits = tl.sum(tl.where(read, 1 << tl.minimum(token, T - 1)[:, None], 0), 0)  # [BLOCK]
    around = (chunk >= first) & (chunk > before_local) & (chunk <= own_high)
    listed = (bits != 0) | around
    slot = length + tl.cumsum(listed.to(tl.int32), 0) - 1
    tl.store(entries_ptr + slot, chunk | (bits << CHUNK_BITS), mask=listed)
    if weights_ptr is not None:
        at = slot[None, :] * T + token[:, None]
        weight = tl.where(read, log, float("-inf"))
        tl.store(weights_ptr + at, weight, mask=listed[None, :] & (token < T)[:, None])
    return tl.sum(listed.to(tl.int32), 0)
