"""The configuration of a Llama with DashAttention, and the routing presets."""

from typing import Any

from transformers import LlamaConfig


class DashLlamaConfig(LlamaConfig):
    """Llama's fields and those of the routing; a checkpoint that lacks one takes its default.

    `rotate_head_query`, `local_chunks` and `quotes` (the model was trained to answer with sentences
    of the text, word for word) are fields of ours that no released config holds.
    """

    chunk_size: int = 64
    scaling_factor: float = 1.0
    estimate_diagonal: bool = False
    sigma: float = 1e6
    rotate_head_query: bool = False
    local_chunks: int = 1
    quotes: bool = False


# What the released package runs, and what its authors' accuracy benchmarks ran on the same weights
# (the factor log2(e) comes from their kernel).
ROUTING_PRESETS: dict[str, dict[str, Any]] = {
    "package": {
        "chunk_size": 64,
        "scaling_factor": 1.0,
        "estimate_diagonal": False,
        "sigma": 1e6,
        "rotate_head_query": False,
        "local_chunks": 1,
    },
    "paper": {
        "chunk_size": 16,
        "scaling_factor": 0.16 * 1.4427,
        "estimate_diagonal": True,
        "sigma": 1e8,
        "rotate_head_query": True,
        "local_chunks": 2,
    },
}

# Every chunk wanted alike and none preferred: exact dense attention, whatever the class queries.
DENSE: dict[str, Any] = {"scaling_factor": 0.0, "estimate_diagonal": True}
