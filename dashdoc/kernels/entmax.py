"""1.5-entmax (Peters et al., 2019), exact at every length, with its gradient."""

from typing import Any

import torch
from torch import Tensor

# From the left end every row converges in 3 to 8 steps; the cap only bounds rounding noise.
MAX_STEPS = 24
# A compiled graph cannot end its loop on data.
COMPILED_STEPS = 10


def entmax15(scores: Tensor) -> Tensor:
    """Sparse probabilities `max(s / 2 - tau, 0)^2` over the last dimension, summing to one.

    Args:
        scores: [..., P] fp32 or fp64; `-inf` leaves an entry out. A row of `-inf` alone, like a
            row without entries, gives zeros.

    Returns:
        [..., P] in the dtype of the scores; exactly zero off the support.
    """
    probabilities: Tensor = _Entmax15.apply(scores)  # type: ignore[no-untyped-call]
    return probabilities


class _Entmax15(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        root = solve(scores)
        ctx.save_for_backward(root)
        return root.square()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        root: Tensor = ctx.saved_tensors[0]
        total = root.sum(-1, keepdim=True).clamp_min(torch.finfo(root.dtype).tiny)
        mean = (root * grad).sum(-1, keepdim=True) / total
        return root * (grad - mean)


def solve(scores: Tensor) -> Tensor:
    """`max(s / 2 - tau, 0)`, the square root of the probabilities.

    tau solves `|max(x - tau, 0)| = 1` for x = s / 2. The norm is convex and falls with tau, so
    Newton's steps from `max x - 1` approach the solution from one side and never overshoot; it is
    linear in tau where the support is fixed and its scores equal, so few steps are needed.
    """
    if scores.shape[-1] == 0:
        return scores.clone()
    top = scores.amax(-1, keepdim=True)
    # Relative to the row's maximum: absolute scores would lose the digits that tau needs.
    x = (scores - top.masked_fill(top.isinf(), 0)) / 2
    tau = torch.full_like(top, -1)
    eps = torch.finfo(x.dtype).eps
    for _ in range(COMPILED_STEPS if torch.compiler.is_compiling() else MAX_STEPS):
        root = (x - tau).relu_()
        norm = torch.linalg.vector_norm(root, dim=-1, keepdim=True)
        excess = norm - 1
        if not torch.compiler.is_compiling() and not (excess > 4 * eps).any():
            break
        tau += excess * norm / root.sum(-1, keepdim=True).clamp_min(eps)
    return (x - tau).relu_()
