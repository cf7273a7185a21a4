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
import re
import signal
import sys
import warnings
from typing import Any

MAX_MEMORY = 4 << 30  # bytes of address space
MAX_PAGE_CHARACTERS = 200_000  # a dense page has 10,000; beyond it a page is an attack or a fault
WIDEST_SPACE = 333  # thousandths of the font's size; no text face sets its words further apart
SLIGHT = 1_000  # bytes of content or characters; a scan or drawn letters take far more
TRAILER = b"\ntrailer\n<< /Size 10000 >>\nstartxref\n0\n%%EOF\n"  # as many objects as pypdf tries
REFERENCE = re.compile(r"IndirectObject\((\d+),[^)]*\)")
BYTES_OF_THE_FILE = re.compile(r"""(?s)(?: @\d+)?: b['"].*""")
INLINE_IMAGE = re.compile(rb"\bBI\s")


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
        lost = "its end is missing" if _is_cut_off(data) else _describe(error)
        _say(failed="damaged", error=lost)
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
    _narrow_spaces()
    try:
        return pypdf.PdfReader(io.BytesIO(data), strict=False), False
    except pypdf.errors.PdfReadError:
        # With an end to start from, pypdf searches for the objects that are left.
        return pypdf.PdfReader(io.BytesIO(data + TRAILER), strict=False), _is_cut_off(data)


def _is_cut_off(data: bytes) -> bool:
    return b"%%EOF" not in data[-1024:]


def _narrow_spaces() -> None:
    """Let pypdf see the gaps between words in fonts that have no space of their own.

    TeX moves on instead of showing a space. Where its font has no such glyph, pypdf takes the
    width of whatever lies at that code, often a capital letter, finds every gap too narrow, and
    glues all words of the page.
    """
    try:
        from pypdf.generic._font import Font

        fonts: Any = Font
        measure = fonts.from_font_resource
    except (ImportError, AttributeError):
        return  # a later pypdf may name it otherwise; then its own guess stands

    def narrowed(resource: Any) -> Any:
        font = measure(resource)
        with contextlib.suppress(AttributeError):
            font.space_width = min(font.space_width, WIDEST_SPACE)
        return font

    fonts.from_font_resource = narrowed


def _claimed_pages(reader: Any) -> int | None:
    with contextlib.suppress(Exception):
        return int(reader.root_object["/Pages"]["/Count"])
    return None


def _unlock(reader: Any, password: str | None) -> bool:
    """Files that only their owner may change open with the empty password."""
    return bool(reader.decrypt("") or (password and reader.decrypt(password)))


def _extract(reader: Any, number: int, cut_off: bool) -> dict[str, object]:
    try:
        page = reader.pages[number - 1]
        _hand_resources_down(page)
        text = page.extract_text()
    except Exception as error:  # whatever one page does, the others go on
        return {"error": _describe(error)}
    if cut_off and not text.strip():
        return {"error": "its text lies in the part of the file that is missing"}
    blank = len(text) < SLIGHT and _is_blank(page)
    return {"text": text[:MAX_PAGE_CHARACTERS], "characters": len(text), "blank": blank}


def _is_blank(page: Any) -> bool:
    """Whether nothing is drawn on the page, but for a line or two of text."""
    with contextlib.suppress(Exception):
        contents = page.get_contents()
        drawing = b"" if contents is None else contents.get_data()
        pictured = "/XObject" in page["/Resources"] or INLINE_IMAGE.search(drawing)
        return len(drawing) < SLIGHT and not pictured
    return False


def _hand_resources_down(page: Any) -> None:
    """Give the forms of a page that name no fonts those of the page, as PDF 1.1 had it.

    groff still writes such forms, and pypdf finds no text in them.
    """
    from pypdf.generic import NameObject

    with contextlib.suppress(Exception):  # damage here shows itself when the text is taken
        resources = page["/Resources"].get_object()
        for reference in resources["/XObject"].get_object().values():
            form = reference.get_object()
            if form["/Subtype"] == "/Form":
                form.setdefault(NameObject("/Resources"), resources)


def _describe(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"it needs more than {MAX_MEMORY >> 30} GiB of memory"
    if isinstance(error, RecursionError):
        return "its objects are nested too deeply"
    plain = BYTES_OF_THE_FILE.sub("", str(error))
    words = " ".join(REFERENCE.sub(r"object \1", plain).split()).rstrip(".")
    printable = "".join(character for character in words if character.isprintable())
    return printable[:160] or type(error).__name__


def _say(**message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
