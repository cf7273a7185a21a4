"""Where the time of a reading goes: GPU kernels by what they compute."""

from collections.abc import Callable, Iterable
from typing import Any

import torch

# The first group one of whose words a kernel's name holds.
GROUPS = {
    "routing": ("_route", "_summarize", "_merge", "_count_reads"),
    "attention": ("_attend", "flash", "fmha", "sdpa", "cudnn"),
    "linear layers": ("gemm", "nvjet", "cutlass", "cublas", "xmma", "splitKreduce"),
    "norms": ("norm", "rsqrt"),
    "rotary": ("_rotate",),
    "gate": ("_gate", "silu"),
    "copies": ("Memcpy", "Memset", "copy", "Cat", "Fill"),
}
REST = "other elementwise"


def group_of(kernel: str) -> str:
    """What a kernel computes, by its name."""
    for group, words in GROUPS.items():
        if any(word.lower() in kernel.lower() for word in words):
            return group
    return REST


def group_times(kernels: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Sum the times of (name, time) by group, longest first."""
    times: dict[str, float] = {}
    for name, time in kernels:
        times[group_of(name)] = times.get(group_of(name), 0) + time
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def profile_kernels(call: Callable[[], Any]) -> list[tuple[str, float, int]]:
    """Run a call; name, milliseconds and launches of every kernel on the GPU, longest first."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities, acc_events=True) as profiler:
        call()
        torch.cuda.synchronize()
    found = [
        (event.key, event.self_device_time_total / 1e3, event.count)
        for event in profiler.key_averages()
        if event.self_device_time_total > 0
    ]
    return sorted(found, key=lambda kernel: -kernel[1])
