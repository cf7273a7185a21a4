"""One token a batch row: scores, thresholds, attention in splits, and their sum.

Four launches whose grids depend on the capacity of the cache alone; the length is read on the
device, so that a CUDA graph can replay them.
"""

import math
from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.attend import load_means, online_softmax, row_bias, without_local
from dashdoc.kernels.triton.forward import must_weigh
from dashdoc.kernels.triton.route import choose
from dashdoc.kernels.triton.summarize import summarize_chunk
from dashdoc.kernels.triton.tiles import (
    CHUNK_MASK,
    LOG2_E,
    MAX_CHUNKS,
    Tile,
    check_inputs,
    load_padding,
    load_rows,
    padding_of,
    row_offsets,
    row_tokens,
)

# Chunks scored by one program, and chunks whose scores are held at once to find the thresholds.
SCORE_BLOCK = 64
SELECT_BLOCK = 512
# Programs that share the attention of all heads: about one for each multiprocessor.
PROGRAMS = 128


@dataclass(frozen=True)
class DecodeBuffers:
    """What the launches of one token hand on, allocated once for a cache.

    `scores` [B, Hkv, ROWS, P] fp32; `entries` [B, Hkv, P + 1], `lengths` [B, Hkv], `weights`
    [B, Hkv, P + 1], `active` [B, Hkv] and `means` [B, Hkv] as a `Selection` has them for tiles of
    one token; `tops`, `totals` [B, Hkv, SPLITS, ROWS] and `sums` [B, Hkv, SPLITS, ROWS, D] fp32.
    """

    scores: Tensor
    entries: Tensor
    lengths: Tensor
    weights: Tensor
    active: Tensor
    means: Tensor
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

        def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return keys.new_empty(B, Hkv, *shape, dtype=dtype)

        return cls(
            scores=empty(rows, chunks),
            entries=empty(chunks + 1, dtype=torch.int32),
            lengths=empty(dtype=torch.int32),
            weights=empty(chunks + 1),
            active=empty(dtype=torch.int32),
            means=empty(),
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
    P, splits = buffers.scores.shape[-1], buffers.tops.shape[2]
    tile = Tile(1, Hq // Hkv)
    assert all(t.is_contiguous() for t in (keys, values, summaries, class_query, length))
    assert P == -(-capacity // chunk_size) <= MAX_CHUNKS and summaries.shape[2] >= P - 1
    query = query.contiguous()
    padding = padding_of(padding)
    weigh = must_weigh(estimate_diagonal, sigma)
    weights = buffers.weights if weigh else None
    means = buffers.means if weigh and estimate_diagonal else None
    output = torch.empty_like(query)
    sizes = {**tile.sizes(), "C": chunk_size}
    _score[(triton.cdiv(P, SCORE_BLOCK), Hkv, B)](
        query,
        keys,
        class_query,
        padding,
        length,
        summaries,
        buffers.scores,
        capacity,
        summaries.shape[2],
        P,
        scale / (2 * math.sqrt(D)),
        1 / math.sqrt(D),
        **sizes,
        D=D,
        EACH_CHUNK=class_query.dim() == 4,
        BLOCK=SCORE_BLOCK,
        num_warps=4,
    )
    _select[(Hkv, B)](
        buffers.scores,
        padding,
        length,
        buffers.entries,
        buffers.lengths,
        weights,
        buffers.active,
        buffers.means,
        P,
        **sizes,
        LOCAL=local_chunks,
        BLOCK=min(SELECT_BLOCK, max(16, int(triton.next_power_of_2(P)))),
        num_warps=8,
    )
    _attend_split[(splits, Hkv, B)](
        query,
        keys,
        values,
        padding,
        length,
        buffers.entries,
        buffers.lengths,
        weights,
        means,
        buffers.tops,
        buffers.totals,
        buffers.sums,
        capacity,
        P,
        LOG2_E / math.sqrt(D),
        1 / sigma if estimate_diagonal else 1.0,
        **sizes,
        D=D,
        LOCAL=local_chunks,
        num_warps=4,
        num_stages=3 if chunk_size * D * query.element_size() <= 16384 else 1,
    )
    _merge[(Hq, B)](
        buffers.tops,
        buffers.totals,
        buffers.sums,
        output,
        G=tile.heads,
        ROWS=tile.rows,
        D=D,
        SPLITS=splits,
        num_warps=4,
    )
    return output


@triton.jit(do_not_specialize=["capacity", "summary_rows", "P"])
def _score(
    query_ptr, keys_ptr, class_query_ptr, padding_ptr, length_ptr, summaries_ptr, scores_ptr,
    capacity, summary_rows, P, factor, class_factor,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, EACH_CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Half the scaled scores of one block of chunks; the first program summarises a new chunk."""
    block, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    head = b * tl.num_programs(1) + h
    length = tl.load(length_ptr + b)
    summaries_ptr += head * summary_rows * D
    d = tl.arange(0, D)
    # The own chunk is not scored: nobody in this launch reads the summary that is written.
    if (block == 0) & (length % C == 0):
        chunk = length // C - 1
        class_row = head * summary_rows + chunk if EACH_CHUNK else h
        class_query = tl.load(class_query_ptr + class_row * D + d).to(tl.float32)
        summary = summarize_chunk(
            keys_ptr + head * capacity * D, class_query, chunk, load_padding(padding_ptr, b),
            class_factor, C, D,
        )  # fmt: skip
        tl.store(summaries_ptr + chunk * D + d, summary.to(summaries_ptr.dtype.element_ty))
    own = (length - 1) // C
    if block * BLOCK < own:
        origin, rows, exists = row_offsets(b, h, 0, 1, tl.num_programs(1) * G, T, G, T_PAD, G_PAD)
        query = load_rows(query_ptr, origin, rows, exists, D)
        chunk = block * BLOCK + tl.arange(0, BLOCK)
        at = chunk[:, None] * D + d[None, :]
        summaries = tl.load(summaries_ptr + at, mask=(chunk < own)[:, None], other=0.0)
        scores = tl.dot(query, tl.trans(summaries), input_precision="ieee") * factor
        row = head * G_PAD + tl.arange(0, G_PAD)
        at = scores_ptr + row[:, None] * P + chunk[None, :]
        tl.store(at, scores, mask=(chunk < own)[None, :])


@triton.jit(do_not_specialize=["P"])
def _select(
    scores_ptr, padding_ptr, length_ptr, entries_ptr, lengths_ptr, weights_ptr, active_ptr,
    means_ptr, P,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, LOCAL: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """List the chunks that one KV head's group reads."""
    h, b = tl.program_id(0), tl.program_id(1).to(tl.int64)
    head = b * tl.num_programs(0) + h
    if weights_ptr is not None:
        weights_ptr += head * (P + 1)
    position = tl.load(length_ptr + b) - 1 + tl.zeros([T_PAD], tl.int32)
    length, active, mean, _, _ = choose(
        None, scores_ptr + head * G_PAD * P, load_padding(padding_ptr, b),
        padding_ptr is not None, position, 1, entries_ptr + head * (P + 1), weights_ptr, 1.0,
        T, G, T_PAD, G_PAD, C, P, LOCAL, BLOCK, True,
    )  # fmt: skip
    tl.store(lengths_ptr + head, length)
    tl.store(active_ptr + head + tl.arange(0, T_PAD), active)
    tl.store(means_ptr + head + tl.arange(0, T_PAD), mean)


@triton.jit(do_not_specialize=["capacity", "P"])
def _attend_split(
    query_ptr, keys_ptr, values_ptr, padding_ptr, length_ptr,
    entries_ptr, lengths_ptr, weights_ptr, means_ptr, tops_ptr, totals_ptr, sums_ptr,
    capacity, P, factor, sharpness,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr,
):  # fmt: skip
    """Attend over one share of a KV head's list."""
    split, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    splits, Hkv = tl.num_programs(0), tl.num_programs(1)
    head = b * Hkv + h
    origin, rows, exists = row_offsets(b, h, 0, 1, Hkv * G, T, G, T_PAD, G_PAD)
    query = load_rows(query_ptr, origin, rows, exists, D)
    token = row_tokens(T, T_PAD, G_PAD)
    last = tl.load(length_ptr + b) - 1
    position = last + token
    padding = load_padding(padding_ptr, b)
    mean = load_means(means_ptr, head, token, exists)
    entries_ptr += head * (P + 1)
    if weights_ptr is not None:
        weights_ptr += head * (P + 1)
    keys_ptr += head * capacity * D
    values_ptr += head * capacity * D

    listed = tl.load(lengths_ptr + head)
    share = tl.cdiv(listed, splits)
    top = tl.full([G_PAD], -1e30, tl.float32)
    total = tl.zeros([G_PAD], tl.float32)
    sums = tl.zeros([G_PAD, D], tl.float32)
    for i in range(split * share, tl.minimum(split * share + share, listed)):
        entry = tl.load(entries_ptr + i)
        chunk = entry & CHUNK_MASK
        bias = row_bias(entry, i, token, weights_ptr, mean, sharpness, T)
        bias = without_local(bias, chunk, position, C, LOCAL)
        top, total, sums = online_softmax(
            query, keys_ptr, values_ptr, chunk, bias, position, last, padding, factor,
            top, total, sums, C, D, True,
        )  # fmt: skip
    row = (head * splits + split) * G_PAD + tl.arange(0, G_PAD)
    tl.store(tops_ptr + row, top)
    tl.store(totals_ptr + row, total)
    tl.store(sums_ptr + row[:, None] * D + tl.arange(0, D)[None, :], sums)


@triton.jit
def _merge(
    tops_ptr, totals_ptr, sums_ptr, output_ptr,
    G: tl.constexpr, ROWS: tl.constexpr, D: tl.constexpr, SPLITS: tl.constexpr,
):  # fmt: skip
    """Add up the shares of one query head."""
    i, b = tl.program_id(0), tl.program_id(1).to(tl.int64)
    Hq = tl.num_programs(0)
    head = b * (Hq // G) + i // G
    row = (head * SPLITS + tl.arange(0, SPLITS)) * ROWS + i % G
    d = tl.arange(0, D)
    top = tl.load(tops_ptr + row)  # [SPLITS]
    share = tl.exp2(top - tl.max(top, 0))
    total = tl.sum(tl.load(totals_ptr + row) * share, 0)
    sums = tl.load(sums_ptr + row[:, None] * D + d[None, :])  # [SPLITS, D]
    result = tl.sum(sums * share[:, None], 0) / tl.where(total > 0, total, 1.0)
    tl.store(output_ptr + (b * Hq + i) * D + d, result.to(output_ptr.dtype.element_ty))
