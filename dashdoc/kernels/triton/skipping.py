"""Stage 3 on Hopper: consumers of one stream of chunks, each skipping what its tokens do not want.

A program takes three neighbouring tiles of 64 rows. One warp copies every chunk on the union of
their lists into a ring of slots; three warpgroups attend with a tile each, and leave a chunk alone
that is not on their own list. Copies are shared by all rows, and products wasted only within a
tile. `attend` computes the same and is its twin.
"""

import math

import torch
from torch import Tensor
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import (
    fence_async_shared,
    mbarrier,
    tma,
    warpgroup_mma,
    warpgroup_mma_wait,
)
from triton.experimental.gluon.nvidia.hopper import TensorDescriptor

from dashdoc.kernels.triton.attend import around, without_local
from dashdoc.kernels.triton.merge import merge
from dashdoc.kernels.triton.route import Selection
from dashdoc.kernels.triton.tiles import (
    CHUNK_BITS,
    CHUNK_MASK,
    LOG2_E,
    Tile,
    load_padding,
    padding_of,
    query_strides,
    rows_of,
)

# Rows of one consumer: what a warpgroup's matrix product takes.
ROWS = gl.constexpr(64)
CONSUMERS = gl.constexpr(3)
# Chunks under way: those of C = 64, D = 128 fill the shared memory.
SLOTS = gl.constexpr(5)
CHUNK_LAYOUT = gl.NVMMASharedLayout(swizzle_byte_width=128, element_bitwidth=16, rank=3)
# Registers of a thread of a consumer; a fourth consumer would leave too few.
CONSUMER_REGISTERS = gl.constexpr(160)
PRODUCER_REGISTERS = gl.constexpr(24)


def skips(query: Tensor, key: Tensor, value: Tensor, tile: Tile, chunk_size: int) -> bool:
    """Whether the device is a Hopper, and shapes and dtype suit its kernel."""
    D = query.shape[-1]
    return (
        query.is_cuda
        and torch.cuda.get_device_capability(query.device)[0] == 9
        and query.dtype in (torch.float16, torch.bfloat16)
        and D in (64, 128)
        and (chunk_size in (32, 64) or (chunk_size, D) == (128, 64))
        and tile.rows <= ROWS.value
        and tile.tokens == tile.padded_tokens
        and key.data_ptr() % 16 == 0
        and value.data_ptr() % 16 == 0
    )


def attend_skipping(
    query: Tensor, key: Tensor, value: Tensor, selection: Selection, start: int, output: Tensor,
    lse: Tensor | None = None, *,
    chunk_size: int, sharpness: float, local_chunks: int, padding: Tensor | None = None,
) -> None:  # fmt: skip
    """Attend to what `route` chose for these queries: arguments and results are `attend`'s."""
    B, S, Hq, D = query.shape
    Hkv, tile = key.shape[1], selection.tile
    assert tile.rows <= ROWS.value
    merged, lengths = merge(selection, start, S, chunk_size, CONSUMERS.value)
    _attend_skipping[(lengths.shape[2], Hkv, B)](
        query,
        chunks_of(key, chunk_size),
        chunks_of(value, chunk_size),
        padding_of(padding),
        merged,
        lengths,
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
        *selection.entries.shape[2:],
        LOG2_E / math.sqrt(D),
        sharpness or 1.0,
        T=tile.tokens,
        G=tile.heads,
        C=chunk_size,
        D=D,
        LOCAL=local_chunks,
        num_warps=4,
    )


def chunks_of(tensor: Tensor, chunk_size: int) -> TensorDescriptor:
    """How to copy a chunk of [B, Hkv, N, D] to shared memory; zeros after the last token."""
    B, H, N, D = tensor.shape
    tensor, rows = rows_of(tensor)
    block = [1, chunk_size, D]
    return TensorDescriptor(tensor, [B * H, N, D], [rows * D, D, 1], block, CHUNK_LAYOUT)


@gluon.jit(do_not_specialize=["start", "tokens", "output_tokens", "tiles", "capacity"])
def _attend_skipping(
    query_ptr, keys, values, padding_ptr,
    merged_ptr, merged_lengths_ptr, entries_ptr, lengths_ptr, weights_ptr, means_ptr,
    output_ptr, lse_ptr, batch_stride, token_stride, head_stride,
    start, tokens, output_tokens, tiles, capacity, factor, sharpness,
    T: gl.constexpr, G: gl.constexpr, C: gl.constexpr, D: gl.constexpr, LOCAL: gl.constexpr,
):  # fmt: skip
    """Attend with the tiles of one program over their merged list."""
    programs, Hkv = gl.num_programs(0), gl.num_programs(1)
    program = programs - 1 - gl.program_id(0)  # the longest first
    h, b = gl.program_id(1), gl.program_id(2).to(gl.int64)
    head = b * Hkv + h
    merged = head * programs + program
    merged_ptr += merged * capacity
    length = gl.load(merged_lengths_ptr + merged)
    padding = load_padding(padding_ptr, b)
    first = program * CONSUMERS * T
    last = gl.minimum(first + CONSUMERS * T, tokens) - 1
    plain = length - around(start + first, start + last, padding, C, LOCAL)

    row_layout: gl.constexpr = gl.NVMMASharedLayout(128, 16, rank=2)
    queries = gl.allocate_shared_memory(keys.dtype, [CONSUMERS, ROWS, D], row_layout)
    key_slots = gl.allocate_shared_memory(keys.dtype, [SLOTS, 1, C, D], keys.layout)
    value_slots = gl.allocate_shared_memory(keys.dtype, [SLOTS, 1, C, D], values.layout)
    full = gl.allocate_shared_memory(gl.int64, [SLOTS, 1], mbarrier.MBarrierLayout())
    empty = gl.allocate_shared_memory(gl.int64, [SLOTS, 1], mbarrier.MBarrierLayout())
    for slot in gl.static_range(SLOTS):
        mbarrier.init(full.index(slot), count=1)
        mbarrier.init(empty.index(slot), count=CONSUMERS)
    fence_async_shared()

    ring = key_slots, value_slots, full, empty
    stream = merged_ptr, plain, length
    where = b, h, head, program * CONSUMERS, start, tokens, tiles, capacity, padding
    strides = batch_stride, token_stride, head_stride
    inputs = query_ptr, strides, entries_ptr, lengths_ptr, weights_ptr, means_ptr, factor, sharpness
    outputs = output_ptr, lse_ptr, output_tokens
    common = queries, ring, stream, where, inputs, outputs
    gl.warp_specialize(
        [
            (_consume, (common, 0, T, G, C, D, LOCAL, padding_ptr is not None)),
            (_consume, (common, 1, T, G, C, D, LOCAL, padding_ptr is not None)),
            (_consume, (common, 2, T, G, C, D, LOCAL, padding_ptr is not None)),
            (_produce, (keys, values, ring, stream, head.to(gl.int32), C)),
        ],
        [4, 4, 1],
        [CONSUMER_REGISTERS, CONSUMER_REGISTERS, PRODUCER_REGISTERS],
    )


@gluon.jit
def _produce(keys, values, ring, stream, head, C: gl.constexpr):
    """Copy the keys and values of every chunk on the merged list into the ring."""
    key_slots, value_slots, full, empty = ring
    merged_ptr, _, length = stream
    entry = gl.load(merged_ptr)
    for i in range(length):
        slot, token = i % SLOTS, (entry & CHUNK_MASK) * C
        entry = gl.load(merged_ptr + gl.minimum(i + 1, length - 1))
        mbarrier.wait(empty.index(slot), (i // SLOTS & 1) ^ 1)
        ready = full.index(slot)
        mbarrier.expect(ready, keys.block_type.nbytes + values.block_type.nbytes)
        tma.async_copy_global_to_shared(keys, [head, token, 0], ready, key_slots.index(slot))
        tma.async_copy_global_to_shared(values, [head, token, 0], ready, value_slots.index(slot))


@gluon.jit
def _consume(
    common, CONSUMER: gl.constexpr, T: gl.constexpr, G: gl.constexpr,
    C: gl.constexpr, D: gl.constexpr, LOCAL: gl.constexpr, PADDED: gl.constexpr,
):  # fmt: skip
    """Attend with one tile, reading the merged list and its own in step."""
    queries, ring, stream, where, inputs, outputs = common
    merged_ptr, plain, length = stream
    b, h, head, tile, start, tokens, tiles, capacity, padding = where
    query_ptr, strides, entries_ptr, lengths_ptr, weights_ptr, means_ptr, factor, sharpness = inputs
    output_ptr, lse_ptr, output_tokens = outputs
    tile += CONSUMER
    SCORES: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, C, 16])  # [ROWS, C]
    SUMS: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, D, 16])  # [ROWS, D]
    SHARES: gl.constexpr = gl.DotOperandLayout(0, SUMS, 2)
    PER_ROW: gl.constexpr = gl.SliceLayout(1, SCORES)

    query = queries.index(CONSUMER)
    place = b, h, tile, tokens, gl.num_programs(1) * G
    _load_queries(query, query_ptr, strides, place, T, G, D)
    token = gl.arange(0, ROWS, layout=PER_ROW) // (ROWS // T)
    mean = 0.0
    if means_ptr is not None:
        exists = tile * T + token < tokens
        mean = gl.load(means_ptr + head * tokens + tile * T + token, mask=exists, other=0.0)
    listed = head * tiles + gl.minimum(tile, tiles - 1)
    own_list = entries_ptr, weights_ptr, listed * capacity, gl.load(lengths_ptr + listed), T
    table = query, token, start + tile * T + token, mean, padding, factor, sharpness

    top = gl.full([ROWS], -1e30, gl.float32, PER_ROW)
    total = gl.full([ROWS], 0.0, gl.float32, PER_ROW)
    sums = gl.full([ROWS, D], 0.0, gl.float32, SUMS)
    scores = gl.full([ROWS, C], 0.0, gl.float32, SCORES)
    shares = gl.full([ROWS, C], 0.0, queries.dtype, SHARES)
    reading = gl.load(merged_ptr), 0, _own_entry(own_list, 0, token)
    state = reading, scores, shares, -1, top, total, sums
    for i in range(plain):
        state = _visit(i, ring, stream, own_list, table, state, CONSUMER, 0, PADDED)
    # The chunks around the own ones: causal, and without bias where they are local.
    for i in range(plain, length):
        state = _visit(i, ring, stream, own_list, table, state, CONSUMER, LOCAL, True)
    _, _, shares, held, top, total, sums = state
    if held >= 0:
        sums = _add_values(shares, ring, held, sums)

    read = total > 0
    total = gl.where(read, total, 1.0)
    behind = b * (output_tokens - tokens) * gl.num_programs(1) * G
    output_ptr += behind * D
    if lse_ptr is not None:
        lse_ptr += behind
        rows, exists = _rows(place, T, G, PER_ROW)
        gl.store(lse_ptr + rows, gl.where(read, top + gl.log2(total), float("inf")), mask=exists)
    sums = sums * gl.convert_layout(1.0 / total, gl.SliceLayout(1, SUMS))[:, None]
    rows, exists = _rows(place, T, G, gl.SliceLayout(1, SUMS))
    at = rows[:, None] * D + gl.arange(0, D, layout=gl.SliceLayout(0, SUMS))[None, :]
    gl.store(output_ptr + at, sums.to(queries.dtype), mask=exists[:, None])


@gluon.jit
def _visit(
    i, ring, stream, own_list, table, state,
    CONSUMER: gl.constexpr, LOCAL: gl.constexpr, MASKED: gl.constexpr,
):  # fmt: skip
    """Await entry `i` of the merged list and take it in if it is wanted.

    The values of the wanted chunk before it, `held`, are summed up while this one's softmax is
    computed; -1: none is held, and its shares are zero. `scores` only lends its registers.
    """
    merged_ptr, _, length = stream
    key_slots, value_slots, full, empty = ring
    query, token, position, mean, padding, factor, sharpness = table
    reading, scores, shares, held, top, total, sums = state
    entry, own, note = reading
    WEIGHED: gl.constexpr = own_list[1] is not None
    chunk = entry & CHUNK_MASK
    wanted = (entry >> (CHUNK_BITS + CONSUMER)) & 1
    entry = gl.load(merged_ptr + gl.minimum(i + 1, length - 1))
    mbarrier.wait(full.index(i % SLOTS), i // SLOTS & 1)
    if wanted != 0:
        before = gl.where(held < 0, i, held)
        keys = _slot(key_slots, i).permute((1, 0))
        scores = warpgroup_mma(query, keys, scores, use_acc=False, is_async=True)
        sums = warpgroup_mma(shares, _slot(value_slots, before), sums, is_async=True)
        bias = _bias(note, token, mean, sharpness, WEIGHED)
        own += 1
        note = _own_entry(own_list, own, token)
        scores = warpgroup_mma_wait(1, deps=[scores])
        if MASKED:
            scores = _hide(scores, chunk, position, padding)
        if WEIGHED and LOCAL > 0:
            bias = without_local(bias, chunk, position, scores.shape[1], LOCAL)
        scores, decay, top, total = _softmax(scores, bias, top, total, factor)
        sums = warpgroup_mma_wait(0, deps=[sums])
        mbarrier.arrive(empty.index(before % SLOTS), count=1, pred=held >= 0)
        sums = sums * gl.convert_layout(decay, gl.SliceLayout(1, sums.type.layout))[:, None]
        shares = gl.convert_layout(scores.to(shares.dtype), shares.type.layout)
        held = i
    else:
        mbarrier.arrive(empty.index(i % SLOTS), count=1)
        # The ring must not run dry behind a slot that is held.
        if (held >= 0) & (i - held >= SLOTS - 2):
            sums = _add_values(shares, ring, held, sums)
            mbarrier.arrive(empty.index(held % SLOTS), count=1)
            shares = shares * 0.0
            held = -1
    return (entry, own, note), scores, shares, held, top, total, sums


@gluon.jit
def _softmax(scores, bias, top, total, factor):
    """Shares [ROWS, C] of one chunk, how older sums decay, the new maxima and sums [ROWS]."""
    higher = gl.maximum(top, gl.max(scores, 1) * factor + bias)
    scores = gl.exp2(scores * factor - (higher - bias)[:, None])
    decay = gl.exp2(top - higher)
    return scores, decay, higher, total * decay + gl.sum(scores, 1)


@gluon.jit
def _hide(scores, chunk, position, padding):
    """The scores of one chunk [ROWS, C]; -inf for later and for padded tokens."""
    C: gl.constexpr = scores.shape[1]
    place = chunk * C + gl.arange(0, C, layout=gl.SliceLayout(0, scores.type.layout))
    seen = (place[None, :] <= position[:, None]) & (place >= padding)[None, :]
    return gl.where(seen, scores, float("-inf"))


@gluon.jit
def _slot(slots, i):
    """The keys or values [C, D] of entry `i`."""
    return slots.index(i % SLOTS).reshape((slots.shape[2], slots.shape[3]))


@gluon.jit
def _add_values(shares, ring, held, sums):
    """Sum up the values of the held chunk by their shares."""
    sums = warpgroup_mma(shares, _slot(ring[1], held), sums, is_async=True)
    return warpgroup_mma_wait(0, deps=[sums])


@gluon.jit
def _own_entry(own_list, own, token):
    """Entry `own` of a tile's own list: its token bits, or its weight for each row [ROWS]."""
    entries_ptr, weights_ptr, origin, length, T = own_list
    at = origin + gl.maximum(gl.minimum(own, length - 1), 0)
    if weights_ptr is None:
        note = gl.load(entries_ptr + at)
    else:
        note = gl.load(weights_ptr + at * T + token)
    return note


@gluon.jit
def _bias(note, token, mean, sharpness, WEIGHED: gl.constexpr):
    """The bias of an entry for each row [ROWS], base 2; -inf where the row does not read it."""
    if WEIGHED:
        bias = (note - mean) * sharpness
    else:
        bias = gl.where(((note >> (token + CHUNK_BITS)) & 1) != 0, 0.0, float("-inf"))
    return bias


@gluon.jit
def _rows(place, T: gl.constexpr, G: gl.constexpr, layout: gl.constexpr):
    """Where a tile's rows lie in [B, tokens, heads], and which of them exist: [ROWS] each."""
    b, h, tile, tokens, heads = place
    token, head, exists = _tokens_and_heads(tile, h, tokens, T, G, layout)
    return (b * tokens + token) * heads + head, exists


@gluon.jit
def _tokens_and_heads(
    tile, h, tokens, T: gl.constexpr, G: gl.constexpr, layout: gl.constexpr
):  # fmt: skip
    """The token and query head of each of a tile's rows, and which of them exist: [ROWS] each."""
    row = gl.arange(0, ROWS, layout=layout)
    token, head = tile * T + row // (ROWS // T), row % (ROWS // T)
    return token, h * G + head, (token < tokens) & (head < G)


@gluon.jit
def _load_queries(
    query, query_ptr, strides, place, T: gl.constexpr, G: gl.constexpr, D: gl.constexpr
):  # fmt: skip
    """Copy a tile's queries [ROWS, D] to shared memory, zeros for rows that do not exist."""
    layout: gl.constexpr = gl.BlockedLayout([1, 8], [256 // D, D // 8], [4, 1], [1, 0])
    b, h, tile, tokens, _ = place
    token, head, exists = _tokens_and_heads(tile, h, tokens, T, G, gl.SliceLayout(1, layout))
    at = token.to(gl.int64) * strides[1] + head.to(gl.int64) * strides[2]
    at = at[:, None] + gl.arange(0, D, layout=gl.SliceLayout(0, layout))[None, :]
    query.store(gl.load(query_ptr + b * strides[0] + at, mask=exists[:, None], other=0.0))
    fence_async_shared()
