"""1.5-entmax against the `entmax` package, at the lengths that break three-step solvers."""

import math

import pytest
import torch
from entmax import entmax15 as oracle

from dashdoc.kernels.entmax import entmax15


@pytest.mark.parametrize("spread", [0.0, 0.05, 1.0, 8.0, 60.0])
@pytest.mark.parametrize("length", [1, 2, 31, 512, 16_384])
def test_probabilities_sum_to_one_and_match_the_oracle(length: int, spread: float) -> None:
    scores = torch.randn(16, length) * spread + 50
    actual = entmax15(scores)
    expected = oracle(scores.double(), dim=-1)
    assert (actual.sum(-1) - 1).abs().max() <= 1e-5
    assert (actual - expected).norm() <= 1e-4 * expected.norm()


@pytest.mark.parametrize("length", [64, 16_384])
def test_support_differs_from_float64_only_at_the_threshold(length: int) -> None:
    scores = torch.randn(64, length) * 3
    expected = oracle(scores.double(), dim=-1)
    differs = (entmax15(scores) > 0) != (expected > 0)
    # |s / 2 - tau| is the root of p inside the support; outside both are zero.
    assert expected[differs].sqrt().lt(1e-5).all()


def test_excluded_entries_get_nothing_and_an_empty_row_gives_zeros() -> None:
    scores = torch.tensor([[1.0, -math.inf, 1.0], [-math.inf, -math.inf, -math.inf]])
    assert torch.allclose(entmax15(scores), torch.tensor([[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]))
    assert entmax15(torch.empty(3, 0)).shape == (3, 0)


def test_gradient_matches_finite_differences() -> None:
    scores = torch.randn(5, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(entmax15, (scores,))
