"""The gate in place gives torch's SiLU and product."""

import pytest
import torch

from dashdoc.kernels.triton.gate import BLOCK, gate_
from tests.kernels.triton.cases import DEVICE, relative_error

TOLERANCE = {torch.float32: 1e-6, torch.float16: 5e-4}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(1, 1, 16), (2, 3, 160), (1, 1, BLOCK), (3, BLOCK + 1)])
def test_the_gate_is_torchs(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    gate, up = (4 * torch.randn(2, *shape, device=DEVICE)).to(dtype)
    expected = torch.nn.functional.silu(gate.double()) * up.double()
    assert gate_(gate, up) is gate
    assert relative_error(gate, expected) < TOLERANCE[dtype]


@pytest.mark.filterwarnings("ignore:overflow")  # of the interpreter, on the way to infinity
def test_a_gate_far_below_zero_is_shut() -> None:
    gate = torch.tensor([-1e4, -200.0, 0.0, 1e4], device=DEVICE)
    gate_(gate, torch.ones_like(gate))
    assert gate.tolist() == [0, 0, 0, 1e4]
