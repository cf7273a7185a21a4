"""Stage 2: which past chunks each token reads, by exact 1.5-entmax over recomputed scores.

A program takes as many tiles as fill 64 rows, and walks their past chunks a few times: for the
highest scores of the rows, for their thresholds (twice at most as a rule), and to write for each
tile the list of the chunks that any of its tokens reads. Scores live in registers alone.
"""

import math
from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.thresholds import (
    MASS_TOLERANCE,
    MAX_PASSES,
    find_thresholds,
    guess_thresholds,
    half_scores,
)
from dashdoc.kernels.triton.tiles import (
    CHUNK_BITS,
    MAX_CHUNKS,
    MAX_TILE_TOKENS,
    Tile,
    load_padding,
    load_queries,
    padding_of,
    query_strides,
    rows_of,
    tile_positions,
)

# Chunks scored at once, and rows of one program, where tiles are no larger.
BLOCK = 64
ROWS = 64
STAGES = 2
# Registers of a thread: three programs of 4 warps share a multiprocessor.
REGISTERS = 168


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
    `means` [B, Hkv, S] fp32: the mean of log2 P over the routed chunks of each token. None as the
    weights.
    `thresholds` [B, Hkv, tiles, ROWS, 2] fp32: of each row the maximum of s / 2, and tau below it.
    """

    tile: Tile
    entries: Tensor
    lengths: Tensor
    weights: Tensor | None
    active: Tensor
    means: Tensor | None
    thresholds: Tensor


def route(
    query: Tensor, summaries: Tensor, start: int, tile: Tile, *,
    chunk_size: int, scale: float, local_chunks: int, weigh: bool, padding: Tensor | None = None,
) -> Selection:  # fmt: skip
    """Choose the chunks of the queries `start`, `start + 1`, ...

    Args:
        query: [B, S, Hq, D], in any order.
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
    assert tile.heads * Hkv == Hq
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
        means=empty(S, dtype=torch.float32) if weigh else None,
        thresholds=empty(tiles, tile.rows, 2, dtype=torch.float32),
    )
    # Only tiles without rows to spare lie side by side in a program's.
    lists = max(1, ROWS // tile.rows) if tile.tokens == tile.padded_tokens else 1
    _route[(-(-tiles // lists), Hkv, B)](
        query,
        summaries,
        padding_of(padding),
        selection.entries,
        selection.lengths,
        selection.weights,
        selection.active,
        selection.means,
        selection.thresholds,
        *query_strides(query),
        start,
        S,
        tiles,
        summary_rows,
        capacity,
        scale / (2 * math.sqrt(D)),
        **tile.sizes(),
        LISTS=lists,
        C=chunk_size,
        D=D,
        LOCAL=local_chunks,
        BLOCK=BLOCK,
        num_warps=min(max(ROWS, tile.rows) // 16, 8),
        num_stages=STAGES,
        maxnreg=REGISTERS,
    )
    return selection


@triton.jit(do_not_specialize=["start", "tokens", "tiles", "summary_rows", "capacity"])
def _route(
    query_ptr, summaries_ptr, padding_ptr,
    entries_ptr, lengths_ptr, weights_ptr, active_ptr, means_ptr, thresholds_ptr,
    batch_stride, token_stride, head_stride,
    start, tokens, tiles, summary_rows, capacity, factor,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    LISTS: tl.constexpr, C: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """List the chunks that each of a few neighbouring tiles reads: one wide tile for its scores."""
    WIDE: tl.constexpr = LISTS * T
    WIDE_PAD: tl.constexpr = LISTS * T_PAD
    program = tl.num_programs(0) - 1 - tl.program_id(0)  # the longest first
    h, b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    head = b * tl.num_programs(1) + h
    strides = batch_stride, token_stride, head_stride
    query = load_queries(
        query_ptr, strides, b, h, program, tokens, WIDE, G, WIDE_PAD, G_PAD, D
    )  # fmt: skip
    position, _, _ = tile_positions(program, start, tokens, WIDE, WIDE_PAD)
    padding = load_padding(padding_ptr, b)
    listed = head * tiles + program * LISTS
    if weights_ptr is not None:
        weights_ptr += listed * capacity * T

    own = position // C  # [WIDE_PAD]
    past = tl.reshape(tl.broadcast_to(own[:, None], (WIDE_PAD, G_PAD)), (WIDE_PAD * G_PAD,))
    first = padding // C
    field = summaries_ptr + head * summary_rows * D, first, past, tl.max(own, 0), factor
    begin = first // BLOCK * BLOCK
    PADDED: tl.constexpr = padding_ptr is not None

    token = tl.arange(0, WIDE_PAD)
    exists = (token < WIDE) & (program * WIDE + token < tokens)
    real = exists & (position >= padding)
    listing = tl.arange(0, LISTS)
    exists_list = program * LISTS + listing < tiles
    lists = entries_ptr + listed * capacity, weights_ptr, listing * capacity, exists_list

    own_low = tl.min(own, 0)
    top, bracket = guess_thresholds(query, field, begin, own_low, D, BLOCK, PADDED)
    wanted, logs = tl.zeros([WIDE_PAD], tl.int32), tl.zeros([WIDE_PAD], tl.float32)
    passes = 0
    wrong = 1.0
    while (wrong > 2 * MASS_TOLERANCE) & (passes < MAX_PASSES):
        bracket, passes = find_thresholds(
            query, field, begin, own_low, top, bracket, passes, D, BLOCK, PADDED
        )  # fmt: skip
        mass, wanted, logs = mark_lists(
            query, field, begin, own, real, top, bracket[0], lists,
            T, G, T_PAD, G_PAD, LISTS, D, LOCAL, BLOCK, PADDED,
        )  # fmt: skip
        wrong = tl.max(tl.where(first < past, tl.abs(mass - 1.0), 0.0), 0)
        passes += 1
        # Wide open again, so that a pass is made: tau may have reached a bound off by rounding.
        bracket = bracket[0], tl.zeros_like(top) - 1.0, tl.zeros_like(top)
    tau = bracket[0]
    lengths, active = pack(lists, begin, field[3] + 1, T, T_PAD, LISTS)

    row = program * (WIDE_PAD * G_PAD) + tl.arange(0, WIDE_PAD * G_PAD)
    mine = row < tiles * (T_PAD * G_PAD)
    at = thresholds_ptr + (head * tiles * (T_PAD * G_PAD) + row) * 2
    tl.store(at, top, mask=mine)
    tl.store(at + 1, tau, mask=mine)
    tl.store(lengths_ptr + listed + listing, lengths, mask=exists_list)
    at = head * tokens + program * WIDE + token
    tl.store(active_ptr + at, active, mask=exists)
    if means_ptr is not None:
        tl.store(means_ptr + at, logs / tl.maximum(wanted, 1).to(tl.float32), mask=exists)


@triton.jit
def mark_lists(
    query, field, begin, own, real, top, tau, lists,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    LISTS: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr, BLOCK: tl.constexpr,
    PADDED: tl.constexpr,
):  # fmt: skip
    """Note for the lists of neighbouring tiles what their `real` tokens read.

    Returns the sum of each row's probabilities; of each token how many chunks it wants, and the
    sum of log2 P over them.
    """
    TOKENS: tl.constexpr = LISTS * T_PAD
    column = tl.arange(0, BLOCK)
    sums = (
        tl.zeros([TOKENS * G_PAD], tl.float32),
        tl.zeros([TOKENS], tl.int32),
        tl.zeros([TOKENS], tl.float32),
    )
    # All tokens have all chunks before it behind them, and none of those is local.
    plain = tl.maximum((tl.min(own, 0) - LOCAL + 1) // BLOCK * BLOCK, begin)
    for block in range(begin, plain, BLOCK):
        sums = mark_block(
            query, field, block + column, own, real, top, tau, lists, sums,
            T, G, T_PAD, G_PAD, LISTS, D, LOCAL, PADDED, False,
        )  # fmt: skip
    for block in range(plain, field[3] + 1, BLOCK):
        sums = mark_block(
            query, field, block + column, own, real, top, tau, lists, sums,
            T, G, T_PAD, G_PAD, LISTS, D, LOCAL, PADDED, True,
        )  # fmt: skip
    return sums


@triton.jit
def mark_block(
    query, field, chunk, own, real, top, tau, lists, sums,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    LISTS: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr, PADDED: tl.constexpr,
    NEAR: tl.constexpr,
):  # fmt: skip
    """Note at the place of each chunk of a block whether a list holds it, and who reads it.

    Lists hold what their tokens read, and, where the block is NEAR the own chunks, all from the
    first local to the last own one.
    """
    entries_ptr, weights_ptr, places, exists = lists
    BLOCK: tl.constexpr = chunk.shape[0]
    x = half_scores(query, field, chunk, D, NEAR or PADDED)
    root = tl.maximum(x - top[:, None] - tau[:, None], 0.0)
    p = root * root
    mass, count, logs = sums
    mass += tl.sum(p, 1)
    P = group_mean(p, G, LISTS * T_PAD, G_PAD)  # [TOKENS, BLOCK]
    wanted = (P > 0) & real[:, None]
    read = wanted
    if NEAR:
        local = (chunk[None, :] <= own[:, None]) & (chunk[None, :] > own[:, None] - LOCAL)
        read = wanted | (local & (chunk >= field[1])[None, :] & real[:, None])
    token = tl.arange(0, T_PAD)
    bit = 2 << tl.minimum(token, T - 1)
    read = tl.reshape(read, (LISTS, T_PAD, BLOCK))
    bits = tl.sum(tl.where(read, bit[None, :, None], 0), 1)  # [LISTS, BLOCK]
    listed = bits != 0
    if NEAR:
        of_list = tl.reshape(own, (LISTS, T_PAD))
        around = chunk[None, :] > (tl.min(of_list, 1) - LOCAL)[:, None]
        around = around & (chunk[None, :] <= tl.max(of_list, 1)[:, None])
        listed = listed | (around & (chunk >= field[1])[None, :])
    place = places[:, None] + chunk[None, :]
    inside = exists[:, None] & (chunk <= field[3])[None, :]
    tl.store(entries_ptr + place, bits | listed.to(tl.int32), mask=inside)
    if weights_ptr is not None:
        log = tl.log2(tl.where(wanted, P, 1.0))
        count += tl.sum(wanted.to(tl.int32), 1)
        logs += tl.sum(log, 1)
        weight = tl.where(read, tl.reshape(log, (LISTS, T_PAD, BLOCK)), float("-inf"))
        at = (place * T)[:, None, :] + token[None, :, None]
        tl.store(weights_ptr + at, weight, mask=inside[:, None, :] & (token < T)[None, :, None])
    return mass, count, logs


@triton.jit
def pack(lists, begin, end, T: tl.constexpr, T_PAD: tl.constexpr, LISTS: tl.constexpr):
    """Close up what `mark_block` noted to lists; their lengths, and the chunks each token reads."""
    entries_ptr, weights_ptr, places, exists = lists
    BLOCK: tl.constexpr = 256
    token = tl.arange(0, T_PAD)
    lengths = tl.zeros([LISTS], tl.int32)
    active = tl.zeros([LISTS, T_PAD], tl.int32)
    for block in range(begin, end, BLOCK):
        chunk = block + tl.arange(0, BLOCK)
        place = places[:, None] + chunk[None, :]
        tl.debug_barrier()  # what is read here has been written, and is not yet written over
        noted = tl.load(
            entries_ptr + place, mask=exists[:, None] & (chunk < end)[None, :], other=0
        )  # fmt: skip
        listed = (noted & 1) != 0
        slot = (places + lengths)[:, None] + tl.cumsum(listed.to(tl.int32), 1) - 1
        if weights_ptr is not None:
            mask = listed[:, None, :] & (token < T)[None, :, None]
            at = (place * T)[:, None, :] + token[None, :, None]
            weight = tl.load(weights_ptr + at, mask=mask)
        tl.debug_barrier()
        bits = noted >> 1
        tl.store(entries_ptr + slot, chunk[None, :] | (bits << CHUNK_BITS), mask=listed)
        if weights_ptr is not None:
            tl.store(weights_ptr + (slot * T)[:, None, :] + token[None, :, None], weight, mask=mask)
        lengths += tl.sum(listed.to(tl.int32), 1)
        bits = bits[:, None, :] >> tl.minimum(token, T - 1)[None, :, None]
        active += tl.sum(bits & 1, 2)
    return lengths, tl.reshape(active, (LISTS * T_PAD,))


@triton.jit
def group_mean(p, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr):
    """The mean over a token's G heads: [ROWS, BLOCK] -> [T_PAD, BLOCK]."""
    p = tl.reshape(p, (T_PAD, G_PAD, p.shape[1]))
    if G != G_PAD:
        p = tl.where((tl.arange(0, G_PAD) < G)[None, :, None], p, 0.0)
    return tl.sum(p, 1) / G
