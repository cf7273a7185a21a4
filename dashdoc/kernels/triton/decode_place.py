"""The newest token's projections, rotated, on their way to the query and the cache."""

import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.decode_overlap import await_inputs, overlap


def place(
    projected: Tensor, cos: Tensor, sin: Tensor, length: Tensor, query: Tensor, keys: Tensor,
    values: Tensor,
) -> None:  # fmt: skip
    """Rotate query and key, and put key and value where the newest token's place is.

    Args:
        projected: [1, (Hq + 2 Hkv) D], the query's heads, the key's and the value's.
        cos, sin: [D] of the token's position, in its dtype.
        length: [1] int32, tokens held, this one included.
        query: [1, Hq, 1, D], written.
        keys, values: [1, Hkv, capacity, D], one row of each head written.
    """
    _, Hkv, capacity, D = keys.shape
    Hq = query.shape[1]
    assert projected.shape == (1, (Hq + 2 * Hkv) * D)
    assert all(t.is_contiguous() for t in (projected, cos, sin, query, keys, values))
    _place[(Hq + 2 * Hkv,)](
        projected,
        cos,
        sin,
        length,
        query,
        keys,
        values,
        capacity,
        Hq=Hq,
        Hkv=Hkv,
        HALF=D // 2,
        num_warps=1,
        **overlap(projected),
    )


@triton.jit(do_not_specialize=["capacity"])
def _place(
    projected_ptr, cos_ptr, sin_ptr, length_ptr, query_ptr, keys_ptr, values_ptr, capacity,
    Hq: tl.constexpr, Hkv: tl.constexpr, HALF: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """One head of the query, the key or the value."""
    await_inputs(OVERLAP)
    head = tl.program_id(0)
    place = tl.load(length_ptr).to(tl.int64) - 1
    i = tl.arange(0, HALF)
    x = tl.load(projected_ptr + head * 2 * HALF + i).to(tl.float32)
    y = tl.load(projected_ptr + head * 2 * HALF + HALF + i).to(tl.float32)
    if head >= Hq + Hkv:
        store(values_ptr, (head - Hq - Hkv) * capacity + place, i, x, y, HALF)
    else:
        cos, sin = tl.load(cos_ptr + i).to(tl.float32), tl.load(sin_ptr + i).to(tl.float32)
        first, second = x * cos - y * sin, y * cos + x * sin
        if head >= Hq:
            store(keys_ptr, (head - Hq) * capacity + place, i, first, second, HALF)
        else:
            store(query_ptr, head, i, first, second, HALF)


@triton.jit
def store(pointer, row, i, first, second, HALF: tl.constexpr):
    """Write the two halves of a row."""
    pointer += row * 2 * HALF + i
    tl.store(pointer, first.to(pointer.dtype.element_ty))
    tl.store(pointer + HALF, second.to(pointer.dtype.element_ty))
