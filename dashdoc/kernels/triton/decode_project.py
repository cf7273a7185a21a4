"""Products of weights with one token: bound by reading each weight once.

A program takes a few rows of a weight and the whole token. What surrounds a product in a layer is
done on the way: the norm before it, the gate or the sum behind it.
"""

from typing import Any

import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.decode_overlap import await_inputs, overlap
from dashdoc.kernels.triton.tiles import power_of_two

# Rows of the weights that a program takes, and how much of them it looks at together.
ROWS, BLOCK, WARPS = 4, 1024, 4


def project(
    token: Tensor, *weights: Tensor, norm: Tensor | None = None, epsilon: float = 0.0,
    residual: Tensor | None = None, output: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Up to three weights times one token, the products behind one another.

    Args:
        token: [1, K]; weights: [N, K] each.
        norm: [K] weight of the RMSNorm that the token passes first, and its epsilon.
        residual: [1, all N], added to the products.
        output: [1, all N], written; a new one where not given.

    Returns:
        [1, all N] in the token's dtype.
    """
    _check(token, *weights)
    rows = [weight.shape[0] for weight in weights]
    assert len(weights) <= 3 and all(n % ROWS == 0 for n in rows[:-1])
    if output is None:
        output = token.new_empty(1, sum(rows))
    first, second, third = (*weights, None, None)[:3]
    _project[(triton.cdiv(sum(rows), ROWS),)](
        token,
        norm,
        first,
        second,
        third,
        residual,
        output,
        rows[0],
        sum(rows[:2]),
        sum(rows),
        epsilon,
        **_sizes(token),
    )
    return output


def project_gated(
    token: Tensor, gate: Tensor, up: Tensor, *, norm: Tensor, epsilon: float
) -> Tensor:
    """`silu(gate @ x) * (up @ x)` of one normalised token x.

    Args:
        token: [1, K]; gate, up: [N, K]; norm, epsilon: of the RMSNorm before it.

    Returns:
        [1, N] in the token's dtype.
    """
    _check(token, gate, up)
    N = gate.shape[0]
    output = token.new_empty(1, N)
    _project_gated[(triton.cdiv(N, ROWS),)](
        token,
        norm,
        gate,
        up,
        output,
        N,
        epsilon,
        **_sizes(token),
    )
    return output


def _check(token: Tensor, *weights: Tensor) -> None:
    """Assert that they belong together and are contiguous."""
    assert token.shape[0] == 1 and all(weight.shape[1] == token.shape[1] for weight in weights)
    assert all(t.is_contiguous() and t.dtype == token.dtype for t in (token, *weights))


def _sizes(token: Tensor) -> dict[str, Any]:
    """What every product with a token is launched with."""
    K = token.shape[1]
    block = min(BLOCK, power_of_two(K))
    return {"K": K, "ROWS": ROWS, "BLOCK": block, "num_warps": WARPS, **overlap(token)}


@triton.jit
def _project(
    token_ptr, norm_ptr, first_ptr, second_ptr, third_ptr, residual_ptr, output_ptr,
    first_end, second_end, N, epsilon,
    K: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """A few rows of the product with one of the weights."""
    at = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    exists = at < N
    # A program's rows are all of one weight.
    weight_ptr, row = first_ptr, at
    if second_ptr is not None and tl.program_id(0) * ROWS >= first_end:
        weight_ptr, row = second_ptr, at - first_end
    if third_ptr is not None and tl.program_id(0) * ROWS >= second_end:
        weight_ptr, row = third_ptr, at - second_end
    weight_ptr += row.to(tl.int64)[:, None] * K
    weight = load_weight(weight_ptr, exists, 0, K, BLOCK)
    await_inputs(OVERLAP)
    scale = norm_scale(token_ptr, norm_ptr, epsilon, K, BLOCK)
    sums = tl.zeros([ROWS, BLOCK], tl.float32)
    for start in tl.static_range(0, K, BLOCK):
        if start > 0:
            weight = load_weight(weight_ptr, exists, start, K, BLOCK)
        sums += weight.to(tl.float32) * load_token(token_ptr, norm_ptr, scale, start, K, BLOCK)
    result = tl.sum(sums, 1)
    result = result.to(output_ptr.dtype.element_ty)
    if residual_ptr is not None:
        residual = tl.load(residual_ptr + at, mask=exists).to(tl.float32)
        result = (result.to(tl.float32) + residual).to(output_ptr.dtype.element_ty)
    tl.store(output_ptr + at, result, mask=exists)


@triton.jit
def _project_gated(
    token_ptr, norm_ptr, gate_ptr, up_ptr, output_ptr, N, epsilon,
    K: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """A few rows of the gate, and the same rows of what it gates."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    exists = row < N
    dtype = output_ptr.dtype.element_ty
    offset = row.to(tl.int64)[:, None] * K
    gate = load_weight(gate_ptr + offset, exists, 0, K, BLOCK)
    up = load_weight(up_ptr + offset, exists, 0, K, BLOCK)
    await_inputs(OVERLAP)
    scale = norm_scale(token_ptr, norm_ptr, epsilon, K, BLOCK)
    gates = tl.zeros([ROWS, BLOCK], tl.float32)
    ups = tl.zeros([ROWS, BLOCK], tl.float32)
    for start in tl.static_range(0, K, BLOCK):
        if start > 0:
            gate = load_weight(gate_ptr + offset, exists, start, K, BLOCK)
            up = load_weight(up_ptr + offset, exists, start, K, BLOCK)
        x = load_token(token_ptr, norm_ptr, scale, start, K, BLOCK)
        gates += gate.to(tl.float32) * x
        ups += up.to(tl.float32) * x
    # Rounded as the layers of a prefill round them.
    g = tl.sum(gates, 1).to(dtype).to(tl.float32)
    u = tl.sum(ups, 1).to(dtype).to(tl.float32)
    tl.store(output_ptr + row, (g / (1 + tl.exp(-g)) * u).to(dtype), mask=exists)


@triton.jit
def load_weight(rows, exists, start, K: tl.constexpr, BLOCK: tl.constexpr):
    """A part of some rows [ROWS, BLOCK]; the caches keep none of it."""
    k = start + tl.arange(0, BLOCK)
    mask = exists[:, None] & (k < K)[None, :]
    return tl.load(rows + k[None, :], mask=mask, other=0.0, eviction_policy="evict_first")


@triton.jit
def norm_scale(token_ptr, norm_ptr, epsilon, K: tl.constexpr, BLOCK: tl.constexpr):
    """What RMSNorm multiplies the token by; 1 where there is no norm."""
    if norm_ptr is None:
        return 1.0
    squares = tl.zeros([BLOCK], tl.float32)
    for start in tl.static_range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        x = tl.load(token_ptr + k, mask=k < K, other=0.0).to(tl.float32)
        squares += x * x
    return tl.rsqrt(tl.sum(squares, 0) / K + epsilon)


@triton.jit
def load_token(token_ptr, norm_ptr, scale, start, K: tl.constexpr, BLOCK: tl.constexpr):
    """A part of the token, normalised where there is a norm: [1, BLOCK] fp32."""
    k = start + tl.arange(0, BLOCK)
    x = tl.load(token_ptr + k, mask=k < K, other=0.0)
    if norm_ptr is not None:
        weight = tl.load(norm_ptr + k, mask=k < K, other=0.0)
        x = (x.to(tl.float32) * scale * weight.to(tl.float32)).to(x.dtype)
    return x.to(tl.float32)[None, :]
