"""Decoding in Triton equals the definition, and completes summaries on the way."""

import pytest
import torch
from torch import Tensor

from dashdoc.kernels import dash_attention, reference
from dashdoc.kernels.triton import decode as launches
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


@pytest.mark.parametrize("self_scored", [0, launches.SELF_SCORED])
def test_rows_of_a_batch_have_lengths_padding_and_class_queries_of_their_own(
    self_scored: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launches, "SELF_SCORED", self_scored)
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


BLOCKS = ("SCORE_BLOCK", "SELF_SCORE_BLOCK", "THRESHOLD_BLOCK", "LIST_BLOCK", "WEIGHED_BLOCK")


@pytest.mark.parametrize("estimate", [False, True])
@pytest.mark.parametrize("self_scored", [0, launches.SELF_SCORED])
@pytest.mark.parametrize("block", [None, 16])
def test_how_the_work_is_cut_does_not_matter(
    block: int | None, self_scored: int, estimate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(N=300, M=1, scale=8.0, G=3, estimate=estimate, padding=[35])
    monkeypatch.setattr(launches, "SELF_SCORED", self_scored)
    for name in BLOCKS if block else ():
        monkeypatch.setattr(launches, name, block)
    output, _, buffers = call(case, torch.randn(2, 64, device=DEVICE), 400)
    expected, counts = case.expected()
    assert relative_error(output, expected) <= 1e-5
    assert torch.equal(buffers.active, counts.active[..., 0])


@pytest.mark.parametrize("programs", [1, 2, 256])
def test_the_number_of_shares_does_not_matter(
    programs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launches, "PROGRAMS", programs)
    case = Case(N=700, M=1, scale=8.0)
    output, _, _ = call(case, torch.randn(2, 64, device=DEVICE), 704)
    assert relative_error(output, case.expected()[0]) <= 1e-5


@pytest.mark.parametrize("estimate", [False, True])
def test_tokens_follow_one_another_through_one_set_of_buffers(
    estimate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the ends of two chunks, far below the capacity; then some of them once more."""
    monkeypatch.setattr(launches, "PROGRAMS", 8)
    first, last, C = 47, 65, 16
    torch.manual_seed(1)
    key, value = (torch.randn(1, 2, last, 64, device=DEVICE) for _ in range(2))
    query = 2 * torch.randn(1, 4, last, 64, device=DEVICE)
    class_query = torch.randn(2, 64, device=DEVICE)
    options = {
        "chunk_size": C,
        "scale": 4.0,
        "estimate_diagonal": estimate,
        "sigma": 2.0,
        "local_chunks": 1,
    }
    exact = [t.double() for t in (query[:, :, first:], key, value, class_query)]
    expected, _ = dash_attention(*exact, **options)

    keys, values, summaries = (
        torch.full((1, 2, tokens, 64), torch.nan, device=DEVICE) for tokens in (300, 300, 18)
    )
    summaries[:, :, : first // C] = reference.summarize(key[:, :, :first], class_query, C)
    keys[:, :, :first], values[:, :, :first] = key[:, :, :first], value[:, :, :first]
    buffers = DecodeBuffers.allocate(keys, 4, C)
    length = torch.zeros(1, dtype=torch.int32, device=DEVICE)
    outputs = []
    for place in [*range(first, last), 47, 48]:
        keys[:, :, place], values[:, :, place] = key[:, :, place], value[:, :, place]
        length.fill_(place + 1)
        newest = query[:, :, place : place + 1]
        outputs.append(
            decode(newest, keys, values, summaries, class_query, length, buffers, **options)
        )
    assert relative_error(torch.cat(outputs[: last - first], 2), expected) <= 1e-5
    assert torch.equal(outputs[-2], outputs[0]) and torch.equal(outputs[-1], outputs[1])


def test_probabilities_sum_to_one_over_many_chunks() -> None:
    chunks, C, D = 1500, 16, 16
    torch.manual_seed(2)
    keys, values = (torch.randn(1, 1, chunks * C, D, device=DEVICE) for _ in range(2))
    query, class_query = torch.randn(1, 2, 1, D, device=DEVICE), torch.zeros(1, D, device=DEVICE)
    summaries = reference.summarize(keys, class_query, C)
    buffers = DecodeBuffers.allocate(keys, 2, C)
    length = torch.full((1,), chunks * C, dtype=torch.int32, device=DEVICE)
    decode(
        query, keys, values, summaries, class_query, length, buffers,
        chunk_size=C, scale=1.0, estimate_diagonal=True, sigma=1e6, local_chunks=1,
    )  # fmt: skip
    scores = buffers.scores[0, 0, :2, : chunks - 1].double()
    root = (scores - buffers.thresholds[0, 0, :2].double().sum(-1, keepdim=True)).clamp(min=0)
    assert ((root * root).sum(-1) - 1).abs().max() <= 1e-5
    wanted = reference.entmax15(2 * scores) > 0
    assert buffers.active.item() == wanted.any(0).sum() + 1
    assert wanted.sum() > 100
