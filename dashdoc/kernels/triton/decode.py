"""One token a batch row: scores, thresholds, attention in shares, and their sum.

Three or four launches that depend on the capacity of the cache alone; the length is read on the
device, so that a CUDA graph can replay them. Every step is spread over many programs: by blocks of
chunks, by rows, by shares of the chunks that are read, by parts of the output.
"""

import math
from dataclasses import dataclass

import torch
import triton
from torch import Tensor

from dashdoc.kernels.triton.decode_attend import _attend_share, _merge
from dashdoc.kernels.triton.decode_overlap import overlap
from dashdoc.kernels.triton.decode_route import _score, _threshold
from dashdoc.kernels.triton.forward import must_weigh
from dashdoc.kernels.triton.tiles import (
    LOG2_E,
    MAX_CHUNKS,
    Tile,
    check_inputs,
    padding_of,
    power_of_two,
)

# Chunks scored by one program.
SCORE_BLOCK = 32
SCORE_WARPS = 4
SCORE_STAGES = 4
# Up to so many chunks of all batch rows together the program of each row scores them itself.
SELF_SCORED = 256
SELF_SCORE_BLOCK = 64
SELF_SCORE_WARPS = 4
# Scores of one row that a program holds at once, and how many of them a warp does.
THRESHOLD_BLOCK = 16384
THRESHOLD_PER_WARP = 512
# Programs that share the attention of all heads: about two for each multiprocessor.
PROGRAMS = 256
ATTEND_WARPS = 4
# Chunks whose keys and values are under way at once, as far as the shared memory holds them.
ATTEND_STAGES = 4
STAGE_BYTES = 196608
# Chunks looked at together when a share is listed, without weights and with them.
LIST_BLOCK, WEIGHED_BLOCK = 4096, 256
# Elements of the output that one program adds up.
MERGE_WIDTH = 64
MERGE_WARPS = 4
# The buffers' rows of chunks begin at multiples of this, so that they are read in whole vectors.
ALIGNMENT = 64


@dataclass(frozen=True)
class DecodeBuffers:
    """What the launches of one token hand on, allocated once for a cache.

    P is the number of its chunks, rounded up. `scores` [B, Hkv, ROWS, P] fp32: half the scaled
    scores; `thresholds` [B, Hkv, ROWS, 2] fp32: of each row their maximum, and tau below it;
    `calls` [B, Hkv, ROWS] int32: how often they were used; `wanted` [B, Hkv, P] int32: the call in
    which any row's score was last above its threshold; `active` [B, Hkv] int32: chunks that are
    read; `entries` int32 and `weights` fp32 [B, Hkv, SPLITS, P / SPLITS]: those that each program
    reads, and their log2 P; `tops`, `totals` [B, Hkv, SPLITS, ROWS] and `sums`
    [B, Hkv, SPLITS, ROWS, D] fp32: what came of it.
    """

    scores: Tensor
    thresholds: Tensor
    calls: Tensor
    wanted: Tensor
    active: Tensor
    entries: Tensor
    weights: Tensor
    tops: Tensor
    totals: Tensor
    sums: Tensor

    @classmethod
    def allocate(cls, keys: Tensor, query_heads: int, chunk_size: int) -> "DecodeBuffers":
        """Buffers for a cache of keys [B, Hkv, capacity, D]."""
        B, Hkv, capacity, D = keys.shape
        chunks, rows = -(-capacity // chunk_size), Tile(1, query_heads // Hkv).rows
        splits = min(max(1, PROGRAMS // (B * Hkv)), chunks)
        splits = 1 << (splits.bit_length() - 1)
        room = -(-chunks // ALIGNMENT) * ALIGNMENT

        def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return keys.new_empty(B, Hkv, *shape, dtype=dtype)

        return cls(
            scores=empty(rows, room),
            thresholds=empty(rows, 2),
            calls=empty(rows, dtype=torch.int32).zero_(),
            wanted=empty(room, dtype=torch.int32).zero_(),
            active=empty(dtype=torch.int32),
            entries=empty(splits, -(-chunks // splits), dtype=torch.int32),
            weights=empty(splits, -(-chunks // splits)),
            tops=empty(splits, rows),
            totals=empty(splits, rows),
            sums=empty(splits, rows, D),
        )


def decode(
    query: Tensor, keys: Tensor, values: Tensor, summaries: Tensor, class_query: Tensor,
    length: Tensor, buffers: DecodeBuffers, *,
    chunk_size: int, scale: float, estimate_diagonal: bool, sigma: float, local_chunks: int,
    padding: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The attention of the newest token of each batch row; completes its chunk's summary.

    Args:
        query: [B, Hq, 1, D].
        keys, values: [B, Hkv, capacity, D], contiguous, the newest token's already in place.
        summaries: [B, Hkv, capacity // C, D], contiguous, of all chunks complete before it; where
            the newest token completes its chunk, that chunk's is written.
        class_query: [Hkv, D], or [B, Hkv, capacity // C, D] where it differs from chunk to chunk.
        length: [B] int32, tokens held, the newest included.
        buffers: of these shapes.
        chunk_size, scale, estimate_diagonal, sigma, local_chunks, padding: as in `dash_attention`.

    Returns:
        [B, Hq, 1, D]; `buffers.active` [B, Hkv] tells how many chunks were read.
    """
    check_inputs(query, keys, values, summaries)
    B, Hq, _, D = query.shape
    Hkv, capacity = keys.shape[1:3]
    P, (splits, room) = buffers.scores.shape[-1], buffers.entries.shape[2:]
    chunks, tile = -(-capacity // chunk_size), Tile(1, Hq // Hkv)
    assert all(t.is_contiguous() for t in (keys, values, summaries, class_query, length))
    assert chunks <= min(P, MAX_CHUNKS) and splits * room >= chunks
    assert summaries.shape[2] >= capacity // chunk_size
    query = query.contiguous()
    padding = padding_of(padding)
    weigh = must_weigh(estimate_diagonal, sigma)
    output = torch.empty_like(query)
    sizes = {**tile.sizes(), "C": chunk_size}
    routed = (query, keys, class_query, padding, length, summaries, buffers.scores)
    numbers = (capacity, summaries.shape[2], P, scale / (2 * math.sqrt(D)), 1 / math.sqrt(D))
    overlapping = overlap(query)
    summarized = {"D": D, "EACH_CHUNK": class_query.dim() == 4}
    alone = B * P <= SELF_SCORED
    if not alone:
        _score[(triton.cdiv(P, SCORE_BLOCK) + 1, Hkv, B)](
            *routed,
            *numbers,
            **sizes,
            **summarized,
            BLOCK=SCORE_BLOCK,
            num_warps=SCORE_WARPS,
            **overlapping,
        )
    block = min(power_of_two(P), THRESHOLD_BLOCK)
    _threshold[(tile.heads + alone, Hkv, B)](
        query if alone else None,
        *routed[1:],
        buffers.thresholds,
        buffers.wanted,
        buffers.calls,
        *numbers,
        G=tile.heads,
        ROWS=tile.rows,
        C=chunk_size,
        **summarized,
        SCORE_BLOCK=SELF_SCORE_BLOCK,
        BLOCK=block,
        WHOLE=block >= P,
        num_warps=SELF_SCORE_WARPS if alone else min(max(block // THRESHOLD_PER_WARP, 1), 16),
        num_stages=stages(SELF_SCORE_BLOCK * D * query.element_size(), SCORE_STAGES),
        **overlapping,
    )
    _attend_share[(splits, Hkv, B)](
        query,
        keys,
        values,
        padding,
        length,
        buffers.scores,
        buffers.thresholds,
        buffers.wanted,
        buffers.calls,
        buffers.entries,
        buffers.weights if weigh else None,
        buffers.active,
        buffers.tops,
        buffers.totals,
        buffers.sums,
        capacity,
        P,
        room,
        LOG2_E / math.sqrt(D),
        1 / sigma if estimate_diagonal else 1.0,
        **sizes,
        D=D,
        LOCAL=local_chunks,
        CENTRED=weigh and estimate_diagonal,
        SPLITS=splits,
        BLOCK=min(power_of_two(P), WEIGHED_BLOCK if weigh else LIST_BLOCK),
        num_warps=ATTEND_WARPS,
        num_stages=stages(2 * chunk_size * D * query.element_size(), ATTEND_STAGES),
        **overlapping,
    )
    width = min(D, MERGE_WIDTH)
    _merge[(D // width, Hq, B)](
        buffers.tops,
        buffers.totals,
        buffers.sums,
        output,
        G=tile.heads,
        ROWS=tile.rows,
        D=D,
        WIDTH=width,
        SPLITS=splits,
        num_warps=MERGE_WARPS,
        **overlapping,
    )
    return output


def stages(block_bytes: int, wanted: int) -> int:
    """How many blocks of so many bytes are under way at once, as far as memory allows."""
    return max(1, min(wanted, STAGE_BYTES // block_bytes))
