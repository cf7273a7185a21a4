"""Kernels of one token that are launched while the one before them still runs.

A token's kernels take microseconds each, and a good part of that is spent between them. Hoppers let
a kernel begin before its predecessor has ended (programmatic dependent launch): it sets up, loads
what no other kernel writes, and waits for the rest.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor


def overlap(tensor: Tensor) -> dict[str, bool]:
    """The launch options of a kernel that awaits its inputs."""
    wanted = tensor.is_cuda and torch.cuda.get_device_capability(tensor.device)[0] >= 9
    return {"OVERLAP": wanted, "launch_pdl": wanted}


@triton.jit
def await_inputs(OVERLAP: tl.constexpr):
    """Let the next kernel begin, and wait until all that was launched before has ended."""
    if OVERLAP:
        tl.extra.cuda.gdc_launch_dependents()
        tl.extra.cuda.gdc_wait()
