"""The DashAttention operator, usable alone.

Stage 1 summarises each chunk of keys, stage 2 routes each token to the chunks it needs, stage 3
attends to their tokens. `reference` is the exact definition of each stage in PyTorch.
"""

from dashdoc.kernels.operator import RoutingCounts, dash_attention

__all__ = ["RoutingCounts", "dash_attention"]
