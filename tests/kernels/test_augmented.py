"""The prior as head dimensions gives the definition's output and gradients."""

import pytest
import torch
from torch import Tensor

from dashdoc.kernels import reference
from dashdoc.kernels.augmented import attend_augmented, fits


@pytest.mark.parametrize(("N", "C"), [(1, 16), (16, 16), (17, 16), (203, 32), (150, 64)])
@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("estimate_diagonal", [False, True])
def test_output_and_gradients_are_the_definitions(
    N: int, C: int, group: int, estimate_diagonal: bool
) -> None:
    shapes = [(2, 2 * group, N, 24), (2, 2, N, 24), (2, 2, N, 24)]
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    class_query = torch.randn(2, 24, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(shapes[0], dtype=torch.float64)

    def gradients(augmented: bool) -> list[Tensor]:
        query, key, value = inputs
        position = torch.arange(N)
        summaries = reference.summarize(key, class_query, C)[:, :, : (N - 1) // C]
        probabilities = reference.route(query, summaries, position, C, 4.0)
        chunks = (N - 1) // C + 1
        bias = reference.prior(probabilities, position, C, chunks, estimate_diagonal, 2.0, 1)
        if augmented:
            output = attend_augmented(query, key, value, bias, position, C)
        else:
            output = reference.attend(query, key, value, bias, position, C)
        found = torch.autograd.grad(
            (output * weights).sum(), [*inputs, class_query], allow_unused=True
        )
        return [output, *(torch.zeros(1) if g is None else g for g in found)]

    for actual, expected in zip(gradients(True), gradients(False), strict=True):
        assert (actual - expected).norm() <= 1e-9 * (1 + expected.norm())


@pytest.mark.parametrize(
    ("D", "N", "fit"), [(64, 6144, True), (64, 6145, False), (128, 4096, True)]
)
def test_heads_grow_by_one_dimension_a_chunk(D: int, N: int, fit: bool) -> None:
    assert fits(torch.empty(1, 1, 1, D), N, 32) is fit
