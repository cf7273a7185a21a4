"""What a tile's queries get through their attention, and what the probabilities of its list get."""

import math

import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.attend import (
    around,
    chunk_scores,
    load_chunk,
    load_means,
    without_local,
)
from dashdoc.kernels.triton.route import Selection
from dashdoc.kernels.triton.tiles import (
    CHUNK_MASK,
    LOG2_E,
    load_padding,
    load_rows,
    row_offsets,
    row_tokens,
    this_tile,
    tile_positions,
)

# Launch options. Two programs share a multiprocessor by what they hold in shared memory.
STAGES = 2


def grad_attention(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None,
    output: Tensor, lse: Tensor, selection: Selection, norms: Tensor, attention_grad: Tensor,
    wanted_grads: Tensor, start: int, key_rows: int, *,
    chunk_size: int, sharpness: float, standardised: bool, local_chunks: int,
) -> None:  # fmt: skip
    """Write three results of one piece of queries `start`, `start + 1`, ...

    Args:
        grad, query, output: [B, S, Hq, D], contiguous; lse: [B, S, Hq].
        key, value: [B, Hkv, N, D] of `key_rows` rows a head.
        norms: where to write lse and the sum of grad * output of each row [B, S, Hq, 2] in fp32.
        attention_grad: where to write the gradient of the scaled scores times the keys,
            [B, S, Hq, D] in fp32.
        wanted_grads: zeros [B, Hkv, tiles, capacity, T] where to write, for each chunk and token,
            the gradient of P, but for the factor `sharpness`.
    """
    B, S, _, D = query.shape
    tile = selection.tile
    tiles, capacity = selection.entries.shape[2:]
    _grad_attention[(tiles, key.shape[1], B)](
        grad,
        query,
        key,
        value,
        padding,
        output,
        lse,
        selection.entries,
        selection.lengths,
        selection.weights,
        selection.means if standardised else None,
        norms,
        attention_grad,
        wanted_grads,
        start,
        S,
        key_rows,
        capacity,
        1 / math.sqrt(D),
        LOG2_E / math.sqrt(D),
        sharpness,
        **tile.sizes(),
        C=chunk_size,
        D=D,
        LOCAL=local_chunks,
        num_warps=tile.warps,
        num_stages=STAGES if chunk_size * D * query.element_size() <= 32768 else 1,
    )


@triton.jit(do_not_specialize=["start", "tokens", "key_rows", "capacity"])
def _grad_attention(
    grad_ptr, query_ptr, key_ptr, value_ptr, padding_ptr, output_ptr, lse_ptr,
    entries_ptr, lengths_ptr, weights_ptr, means_ptr,
    norms_ptr, attention_grad_ptr, wanted_grads_ptr,
    start, tokens, key_rows, capacity, factor, bits, sharpness,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
    C: tl.constexpr, D: tl.constexpr, LOCAL: tl.constexpr,
):  # fmt: skip
    """Walk the list of one tile."""
    tile, h, b, head, listed = this_tile()
    Hkv = tl.num_programs(1)
    _, first, last = tile_positions(tile, start, tokens, T, T_PAD)
    origin, rows, exists = row_offsets(b, h, tile, tokens, Hkv * G, T, G, T_PAD, G_PAD)
    query = load_rows(query_ptr, origin, rows, exists, D)
    grad = load_rows(grad_ptr, origin, rows, exists, D)
    output = load_rows(output_ptr, origin, rows, exists, D)
    delta = tl.sum(grad.to(tl.float32) * output.to(tl.float32), 1)  # [ROWS]
    lse = tl.load(lse_ptr + origin + rows, mask=exists, other=float("inf"))
    norms_ptr += origin * 2
    tl.store(norms_ptr + rows * 2, lse, mask=exists)
    tl.store(norms_ptr + rows * 2 + 1, delta, mask=exists)
    padding = load_padding(padding_ptr, b)
    token = row_tokens(T, T_PAD, G_PAD)
    position = first + token  # [ROWS]
    mean = load_means(means_ptr, head * tokens + tile * T, token, exists)

    entries_ptr += listed * capacity
    weights_ptr += listed * capacity * T
    wanted_grads_ptr += listed * capacity * T
    key_ptr += head * key_rows * D
    value_ptr += head * key_rows * D
    length = tl.load(lengths_ptr + listed)
    plain = length - around(first, last, padding, C, LOCAL)

    sums = tl.zeros([T_PAD * G_PAD, D], tl.float32)
    for i in range(plain):
        chunk = tl.load(entries_ptr + i) & CHUNK_MASK
        keys = load_chunk(key_ptr, chunk, last, C, D, False)
        values = load_chunk(value_ptr, chunk, last, C, D, False)
        weight = tl.load(weights_ptr + i * T + token)
        shift = (weight - mean) * sharpness - lse
        sums, grad_bias = add_chunk(
            query, grad, keys, values, chunk, shift, delta, position, padding, bits, sums,
            C, padding_ptr is not None,
        )  # fmt: skip
        wanted = weight > float("-inf")
        store_wanted(wanted_grads_ptr + chunk * T, grad_bias, weight, wanted, T, T_PAD, G_PAD)
    # The chunks around the own ones: causal, and without bias where they are local.
    for i in range(plain, length):
        chunk = tl.load(entries_ptr + i) & CHUNK_MASK
        keys = load_chunk(key_ptr, chunk, last, C, D, True)
        values = load_chunk(value_ptr, chunk, last, C, D, True)
        weight = tl.load(weights_ptr + i * T + token)
        bias = without_local((weight - mean) * sharpness, chunk, position, C, LOCAL)
        sums, grad_bias = add_chunk(
            query, grad, keys, values, chunk, bias - lse, delta, position, padding, bits, sums,
            C, True,
        )  # fmt: skip
        wanted = (weight > float("-inf")) & (chunk <= position // C - LOCAL)
        store_wanted(wanted_grads_ptr + chunk * T, grad_bias, weight, wanted, T, T_PAD, G_PAD)
    at = rows[:, None] * D + tl.arange(0, D)[None, :]
    tl.store(attention_grad_ptr + origin * D + at, sums * factor, mask=exists[:, None])


@triton.jit
def add_chunk(
    query, grad, keys, values, chunk, shift, delta, position, padding, bits, sums,
    C: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Add the scores' gradients times the keys; and the gradient of each row's bias [ROWS]."""
    scores = chunk_scores(query, keys, chunk, position, padding, bits, C, MASKED)  # [ROWS, C]
    pull = tl.dot(grad, tl.trans(values), input_precision="ieee")
    grad_scores = tl.exp2(scores + shift[:, None]) * (pull - delta[:, None])
    sums = tl.dot(grad_scores.to(keys.dtype), keys, sums, input_precision="ieee")
    return sums, tl.sum(grad_scores, 1)


@triton.jit
def store_wanted(
    pointer, grad_bias, weight, wanted, T: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr
):
    """Store the gradient of each token's P where it is wanted: d log P = dP / P, of all heads."""
    grad = tl.where(wanted, grad_bias, 0.0) * tl.exp2(tl.where(wanted, -weight, 0.0))
    grad = tl.sum(tl.reshape(grad, (T_PAD, G_PAD)), 1)  # [T_PAD]
    token = tl.arange(0, T_PAD)
    tl.store(pointer + token, grad, mask=token < T)
