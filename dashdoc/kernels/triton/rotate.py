"""Rotary embedding, in place: queries and keys of a token in one pass over memory."""

import triton
import triton.language as tl
from torch import Tensor

from dashdoc.kernels.triton.tiles import power_of_two


def rotate_(query: Tensor, key: Tensor, cos: Tensor, sin: Tensor) -> None:
    """Rotate queries and keys where they lie.

    The halves of a head are rotated against each other; a half of `cos` and `sin` is read, as both
    are the same.

    Args:
        query: [B, M, Hq, D], key: [B, M, Hkv, D], contiguous; D even.
        cos, sin: [B, M, D], or [1, M, D] for every row of the batch.
    """
    assert query.is_contiguous() and key.is_contiguous()
    B, M, Hq, D = query.shape
    Hkv = key.shape[2]
    assert cos.shape == sin.shape and cos.shape in ((B, M, D), (1, M, D))
    _rotate[(M, B)](
        query,
        key,
        cos.contiguous(),
        sin.contiguous(),
        Hq=Hq,
        Hkv=Hkv,
        D=D,
        HALF=power_of_two(D // 2),
        HEADS=power_of_two(Hq),
        KV_HEADS=power_of_two(Hkv),
        EACH_ROW=cos.shape[0] > 1,
        num_warps=4,
    )


@triton.jit
def _rotate(
    query_ptr, key_ptr, cos_ptr, sin_ptr,
    Hq: tl.constexpr, Hkv: tl.constexpr, D: tl.constexpr, HALF: tl.constexpr,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, EACH_ROW: tl.constexpr,
):  # fmt: skip
    """Rotate one token."""
    place, b = tl.program_id(0), tl.program_id(1).to(tl.int64)
    token = b * tl.num_programs(0) + place
    half = tl.arange(0, HALF)
    angle = (token if EACH_ROW else place.to(tl.int64)) * D + half
    cos = tl.load(cos_ptr + angle, mask=half < D // 2, other=0.0).to(tl.float32)
    sin = tl.load(sin_ptr + angle, mask=half < D // 2, other=0.0).to(tl.float32)
    _rotate_heads(query_ptr + token * Hq * D, half, cos, sin, Hq, D, HEADS)
    _rotate_heads(key_ptr + token * Hkv * D, half, cos, sin, Hkv, D, KV_HEADS)


@triton.jit
def _rotate_heads(
    pointer, half, cos, sin, H: tl.constexpr, D: tl.constexpr, HEADS: tl.constexpr
):  # fmt: skip
    """Rotate the H heads of a token by its angles [HALF]."""
    head = tl.arange(0, HEADS)[:, None]
    exists = (head < H) & (half < D // 2)[None, :]
    at = pointer + head * D + half[None, :]
    low = tl.load(at, mask=exists, other=0.0).to(tl.float32)  # [HEADS, HALF]
    high = tl.load(at + D // 2, mask=exists, other=0.0).to(tl.float32)
    cos, sin = cos[None, :], sin[None, :]
    dtype = pointer.dtype.element_ty
    tl.store(at, (low * cos - high * sin).to(dtype), mask=exists)
    tl.store(at + D // 2, (high * cos + low * sin).to(dtype), mask=exists)
