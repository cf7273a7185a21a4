"""Stage 2 of the newest token: scores by block of chunks, then thresholds by row.

A row's scores fit the registers of one program, so its threshold is found without a second pass
over memory, and the rows of a group are searched side by side. Where chunks are few, a row's
program scores them itself, which saves a launch.
"""

import triton
import triton.language as tl

from dashdoc.kernels.triton.decode_overlap import await_inputs
from dashdoc.kernels.triton.summarize import load_class_query, summarize_chunk
from dashdoc.kernels.triton.thresholds import MASS_TOLERANCE, MAX_PASSES, improve
from dashdoc.kernels.triton.tiles import load_padding, load_rows, load_summaries, row_offsets


@triton.jit(do_not_specialize=["capacity", "summary_rows"])
def _score(
    query_ptr, keys_ptr, class_query_ptr, padding_ptr, length_ptr,
    summaries_ptr, scores_ptr,
    capacity, summary_rows, P, factor, class_factor,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, EACH_CHUNK: tl.constexpr, BLOCK: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    """Half the scaled scores of one block of chunks; the last program summarises.

    Chunks that are not complete are scored, too: nothing waits for the length, and no later kernel
    looks at what comes of it. The own chunk is one of them: its summary may be written meanwhile.
    """
    await_inputs(OVERLAP)
    block, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    head = b * tl.num_programs(1) + h
    summaries_ptr += head * summary_rows * D
    if block == tl.num_programs(0) - 1:
        complete_summary(
            keys_ptr + head * capacity * D, class_query_ptr, padding_ptr, length_ptr,
            summaries_ptr, h, b, head * summary_rows, class_factor, C, D, EACH_CHUNK,
        )  # fmt: skip
    else:
        origin, rows, exists = row_offsets(b, h, 0, 1, tl.num_programs(1) * G, T, G, T_PAD, G_PAD)
        query = load_rows(query_ptr, origin, rows, exists, D)
        chunk = block * BLOCK + tl.arange(0, BLOCK)
        summaries = load_summaries(summaries_ptr, chunk, summary_rows, D)
        scores = tl.dot(query, tl.trans(summaries), input_precision="ieee") * factor
        row = head * G_PAD + tl.arange(0, G_PAD)
        tl.store(scores_ptr + row[:, None] * P + chunk[None, :], scores, mask=(chunk < P)[None, :])


@triton.jit
def complete_summary(
    keys_ptr, class_query_ptr, padding_ptr, length_ptr, summaries_ptr, h, b, first_row, factor,
    C: tl.constexpr, D: tl.constexpr, EACH_CHUNK: tl.constexpr,
):  # fmt: skip
    """Write the summary of the newest token's chunk where that token completes it."""
    length = tl.load(length_ptr + b)
    if length % C == 0:
        chunk = length // C - 1
        d = tl.arange(0, D)
        class_query = load_class_query(class_query_ptr, first_row + chunk, h, D, EACH_CHUNK)
        padding = load_padding(padding_ptr, b)
        summary = summarize_chunk(keys_ptr, class_query, chunk, padding, factor, C, D)
        tl.store(summaries_ptr + chunk * D + d, summary.to(summaries_ptr.dtype.element_ty))


@triton.jit(do_not_specialize=["capacity", "summary_rows"])
def _threshold(
    query_ptr, keys_ptr, class_query_ptr, padding_ptr, length_ptr,
    summaries_ptr, scores_ptr, thresholds_ptr, wanted_ptr, calls_ptr,
    capacity, summary_rows, P, factor, class_factor,
    G: tl.constexpr, ROWS: tl.constexpr, C: tl.constexpr, D: tl.constexpr,
    EACH_CHUNK: tl.constexpr, SCORE_BLOCK: tl.constexpr, BLOCK: tl.constexpr, WHOLE: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    """The threshold of one query head, and a mark on each chunk above it.

    Where there is a query the scores are written first, and one program more a head summarises.
    """
    await_inputs(OVERLAP)
    row, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    head = b * tl.num_programs(1) + h
    own = (tl.load(length_ptr + b) - 1) // C
    first = load_padding(padding_ptr, b) // C
    field = scores_ptr + (head * ROWS + row) * P, first, own, P
    at = thresholds_ptr + (head * ROWS + row) * 2 + tl.arange(0, 1)
    calls_ptr += head * ROWS + row
    wanted_ptr += head * P
    if query_ptr is None:
        find_threshold(field, at, wanted_ptr, calls_ptr, BLOCK, WHOLE)
    elif row == G:
        complete_summary(
            keys_ptr + head * capacity * D, class_query_ptr, padding_ptr, length_ptr,
            summaries_ptr + head * summary_rows * D, h, b, head * summary_rows, class_factor,
            C, D, EACH_CHUNK,
        )  # fmt: skip
    else:
        query_ptr += (head * G + row) * D
        score_row(field, query_ptr, summaries_ptr + head * summary_rows * D, factor, D, SCORE_BLOCK)
        tl.debug_barrier()  # the scores are there for all threads
        find_threshold(field, at, wanted_ptr, calls_ptr, BLOCK, WHOLE)


@triton.jit
def score_row(field, query_ptr, summaries_ptr, factor, D: tl.constexpr, BLOCK: tl.constexpr):
    """Write half the scaled scores of one row's past chunks."""
    scores_ptr, first, own, _ = field
    query = tl.load(query_ptr + tl.arange(0, D))
    rows = tl.broadcast_to(query[None, :], (16, D))  # as many as a matrix product takes
    for block in range(first // BLOCK * BLOCK, own, BLOCK):
        chunk = block + tl.arange(0, BLOCK)
        summaries = load_summaries(summaries_ptr, chunk, own, D)
        scores = tl.dot(rows, tl.trans(summaries), input_precision="ieee")
        tl.store(scores_ptr + chunk, tl.max(scores, 0) * factor, mask=chunk < own)


@triton.jit
def find_threshold(field, at, wanted_ptr, calls_ptr, BLOCK: tl.constexpr, WHOLE: tl.constexpr):
    """Write the maximum and the threshold of one row's scores; mark what is above it.

    The mark is the number of this call, so that those of earlier ones need not be taken off. Every
    row counts for itself, and all come to the same.
    """
    _, first, own, _ = field
    call = tl.load(calls_ptr) + 1
    held = past_scores(field, 0, BLOCK)  # [1, BLOCK]; all there is where WHOLE
    highest = held
    if not WHOLE:
        for block in range(BLOCK, own, BLOCK):
            highest = tl.maximum(highest, past_scores(field, block, BLOCK))
    top = tl.max(highest, 1)  # [1]
    top = tl.where(top > float("-inf"), top, 0.0)

    low = tl.full([1], -1.0, tl.float32)
    high = low * tl.rsqrt(tl.maximum(own - first, 1).to(tl.float32))
    tau = low
    passes = 0
    doubt = 1.0
    while (doubt > MASS_TOLERANCE) & (passes < MAX_PASSES):
        sum1, sum2, support = moments(held - top[:, None], tau)
        if not WHOLE:
            for block in range(BLOCK, own, BLOCK):
                x = past_scores(field, block, BLOCK)
                more1, more2, more = moments(x - top[:, None], tau)
                sum1, sum2, support = sum1 + more1, sum2 + more2, support + more
        tau, low, high = improve(tau, low, high, sum1, sum2, support)
        doubt = tl.max((high - low) * sum1, 0)
        passes += 1

    mark(wanted_ptr, held, 0, top, tau, call, BLOCK)
    if not WHOLE:
        for block in range(BLOCK, own, BLOCK):
            mark(wanted_ptr, past_scores(field, block, BLOCK), block, top, tau, call, BLOCK)
    tl.store(at, top)
    tl.store(at + 1, tau)
    tl.debug_barrier()  # all threads have read it
    tl.store(calls_ptr, call)


@triton.jit
def past_scores(field, block, BLOCK: tl.constexpr):
    """The scores [1, BLOCK] of one row from chunk `block` on; -inf where it has none."""
    scores_ptr, first, own, P = field
    chunk = block + tl.arange(0, BLOCK)
    x = tl.load(scores_ptr + chunk, mask=chunk < P, other=float("-inf"))
    return tl.where((chunk >= first) & (chunk < own), x, float("-inf"))[None, :]


@triton.jit
def moments(x, tau):
    """As `route.moments`, in one reduction: the warps of a program meet once, not three times."""
    root = tl.maximum(x - tau[:, None], 0.0)
    above = tl.where(root > 0, 1.0, 0.0)
    return tl.reduce((root, root * root, above), 1, add_each)


@triton.jit
def add_each(a, b, c, d, e, f):
    return a + d, b + e, c + f


@triton.jit
def mark(wanted_ptr, x, block, top, tau, call, BLOCK: tl.constexpr):
    """Mark the chunks whose scores are above the threshold; other rows write the same."""
    at = wanted_ptr + block + tl.arange(0, BLOCK)[None, :]
    above = x - top[:, None] - tau[:, None] > 0
    tl.store(at, tl.zeros([1, BLOCK], tl.int32) + call, mask=above)
