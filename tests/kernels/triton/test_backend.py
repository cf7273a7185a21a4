"""The operator's entry with the Triton backend: from keys to output, with every gradient."""

import pytest
import torch

from dashdoc.kernels import dash_attention
from tests.kernels.triton.cases import DEVICE, Case, relative_error


@pytest.mark.parametrize("estimate", [False, True])
def test_the_backends_agree_on_output_and_gradients(estimate: bool) -> None:
    case = Case(N=90, M=90, G=2, estimate=estimate, least=1e-4)
    class_query = torch.zeros(case.Hkv, case.D, device=DEVICE)  # plain means, as no test's margin
    found = []
    for backend in ("torch", "triton"):
        inputs = [
            tensor.detach().clone().requires_grad_()
            for tensor in (case.query, case.key, case.value, class_query)
        ]
        options = {name: value for name, value in case.options.items() if name != "padding"}
        output, counts = dash_attention(*inputs, **options, measure=True, backend=backend)
        output.square().sum().backward()
        found.append([output, *(tensor.grad for tensor in inputs)])
        assert counts is not None
    for actual, expected in zip(*found, strict=True):
        assert relative_error(actual, expected) <= 1e-3
