"""The parent's side of the PDF child: start it, talk to it, end it in time whatever it does."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

_WORKER = Path(__file__).with_name("pdf_worker.py")


class PdfProcess:
    """A child that parses one PDF for at most `seconds`; a context manager that never outlives it.

    `timed_out` tells, once the messages have ended, whether the limit ended them.
    """

    def __init__(self, data: bytes, password: str | None, seconds: float) -> None:
        self.timed_out = False
        # -P: the worker's own folder and the current one are no places to import from.
        self._child = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        # Killing the child is what ends a blocked read or write here, on every platform.
        self._watchdog = threading.Timer(seconds, self._time_out)
        self._watchdog.daemon = True
        self._watchdog.start()
        request = {"size": len(data), "password": password, "seconds": seconds}
        self._request = json.dumps(request).encode() + b"\n"
        self._data = data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watchdog.cancel()
        self._child.kill()
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):  # what was left to flush has no reader any more
                pipe.close()
        self._child.wait()

    def ask_for(self, numbers: list[int]) -> None:
        """Send the page numbers that are wanted, once the file is open."""
        self._send(json.dumps(numbers).encode() + b"\n")

    def messages(self) -> Iterator[dict[str, Any]]:
        """Hand the file over, then yield what the child says until it is done or dead."""
        self._send(self._request, self._data)
        for line in self._stdout:
            if not line.endswith(b"\n"):  # killed in mid-sentence
                return
            yield json.loads(line)

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._child.stdin is not None
        return self._child.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._child.stdout is not None
        return self._child.stdout

    def _send(self, *pieces: bytes) -> None:
        # A child that died before it read everything shows itself by its missing answer.
        with contextlib.suppress(OSError):
            for piece in pieces:
                self._stdin.write(piece)
            self._stdin.flush()

    def _time_out(self) -> None:
        self.timed_out = True
        self._child.kill()
