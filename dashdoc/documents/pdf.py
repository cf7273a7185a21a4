"""PDF: the text of every page that can be read, and one sentence on every page that cannot."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dashdoc.documents.characters import without_controls
from dashdoc.documents.cleanup import clean_pages
from dashdoc.documents.document import Page
from dashdoc.documents.glyph_names import are_glyph_names
from dashdoc.documents.page_selection import PageSelection, compact
from dashdoc.documents.pdf_process import PdfProcess
from dashdoc.errors import InputError

_MANY_EMPTY_PAGES = 10
_MANY_EMPTY_SHARE = 0.2


@dataclass
class _Extraction:
    """What has come back from the child so far."""

    wanted: list[int] = field(default_factory=list)
    total_pages: int = 0
    claimed_pages: int | None = None
    cut_off: bool = False
    texts: dict[int, str] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    cut: dict[int, int] = field(default_factory=dict)
    blank: set[int] = field(default_factory=set)
    labels: dict[int, str] = field(default_factory=dict)
    timed_out: bool = False

    @property
    def lost(self) -> list[int]:
        """The pages that were wanted and never came."""
        return [n for n in self.wanted if n not in self.texts and n not in self.errors]


def read_pdf(
    data: bytes,
    name: str,
    *,
    password: str | None,
    selection: PageSelection | None,
    on_page: Callable[[int, int], None] | None,
    seconds: float,
) -> tuple[tuple[Page, ...], int, list[str]]:
    """Read a PDF in a child process that is ended after `seconds`.

    Returns:
        The selected pages that could be read, the number of pages in the file, notices.

    Raises:
        InputError: encrypted, damaged beyond reading, without any text, or without the pages asked
            for.
    """
    extraction = _extract(data, name, password, selection, on_page, seconds)
    notices = _losses(extraction, name, seconds)
    if not extraction.texts:
        raise InputError(f"No page of {name} could be read. {' '.join(notices)}")
    texts = clean_pages(extraction.texts, extraction.labels)
    empty = [number for number, text in texts.items() if not text.strip()]
    if len(empty) == len(texts):
        raise _no_text(name, empty, extraction, notices)
    scanned = [number for number in empty if number not in extraction.blank]
    if len(scanned) >= _MANY_EMPTY_PAGES or len(scanned) > _MANY_EMPTY_SHARE * len(texts):
        notices.append(_scanned_notice(name, scanned, len(texts)))
    if nameless := [number for number, text in texts.items() if are_glyph_names(text)]:
        notices.append(
            f"{_pages(nameless)} of {name} cannot be read: a font there does not say what its "
            "signs mean. `ocrmypdf --force-ocr in.pdf out.pdf` reads them from the page's picture."
        )
    pages = tuple(Page(n, text, extraction.labels.get(n)) for n, text in texts.items())
    return pages, extraction.total_pages, notices


def _extract(
    data: bytes,
    name: str,
    password: str | None,
    selection: PageSelection | None,
    on_page: Callable[[int, int], None] | None,
    seconds: float,
) -> _Extraction:
    result = _Extraction()
    with PdfProcess(data, password, seconds) as process:
        for message in process.messages():
            if "failed" in message:
                raise _cannot_open(name, message, password)
            if "opened" in message:
                result.total_pages = message["opened"]
                result.claimed_pages = message["claimed"]
                result.cut_off = message["cut_off"]
                result.wanted = _wanted(name, result.total_pages, selection)
                process.ask_for(result.wanted)
            elif "page" in message:
                _keep(result, message)
                if on_page is not None:
                    on_page(len(result.texts) + len(result.errors), len(result.wanted))
            else:
                result.labels = _labels(message["labels"])
        result.timed_out = process.timed_out
    if not result.total_pages:
        raise _never_opened(name, result.timed_out, seconds)
    return result


def _wanted(name: str, total_pages: int, selection: PageSelection | None) -> list[int]:
    if total_pages == 0:
        raise _damaged(name, "it has no pages")
    return selection.numbers(total_pages) if selection else list(range(1, total_pages + 1))


def _keep(result: _Extraction, message: dict[str, object]) -> None:
    number, text, characters = message["page"], message.get("text"), message.get("characters")
    assert isinstance(number, int)
    if not isinstance(text, str) or not isinstance(characters, int):
        result.errors[number] = str(message["error"])
        return
    result.texts[number] = text
    if message.get("blank"):
        result.blank.add(number)
    if characters > len(text):
        result.cut[number] = characters


def _losses(extraction: _Extraction, name: str, seconds: float) -> list[str]:
    """One sentence on each thing that was lost, pages with the same fault together."""
    notices = []
    if extraction.cut_off:
        notices.append(f"The end of {name} is missing, as if a download had been cut off.")
    claimed, held = extraction.claimed_pages, extraction.total_pages
    if claimed is not None and claimed != held:
        notices.append(
            f"{name} claims {claimed:,} pages and holds {held:,}; "
            "page numbers may differ from those that other programs show."
        )
    faults: dict[str, list[int]] = {}
    for number, error in extraction.errors.items():
        faults.setdefault(error, []).append(number)
    for error, numbers in faults.items():
        notices.append(f"{_pages(numbers)} of {name} could not be read: {error}.")
    for number, characters in extraction.cut.items():
        kept = len(extraction.texts[number])
        notices.append(
            f"Page {number} of {name} claims {characters:,} characters, more than a page can hold; "
            f"the first {kept:,} were kept."
        )
    if lost := extraction.lost:
        first = lost[0]
        why = (
            f"the time limit of {seconds:g} s was reached on page {first}, try --pages without it"
            if extraction.timed_out
            else f"the PDF reader crashed on page {first}"
        )
        notices.append(f"{_pages(lost)} of {name} could not be read: {why}.")
    return notices


def _pages(numbers: list[int]) -> str:
    return f"{'Page' if len(numbers) == 1 else 'Pages'} {compact(numbers)}"


def _labels(printed: list[str]) -> dict[int, str]:
    """The labels that say something else than the page's number."""
    labels = ((number, without_controls(label)) for number, label in enumerate(printed, start=1))
    return {number: label for number, label in labels if label and label != str(number)}


def _scanned_notice(name: str, empty: list[int], read: int) -> str:
    holds = "holds" if len(empty) == 1 else "hold"
    return (
        f"{len(empty)} of {read} pages of {name} {holds} no text ({compact(empty)}) and may be "
        "scanned. `ocrmypdf --skip-text in.pdf out.pdf` adds the text."
    )


def _no_text(
    name: str, empty: list[int], extraction: _Extraction, notices: list[str]
) -> InputError:
    whole = len(empty) == extraction.total_pages
    what = "no page" if whole else f"none of the pages read ({compact(empty)})"
    advice = "Run `ocrmypdf in.pdf out.pdf` and give the new file."
    return InputError(
        " ".join([f"{name} looks scanned: {what} holds text.", advice, *notices]),
        pages_without_text=compact(empty),
        total_pages=extraction.total_pages,
    )


def _cannot_open(name: str, message: dict[str, object], password: str | None) -> InputError:
    if message["failed"] == "damaged":
        return _damaged(name, str(message["error"]))
    if password:
        return InputError(
            f"The password does not open {name}. "
            "Check --password or the variable DASHDOC_PDF_PASSWORD."
        )
    return InputError(
        f"{name} is encrypted and opens only with its password. "
        "Give it with --password or in the variable DASHDOC_PDF_PASSWORD."
    )


def _never_opened(name: str, timed_out: bool, seconds: float) -> InputError:
    if timed_out:
        return _damaged(name, f"the time limit of {seconds:g} s was reached before its first page")
    return _damaged(name, "the PDF reader crashed on it")


def _damaged(name: str, why: str) -> InputError:
    return InputError(
        f"{name} is damaged and cannot be read: {why}. Fetch it again, or try to repair it with "
        "`qpdf in.pdf out.pdf`."
    )
