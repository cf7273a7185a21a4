"""The backward pass of stages 2 and 3: what is needed is computed again, piece by piece.

Gradients of queries are summed over a tile's list, those of keys, values and summaries over the
tiles whose lists hold the chunk: nobody shares a sum, so that every run gives the same bits. The
mean of log P is a constant, as in the authors' training code.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.attend import (
    chunk_scores,
    load_chunk,
    load_means,
    row_bias,
    without_local,
)
from dashdoc.kernels.triton.forward import Routing, piece_tokens
from dashdoc.kernels.triton.route import BLOCK, Selection, route
from dashdoc.kernels.triton.tiles import (
    CHUNK_MASK,
    LOG2_E,
    Tile,
    load_padding,
    load_rows,
    padding_of,
    row_offsets,
    row_tokens,
    rows_of,
    tile_for,
    tile_positions,
)


def attend_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, summaries: Tensor,
    output: Tensor, lse: Tensor, routing: Routing, padding: Tensor | None, *,
    tile: Tile | None = None, piece: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of the queries, keys, values and summaries, in their dtypes.

    Args:
        grad, output: [B, M, Hq, D], the gradient and the value of what `attend_pieces` returned.
        lse: [B, M, Hq] of there; the others as there.
    """
    B, Hq, M, D = query.shape
    Hkv, N = key.shape[1:3]
    tile = tile or tile_for(Hq // Hkv)
    C = routing.chunk_size
    if key.shape != value.shape or rows_of(key)[1] != rows_of(value)[1]:
        key, value = key.contiguous(), value.contiguous()
    grad_query = torch.empty_like(output)
    grad_key, grad_value = (torch.zeros(t.shape, device=t.device) for t in (key, value))
    grad_summaries = torch.zeros(summaries.shape, device=summaries.device)
    # Lists, their gradients, where each chunk is on them, and fp32 sums: four times a forward's.
    piece = piece or max(
        tile.tokens, piece_tokens(query, key, C, tile, True) // 4 // tile.tokens * tile.tokens
    )
    for begin in range(0, M, piece):
        end = min(begin + piece, M)
        start = N - M + begin
        part = query[:, :, begin:end].transpose(1, 2).contiguous()  # [B, S, Hq, D]
        selection = route(
            part,
            summaries,
            start,
            tile,
            chunk_size=C,
            scale=routing.scale,
            local_chunks=routing.local_chunks,
            weigh=True,
            padding=padding,
        )
        grad_query[:, begin:end] = _piece_backward(
            grad[:, begin:end].contiguous(),
            part,
            key,
            value,
            summaries,
            output[:, begin:end],
            lse[:, begin:end].contiguous(),
            selection,
            start,
            routing,
            padding,
            grad_key,
            grad_value,
            grad_summaries,
        )
    return (
        grad_query.transpose(1, 2),
        grad_key.to(key.dtype),
        grad_value.to(value.dtype),
        grad_summaries.to(summaries.dtype),
    )


def _piece_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, summaries: Tensor,
    output: Tensor, lse: Tensor, selection: Selection, start: int, routing: Routing,
    padding: Tensor | None, grad_key: Tensor, grad_value: Tensor, grad_summaries: Tensor,
) -> Tensor:  # fmt: skip
    """The gradient of one piece of queries [B, S, Hq, D]; adds to the fp32 sums of the others."""
    B, S, Hq, D = query.shape
    Hkv, tile, C = key.shape[1], selection.tile, routing.chunk_size
    tiles, capacity = selection.entries.shape[2:]
    (key, key_rows), (value, _), (summaries, summary_rows) = map(rows_of, (key, value, summaries))
    padding = padding_of(padding)
    means = selection.means if routing.estimate_diagonal else None
    sharpness = 1 / routing.sigma if routing.estimate_diagonal else 1.0
    delta = (grad.float() * output.float()).sum(-1)  # [B, S, Hq]
    weights = selection.weights
    assert weights is not None
    wanted_grads = torch.empty_like(weights)  # of P, for each entry and token
    tile_means = query.new_empty(B, Hkv, tiles, tile.rows, dtype=torch.float32)
    slots = torch.zeros(B, Hkv, capacity, tiles, dtype=torch.int32, device=query.device)
    attention_grad = query.new_empty(B, S, Hq, D, dtype=torch.float32)
    grad_query = torch.empty_like(query)
    grid, sizes = (tiles, Hkv, B), tile.sizes()
    factor, bits = 1 / math.sqrt(D), LOG2_E / math.sqrt(D)
    half = routing.scale / (2 * math.sqrt(D))

    _grad_attention[grid](
        grad,
        query,
        key,
        value,
        padding,
        lse,
        delta,
        selection.entries,
        selection.lengths,
        weights,
        means,
        attention_grad,
        wanted_grads,
        slots,
        start,
        S,
        key_rows,
        capacity,
        factor,
        bits,
        sharpness,
        **sizes,
        C=C,
        D=D,
        LOCAL=routing.local_chunks,
        num_warps=tile.warps,
        num_stages=1,
    )
    _grad_routing[grid](
        query,
        summaries,
        selection.thresholds,
        selection.entries,
        selection.lengths,
        wanted_grads,
        attention_grad,
        grad_query,
        tile_means,
        start,
        S,
        summary_rows,
        capacity,
        half,
        **sizes,
        C=C,
        D=D,
        BLOCK=BLOCK,
        num_warps=tile.warps,
        num_stages=1,
    )
    _grad_chunks[(capacity, Hkv, B)](
        grad,
        query,
        key,
        value,
        padding,
        lse,
        delta,
        selection.entries,
        weights,
        means,
        slots,
        grad_key,
        grad_value,
        start,
        S,
        tiles,
        key_rows,
        grad_key.shape[2],
        factor,
        bits,
        sharpness,
        **sizes,
        C=C,
        D=D,
        LOCAL=routing.local_chunks,
        num_warps=8,
        num_stages=1,
    )
    if capacity > 1:
        _grad_summaries[(capacity - 1, Hkv, B)](
            query,
            summaries,
            selection.thresholds,
            wanted_grads,
            tile_means,
            slots,
            grad_summaries,
            start,
            S,
            tiles,
            capacity,
            summary_rows,
            grad_summaries.shape[2],
            half,
            **sizes,
            C=C,
            D=D,
            num_warps=8,
            num_stages=1,
        )
    return grad_query


@triton.jit(do_not_specialize=["start", "tokens", "key_rows", "capacity"])
def _grad_attention(
    grad_ptr, query_ptr, key_ptr, value_ptr, padding_ptr, lse_ptr, delta_ptr,
    entries_ptr, lengths_ptr, weights_ptr, means_ptr,
    attention_grad_ptr, wanted_grads_ptr, slots_ptr,
    start, tokens, key_rows, capacity, factor, bits, sharpness,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr,
):  # fmt: skip
    """The gradients of one tile's queries through its attention, and of its probabilities P."""
    tiles, Hkv = tl.num_programs(0), tl.num_programs(1)
    tile = tiles - 1 - tl.program_id(0)  # the longest first
    h, b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    head = b * Hkv + h
    listed = head * tiles + tile
    place, first, last = tile_positions(tile, start, tokens, T, T_PAD)
    origin, rows, exists = row_offsets(b, h, tile, tokens, Hkv * G, T, G, T_PAD, G_PAD)
    query = load_rows(query_ptr, origin, rows, exists, D)
    grad = load_rows(grad_ptr, origin, rows, exists, D)
    lse = tl.load(lse_ptr + origin + rows, mask=exists, other=float("inf"))
    delta = tl.load(delta_ptr + origin + rows, mask=exists, other=0.0)
    padding = load_padding(padding_ptr, b)
    row_token, token = row_tokens(T, T_PAD, G_PAD), tl.arange(0, T_PAD)
    position = first + row_token  # [ROWS]
    mean = load_means(means_ptr, head * tokens + tile * T, row_token, exists)
    entries_ptr += listed * capacity
    weights_ptr += listed * capacity * T
    wanted_grads_ptr += listed * capacity * T
    key_ptr += head * key_rows * D
    value_ptr += head * key_rows * D
    sums = tl.zeros([T_PAD * G_PAD, D], tl.float32)
    for i in range(tl.load(lengths_ptr + listed)):
        entry = tl.load(entries_ptr + i)
        chunk = entry & CHUNK_MASK
        tl.store(slots_ptr + (head * capacity + chunk) * tiles + tile, i + 1)
        bias = row_bias(entry, i, row_token, weights_ptr, mean, sharpness, T)
        bias = without_local(bias, chunk, position, C, LOCAL)
        keys = load_chunk(key_ptr, chunk, last, C, D, True)
        values = load_chunk(value_ptr, chunk, last, C, D, True)
        _, grad_scores = score_grads(
            query, grad, keys, values, chunk, bias, lse, delta, position, padding, bits, C
        )
        sums = tl.dot(grad_scores.to(keys.dtype), keys, sums, input_precision="ieee")
        # The bias is log P, or log P / sigma: d log P = dP / P, and none where the chunk is local.
        grad_bias = tl.sum(tl.reshape(tl.sum(grad_scores, 1), (T_PAD, G_PAD)), 1)  # [T_PAD]
        weight = tl.load(weights_ptr + i * T + token, mask=token < T, other=float("-inf"))
        routed = (weight > float("-inf")) & (chunk <= place // C - LOCAL)
        wanted = tl.where(routed, grad_bias * sharpness, 0.0) * tl.exp2(
            tl.where(routed, -weight, 0.0)
        )
        tl.store(wanted_grads_ptr + i * T + token, wanted, mask=token < T)
    at = rows[:, None] * D + tl.arange(0, D)[None, :]
    tl.store(attention_grad_ptr + origin * D + at, sums * factor, mask=exists[:, None])


@triton.jit
def score_grads(
    query, grad, keys, values, chunk, bias, lse, delta, position, padding, bits, C: tl.constexpr
):
    """The softmax of one chunk [ROWS, C] and the gradient of its scores, bias included."""
    scores = chunk_scores(query, keys, chunk, position, padding, bits, C, True)
    share = tl.exp2(scores + (bias - lse)[:, None])
    pull = tl.dot(grad, tl.trans(values), input_precision="ieee")
    return share, share * (pull - delta[:, None])


@triton.jit(do_not_specialize=["start", "tokens", "summary_rows", "capacity"])
def _grad_routing(
    query_ptr, summaries_ptr, thresholds_ptr, entries_ptr, lengths_ptr, wanted_grads_ptr,
    attention_grad_ptr, grad_query_ptr, tile_means_ptr,
    start, tokens, summary_rows, capacity, half,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Add what one tile's queries get through their routing, by the gradient of 1.5-entmax.

    With r the root of p and g the gradient of p, the score's is r * (g - sum(r g) / sum(r)).
    """
    tiles, Hkv = tl.num_programs(0), tl.num_programs(1)
    tile = tiles - 1 - tl.program_id(0)
    h, b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    head = b * Hkv + h
    listed = head * tiles + tile
    _, first, last = tile_positions(tile, start, tokens, T, T_PAD)
    origin, rows, exists = row_offsets(b, h, tile, tokens, Hkv * G, T, G, T_PAD, G_PAD)
    query = load_rows(query_ptr, origin, rows, exists, D)
    token = row_tokens(T, T_PAD, G_PAD)
    past = tl.minimum(first + token, last) // C
    row = listed * (T_PAD * G_PAD) + tl.arange(0, T_PAD * G_PAD)
    top, tau = tl.load(thresholds_ptr + row * 2), tl.load(thresholds_ptr + row * 2 + 1)
    length = tl.load(lengths_ptr + listed)
    entries_ptr += listed * capacity
    wanted_grads_ptr += listed * capacity * T
    summaries_ptr += head * summary_rows * D
    pulls = tl.zeros([T_PAD * G_PAD], tl.float32)
    total = tl.zeros([T_PAD * G_PAD], tl.float32)
    for block in range(0, length, BLOCK):
        slot = block + tl.arange(0, BLOCK)
        summaries, root = listed_roots(
            query, entries_ptr, summaries_ptr, slot, length, past, top, tau, half, D
        )
        at = wanted_grads_ptr + slot[None, :] * T + token[:, None]
        wanted = tl.load(at, mask=(slot < length)[None, :], other=0.0) / G
        pulls += tl.sum(root * wanted, 1)
        total += tl.sum(root, 1)
    mean = pulls / tl.maximum(total, 1e-30)
    tl.store(tile_means_ptr + row, mean)
    sums = tl.zeros([T_PAD * G_PAD, D], tl.float32)
    for block in range(0, length, BLOCK):
        slot = block + tl.arange(0, BLOCK)
        summaries, root = listed_roots(
            query, entries_ptr, summaries_ptr, slot, length, past, top, tau, half, D
        )
        at = wanted_grads_ptr + slot[None, :] * T + token[:, None]
        wanted = tl.load(at, mask=(slot < length)[None, :], other=0.0) / G
        grad_scores = root * (wanted - mean[:, None])
        sums = tl.dot(grad_scores.to(summaries.dtype), summaries, sums, input_precision="ieee")
    sums = sums * (2.0 * half) + load_rows(attention_grad_ptr, origin, rows, exists, D)
    at = grad_query_ptr + origin * D + rows[:, None] * D + tl.arange(0, D)[None, :]
    tl.store(at, sums.to(grad_query_ptr.dtype.element_ty), mask=exists[:, None])


@triton.jit
def listed_roots(
    query, entries_ptr, summaries_ptr, slot, length, past, top, tau, half, D: tl.constexpr
):
    """The summaries of a block of a list [BLOCK, D] and the roots of p for each row."""
    entry = tl.load(entries_ptr + slot, mask=slot < length, other=CHUNK_MASK)
    chunk = entry & CHUNK_MASK
    routed = chunk < tl.max(past, 0)
    at = chunk[:, None] * D + tl.arange(0, D)[None, :]
    summaries = tl.load(summaries_ptr + at, mask=routed[:, None], other=0.0)
    x = tl.dot(query, tl.trans(summaries), input_precision="ieee") * half
    root = tl.maximum(x - top[:, None] - tau[:, None], 0.0)
    return summaries, tl.where(chunk[None, :] < past[:, None], root, 0.0)


@triton.jit(do_not_specialize=["start", "tokens", "tiles", "key_rows", "N"])
def _grad_chunks(
    grad_ptr, query_ptr, key_ptr, value_ptr, padding_ptr, lse_ptr, delta_ptr,
    entries_ptr, weights_ptr, means_ptr, slots_ptr, grad_key_ptr, grad_value_ptr,
    start, tokens, tiles, key_rows, N, factor, bits, sharpness,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr,
):  # fmt: skip
    """Add what one chunk's keys and values get from the tiles that list it."""
    chunk, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    capacity, Hkv = tl.num_programs(0), tl.num_programs(1)
    head = b * Hkv + h
    padding = load_padding(padding_ptr, b)
    row_token = row_tokens(T, T_PAD, G_PAD)
    end = start + tokens - 1
    keys = load_chunk(key_ptr + head * key_rows * D, chunk, end, C, D, True)
    values = load_chunk(value_ptr + head * key_rows * D, chunk, end, C, D, True)
    grad_keys = tl.zeros([C, D], tl.float32)
    grad_values = tl.zeros([C, D], tl.float32)
    for tile in range(tl.maximum(chunk * C - start, 0) // T, tiles):
        slot = tl.load(slots_ptr + (head * capacity + chunk) * tiles + tile) - 1
        if slot >= 0:
            listed = head * tiles + tile
            origin, rows, exists = row_offsets(b, h, tile, tokens, Hkv * G, T, G, T_PAD, G_PAD)
            query = load_rows(query_ptr, origin, rows, exists, D)
            grad = load_rows(grad_ptr, origin, rows, exists, D)
            lse = tl.load(lse_ptr + origin + rows, mask=exists, other=float("inf"))
            delta = tl.load(delta_ptr + origin + rows, mask=exists, other=0.0)
            position = start + tile * T + row_token
            mean = load_means(means_ptr, head * tokens + tile * T, row_token, exists)
            entry = tl.load(entries_ptr + listed * capacity + slot)
            tile_weights_ptr = weights_ptr + listed * capacity * T
            bias = row_bias(entry, slot, row_token, tile_weights_ptr, mean, sharpness, T)
            bias = without_local(bias, chunk, position, C, LOCAL)
            share, grad_scores = score_grads(
                query, grad, keys, values, chunk, bias, lse, delta, position, padding, bits, C
            )
            share = tl.trans(share.to(grad.dtype))
            grad_values = tl.dot(share, grad, grad_values, input_precision="ieee")
            grad_scores = tl.trans(grad_scores.to(query.dtype))
            grad_keys = tl.dot(grad_scores, query, grad_keys, input_precision="ieee")
    place = chunk * C + tl.arange(0, C)
    at = (head * N + place)[:, None] * D + tl.arange(0, D)[None, :]
    mask = (place <= end)[:, None]
    grad_keys = grad_keys * factor + tl.load(grad_key_ptr + at, mask=mask, other=0.0)
    grad_values += tl.load(grad_value_ptr + at, mask=mask, other=0.0)
    tl.store(grad_key_ptr + at, grad_keys, mask=mask)
    tl.store(grad_value_ptr + at, grad_values, mask=mask)


@triton.jit(do_not_specialize=["start", "tokens", "tiles", "capacity", "summary_rows", "P"])
def _grad_summaries(
    query_ptr, summaries_ptr, thresholds_ptr, wanted_grads_ptr, tile_means_ptr, slots_ptr,
    grad_summaries_ptr,
    start, tokens, tiles, capacity, summary_rows, P, half,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    """Add what one chunk's summary gets from the routing of the tiles that list it."""
    chunk, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    Hkv = tl.num_programs(1)
    head = b * Hkv + h
    row_token, d = row_tokens(T, T_PAD, G_PAD), tl.arange(0, D)
    summary = tl.load(summaries_ptr + (head * summary_rows + chunk) * D + d).to(tl.float32)
    grad_summary = tl.zeros([D], tl.float32)
    # Past chunks alone are scored: the first tile that may is the one after the chunk's last token.
    for tile in range(tl.maximum((chunk + 1) * C - start, 0) // T, tiles):
        slot = tl.load(slots_ptr + (head * capacity + chunk) * tiles + tile) - 1
        if slot >= 0:
            listed = head * tiles + tile
            origin, rows, exists = row_offsets(b, h, tile, tokens, Hkv * G, T, G, T_PAD, G_PAD)
            query = load_rows(query_ptr, origin, rows, exists, D).to(tl.float32)
            row = listed * (T_PAD * G_PAD) + tl.arange(0, T_PAD * G_PAD)
            top, tau = tl.load(thresholds_ptr + row * 2), tl.load(thresholds_ptr + row * 2 + 1)
            x = tl.sum(query * summary[None, :], 1) * half
            past = (start + tile * T + row_token) // C
            root = tl.where(chunk < past, tl.maximum(x - top - tau, 0.0), 0.0)
            at = wanted_grads_ptr + (listed * capacity + slot) * T + row_token
            pull = tl.load(at) / G - tl.load(tile_means_ptr + row)
            grad_summary += tl.sum((root * pull)[:, None] * query, 0)
    at = grad_summaries_ptr + (head * P + chunk) * D + d
    tl.store(at, tl.load(at) + grad_summary * (2.0 * half))
