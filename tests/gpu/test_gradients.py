"""Gradients on the GPU are those of the definition, by whichever way a length is trained."""

import pytest
import torch

from dashdoc.kernels import dash_attention

# Short rows are trained at once with the prior as head dimensions, long ones block by block.
SHORT, LONG = 500, 7000


@pytest.mark.parametrize("N", [SHORT, LONG])
@pytest.mark.parametrize("estimate_diagonal", [False, True])
def test_gradients_in_fp32_are_those_of_the_cpu(N: int, estimate_diagonal: bool) -> None:
    shapes = [(1, 4, N, 64), (1, 2, N, 64), (1, 2, N, 64), (2, 64)]
    inputs = [torch.randn(shape) for shape in shapes]
    weights = torch.randn(shapes[0])
    found = []
    for device in ("cpu", "cuda"):
        given = [tensor.to(device).detach().requires_grad_() for tensor in inputs]
        output, _ = dash_attention(
            *given, chunk_size=32, scale=2.0, estimate_diagonal=estimate_diagonal, sigma=2.0
        )
        (output * weights.to(device)).sum().backward()
        found.append([output.cpu(), *(tensor.grad.cpu() for tensor in given)])
    for actual, expected in zip(*found, strict=True):
        # A score at its threshold may fall on either side of it.
        assert (actual - expected).norm() <= 1e-3 * expected.norm()
