"""One token's products equal torch's, with what surrounds them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from dashdoc.kernels.triton.decode_project import project, project_gated
from tests.kernels.triton.cases import DEVICE, relative_error

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3}
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
# Hidden sizes that are a power of two, some of them, and none.
WIDTHS = pytest.mark.parametrize("K", [32, 384, 1152, 2500])


def normal(*shape: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(*shape, device=DEVICE).to(dtype)


def norm_of(K: int, dtype: torch.dtype) -> LlamaRMSNorm:
    norm = LlamaRMSNorm(K, eps=1e-6).to(DEVICE, dtype)
    torch.nn.init.normal_(norm.weight)
    return norm


@DTYPES
@WIDTHS
@pytest.mark.parametrize("rows", [[20], [48], [75], [16, 4], [64, 32, 32], [64, 32, 31]])
@torch.no_grad()
def test_the_products_stand_behind_one_another(rows: list[int], K: int, dtype: torch.dtype) -> None:
    token, norm = 3 * normal(1, K, dtype=dtype), norm_of(K, dtype)
    weights = [normal(n, K, dtype=dtype) for n in rows]
    assert (
        relative_error(project(token, *weights), F.linear(token, torch.cat(weights)))
        <= (TOLERANCE[dtype])
    )
    expected = F.linear(norm(token), torch.cat(weights))
    actual = project(token, *weights, norm=norm.weight, epsilon=1e-6)
    assert relative_error(actual, expected) <= TOLERANCE[dtype]


@DTYPES
@torch.no_grad()
def test_the_residual_is_added(dtype: torch.dtype) -> None:
    token, weight = normal(1, 96, dtype=dtype), normal(50, 96, dtype=dtype)
    residual = 10 * normal(1, 50, dtype=dtype)
    actual = project(token, weight, residual=residual)
    assert relative_error(actual, residual + F.linear(token, weight)) <= TOLERANCE[dtype]


@DTYPES
@WIDTHS
@torch.no_grad()
def test_the_gate_is_a_silu(K: int, dtype: torch.dtype) -> None:
    token, norm = 3 * normal(1, K, dtype=dtype), norm_of(K, dtype)
    gate, up = (0.3 * normal(70, K, dtype=dtype) for _ in range(2))
    x = norm(token)
    expected = F.silu(F.linear(x, gate)) * F.linear(x, up)
    actual = project_gated(token, gate, up, norm=norm.weight, epsilon=1e-6)
    assert relative_error(actual, expected) <= 2 * TOLERANCE[dtype]
