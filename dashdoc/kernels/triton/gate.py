"""The gate of an MLP, in place: SiLU and product in one pass over memory."""

import triton
import triton.language as tl
from torch import Tensor

BLOCK = 2048


def gate_(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) * up, written over the gate, which is returned.

    Args:
        gate, up: contiguous, of one shape and dtype.
    """
    assert gate.is_contiguous() and up.is_contiguous()
    assert (gate.shape, gate.dtype) == (up.shape, up.dtype)
    size = gate.numel()
    _gate[(triton.cdiv(size, BLOCK),)](gate, up, size, BLOCK=BLOCK, num_warps=8)
    return gate


@triton.jit
def _gate(gate_ptr, up_ptr, size, BLOCK: tl.constexpr):
    """Gate one block of elements."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    gate = tl.load(gate_ptr + at, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(up_ptr + at, mask=inside, other=0.0).to(tl.float32)
    gated = gate / (1 + tl.exp(-gate)) * up
    tl.store(gate_ptr + at, gated.to(gate_ptr.dtype.element_ty), mask=inside)
