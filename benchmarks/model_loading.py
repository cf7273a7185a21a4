"""Loading weights to a device, beside the rate at which the disk itself delivers them."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dashdoc.models.checkpoint import shards
from dashdoc.models.loading import Model, ModelChoice, load_model

BLOCK = 16 << 20
READERS = 8


def drop_from_page_cache(paths: Sequence[Path]) -> None:
    """Make the next reading of files come from the disk."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_all(paths: Sequence[Path]) -> None:
    """Read files as fast as they come, several blocks at once, and keep nothing."""

    def read(place: tuple[Path, int]) -> None:
        path, offset = place
        with path.open("rb", buffering=0) as file:
            os.preadv(file.fileno(), [bytearray(BLOCK)], offset)

    places = [(path, offset) for path in paths for offset in range(0, path.stat().st_size, BLOCK)]
    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(read, places))


def measure_loading(choice: ModelChoice, *, cold: bool) -> tuple[Model, dict[str, Any]]:
    """Load once, from the disk or from the page cache; the raw rate comes first.

    `host_bytes` is the most memory of its own that the process had during loading, beyond what it
    had before; mapped files are not its own.
    """
    paths = shards(choice.folder)
    seconds: dict[str, float] = {}

    def timed(name: str, call: Callable[[], Any]) -> Any:
        if cold:
            drop_from_page_cache(paths)
        began = time.perf_counter()
        result = call()
        seconds[name] = time.perf_counter() - began
        return result

    timed("raw", lambda: read_all(paths))
    before, peak = own_bytes(), 0

    def watch(done: int, total: int) -> None:
        nonlocal peak
        peak = max(peak, own_bytes())

    model = timed("loading", lambda: load_model(choice, watch))
    size = sum(path.stat().st_size for path in paths)
    return model, {
        "from": "disk" if cold else "page cache",
        "bytes": size,
        "seconds": seconds["loading"],
        "gb_per_second": size / seconds["loading"] / 1e9,
        "raw_seconds": seconds["raw"],
        "raw_gb_per_second": size / seconds["raw"] / 1e9,
        "host_bytes": max(peak - before, 0),
    }


def own_bytes() -> int:
    """Memory of this process that no file backs."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return sum(int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssShmem"))
