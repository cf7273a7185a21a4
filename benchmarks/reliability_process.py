"""One command in a process of its own: how it ended, and what it left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

DASHDOC = (sys.executable, "-m", "dashdoc")
SECONDS = 10.0
# A child counts the memory of the process that started it as its own until it has its own program.
# This small one in between keeps what the benchmark takes out of the figure.
_MEASURE = """
import os, sys
os.set_inheritable(peak := int(sys.argv[1]), False)
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
os.write(peak, b"%d" % usage.ru_maxrss)
os._exit(os.waitstatus_to_exitcode(status) % 256)
"""


@dataclass(frozen=True)
class Ending:
    """How a command ended; `faults` is empty where that is as it should be.

    The peak is that of the command or of a child it waited for, whichever took more.
    """

    code: int
    seconds: float
    peak_megabytes: float
    out: bytes
    err: str
    faults: tuple[str, ...]


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """What a command needs, with folders of its own for all that it may leave behind."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    threads = {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "1000", "DASHDOC_MODEL": "bundled"}
    return {**kept, **threads, "LANG": "C.UTF-8", "HOME": str(home), "TMPDIR": str(home), **more}


def finish(
    arguments: Sequence[str | Path],
    *,
    allowed: Sequence[int] = (0,),
    seconds: float = SECONDS,
    env: Mapping[str, str] | None = None,
    wrapper: Sequence[str] = (),
    **options: Any,
) -> Ending:
    """Run a command to its end, or to the limit, which is a fault."""
    mine, theirs = os.pipe()
    measured = (sys.executable, "-ISc", _MEASURE, str(theirs), *DASHDOC)
    with TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [*wrapper, *measured, *map(str, arguments)],
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "env": env or clean_environment(Path(folder)),
                "start_new_session": True,
                "pass_fds": (theirs,),
                **options,
            },
        )
        os.close(theirs)
        ending = _watch(process, seconds, allowed)
        with os.fdopen(mine, "rb") as peak:
            kilobytes = int(peak.read() or 0)
        left = sorted(path.name for path in Path(folder).iterdir())
    faults = (*ending.faults, *(f"left the file {name}" for name in left))
    return replace(ending, peak_megabytes=kilobytes / 1024, faults=faults)


def end_group(process: "subprocess.Popen[bytes]") -> bool:
    """Kill what is left of a process and its children; whether there was anything."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _watch(process: "subprocess.Popen[bytes]", seconds: float, allowed: Sequence[int]) -> Ending:
    hung = threading.Event()

    def give_up() -> None:
        hung.set()
        end_group(process)

    began = time.perf_counter()
    watchdog = threading.Timer(seconds, give_up)
    watchdog.start()
    read: dict[str, bytes] = {"stdout": b"", "stderr": b""}

    def drain(name: str) -> None:
        with suppress(ValueError, OSError):
            read[name] = getattr(process, name).read()

    readers = [threading.Thread(target=drain, args=(n,)) for n in read if getattr(process, n)]
    for reader in readers:
        reader.start()
    code = process.wait()
    took = time.perf_counter() - began
    watchdog.cancel()
    orphans = not hung.is_set() and end_group(process)
    for reader in readers:
        reader.join()
    err = read["stderr"].decode(errors="replace")
    faults = {
        f"no end in {seconds:g} s": hung.is_set(),
        f"exit code {code}": code not in allowed and not hung.is_set(),
        "a traceback": "Traceback" in err or "Exception ignored" in err,
        "an error without a message": code in (1, 2, 3, 4, 5, 6, 7) and "error: " not in err,
        "a process left": orphans,
    }
    found = tuple(fault for fault, is_so in faults.items() if is_so)
    return Ending(code, took, 0.0, read["stdout"], err, found)
