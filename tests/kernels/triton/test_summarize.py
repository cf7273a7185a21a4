"""Stage 1 in Triton gives the definition's summaries."""

import pytest
import torch

from dashdoc.kernels import reference
from dashdoc.kernels.triton.summarize import summarize
from tests.kernels.triton.cases import DEVICE, relative_error

TOLERANCE = {torch.float32: 1e-6, torch.float16: 5e-4}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("each_chunk", [False, True], ids=["one", "each"])
@pytest.mark.parametrize("padding", [None, [0, 41]], ids=["whole", "padded"])
@pytest.mark.parametrize(("C", "D"), [(16, 64), (32, 128), (64, 64), (128, 128)])
def test_summaries_match(
    C: int, D: int, padding: list[int] | None, each_chunk: bool, dtype: torch.dtype
) -> None:
    B, H, N = 2, 3, 2 * C + 7
    key = torch.randn(B, H, N, D, device=DEVICE).to(dtype)
    w = torch.randn(*((B, H, 2, D) if each_chunk else (H, D)), device=DEVICE)
    pad = None if padding is None else torch.tensor(padding, device=DEVICE)
    actual = summarize(key, w, C, pad)
    assert actual.dtype == dtype
    expected = reference.summarize(key.double(), w.double(), C, pad)
    assert relative_error(actual, expected) < TOLERANCE[dtype]


def test_padded_keys_take_part_in_nothing() -> None:
    key = torch.randn(1, 1, 48, 64, device=DEVICE)
    key[:, :, :21] = torch.nan
    w, pad = torch.randn(1, 64, device=DEVICE), torch.tensor([21], device=DEVICE)
    actual = summarize(key, w, 16, pad)
    expected = reference.summarize(key.nan_to_num(), w, 16, pad)
    assert torch.equal(actual[:, :, 0], torch.zeros_like(actual[:, :, 0]))
    assert relative_error(actual, expected) < 1e-6


def test_a_text_shorter_than_a_chunk_has_no_summary() -> None:
    key = torch.randn(1, 2, 15, 64, device=DEVICE)
    assert summarize(key, torch.randn(2, 64, device=DEVICE), 16).shape == (1, 2, 0, 64)


def test_the_head_of_a_larger_cache_is_read_in_place() -> None:
    cache = torch.randn(2, 2, 64, 64, device=DEVICE)
    w = torch.randn(2, 64, device=DEVICE)
    expected = summarize(cache[:, :, :40].contiguous(), w, 16)
    assert torch.equal(summarize(cache[:, :, :40], w, 16), expected)
