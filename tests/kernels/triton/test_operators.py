"""The kernels are operators of torch: with fakes, gradients, and whole in compiled graphs."""

from typing import Any

import pytest
import torch
from torch import Tensor

from dashdoc.kernels import dash_attention
from dashdoc.kernels.triton import autograd  # noqa: F401  (registers the operators)
from tests.kernels.triton.cases import DEVICE, Case

OPTIONS: dict[str, Any] = {"chunk_size": 16, "scale": 4.0, "backend": "triton"}


def inputs(**options: Any) -> list[Tensor]:
    case = Case(N=70, M=70, **options)
    class_query = torch.randn(case.Hkv, case.D, device=DEVICE)
    return [case.query, case.key, case.value, class_query]


@pytest.mark.parametrize("trained", [False, True])
def test_fakes_and_gradients_are_registered_as_torch_wants_them(trained: bool) -> None:
    query, key, value, class_query = (tensor.requires_grad_(trained) for tensor in inputs())
    torch.library.opcheck(torch.ops.dashdoc.summarize, (key, class_query, None, 16))
    summaries = torch.ops.dashdoc.summarize(key, class_query, None, 16)
    summaries = summaries.detach().requires_grad_(trained)
    routing = (16, 4.0, False, 2.0, 1)
    arguments = (query, key, value, summaries, None, *routing, True, trained, None, None)
    torch.library.opcheck(torch.ops.dashdoc.attend, arguments)


def test_a_compiled_graph_is_whole_and_gives_the_same() -> None:
    def loss(*tensors: Tensor) -> Tensor:
        output, _ = dash_attention(*tensors, **OPTIONS)
        return output.square().sum()

    tensors = [tensor.requires_grad_() for tensor in inputs()]
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    expected = torch.autograd.grad(loss(*tensors), tensors)
    actual = torch.autograd.grad(compiled(*tensors), tensors)
    assert all(map(torch.equal, actual, expected))


def test_a_measured_call_can_be_compiled_too() -> None:
    def active(*tensors: Tensor) -> Tensor:
        counts = dash_attention(*tensors, **OPTIONS, measure=True)[1]
        assert counts is not None
        return counts.active

    tensors = inputs()
    compiled = torch.compile(active, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(*tensors), active(*tensors))
