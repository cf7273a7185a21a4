"""Stages 2 and 3 from the summaries on: queries in pieces, so that the lists stay bounded."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.operator import RoutingCounts
from dashdoc.kernels.triton.attend import attend as attend_tiles
from dashdoc.kernels.triton.pieces import Routing, route_pieces
from dashdoc.kernels.triton.route import Selection
from dashdoc.kernels.triton.skipping import attend_skipping, skips
from dashdoc.kernels.triton.tiles import CHUNK_BITS, CHUNK_MASK, Tile, tile_for

# What the lists of one piece of queries may take.
PIECE_BYTES = 256 << 20
# From here on a standardised bias moves the output by less than fp32 sums do.
FLAT_SIGMA = 1e6


def attend_pieces(
    query: Tensor, key: Tensor, value: Tensor, summaries: Tensor, routing: Routing,
    padding: Tensor | None, *,
    measure: bool, save_lse: bool, weigh: bool, tile: Tile | None = None, piece: int | None = None,
) -> tuple[Tensor, Tensor | None, RoutingCounts | None]:  # fmt: skip
    """Stages 2 and 3, one piece of queries after the other.

    Args:
        query, key, value, summaries, padding, measure, tile, piece: of `attend_sparse`.
        save_lse: whether to return the logarithm of each row's softmax sum.
        weigh: whether to weigh the bias where it is flat, too.

    Returns:
        [B, M, Hq, D], [B, M, Hq] if saved, and the counts if measured.
    """
    B, Hq, M, D = query.shape
    Hkv, N = key.shape[1:3]
    tile = tile or tile_for(Hq // Hkv)
    weigh = weigh or must_weigh(routing.estimate_diagonal, routing.sigma)
    C = routing.chunk_size
    attend = attend_skipping if skips(query, key, value, tile, C) else attend_tiles
    output = query.new_empty(B, M, Hq, D)
    lse = query.new_empty(B, M, Hq, dtype=torch.float32) if save_lse else None
    active = query.new_empty(B, Hkv, M, dtype=torch.int32) if measure else None
    reads = query.new_zeros(B, Hkv, -(-N // C), dtype=torch.int64) if measure else None
    piece = piece or piece_tokens(query, key, C, tile, weigh)
    sharpness = 1 / routing.sigma if weigh and routing.estimate_diagonal else 0.0
    for part in route_pieces(
        query, N, summaries, routing, tile, piece, weigh=weigh, padding=padding
    ):  # fmt: skip
        taken = slice(part.begin, part.end)
        attend(
            part.query,
            key,
            value,
            part.selection,
            part.start,
            output[:, taken],
            None if lse is None else lse[:, taken],
            chunk_size=C,
            sharpness=sharpness,
            local_chunks=routing.local_chunks,
            padding=padding,
        )
        if active is not None and reads is not None:
            active[:, :, taken] = part.selection.active
            count_reads(part.selection, part.start, C, reads)
    counts = RoutingCounts(active, reads) if active is not None and reads is not None else None
    return output, lse, counts


def must_weigh(estimate_diagonal: bool, sigma: float) -> bool:
    """Whether the bias changes the output at all."""
    return not estimate_diagonal or sigma < FLAT_SIGMA


def piece_tokens(query: Tensor, key: Tensor, chunk_size: int, tile: Tile, weigh: bool) -> int:
    """How many queries to take at once: whole tiles whose lists fit, about alike in all pieces."""
    B, (Hkv, N) = query.shape[0], key.shape[1:3]
    # A list is merged into one for several tiles, of about its length.
    entry = 4 + 4 + (4 * tile.tokens if weigh else 0)
    lists = B * Hkv * (-(-N // chunk_size) * entry + 8 * tile.rows)
    tiles = -(-query.shape[2] // tile.tokens)
    pieces = -(-tiles // max(1, PIECE_BYTES // lists))
    return -(-tiles // pieces) * tile.tokens


def count_reads(selection: Selection, start: int, chunk_size: int, reads: Tensor) -> None:
    """Add to `reads` [B, Hkv, chunks] the tokens that read a chunk before their own."""
    B, Hkv, tiles, capacity = selection.entries.shape
    _count_reads[(tiles, Hkv, B)](
        selection.entries,
        selection.lengths,
        reads,
        start,
        capacity,
        reads.shape[-1],
        T=selection.tile.tokens,
        T_PAD=selection.tile.padded_tokens,
        C=chunk_size,
        BLOCK=128,
        num_warps=4,
    )


@triton.jit(do_not_specialize=["start", "capacity", "chunks"])
def _count_reads(
    entries_ptr, lengths_ptr, reads_ptr, start, capacity, chunks,
    T: tl.constexpr, T_PAD: tl.constexpr, C: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Count the tokens of one tile that read each past chunk of its list."""
    tile, head = tl.program_id(0), tl.program_id(2).to(tl.int64) * tl.num_programs(1)
    head += tl.program_id(1)
    listed = head * tl.num_programs(0) + tile
    token = tl.arange(0, T_PAD)
    own = (start + tile * T + token) // C
    shift = tl.minimum(token, T - 1) + CHUNK_BITS
    length = tl.load(lengths_ptr + listed)
    for i in range(0, length, BLOCK):
        slot = i + tl.arange(0, BLOCK)
        entry = tl.load(entries_ptr + listed * capacity + slot, mask=slot < length, other=0)
        chunk = entry & CHUNK_MASK
        read = ((entry[None, :] >> shift[:, None]) & 1) * (token < T)[:, None]  # [T_PAD, BLOCK]
        past = chunk[None, :] < own[:, None]
        count = tl.sum(tl.where(past, read, 0), 0).to(tl.int64)
        tl.atomic_add(reads_ptr + head * chunks + chunk, count, mask=count > 0, sem="relaxed")
