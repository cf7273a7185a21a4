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
from dashdoc.kernels.triton.tiles import CHUNK_MASK, LOG2_E, load_padding

# Launch options: rows of one product, buffers in flight (one of them for the readers' numbers).
ROWS = 64
STAGES = 3
REGISTERS: int | None = None
# Entries of a list, and tokens, turned round at once.
SLOTS_BLOCK = 128
READERS_BLOCK = 1024


@dataclass(frozen=True)
class Readers:
    """Who reads each chunk, in ascending order.

    `tokens` [B, Hkv, capacity, room] int32: the reading tokens' numbers within the piece. Lists are
    filled up to whole blocks of readers with token 0.
    `biases` [B, Hkv, capacity, room] fp32: the bias of each, base 2; `-inf` where filled up.
    `counts` [B, Hkv, capacity] int32: readers of each chunk.
    """

    tokens: Tensor
    biases: Tensor
    counts: Tensor


def readers_at_once(heads: int) -> int:
    """Tokens whose G heads make up one product, a power of two."""
    return max(1, ROWS // int(triton.next_power_of_2(heads)))


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
        tokens=slots.new_empty(B, Hkv, capacity, room),
        biases=slots.new_empty(B, Hkv, capacity, room, dtype=torch.float32),
        counts=slots.new_empty(B, Hkv, capacity),
    )
    _list_readers[(capacity, Hkv, B)](
        slots,
        selection.weights,
        selection.means if standardised else None,
        readers.tokens,
        readers.biases,
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
    lse: Tensor, delta: Tensor, readers: Readers, grad_key: Tensor, grad_value: Tensor,
    start: int, key_rows: int, *, chunk_size: int,
) -> None:  # fmt: skip
    """Add to the gradients of the keys and values what one piece of queries gives them.

    Args:
        grad, query: [B, S, Hq, D]; lse, delta: [B, S, Hq]; contiguous.
        key, value: [B, Hkv, N, D] of `key_rows` rows a head.
        grad_key, grad_value: [B, Hkv, N, D] in fp32, contiguous.
    """
    B, S, Hq, D = query.shape
    Hkv, G = key.shape[1], Hq // key.shape[1]
    capacity, room = readers.tokens.shape[2:]
    # The longest lists first, lest one of them be all that is left to do.
    order = readers.counts.flatten().argsort(descending=True, stable=True).to(torch.int32)
    _grad_chunks[(order.numel(),)](
        grad,
        query,
        key,
        value,
        padding,
        lse,
        delta,
        readers.tokens,
        readers.biases,
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
        1 / math.sqrt(D),
        LOG2_E / math.sqrt(D),
        EACH=readers_at_once(G),
        G=G,
        G_PAD=int(triton.next_power_of_2(G)),
        C=chunk_size,
        D=D,
        num_warps=4 if chunk_size * D <= 8192 else 8,
        num_stages=STAGES if ROWS * D * query.element_size() <= 16384 else 1,
        maxnreg=REGISTERS,
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
    slots_ptr, weights_ptr, means_ptr, readers_ptr, biases_ptr, counts_ptr,
    start, tokens, tiles, room, sharpness,
    T: tl.constexpr, C: tl.constexpr, LOCAL: tl.constexpr,
    EACH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """List the tokens that read one chunk, and their biases."""
    chunk, capacity = tl.program_id(0), tl.num_programs(0)
    head = tl.program_id(2).to(tl.int64) * tl.num_programs(1) + tl.program_id(1)
    listed = head * capacity + chunk
    readers_ptr += listed * room
    biases_ptr += listed * room
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
        tl.store(readers_ptr + to, token, mask=reads)
        tl.store(biases_ptr + to, bias, mask=reads)
        count += tl.sum(reads.to(tl.int32), 0)
    tl.store(counts_ptr + listed, count)
    to = count + tl.arange(0, EACH)
    filled = to < tl.cdiv(count, EACH) * EACH
    tl.store(readers_ptr + to, tl.zeros([EACH], tl.int32), mask=filled)
    tl.store(biases_ptr + to, tl.full([EACH], float("-inf"), tl.float32), mask=filled)


@triton.jit(do_not_specialize=["start", "tokens", "Hkv", "capacity", "room", "key_rows", "N"])
def _grad_chunks(
    grad_ptr, query_ptr, key_ptr, value_ptr, padding_ptr, lse_ptr, delta_ptr,
    readers_ptr, biases_ptr, counts_ptr, order_ptr, grad_key_ptr, grad_value_ptr,
    start, tokens, Hkv, capacity, room, key_rows, N, factor, bits,
    EACH: tl.constexpr, G: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    """Add what one chunk's keys and values get from its readers."""
    listed = tl.load(order_ptr + tl.program_id(0)).to(tl.int64)
    chunk, head = (listed % capacity).to(tl.int32), listed // capacity
    b, h = head // Hkv, head % Hkv
    padding = load_padding(padding_ptr, b)
    end = start + tokens - 1
    keys = load_chunk(key_ptr + head * key_rows * D, chunk, end, C, D, True)
    values = load_chunk(value_ptr + head * key_rows * D, chunk, end, C, D, True)
    origin = b * tokens * (Hkv * G) + h * G
    lists = readers_ptr + listed * room, biases_ptr + listed * room
    tables = query_ptr + origin * D, grad_ptr + origin * D, lse_ptr + origin, delta_ptr + origin
    count = tl.load(counts_ptr + listed)
    # A chunk's own tokens all read it: they are its first readers, and see a part of it.
    low = tl.maximum(tl.maximum(chunk * C, start), padding)
    near = tl.maximum(tl.minimum(chunk * C + C, end + 1) - low, 0)
    near = tl.where(chunk * C < padding, count, tl.cdiv(near, EACH) * EACH)

    grad_keys = tl.zeros([C, D], tl.float32)
    grad_values = tl.zeros([C, D], tl.float32)
    for i in range(0, tl.minimum(near, count), EACH):
        grad_keys, grad_values = add_readers(
            lists, tables, i, keys, values, chunk * C, start, padding, bits, Hkv * G,
            grad_keys, grad_values, EACH, G, G_PAD, C, D, True,
        )  # fmt: skip
    for i in range(near, count, EACH):
        grad_keys, grad_values = add_readers(
            lists, tables, i, keys, values, chunk * C, start, padding, bits, Hkv * G,
            grad_keys, grad_values, EACH, G, G_PAD, C, D, False,
        )  # fmt: skip

    place = chunk * C + tl.arange(0, C)
    at = (head * N + place)[:, None] * D + tl.arange(0, D)[None, :]
    mask = (place <= end)[:, None]
    grad_keys = grad_keys * factor + tl.load(grad_key_ptr + at, mask=mask, other=0.0)
    tl.store(grad_key_ptr + at, grad_keys, mask=mask)
    grad_values += tl.load(grad_value_ptr + at, mask=mask, other=0.0)
    tl.store(grad_value_ptr + at, grad_values, mask=mask)


@triton.jit
def add_readers(
    lists, tables, i, keys, values, first, start, padding, bits, heads, grad_keys, grad_values,
    EACH: tl.constexpr, G: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Add what the readers `i`, `i + 1`, ... give to the chunk that begins at `first`.

    Scores lie the other way round, [C, ROWS]: so they multiply the queries without being moved.
    """
    readers_ptr, biases_ptr = lists
    query_ptr, grad_ptr, lse_ptr, delta_ptr = tables
    row = tl.arange(0, EACH * G_PAD)
    token = tl.load(readers_ptr + i + row // G_PAD)  # [ROWS]
    bias = tl.load(biases_ptr + i + row // G_PAD)
    at = token.to(tl.int64) * heads + row % G_PAD
    wide = at[:, None] * D + tl.arange(0, D)[None, :]
    if G == G_PAD:
        query, grad = tl.load(query_ptr + wide), tl.load(grad_ptr + wide)
        lse, delta = tl.load(lse_ptr + at), tl.load(delta_ptr + at)
    else:
        exists = row % G_PAD < G
        query = tl.load(query_ptr + wide, mask=exists[:, None], other=0.0)
        grad = tl.load(grad_ptr + wide, mask=exists[:, None], other=0.0)
        lse = tl.load(lse_ptr + at, mask=exists, other=float("inf"))
        delta = tl.load(delta_ptr + at, mask=exists, other=0.0)
    scores = tl.dot(keys, tl.trans(query), input_precision="ieee") * bits  # [C, ROWS]
    if MASKED:
        place = first + tl.arange(0, C)
        seen = (place[:, None] <= (start + token)[None, :]) & (place >= padding)[:, None]
        scores = tl.where(seen, scores, float("-inf"))
    share = tl.exp2(scores + (bias - lse)[None, :])
    pull = tl.dot(values, tl.trans(grad), input_precision="ieee")
    grad_values = tl.dot(share.to(grad.dtype), grad, grad_values, input_precision="ieee")
    grad_scores = (share * (pull - delta[None, :])).to(query.dtype)
    grad_keys = tl.dot(grad_scores, query, grad_keys, input_precision="ieee")
    return grad_keys, grad_values
