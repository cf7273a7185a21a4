"""Stage 3 of the newest token: many programs take a share of its chunks each, then all are added.

The chunks of a head are dealt out in turn, so that the shares differ by one at most.
"""

import triton
import triton.language as tl

from dashdoc.kernels.triton.attend import online_softmax, without_local
from dashdoc.kernels.triton.decode_overlap import await_inputs
from dashdoc.kernels.triton.route import group_mean
from dashdoc.kernels.triton.tiles import load_padding, load_rows, row_offsets


@triton.jit(do_not_specialize=["capacity", "room"])
def _attend_share(
    query_ptr, keys_ptr, values_ptr, padding_ptr, length_ptr, scores_ptr, thresholds_ptr,
    wanted_ptr, calls_ptr, entries_ptr, weights_ptr, active_ptr, tops_ptr, totals_ptr, sums_ptr,
    capacity, P, room, factor, sharpness,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr, CENTRED: tl.constexpr,
    SPLITS: tl.constexpr, BLOCK: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """Attend over one share of the chunks that a KV head's group reads."""
    await_inputs(OVERLAP)
    split, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    Hkv = tl.num_programs(1)
    head = b * Hkv + h
    origin, rows, exists = row_offsets(b, h, 0, 1, Hkv * G, T, G, T_PAD, G_PAD)
    query = load_rows(query_ptr, origin, rows, exists, D)
    last = tl.load(length_ptr + b) - 1
    padding = load_padding(padding_ptr, b)
    position = last + tl.zeros([G_PAD], tl.int32)
    keys_ptr += head * capacity * D
    values_ptr += head * capacity * D
    share = head * SPLITS + split
    entries_ptr += share * room
    if weights_ptr is not None:
        weights_ptr += share * room

    active, mean = list_share(
        wanted_ptr + head * P, tl.load(calls_ptr + head * G_PAD), scores_ptr + head * G_PAD * P,
        thresholds_ptr + head * G_PAD * 2, entries_ptr, weights_ptr, split, last, padding, P,
        G, G_PAD, C, LOCAL, SPLITS, BLOCK,
    )  # fmt: skip
    if split == 0:
        tl.store(active_ptr + head, active)
    mean = mean if CENTRED else 0.0
    tl.debug_barrier()  # the list is there for all threads

    top = tl.full([G_PAD], -1e30, tl.float32)
    total = tl.zeros([G_PAD], tl.float32)
    sums = tl.zeros([G_PAD, D], tl.float32)
    for i in range((active + SPLITS - 1 - split) // SPLITS):
        chunk = tl.load(entries_ptr + i)
        bias = tl.zeros([G_PAD], tl.float32)
        if weights_ptr is not None:
            bias += (tl.load(weights_ptr + i) - mean) * sharpness
            bias = without_local(bias, chunk, position, C, LOCAL)
        top, total, sums = online_softmax(
            query, keys_ptr, values_ptr, chunk, bias, position, last, padding, factor,
            top, total, sums, C, D, True,
        )  # fmt: skip
    row = share * G_PAD + tl.arange(0, G_PAD)
    tl.store(tops_ptr + row, top)
    tl.store(totals_ptr + row, total)
    tl.store(sums_ptr + row[:, None] * D + tl.arange(0, D)[None, :], sums)


@triton.jit
def list_share(
    wanted_ptr, call, scores_ptr, thresholds_ptr, entries_ptr, weights_ptr, split, last, padding, P,
    G: tl.constexpr, G_PAD: tl.constexpr, C: tl.constexpr, LOCAL: tl.constexpr,
    SPLITS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """List every SPLITS-th chunk that is read, from number `split` on, in ascending order.

    Returns how many chunks are read in all, and the mean of log2 P over the routed ones.
    """
    own, first = last // C, padding // C
    active, routed, logs = 0, 0, 0.0
    for block in range(0, P, BLOCK):
        chunk = block + tl.arange(0, BLOCK)
        wanted = tl.load(wanted_ptr + chunk, mask=chunk < P, other=0) == call
        read = wanted | ((chunk > own - LOCAL) & (chunk <= own) & (chunk >= first))
        read &= last >= padding
        rank = active + tl.cumsum(read.to(tl.int32), 0) - 1
        mine = read & (rank % SPLITS == split)
        tl.store(entries_ptr + rank // SPLITS, chunk, mask=mine)
        if weights_ptr is not None:
            log = log_wanted(scores_ptr, thresholds_ptr, chunk, wanted, P, G, G_PAD)
            tl.store(weights_ptr + rank // SPLITS, log, mask=mine)
            routed += tl.sum(wanted.to(tl.int32), 0)
            logs += tl.sum(log, 0)
        active += tl.sum(read.to(tl.int32), 0)
    return active, logs / tl.maximum(routed, 1).to(tl.float32)


@triton.jit
def log_wanted(scores_ptr, thresholds_ptr, chunk, wanted, P, G: tl.constexpr, G_PAD: tl.constexpr):
    """log2 P of the chunks that are wanted, 0 of others: [BLOCK]."""
    row = tl.arange(0, G_PAD)
    top, tau = tl.load(thresholds_ptr + row * 2), tl.load(thresholds_ptr + row * 2 + 1)
    at = row[:, None] * P + chunk[None, :]
    x = tl.load(scores_ptr + at, mask=wanted[None, :], other=float("-inf"))
    root = tl.maximum(x - top[:, None] - tau[:, None], 0.0)
    p = tl.reshape(group_mean(root * root, G, 1, G_PAD), (chunk.shape[0],))
    return tl.log2(tl.where(wanted, p, 1.0))


@triton.jit
def _merge(
    tops_ptr, totals_ptr, sums_ptr, output_ptr,
    G: tl.constexpr, ROWS: tl.constexpr, D: tl.constexpr, WIDTH: tl.constexpr,
    SPLITS: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """Add up the shares of one query head, WIDTH of its output's elements a program."""
    await_inputs(OVERLAP)
    part, i, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    Hq = tl.num_programs(1)
    head = b * (Hq // G) + i // G
    row = (head * SPLITS + tl.arange(0, SPLITS)) * ROWS + i % G
    d = part * WIDTH + tl.arange(0, WIDTH)
    top = tl.load(tops_ptr + row)  # [SPLITS]
    total = tl.load(totals_ptr + row)
    sums = tl.load(sums_ptr + row[:, None] * D + d[None, :])  # [SPLITS, WIDTH]
    weight = tl.exp2(top - tl.max(top, 0))
    total = tl.sum(total * weight, 0)
    result = tl.sum(sums * weight[:, None], 0) / tl.where(total > 0, total, 1.0)
    tl.store(output_ptr + (b * Hq + i) * D + d, result.to(output_ptr.dtype.element_ty))
