"""One token's rotation equals transformers', and nothing but its place in the cache is written."""

import pytest
import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from dashdoc.kernels.triton.decode_place import place
from tests.kernels.triton.cases import DEVICE


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize(("heads", "D"), [((4, 2), 16), ((6, 3), 64), ((16, 1), 128)])
@pytest.mark.parametrize("length", [1, 37, 64])
def test_it_equals_transformers(
    length: int, heads: tuple[int, int], D: int, dtype: torch.dtype
) -> None:
    Hq, Hkv = heads
    projected = torch.randn(1, (Hq + 2 * Hkv) * D, device=DEVICE).to(dtype)
    angles = torch.randn(D // 2, device=DEVICE).repeat(2)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    keys, values = torch.full((2, 1, Hkv, 64, D), 7, device=DEVICE, dtype=dtype).unbind()
    query = torch.empty(1, Hq, 1, D, device=DEVICE, dtype=dtype)
    held = torch.tensor([length], dtype=torch.int32, device=DEVICE)
    place(projected, cos, sin, held, query, keys, values)

    heads = projected.view(1, 1, Hq + 2 * Hkv, D).transpose(1, 2)  # [1, heads, 1, D]
    asked, key, value = heads.split([Hq, Hkv, Hkv], 1)
    asked, key = apply_rotary_pos_emb(asked, key, cos[None, None], sin[None, None])
    tolerance = {"rtol": 0, "atol": 1e-6 if dtype == torch.float32 else 5e-3}
    torch.testing.assert_close(query, asked, **tolerance)
    torch.testing.assert_close(keys[:, :, length - 1 : length], key, **tolerance)
    assert torch.equal(values[:, :, length - 1 : length], value)
    for written in (keys, values):
        written[:, :, length - 1] = 7
        assert (written == 7).all()
