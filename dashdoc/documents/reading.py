"""From a path or standard input to a `Document`, or to one sentence on why not."""

import hashlib
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from dashdoc.documents.characters import printable
from dashdoc.documents.content_types import foreign_type, is_pdf, is_web_page, remedy
from dashdoc.documents.document import Document, Page
from dashdoc.documents.folders import MARKDOWN_SUFFIXES, TEXT_SUFFIXES
from dashdoc.documents.page_selection import PageSelection
from dashdoc.documents.pdf import read_pdf
from dashdoc.documents.text import read_text
from dashdoc.errors import InputError, UsageError

STANDARD_INPUT = "-"


def read_document(
    source: str | Path,
    *,
    password: str | None = None,
    pages: str | None = None,
    on_page: Callable[[int, int], None] | None = None,
    seconds: float = 120.0,
    name: str | None = None,
) -> Document:
    """Read a PDF, a plain text or a Markdown file.

    Args:
        source: a path, or `-` for standard input.
        password: opens an encrypted PDF that the empty password does not open.
        pages: 1-based and inclusive, like `3-10,15,20-`; all pages without it.
        on_page: called with the pages read and the pages to read, after each page of a PDF.
        seconds: wall-clock limit for parsing a PDF. What was read by then is kept, with a notice.
        name: what the document is called; the file's own name without it.

    Raises:
        UsageError: `pages` cannot be understood, or the text has no pages.
        InputError: the document is missing, empty, of another type, encrypted, damaged or scanned,
            or has not the pages asked for.
    """
    selection = None if pages is None else PageSelection.parse(pages)
    path = None if str(source) == STANDARD_INPUT else Path(source)
    data = _read_standard_input() if path is None else _read_file(path)
    name = printable(name or (path.name if path else "standard input"))
    if not data:
        raise InputError(f"{name} is empty (0 bytes). Check that it is the right file.")
    suffix = Path(path or name).suffix.lower()
    sha256 = hashlib.sha256(data).hexdigest()

    if is_pdf(data, suffix, TEXT_SUFFIXES | MARKDOWN_SUFFIXES):
        read, total_pages, notices = read_pdf(
            data, name, password=password, selection=selection, on_page=on_page, seconds=seconds
        )
        return Document(name, "pdf", read, total_pages, True, sha256, path, tuple(notices))

    _refuse_foreign(data, name, suffix)
    texts, notices = read_text(data, name)
    paged = len(texts) > 1
    if selection and not paged:
        raise UsageError(
            f"{name} is text without pages, so --pages cannot choose from it. Leave --pages out."
        )
    numbers = selection.numbers(len(texts)) if selection else range(1, len(texts) + 1)
    return Document(
        name=name,
        kind="markdown" if suffix in MARKDOWN_SUFFIXES else "text",
        pages=tuple(Page(number, texts[number - 1]) for number in numbers),
        total_pages=len(texts),
        paged=paged,
        sha256=sha256,
        path=path,
        notices=tuple(notices),
    )


def _read_standard_input() -> bytes:
    # Python has no such object where the caller closed it, as services and `<&-` do.
    if sys.stdin is None:
        raise InputError("Standard input is closed. Pipe a document into it, or name a file.")
    return sys.stdin.buffer.read()


def _read_file(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(
                f"{path} is a folder, and one document was expected. "
                f"Name a file in it, or run `dashdoc summarize {path}`.",
                path=str(path),
            )
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise InputError(
                f"{path} is a device and no file. Give a file, or - for standard input.",
                path=str(path),
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(_why_unreadable(path, error), path=str(path)) from error


def _why_unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"{path} does not exist. Check the spelling and the current folder."
    if isinstance(error, PermissionError):
        return f"{path} cannot be opened: permission denied. Try `chmod u+r {path}`."
    return f"{path} cannot be read: {error.strerror or error}. Try a copy of it."


def _refuse_foreign(data: bytes, name: str, suffix: str) -> None:
    kind = foreign_type(data)
    if kind is not None:
        raise InputError(
            f"{name} is no PDF or text: it looks like {kind}. {remedy(kind)}.", looks_like=kind
        )
    if suffix == ".pdf":
        kind = "a web page" if is_web_page(data) else "something else"
        raise InputError(
            f"{name} is no PDF in spite of its name: it looks like {kind}. Download it again.",
            looks_like=kind,
        )
