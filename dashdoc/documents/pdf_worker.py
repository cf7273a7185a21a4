"""The child process that parses a PDF: hostile bytes in on stdin, JSON lines out on stdout.

It runs as a script of its own and imports nothing of the project, so that it starts in a tenth of
a second. The parent sends one JSON line (`size` in bytes, `password`) and the file's bytes; it is
answered by `opened` or `failed`. It then sends the page numbers it wants, and each comes back as
`page`, with its text or with the error; `labels` and the end of the stream close the work.
"""

import contextlib
import io
import json
import logging
import signal
import sys
import warnings
from typing import Any

MAX_MEMORY = 4 << 30  # bytes of address space
MAX_PAGE_CHARACTERS = 200_000  # a dense page has 10,000; beyond it a page is an attack or a fault
TRAILER = b"\ntrailer\n<< /Size 10000 >>\nstartxref\n0\n%%EOF\n"  # as many objects as pypdf tries


def main() -> None:
    """Serve one file."""
    request = json.loads(sys.stdin.buffer.readline())
    _confine(request["seconds"])
    data = sys.stdin.buffer.read(request["size"])
    try:
        reader, cut_off = _parse(data)
        if reader.is_encrypted and not _unlock(reader, request["password"]):
            _say(failed="password")
            return
        total = len(reader.pages)
    except Exception as error:
        _say(failed="damaged", error=_describe(error))
        return
    _say(opened=total, claimed=_claimed_pages(reader), cut_off=cut_off)
    for number in json.loads(sys.stdin.buffer.readline()):
        _say(page=number, **_extract(reader, number, cut_off))
    with contextlib.suppress(Exception):
        _say(labels=reader.page_labels)


def _confine(seconds: float) -> None:
    """Bound memory and processor time, also for a child whose parent was killed."""
    # Ctrl-C reaches the whole process group; it is the parent that ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CPU, int(seconds) + 2))
    for kind, limit in limits:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (limit, limit))


def _parse(data: bytes) -> tuple[Any, bool]:
    """The reader, and whether the file's end is missing."""
    import pypdf

    pypdf.overwrite_configuration(jbig2dec_binary=None)  # no outside program
    try:
        return pypdf.PdfReader(io.BytesIO(data), strict=False), False
    except pypdf.errors.PdfReadError:
        if b"%%EOF" in data[-1024:]:
            raise
        # With an end to start from, pypdf searches for the objects that are left.
        return pypdf.PdfReader(io.BytesIO(data + TRAILER), strict=False), True


def _claimed_pages(reader: Any) -> int | None:
    with contextlib.suppress(Exception):
        return int(reader.root_object["/Pages"]["/Count"])
    return None


def _unlock(reader: Any, password: str | None) -> bool:
    """Files that only their owner may change open with the empty password."""
    return bool(reader.decrypt("") or (password and reader.decrypt(password)))


def _extract(reader: Any, number: int, cut_off: bool) -> dict[str, object]:
    try:
        text = reader.pages[number - 1].extract_text()
    except Exception as error:  # whatever one page does, the others go on
        return {"error": _describe(error)}
    if cut_off and not text.strip():
        return {"error": "its text lies in the part of the file that is missing"}
    return {"text": text[:MAX_PAGE_CHARACTERS], "characters": len(text)}


def _describe(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"it needs more than {MAX_MEMORY >> 30} GiB of memory"
    if isinstance(error, RecursionError):
        return "its objects are nested too deeply"
    words = " ".join(str(error).split()).rstrip(".")
    printable = "".join(character for character in words if character.isprintable())
    return printable[:160] or type(error).__name__


def _say(**message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
