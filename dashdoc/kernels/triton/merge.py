"""Merge the lists of neighbouring tiles, for a program that takes several of them."""

import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.route import Selection
from dashdoc.kernels.triton.tiles import CHUNK_BITS, CHUNK_MASK


def merge(
    selection: Selection, start: int, tokens: int, chunk_size: int, lists: int
) -> tuple[Tensor, Tensor]:
    """Merge every so many neighbouring lists of what `tokens` queries from `start` on read.

    Returns:
        [B, Hkv, programs, capacity] int32, ascending: a chunk, and from bit `CHUNK_BITS` on one
        bit for each of the lists, set if a token of it reads the chunk, and one that always is;
        and [B, Hkv, programs] int32 lengths.
    """
    B, Hkv, tiles, capacity = selection.entries.shape
    programs = -(-tiles // lists)
    merged = selection.entries.new_empty(B, Hkv, programs, capacity)
    lengths = selection.entries.new_empty(B, Hkv, programs)
    _merge[(programs, Hkv, B)](
        selection.entries,
        selection.lengths,
        merged,
        lengths,
        start,
        tokens,
        tiles,
        capacity,
        T=selection.tile.tokens,
        C=chunk_size,
        LISTS=lists,
        BLOCK=512,
        num_warps=4,
    )
    return merged, lengths


@triton.jit(do_not_specialize=["start", "tokens", "tiles", "capacity"])
def _merge(
    entries_ptr, lengths_ptr, merged_ptr, merged_lengths_ptr, start, tokens, tiles, capacity,
    T: tl.constexpr, C: tl.constexpr, LISTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Merge the lists of one program: mark their chunks where the output is to be, and pack it."""
    program, Hkv = tl.program_id(0), tl.num_programs(1)
    head = tl.program_id(2).to(tl.int64) * Hkv + tl.program_id(1)
    merged = head * tl.num_programs(0) + program
    merged_ptr += merged * capacity
    first = program * LISTS
    chunks = (start + tl.minimum((first + LISTS) * T, tokens) - 1) // C + 1
    place = tl.arange(0, BLOCK)

    for block in range(0, chunks, BLOCK):
        tl.store(merged_ptr + block + place, 0, mask=block + place < chunks)
    tl.debug_barrier()
    for i in range(min(LISTS, tiles - first)):
        listed = head * tiles + first + i
        length = tl.load(lengths_ptr + listed)
        for block in range(0, length, BLOCK):
            real = block + place < length
            entry = tl.load(entries_ptr + listed * capacity + block + place, mask=real, other=0)
            mark = merged_ptr + (entry & CHUNK_MASK)
            wanted = (entry >> CHUNK_BITS) != 0
            bits = (wanted.to(tl.int32) << i | 1 << LISTS) << CHUNK_BITS
            tl.store(mark, tl.load(mark, mask=real, other=0) | bits, mask=real)
        tl.debug_barrier()
    length = 0
    for block in range(0, chunks, BLOCK):
        chunk = block + place
        bits = tl.load(merged_ptr + chunk, mask=chunk < chunks, other=0)
        tl.debug_barrier()  # the list never grows past what has been read
        real = bits != 0
        slot = length + tl.cumsum(real.to(tl.int32), 0) - 1
        tl.store(merged_ptr + slot, chunk | bits, mask=real)
        length += tl.sum(real.to(tl.int32), 0)
    tl.store(merged_lengths_ptr + merged, length)
