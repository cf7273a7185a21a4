"""Kernels of a row of launches that start while the one before still runs (from Hopper on).

Each waits for the one before, as a whole, before it touches what any of them writes.
"""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait


@triton.jit
def let_next_start(OVERLAP: tl.constexpr):
    """Allow the next launch to take its place."""
    if OVERLAP:
        gdc_launch_dependents()


@triton.jit
def wait_for_previous(OVERLAP: tl.constexpr):
    """Wait until all that the previous launch wrote is there."""
    if OVERLAP:
        gdc_wait()
