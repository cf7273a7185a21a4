"""Gradients of the Triton kernels against float64 autograd of the definition."""

import itertools

import pytest
import torch
from torch import Tensor

from dashdoc.kernels import dash_attention, reference
from dashdoc.kernels.triton.autograd import attend_sparse, summarize
from dashdoc.kernels.triton.backward_keys import list_readers, readers_at_once
from dashdoc.kernels.triton.route import route
from dashdoc.kernels.triton.tiles import LOG2_E, tile_for
from tests.kernels.triton.cases import DEVICE, Case, relative_error

NAMES = ("query", "key", "value", "summaries")
# The gradient of a score is divided by the root of its probability: fp32 loses digits with it.
LEAST = 1e-4


def gradients(case: Case, grad: Tensor, **options: object) -> list[Tensor]:
    tensors = [inside_nan(getattr(case, name)).requires_grad_() for name in NAMES]
    output, _ = attend_sparse(*tensors, **case.options, **options)
    output.backward(grad)
    return [tensor.grad for tensor in tensors]


def inside_nan(tensor: Tensor) -> Tensor:
    """A copy that lies in a larger buffer of NaN: nobody reads past its end."""
    B, H, N, D = tensor.shape
    room = torch.full((B, H, N + 40, D), torch.nan, dtype=tensor.dtype, device=DEVICE)
    room[:, :, :N] = tensor
    return room[:, :, :N]


def expected_gradients(case: Case, grad: Tensor) -> list[Tensor]:
    tensors = [getattr(case, name).double().requires_grad_() for name in NAMES]
    unused = torch.zeros(case.Hkv, case.D, dtype=torch.float64, device=DEVICE)
    output, _ = dash_attention(
        *tensors[:3], unused, summaries=tensors[3], **case.options, backend="torch"
    )
    output.backward(grad.double())
    return [tensor.grad for tensor in tensors]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"local": 2, "G": 3},
        {"estimate": True, "G": 4, "Hkv": 1},
        {"estimate": True, "local": 2, "C": 32, "D": 128},
        {"padding": [21]},
        {"N": 60, "M": 60, "B": 2, "Hkv": 1, "padding": [0, 37], "estimate": True},
        {"N": 9, "M": 9},
        {"G": 16, "Hkv": 1, "N": 90, "M": 11},
        {"G": 32, "Hkv": 1, "N": 75, "M": 75, "padding": [18]},
    ],
    ids=str,
)
def test_gradients_match(settings: dict) -> None:
    # Those of a centred bias are divided by the root of a chunk's probability.
    least = 1e-3 if settings.get("estimate") else LEAST
    case = Case(**{"N": 110, "M": 20, "least": least} | settings)
    grad = torch.randn_like(case.query)
    for name, actual, expected in zip(
        NAMES, gradients(case, grad), expected_gradients(case, grad), strict=True
    ):
        if expected.numel():
            assert relative_error(actual, expected) <= 1e-5, name


def test_a_flat_bias_still_teaches_the_summaries() -> None:
    case = Case(N=110, M=20, estimate=True, sigma=1e6, least=LEAST)
    grad = torch.randn_like(case.query)
    actual, expected = gradients(case, grad)[3], expected_gradients(case, grad)[3]
    assert expected.abs().max() > 0
    # What hardly wanted chunks get is divided by the root of a small probability.
    assert relative_error(actual, expected) <= 1e-3


def test_low_precision_gradients_match() -> None:
    case = Case(N=110, M=20, G=4, dtype=torch.float16, least=LEAST)
    grad = torch.randn_like(case.query)
    pairs = zip(NAMES, gradients(case, grad), expected_gradients(case, grad), strict=True)
    for name, actual, expected in pairs:
        assert actual.dtype == torch.float16
        assert relative_error(actual, expected) <= 2e-3, name


def test_low_precision_holds_the_gradients_of_a_flat_bias() -> None:
    """They are divided by sigma at last: on the way they are neither lost nor infinite."""
    case = Case(N=110, M=20, estimate=True, sigma=1e2, dtype=torch.float16, least=1e-3)
    grad = torch.randn_like(case.query)
    actual = gradients(case, 100 * grad)[3]
    assert relative_error(actual, 100 * expected_gradients(case, grad)[3]) <= 1e-2


def test_readers_are_the_tokens_whose_lists_hold_the_chunk() -> None:
    case = Case(N=110, M=30, G=4, padding=[21], least=LEAST)
    part, start = case.query.transpose(1, 2).contiguous(), case.N - case.M
    options = {"chunk_size": case.C, "local_chunks": case.local}
    selection = route(
        part,
        case.summaries,
        start,
        tile_for(case.G),
        scale=case.scale,
        weigh=True,
        padding=case.pad,
        **options,
    )
    readers = list_readers(selection, start, sharpness=1.0, standardised=False, **options)
    place = (torch.arange(start, case.N, device=DEVICE), case.C)
    wanted = reference.route(
        case.query.double(), case.summaries.double(), *place, case.scale, case.pad
    )
    chunks = selection.entries.shape[-1]
    # [B, Hkv, M, chunks], -inf where it is not read
    bias = reference.prior(wanted, *place, chunks, False, 1.0, case.local, case.pad)
    for h, chunk in itertools.product(range(case.Hkv), range(bias.shape[-1])):
        expected = (bias[0, h, :, chunk] > -torch.inf).nonzero()[:, 0]
        count, listed = readers.counts[0, h, chunk], readers.lists[0, h, chunk]
        assert listed[:count, 0].tolist() == expected.tolist()
        found = listed[:count, 1].clone().view(torch.float32) / LOG2_E
        # The logarithm of a probability that is hardly above zero has few digits.
        torch.testing.assert_close(found.double(), bias[0, h, expected, chunk], atol=1e-3, rtol=0)
        block = readers_at_once(case.G)
        filled = listed[count : -(-count // block) * block]
        assert (filled[:, 0] == 0).all()
        assert (filled[:, 1].clone().view(torch.float32) == -torch.inf).all()


def test_pieces_sum_up_and_every_run_gives_the_same_bits() -> None:
    case = Case(N=110, M=28, estimate=True, least=LEAST)
    grad = torch.randn_like(case.query)
    whole = gradients(case, grad)
    for first, second in zip(whole, gradients(case, grad), strict=True):
        assert torch.equal(first, second)
    for first, second in zip(whole, gradients(case, grad, piece=16), strict=True):
        assert relative_error(second, first) <= 1e-6


@pytest.mark.parametrize("each_chunk", [False, True], ids=["one", "each"])
@pytest.mark.parametrize("padding", [None, [0, 41]], ids=["whole", "padded"])
def test_gradients_of_the_summaries_match(padding: list[int] | None, each_chunk: bool) -> None:
    pad = None if padding is None else torch.tensor(padding, device=DEVICE)
    shape = (2, 3, 2, 64) if each_chunk else (3, 64)
    tensors = [torch.randn(*s, device=DEVICE).requires_grad_() for s in ((2, 3, 70, 64), shape)]
    doubles = [tensor.detach().double().requires_grad_() for tensor in tensors]
    summaries = summarize(*tensors, 32, pad)
    grad = torch.randn_like(summaries)
    summaries.backward(grad)
    reference.summarize(*doubles, 32, pad).backward(grad.double())
    for actual, expected in zip(tensors, doubles, strict=True):
        assert relative_error(actual.grad, expected.grad) <= 1e-5
