"""How much memory there is, and how long a context fits into it."""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from dashdoc.models.cache import cache_bytes
from dashdoc.models.configuration import DashLlamaConfig

# Kept free for the rest of the process and the machine.
RESERVE = 0.9
# What libraries of matrix products allocate for themselves on a GPU.
LIBRARIES = 64 << 20


def free_bytes(device: torch.device) -> int:
    """Memory that new tensors on a device may take."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + cached
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(line.split(":") for line in meminfo.read_text(encoding="ascii").splitlines())
        return min(int(fields["MemAvailable"].split()[0]) * 1024, container_bytes())
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def container_bytes(group: Path = Path("/sys/fs/cgroup")) -> int:
    """What a container lets its processes take beyond what they have; cached files give way."""
    try:
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        used = int((group / "memory.current").read_text(encoding="ascii"))
        fields = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):  # no container, or `max`: no limit
        return sys.maxsize
    statistics = dict(line.split() for line in fields)
    return max(limit - used + int(statistics["inactive_file"]), 0)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch found no memory; for that of a CPU it has no exception of its own."""
    said = ("can't allocate memory", "Cannot allocate memory")  # its allocator, the system
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in said)


def peak_bytes(device: torch.device) -> int:
    """The most memory used so far: on the GPU, or by this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def workspace_bytes(config: DashLlamaConfig, tokens: int, piece: int, block: int) -> int:
    """What reading one piece takes beside weights and cache, at a context of `tokens`.

    Hidden states and MLP of the piece, then scores and the token bias of one block of queries, in
    fp32 with one copy each; keys and values upcast to fp32.
    """
    hidden = piece * (8 * config.hidden_size + 3 * config.intermediate_size) * 4
    bias = 3 * block * tokens * config.num_key_value_heads * 4
    scores = 6 * block * (tokens // config.chunk_size) * config.num_attention_heads * 4
    upcast = 2 * tokens * config.num_key_value_heads * config.head_dim * 4
    return int(hidden + bias + scores + upcast)


def kernel_workspace_bytes(config: DashLlamaConfig, dtype: torch.dtype, piece: int) -> int:
    """The same for the kernels of a GPU, whose lists are bounded: equal at every context.

    Two products of the MLP beside the hidden states, their norm and what is added to them, then the
    lists and the copy of attention: as measured from 2,048 to 32,768 tokens a piece.
    """
    from dashdoc.kernels.triton.forward import PIECE_BYTES

    row = 2 * config.intermediate_size + 4 * config.hidden_size
    return int(piece * row * dtype.itemsize + 2 * PIECE_BYTES + LIBRARIES)


def largest_context(
    config: DashLlamaConfig, dtype: torch.dtype, free: int, workspace: Callable[[int], int]
) -> int:
    """Tokens of context whose cache and workspace fit into `free` bytes."""

    def needed(tokens: int) -> int:
        return cache_bytes(config, tokens, dtype) + workspace(tokens)

    low, high = 0, 1 << 28
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= free * RESERVE else (low, middle)
    return low
