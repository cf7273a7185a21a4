"""Decoding in Triton equals the definition, and completes summaries on the way."""

import pytest
import torch
from torch import Tensor

from dashdoc.kernels import reference
from dashdoc.kernels.triton.autograd import attend_sparse
from dashdoc.kernels.triton.decode import DecodeBuffers, decode
from tests.kernels.triton.cases import DEVICE, Case, relative_error

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3}


def cache_of(case: Case, capacity: int) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, values and summaries in room for `capacity` tokens, NaN where nothing is held."""

    def room(tokens: int) -> Tensor:
        size = (case.B, case.Hkv, tokens, case.D)
        return torch.full(size, torch.nan, dtype=case.dtype, device=DEVICE)

    keys, values, summaries = room(capacity), room(capacity), room(capacity // case.C)
    keys[:, :, : case.N], values[:, :, : case.N] = case.key, case.value
    done = (case.N - 1) // case.C
    summaries[:, :, :done] = case.summaries[:, :, :done]
    return keys, values, summaries


def call(case: Case, class_query: Tensor, capacity: int) -> tuple[Tensor, Tensor, DecodeBuffers]:
    keys, values, summaries = cache_of(case, capacity)
    buffers = DecodeBuffers.allocate(keys, case.Hkv * case.G, case.C)
    lengths = torch.full((case.B,), case.N, dtype=torch.int32, device=DEVICE)
    output = decode(
        case.query, keys, values, summaries, class_query, lengths, buffers, **case.options
    )
    return output, summaries, buffers


@pytest.mark.parametrize("estimate", [False, True])
@pytest.mark.parametrize("local", [1, 2])
@pytest.mark.parametrize("N", [1, 16, 17, 150, 160])
def test_one_token_matches_and_equals_the_last_row_of_prefill(
    N: int, local: int, estimate: bool
) -> None:
    case = Case(N=N, M=min(N, 3), local=local, estimate=estimate)
    prefill, _ = attend_sparse(case.query, case.key, case.value, case.summaries, **case.options)
    expected, counts = case.expected()
    case.query = case.query[:, :, -1:]
    class_query = torch.randn(2, 64, device=DEVICE)
    output, summaries, buffers = call(case, class_query, 176)
    assert relative_error(output, expected[:, :, -1:]) <= 1e-5
    assert relative_error(output, prefill[:, :, -1:]) <= 1e-5
    assert torch.equal(buffers.active, counts.active[..., -1])
    if N % case.C == 0:
        completed = reference.summarize(case.key[:, :, -case.C :], class_query, case.C)
        assert relative_error(summaries[:, :, N // case.C - 1], completed[:, :, 0]) <= 1e-6
    assert summaries[:, :, N // case.C :].isnan().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("G", [1, 3, 7, 16])
def test_every_group_matches(G: int, dtype: torch.dtype) -> None:
    case = Case(N=700, M=1, G=G, scale=8.0, dtype=dtype)
    output, _, buffers = call(case, torch.randn(2, 64, device=DEVICE).to(dtype), 1024)
    expected, counts = case.expected()
    assert relative_error(output, expected) <= TOLERANCE[dtype]
    assert torch.equal(buffers.active, counts.active[..., 0])


def test_rows_of_a_batch_have_lengths_padding_and_class_queries_of_their_own() -> None:
    case = Case(N=160, M=1, B=3, padding=[0, 21, 64])
    keys, values, summaries = cache_of(case, 192)
    lengths = [160, 50, 96]
    for b, length in enumerate(lengths):
        keys[b, :, length:], values[b, :, length:] = torch.nan, torch.nan
        summaries[b, :, (length - 1) // 16 :] = torch.nan
    class_query = torch.randn(3, 2, 12, 64, device=DEVICE)
    buffers = DecodeBuffers.allocate(keys, 4, 16)
    held = torch.tensor(lengths, dtype=torch.int32, device=DEVICE)
    for _ in range(2):  # once more changes nothing
        output = decode(
            case.query, keys, values, summaries, class_query, held, buffers, **case.options
        )
        for b, length in enumerate(lengths):
            row, end = slice(b, b + 1), length
            one = [t[row, :, :end].contiguous() for t in (keys, values)]
            expected, _ = attend_sparse(
                case.query[row],
                *one,
                summaries[row, :, : (end - 1) // 16],
                **case.options | {"padding": case.pad[row]},
            )
            assert relative_error(output[row], expected) <= 1e-5
            if end % 16 == 0:
                last = reference.summarize(
                    one[0][:, :, -16:], class_query[row, :, end // 16 - 1 : end // 16], 16
                )
                assert relative_error(summaries[row, :, end // 16 - 1], last[:, :, 0]) <= 1e-6
