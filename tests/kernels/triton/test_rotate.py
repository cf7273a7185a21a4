"""Rotary embedding in place gives transformers'."""

import pytest
import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from dashdoc.kernels.triton.rotate import rotate_
from tests.kernels.triton.cases import DEVICE, relative_error

TOLERANCE = {torch.float32: 1e-6, torch.float16: 5e-4}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("Hq", "Hkv", "D"), [(32, 2, 128), (6, 3, 64), (5, 1, 96), (1, 1, 2)])
@pytest.mark.parametrize(("B", "M"), [(1, 1), (1, 9), (2, 5)])
@pytest.mark.parametrize("each_row", [False, True], ids=["same", "each"])
def test_queries_and_keys_are_rotated_as_transformers_does(
    B: int, M: int, Hq: int, Hkv: int, D: int, each_row: bool, dtype: torch.dtype
) -> None:
    query, key = (torch.randn(B, M, H, D, device=DEVICE).to(dtype) for H in (Hq, Hkv))
    half = 100 * torch.randn(B if each_row else 1, M, D // 2, device=DEVICE)
    angle = torch.cat((half, half), -1)
    cos, sin = angle.cos().to(dtype), angle.sin().to(dtype)
    expected = apply_rotary_pos_emb(
        query.double(), key.double(), cos.double(), sin.double(), unsqueeze_dim=2
    )
    rotate_(query, key, cos, sin)
    for actual, wanted in zip((query, key), expected, strict=True):
        assert relative_error(actual, wanted) < TOLERANCE[dtype]
