"""Stages 2 and 3 in Triton give the definition's output and counts, whatever the shape."""

import subprocess
import sys

import pytest
import torch

from dashdoc.kernels.triton.autograd import attend_sparse
from dashdoc.kernels.triton.forward import piece_tokens
from dashdoc.kernels.triton.tiles import Tile
from tests.kernels.triton.cases import DEVICE, Case, relative_error

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3}
PRIORS = {
    "plain": {"estimate": False},
    "sigma 2": {"estimate": True, "sigma": 2.0},
    "sigma 1e6": {"estimate": True, "sigma": 1e6},
}


def compare(case: Case, **options: object) -> None:
    actual, counts = attend_sparse(
        case.query, case.key, case.value, case.summaries, **case.options, measure=True, **options
    )
    expected, expected_counts = case.expected()
    assert actual.dtype == case.dtype
    assert relative_error(actual, expected) <= TOLERANCE[case.dtype]
    assert torch.equal(counts.active, expected_counts.active)
    assert torch.equal(counts.reads, expected_counts.reads)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("local", [1, 2])
@pytest.mark.parametrize("padding", [None, [21], [48]], ids=["whole", "padded", "whole chunks"])
def test_every_prior_matches(prior: str, local: int, padding: list[int] | None) -> None:
    compare(Case(**PRIORS[prior], local=local, padding=padding))


@pytest.mark.parametrize("prior", ["plain", "sigma 1e6"])
@pytest.mark.parametrize("G", [1, 2, 3, 4, 7, 8, 16])
def test_every_group_matches(G: int, prior: str) -> None:
    compare(Case(**PRIORS[prior], G=G, M=21, Hkv=1 if G > 4 else 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize(("C", "D"), [(16, 128), (32, 64), (64, 128), (128, 64)])
def test_every_chunk_size_and_width_matches(C: int, D: int, dtype: torch.dtype) -> None:
    compare(Case(N=5 * C + 3, M=19, C=C, D=D, G=4, Hkv=1, dtype=dtype))


@pytest.mark.parametrize("N", [1, 2, 15, 16, 17, 33, 65])
def test_every_length_matches(N: int) -> None:
    compare(Case(N=N, M=N, Hkv=1))


@pytest.mark.parametrize("tokens", [4, 8, 12])
@pytest.mark.parametrize("M", [1, 23])
def test_every_tile_matches(tokens: int, M: int) -> None:
    compare(Case(N=101, M=M, estimate=True), tile=Tile(tokens, 2))


def test_batch_rows_of_different_padding_match() -> None:
    compare(Case(N=70, M=50, B=3, Hkv=1, padding=[0, 21, 64], local=2))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (2, 1, 0, 3), (3, 0, 1, 2)], ids=str)
def test_queries_are_read_however_they_lie(order: tuple[int, ...]) -> None:
    case = Case(N=70, M=50, B=2, Hkv=1, padding=[0, 21])
    back = tuple(order.index(axis) for axis in range(4))
    query = case.query.permute(order).contiguous().permute(back)
    found = []
    for leaf in (case.query, query):
        leaf = leaf.detach().requires_grad_()
        output, _ = attend_sparse(leaf, case.key, case.value, case.summaries, **case.options)
        output.square().sum().backward()
        found.append((output, leaf.grad))
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("piece", [8, 24])
def test_pieces_change_nothing(piece: int) -> None:
    case = Case(M=36, B=2, Hkv=1, padding=[0, 30])
    arguments = (case.query, case.key, case.value, case.summaries)
    whole, counts = attend_sparse(*arguments, **case.options, measure=True)
    parts, part_counts = attend_sparse(*arguments, **case.options, measure=True, piece=piece)
    assert torch.equal(whole, parts)
    assert torch.equal(counts.active, part_counts.active)
    assert torch.equal(counts.reads, part_counts.reads)


@pytest.mark.parametrize("weigh", [False, True], ids=["flat", "weighed"])
@pytest.mark.parametrize(("N", "C"), [(131_072, 64), (1_048_576, 64), (131_072, 16)])
def test_buffers_stay_bounded(N: int, C: int, weigh: bool) -> None:
    query = torch.empty(1, 32, N, 128, dtype=torch.bfloat16, device="meta")
    key = torch.empty(1, 2, N, 128, dtype=torch.bfloat16, device="meta")
    piece = piece_tokens(query, key, C, Tile(8, 16), weigh)
    lists = 2 * (piece // 8) * (N // C) * (4 + 4 + 4 * 8 * weigh)  # with those merged
    assert lists <= 256 << 20
    assert piece // 8 * 2 >= 132  # a program for each multiprocessor


def test_a_cache_of_larger_capacity_is_read_in_place_and_never_past_its_length() -> None:
    case = Case()
    expected, _ = attend_sparse(case.query, case.key, case.value, case.summaries, **case.options)
    room = torch.full((1, 2, 192, 64), torch.nan, device=DEVICE)
    caches = [room.clone(), room.clone(), room[:, :, :12].clone()]
    tensors = (case.key, case.value, case.summaries)
    views = []
    for cache, tensor in zip(caches, tensors, strict=True):
        cache[:, :, : tensor.shape[2]] = tensor
        views.append(cache[:, :, : tensor.shape[2]])
    actual, _ = attend_sparse(case.query, *views, **case.options)
    assert torch.equal(actual, expected)


def test_importing_the_operator_does_not_import_triton() -> None:
    check = "import sys, dashdoc.kernels; assert not {'triton'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
