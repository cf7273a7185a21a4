"""The thresholds of 1.5-entmax: of each row the tau at which its probabilities sum to one.

The highest scores of each lane of chunks give a first tau, which is the right one unless a lane
lost a score above it. Else tau is bracketed, and the bracket closes in by passes over scores that
are computed again each time.
"""

import triton
import triton.language as tl

from dashdoc.kernels.triton.tiles import load_summaries

# The probabilities of a row sum to one within twice this.
MASS_TOLERANCE = tl.constexpr(4e-6)
# What the bracket of tau may come to, as such a sum, when tau is worth a try: the last step is far
# closer to the solution than the bracket is wide.
MASS_DOUBT = tl.constexpr(3e-5)
# Passes over the chunks, marks included; three at most are usual, the bound matters to rounding
# noise alone.
MAX_PASSES = tl.constexpr(24)
# A row's chunks fall into this many lanes, of each of which the four highest scores are kept.
LANES = tl.constexpr(32)
FIRST_STEPS = tl.constexpr(5)
# A lane whose fourth score is above tau may have lost a fifth: of how many in a program the sums of
# the probabilities are left to tell.
DOUBTFUL_LANES = tl.constexpr(3)


@triton.jit
def guess_thresholds(
    query, field, begin, own_low, D: tl.constexpr, BLOCK: tl.constexpr, PADDED: tl.constexpr
):
    """Of each row the maximum of its half scores, and a first tau with its bounds.

    The bounds are tau itself where it needs no passes, the checks of `mark_lists` allowing.
    `begin` is the first chunk's block, `own_low` the least of the tokens' own chunks.
    """
    _, first, past, own_high, _ = field
    ROWS: tl.constexpr = query.shape[0]
    middle = tl.maximum(own_low // BLOCK * BLOCK, begin)  # all rows have all chunks before it
    column = tl.arange(0, LANES)

    none = tl.full([ROWS, LANES], float("-inf"), tl.float32)
    best = none, none, none, none
    for block in range(begin, middle, LANES):
        best = keep_best(best, half_scores(query, field, block + column, D, PADDED))
    for block in range(middle, own_high, LANES):
        best = keep_best(best, half_scores(query, field, block + column, D, True))
    top = tl.max(best[0], 1)  # [ROWS]
    top = tl.where(top > float("-inf"), top, 0.0)

    low = tl.full([ROWS], -1.0, tl.float32)
    highest = -tl.rsqrt(tl.maximum(past - first, 1).to(tl.float32))
    tau, high = low, highest
    for _ in range(FIRST_STEPS):
        sum1, sum2, support = moments_of_best(best, top, tau)
        tau, low, high = improve(tau, low, high, sum1, sum2, support)
    doubtful = tl.sum(tl.sum((best[3] - top[:, None] > low[:, None]).to(tl.int32), 1), 0)
    return top, (tau, low, tl.where(doubtful > DOUBTFUL_LANES, highest, tau))


@triton.jit
def keep_best(best, x):
    """The four highest scores of each lane, one more taken in: [ROWS, LANES] each."""
    first, second, third, fourth = best
    first, x = tl.maximum(first, x), tl.minimum(first, x)
    second, x = tl.maximum(second, x), tl.minimum(second, x)
    third, x = tl.maximum(third, x), tl.minimum(third, x)
    return first, second, third, tl.maximum(fourth, x)


@triton.jit
def moments_of_best(best, top, tau):
    """The `moments` of the scores that the lanes kept."""
    sum1, sum2, support = moments(best[0] - top[:, None], tau)
    for i in tl.static_range(1, 4):
        more1, more2, more = moments(best[i] - top[:, None], tau)
        sum1, sum2, support = sum1 + more1, sum2 + more2, support + more
    return sum1, sum2, support


@triton.jit
def find_thresholds(
    query, field, begin, own_low, top, bracket, passes,
    D: tl.constexpr, BLOCK: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """Close tau [ROWS] in from both sides; tau with its bounds, and how many passes that makes."""
    _, _, _, own_high, _ = field
    ROWS: tl.constexpr = query.shape[0]
    middle = tl.maximum(own_low // BLOCK * BLOCK, begin)
    column = tl.arange(0, BLOCK)
    tau, low, high = bracket
    doubt = tl.max(high - low, 0)
    while (doubt > MASS_DOUBT) & (passes < MAX_PASSES):
        sum1 = tl.zeros([ROWS], tl.float32)
        sum2 = tl.zeros([ROWS], tl.float32)
        support = tl.zeros([ROWS], tl.float32)
        for block in range(begin, middle, BLOCK):
            x = half_scores(query, field, block + column, D, PADDED)
            more1, more2, more = moments(x - top[:, None], tau)
            sum1, sum2, support = sum1 + more1, sum2 + more2, support + more
        for block in range(middle, own_high, BLOCK):
            x = half_scores(query, field, block + column, D, True)
            more1, more2, more = moments(x - top[:, None], tau)
            sum1, sum2, support = sum1 + more1, sum2 + more2, support + more
        tau, low, high = improve(tau, low, high, sum1, sum2, support)
        doubt = tl.max((high - low) * sum1, 0)
        passes += 1
    return (tau, low, high), passes


@triton.jit
def half_scores(query, field, chunk, D: tl.constexpr, MASKED: tl.constexpr):
    """Half the scaled scores [ROWS, BLOCK] of a block of chunks; -inf where a row has none."""
    summaries_ptr, first, past, limit, factor = field
    summaries = load_summaries(summaries_ptr, chunk, limit, D, MASKED)
    x = tl.dot(query, tl.trans(summaries), input_precision="ieee") * factor
    if MASKED:
        x = tl.where((chunk >= first)[None, :] & (chunk[None, :] < past[:, None]), x, float("-inf"))
    return x


@triton.jit
def moments(x, tau):
    """Sum and sum of squares of relu(x - tau), and how many are above zero: [ROWS] each."""
    root = tl.maximum(x - tau[:, None], 0.0)
    above = tl.where(root > 0, 1.0, 0.0)
    return tl.sum(root, 1), tl.sum(root * root, 1), tl.sum(above, 1)


@triton.jit
def improve(tau, low, high, sum1, sum2, support):
    """One step of Halley's towards the zero of sum2 - 1, within bounds that close on it.

    The norm is convex in tau: where its tangent meets 1 lies below the solution. The quadratic of
    the support of a tau too low still counts what has left the support: its zero lies above.
    """
    excess = sum2 - 1.0
    norm = tl.sqrt(sum2)
    tangent = tau + (norm - 1.0) * norm / tl.maximum(sum1, 1e-30)
    square = sum1 * sum1 - support * excess
    quadratic = tau + excess / tl.maximum(sum1 + tl.sqrt(tl.maximum(square, 0.0)), 1e-30)
    low = tl.maximum(low, tangent)
    bound = tl.where(excess < 0, tau, tl.where(square < 0, high, quadratic))
    high = tl.maximum(tl.minimum(high, bound), low)
    bend = 4.0 * sum1 * sum1 - excess * support
    halley = tau + 2.0 * excess * sum1 / tl.where(bend > 0, bend, 1.0)
    # Both bounds are sharp at a tau too low, one at a tau too high: aim a little low.
    aim = tl.where(bend > 0, halley, tangent) - 0.2 * (high - low)
    return tl.minimum(tl.maximum(aim, low), high), low, high
