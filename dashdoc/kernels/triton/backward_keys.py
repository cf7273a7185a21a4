"""What a chunk's keys and values get from the tokens that read it, and from no others.

The lists of the tiles are turned round first: for each chunk the tokens that read it, with the
bias of each. A program then walks the readers of one chunk, a few tokens with all their heads at a
time, while its keys, its values and both gradients stay on chip.
"""

import math
from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.attend import load_chunk
from dashdoc.kernels.triton.route import Selection
from dashdoc.kernels.triton.tiles import CHUNK_MASK, LOG2_E, load_padding, power_of_two

# Launch options: rows of one product, and how they are copied while others are multiplied.
ROWS = 64
WARPS = 4
STAGES = 2
# Rows and chunks that take more of the shared memory are copied and multiplied in turn.
SHARED_BYTES = 170_000
# The few readers near by take more registers, and so do larger chunks.
NEAR_WARPS = 8
# Entries of a list, and tokens, turned round at once.
SLOTS_BLOCK = 128
READERS_BLOCK = 1024


@dataclass(frozen=True)
class Readers:
    """Who reads each chunk, in ascending order.

    `lists` [B, Hkv, capacity, room, 2] int32: the reading tokens' numbers within the piece, and the
    bits of their fp32 biases, base 2. Filled up to whole blocks of readers with token 0, `-inf`.
    `counts` [B, Hkv, capacity] int32: readers of each chunk.
    """

    lists: Tensor
    counts: Tensor


def readers_at_once(heads: int) -> int:
    """Tokens whose G heads make up one product, a power of two."""
    return max(1, ROWS // power_of_two(heads))


def list_readers(
    selection: Selection, start: int, *,
    chunk_size: int, sharpness: float, standardised: bool, local_chunks: int,
) -> Readers:  # fmt: skip
    """Turn round the lists of the queries `start`, `start + 1`, ..."""
    tile, S = selection.tile, selection.active.shape[2]
    B, Hkv, tiles, capacity = selection.entries.shape
    block = readers_at_once(tile.heads)
    room = -(-S // block) * block
    # Where each chunk is on each tile's list, from 1 on; 0: it is not.
    slots = selection.entries.new_zeros(B, Hkv, capacity, tiles)
    _find_slots[(tiles, Hkv, B)](
        selection.entries, selection.lengths, slots, capacity, BLOCK=SLOTS_BLOCK, num_warps=4
    )
    readers = Readers(
        lists=slots.new_empty(B, Hkv, capacity, room, 2),
        counts=slots.new_empty(B, Hkv, capacity),
    )
    _list_readers[(capacity, Hkv, B)](
        slots,
        selection.weights,
        selection.means if standardised else None,
        readers.lists,
        readers.counts,
        start,
        S,
        tiles,
        room,
        sharpness,
        T=tile.tokens,
        C=chunk_size,
        LOCAL=local_chunks,
        EACH=block,
        BLOCK=READERS_BLOCK,
        num_warps=4,
    )
    return readers


def grad_chunks(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None,
    norms: Tensor, readers: Readers, grad_key: Tensor, grad_value: Tensor,
    start: int, key_rows: int, *, chunk_size: int,
) -> None:  # fmt: skip
    """Add to the gradients of the keys and values what one piece of queries gives them.

    Args:
        grad, query: [B, S, Hq, D], contiguous.
        key, value: [B, Hkv, N, D] of `key_rows` rows a head.
        norms: of `grad_attention`.
        grad_key, grad_value: [B, Hkv, N, D] in fp32, contiguous; that of the keys lacks the factor
            1 / sqrt(D).
    """
    S, Hq, D = query.shape[1:]
    Hkv, G = key.shape[1], Hq // key.shape[1]
    capacity, room = readers.lists.shape[2:4]
    assert S * Hq * D < 1 << 31, "a piece's rows are addressed by 32 bits"
    # The longest lists first, lest one of them be all that is left to do.
    order = readers.counts.flatten().argsort(descending=True, stable=True).to(torch.int32)
    bytes_wide = D * query.element_size()
    shared = 2 * (chunk_size + STAGES * ROWS) * bytes_wide
    for near in (True, False):
        _grad_chunks[(order.numel(),)](
            grad,
            query,
            key,
            value,
            padding,
            norms,
            readers.lists,
            readers.counts,
            order,
            grad_key,
            grad_value,
            start,
            S,
            Hkv,
            capacity,
            room,
            key_rows,
            grad_key.shape[2],
            LOG2_E / math.sqrt(D),
            EACH=readers_at_once(G),
            G=G,
            G_PAD=power_of_two(G),
            C=chunk_size,
            D=D,
            NEAR=near,
            num_warps=NEAR_WARPS if near or chunk_size * bytes_wide > 16384 else WARPS,
            num_stages=STAGES if shared <= SHARED_BYTES else 1,
        )


@triton.jit(do_not_specialize=["capacity"])
def _find_slots(entries_ptr, lengths_ptr, slots_ptr, capacity, BLOCK: tl.constexpr):
    """Note where each chunk of one tile's list is on it."""
    tile, tiles = tl.program_id(0), tl.num_programs(0)
    head = tl.program_id(2).to(tl.int64) * tl.num_programs(1) + tl.program_id(1)
    listed = head * tiles + tile
    length = tl.load(lengths_ptr + listed)
    for i in range(0, length, BLOCK):
        slot = i + tl.arange(0, BLOCK)
        exists = slot < length
        entry = tl.load(entries_ptr + listed * capacity + slot, mask=exists, other=0)
        at = (head * capacity + (entry & CHUNK_MASK)) * tiles + tile
        tl.store(slots_ptr + at, slot + 1, mask=exists)


@triton.jit(do_not_specialize=["start", "tokens", "tiles", "room"])
def _list_readers(
    slots_ptr, weights_ptr, means_ptr, lists_ptr, counts_ptr,
    start, tokens, tiles, room, sharpness,
    T: tl.constexpr, C: tl.constexpr, LOCAL: tl.constexpr,
    EACH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """List the tokens that read one chunk, and their biases."""
    chunk, capacity = tl.program_id(0), tl.num_programs(0)
    head = tl.program_id(2).to(tl.int64) * tl.num_programs(1) + tl.program_id(1)
    listed = head * capacity + chunk
    lists_ptr += listed * room * 2
    count = 0
    for i in range(tl.maximum(chunk * C - start, 0), tokens, BLOCK):
        token = i + tl.arange(0, BLOCK)
        tile = token // T
        slot = tl.load(slots_ptr + listed * tiles + tile, mask=token < tokens, other=0)
        at = ((head * tiles + tile) * capacity + slot - 1) * T + token % T
        weight = tl.load(weights_ptr + at, mask=slot > 0, other=float("-inf"))
        reads = weight > float("-inf")
        bias = weight
        if means_ptr is not None:
            bias -= tl.load(means_ptr + head * tokens + token, mask=reads, other=0.0)
        local = chunk > (start + token) // C - LOCAL
        bias = tl.where(local, 0.0, bias * sharpness)
        to = count + tl.cumsum(reads.to(tl.int32), 0) - 1
        tl.store(lists_ptr + to * 2, token, mask=reads)
        tl.store(lists_ptr + to * 2 + 1, bias.to(tl.int32, bitcast=True), mask=reads)
        count += tl.sum(reads.to(tl.int32), 0)
    tl.store(counts_ptr + listed, count)
    to = count + tl.arange(0, EACH)
    filled = to < tl.cdiv(count, EACH) * EACH
    none = tl.full([EACH], float("-inf"), tl.float32)
    tl.store(lists_ptr + to * 2, tl.zeros([EACH], tl.int32), mask=filled)
    tl.store(lists_ptr + to * 2 + 1, none.to(tl.int32, bitcast=True), mask=filled)


@triton.jit(do_not_specialize=["start", "tokens", "Hkv", "capacity", "room", "key_rows", "N"])
def _grad_chunks(
    grad_ptr, query_ptr, key_ptr, value_ptr, padding_ptr, norms_ptr,
    lists_ptr, counts_ptr, order_ptr, grad_key_ptr, grad_value_ptr,
    start, tokens, Hkv, capacity, room, key_rows, N, bits,
    EACH: tl.constexpr, G: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, NEAR: tl.constexpr,
):  # fmt: skip
    """Add what one chunk's keys and values get from its readers near by, or from all others.

    Readers near by may see a part of the chunk alone: its own tokens, and all of a padded chunk.
    """
    listed = tl.load(order_ptr + tl.program_id(0)).to(tl.int64)
    chunk, head = (listed % capacity).to(tl.int32), listed // capacity
    b, h = head // Hkv, head % Hkv
    padding = load_padding(padding_ptr, b)
    end = start + tokens - 1
    # All of a chunk's own tokens read it: they are its first readers.
    own = tl.maximum(tl.maximum(chunk * C, start), padding)
    own = tl.maximum(tl.minimum(chunk * C + C - 1, end) - own + 1, 0)
    count = tl.load(counts_ptr + listed)
    near = tl.minimum(tl.cdiv(own, EACH) * EACH, count)
    near = tl.where(chunk * C < padding, count, near)
    first, last = (0, near) if NEAR else (near, count)
    if first >= last:
        return

    keys = load_chunk(key_ptr + head * key_rows * D, chunk, end, C, D, NEAR)
    values = load_chunk(value_ptr + head * key_rows * D, chunk, end, C, D, NEAR)
    lists_ptr += listed * room * 2
    origin = b * tokens * (Hkv * G) + h * G
    tables = query_ptr + origin * D, grad_ptr + origin * D, norms_ptr + origin * 2
    at = tl.arange(0, C)[:, None] * D + tl.arange(0, D)[None, :]
    grad_key_ptr += (head * N + chunk * C) * D
    grad_value_ptr += (head * N + chunk * C) * D
    exists = (chunk * C + tl.arange(0, C) <= end)[:, None] if NEAR else None
    grad_keys = tl.load(grad_key_ptr + at, mask=exists)
    grad_values = tl.load(grad_value_ptr + at, mask=exists)
    for i in range(first, last, EACH):
        grad_keys, grad_values = add_readers(
            lists_ptr + i * 2, tables, keys, values, chunk * C, start, padding, bits, Hkv * G,
            grad_keys, grad_values, EACH, G, G_PAD, C, D, NEAR,
        )  # fmt: skip
    tl.store(grad_key_ptr + at, grad_keys, mask=exists)
    tl.store(grad_value_ptr + at, grad_values, mask=exists)


@triton.jit
def add_readers(
    list_ptr, tables, keys, values, first, start, padding, bits, heads, grad_keys, grad_values,
    EACH: tl.constexpr, G: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Add what the next readers on a list give to the chunk that begins at `first`.

    Scores lie the other way round, [C, ROWS]: so they multiply the queries without being moved.
    The order of the products is the one that holds the fewest numbers at once.
    """
    query_ptr, grad_ptr, norms_ptr = tables
    row = tl.arange(0, EACH * G_PAD)
    reader = list_ptr + row // G_PAD * 2
    token = tl.load(reader)  # [ROWS]
    bias = tl.load(reader + 1).to(tl.float32, bitcast=True)
    at = token * heads + row % G_PAD
    wide = at[:, None] * D + tl.arange(0, D)[None, :]
    if G == G_PAD:
        query, grad = tl.load(query_ptr + wide), tl.load(grad_ptr + wide)
        lse, delta = tl.load(norms_ptr + at * 2), tl.load(norms_ptr + at * 2 + 1)
    else:
        exists = row % G_PAD < G
        query = tl.load(query_ptr + wide, mask=exists[:, None], other=0.0)
        grad = tl.load(grad_ptr + wide, mask=exists[:, None], other=0.0)
        lse = tl.load(norms_ptr + at * 2, mask=exists, other=float("inf"))
        delta = tl.load(norms_ptr + at * 2 + 1, mask=exists, other=0.0)
    pull = tl.broadcast_to(-delta[None, :], (C, EACH * G_PAD))
    pull = tl.dot(values, tl.trans(grad), pull, input_precision="ieee")  # [C, ROWS]
    scores = tl.dot(keys, tl.trans(query), input_precision="ieee") * bits
    if MASKED:
        place = first + tl.arange(0, C)
        seen = (place[:, None] <= (start + token)[None, :]) & (place >= padding)[:, None]
        scores = tl.where(seen, scores, float("-inf"))
    share = tl.exp2(scores + (bias - lse)[None, :])
    grad_scores = (share * pull).to(query.dtype)
    grad_keys = tl.dot(grad_scores, query, grad_keys, input_precision="ieee")
    grad_values = tl.dot(share.to(grad.dtype), grad, grad_values, input_precision="ieee")
    return grad_keys, grad_values
