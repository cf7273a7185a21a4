"""How the attention benchmark measures, names the machine and prints its table."""

import functools
import platform
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from packages import versions
from torch import Tensor

# A call to time; what it returns is its output.
Call = Callable[[], Tensor]

# Written before every timed call: larger than any level of cache, and long enough to hide launches.
FLUSH_BYTES = 256 << 20
WARMUP_MS, TIMED_MS = 100, 400
MATMUL_SIZE = 8192
WIDTH = 38


@functools.cache
def _flush_buffer() -> Tensor:
    return torch.empty(FLUSH_BYTES, dtype=torch.int8, device="cuda")


def time_once(call: Callable[[], Any]) -> float:
    """Milliseconds of one call with cold caches, between two events."""
    start, end = (
        torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        for _ in range(2)
    )
    _flush_buffer().zero_()
    start.record()
    call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def median_ms(call: Callable[[], Any]) -> float:
    """The median of many calls, after a warm-up."""
    call()
    once = max(time_once(call), 1e-3)
    for _ in range(min(50, int(WARMUP_MS / once))):
        call()
    return statistics.median(time_once(call) for _ in range(min(200, max(5, int(TIMED_MS / once)))))


def extra_bytes(call: Call) -> int:
    """The peak of allocated memory over what was there before the call and its output."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    output = call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before - output.untyped_storage().nbytes()


def as_graph(call: Call) -> Callable[[], Any]:
    """Capture a call as a CUDA graph; what is returned replays it."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def machine() -> dict[str, Any]:
    """The card, its clocks while it multiplies matrices, how fast it does so, and the versions."""
    square = torch.randn(2, MATMUL_SIZE, MATMUL_SIZE, device="cuda", dtype=torch.bfloat16)
    matmul_ms = median_ms(lambda: square[0] @ square[1])
    for _ in range(int(1000 / matmul_ms)):  # busy while its clocks are read
        square[0] @ square[1]
    found = {
        "device": torch.cuda.get_device_name(),
        **_reported_by_driver(),
        "matmul_tflops": round(2 * MATMUL_SIZE**3 / matmul_ms / 1e9, 1),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "python": platform.python_version(),
        **versions("dashdoc", "torch", "triton"),
    }
    torch.cuda.synchronize()
    return found


def _reported_by_driver() -> dict[str, str]:
    fields = ("driver_version", "clocks.sm", "clocks.max.sm", "clocks.mem", "power.limit")
    command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader"]
    try:
        line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(zip(fields, line.splitlines()[0].split(", "), strict=False))


@dataclass(frozen=True)
class Row:
    """One line of the table; what could not be had is None.

    `extra_bytes` is memory beyond inputs and output; `speedup` cuDNN's time over this one, both of
    this run; `roofline` the share of the measured matrix product's rate that the useful operations
    came to.
    """

    part: str
    tokens: int
    batch: int
    name: str
    ms: float | None = None
    extra_bytes: int | None = None
    density: float | None = None
    failure: str | None = None
    speedup: float | None = None
    roofline: float | None = None

    def __str__(self) -> str:
        begin = f"{self.tokens:8,}{self.batch:6}  {self.name:{WIDTH}}"
        if self.failure is not None:
            return f"{begin} failed: {self.failure}"
        cells = (
            (self.ms, "11.4f", 11),
            (self.speedup, "9.2f", 9),
            (self.roofline, "9.1%", 9),
            (None if self.extra_bytes is None else self.extra_bytes / 2**20, "12,.0f", 12),
            (self.density, "9.3f", 9),
        )
        return begin + "".join(
            " " * width if value is None else format(value, form) for value, form, width in cells
        )


class Table:
    """Prints rows as they are measured, and keeps them."""

    def __init__(self, matmul_tflops: float) -> None:
        self.matmul_tflops = matmul_tflops
        self.rows: list[Row] = []

    def head(self, part: str) -> None:
        print(
            f"\n  tokens batch  {part:{WIDTH}}         ms  x cuDNN  of peak   extra MiB  density",
            flush=True,
        )

    def measure(
        self, part: str, tokens: int, name: str, prepare: Callable[[], Call], *,
        batch: int = 1, graph: bool = False, flops: float | None = None,
        density: float | None = None,
    ) -> None:  # fmt: skip
        """Time what `prepare` returns; the first row of a part and length is the one compared to.

        A graph is measured by its replays, and without its memory.
        """
        try:
            call = prepare()
            call()
            extra = None if graph else extra_bytes(call)
            ms = median_ms(as_graph(call) if graph else call)
        except Exception as error:  # whatever a side fails with belongs in the table
            self.add(Row(part, tokens, batch, name, failure=first_line(error)))
        else:
            self.add(Row(part, tokens, batch, name, ms, extra, density), flops)

    def add(self, row: Row, flops: float | None = None) -> None:
        """Print a row and keep it, with what follows from its time."""
        place = (row.part, row.tokens, row.batch)
        base = next((r.ms for r in self.rows if (r.part, r.tokens, r.batch) == place), row.ms)
        if row.ms is not None and base is not None:
            row = replace(row, speedup=base / row.ms)
        if row.ms is not None and flops is not None:
            row = replace(row, roofline=flops / (row.ms * 1e9) / self.matmul_tflops)
        self.rows.append(row)
        print(row, flush=True)


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
