"""Where a quotation stands in a document: the page, or the lines of a text without pages."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from dashdoc.documents.characters import LIGATURES, SOFT_HYPHEN
from dashdoc.documents.document import Document

_SAME = str.maketrans(
    LIGATURES
    | dict.fromkeys(map(ord, "‘’‚‛′`´"), "'")
    | dict.fromkeys(map(ord, "“”„‟″«»"), '"')
    | dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
    # Emphasis comes and goes when a model quotes Markdown; soft hyphens and zero widths are unseen.
    | dict.fromkeys(map(ord, f"*_{SOFT_HYPHEN}\u200b\u200c\u200d\u2060\ufeff"), None)
    | {ord("…"): "..."}
)
# Each begins with what is rare in a text: a search starts only there.
_SPACE_BETWEEN_NUMBERS = re.compile(r"(\d[.,]?)\s+(?=\d)")
_HYPHEN_IN_WORD = re.compile(r"-(?<=[^\W\d_]-)(?=[^\W\d_])")
_WORD_BROKEN = re.compile(r"[^\W\d_]-+$")
_NUMBER_ENDS = re.compile(r"\d[.,]?$")
_FRACTION = re.compile(r"[.,]\d")
_DASHES = re.compile(r"-{2,}")
_GAP = r"[\s-]*"


@dataclass(frozen=True)
class Place:
    """Where a quotation stands.

    `page` is the true, 1-based number of the page where it starts, `last_page` of the one where it
    ends, and `label` what is printed on the first, if that differs. A text without pages has lines
    instead, 1-based, the last one included. `exact` is false where only spacing, hyphens, quotation
    marks, emphasis, case or the last full stop differ.
    """

    page: int | None
    label: str | None
    first_line: int | None
    last_line: int | None
    exact: bool
    last_page: int | None = None


class QuoteIndex:
    """A document made ready for finding many quotations.

    Building it takes time in proportion to the document, about a second for 3,000 pages; each
    search is then one or two scans of the text.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        if document.paged:
            self._parts: Sequence[str] = [page.text for page in document.pages]
            self._verbatim = _Parts(self._parts, "\n\n")
        else:
            self._parts = document.text.split("\n")
            self._verbatim = _Parts(self._parts, "\n")
        self._normal = _Parts(_mend_borders([_normalise(part) for part in self._parts]), "")

    def locate(self, quote: str) -> Place | None:
        """The first place where the quotation stands, or None if the document does not hold it."""
        quote = quote.strip()
        found = self._verbatim.find(quote, _keeps_words_whole) if quote else None
        if found:
            return self._place(*found, exact=True)
        wanted = _normalise(quote).strip("\"'.,;:")
        found = self._normal.find(wanted, self._keeps_words_whole) if wanted else None
        return self._place(*found, exact=False) if found else None

    def _keeps_words_whole(self, text: str, start: int, end: int) -> bool:
        """As the function of this name, where no space tells the words of `text` apart."""
        return _keeps_numbers_whole(text, start, end) and all(
            self._is_word_border(text, position)
            for position in (start, end)
            if _is_inside_word(text, position)
        )

    def _is_word_border(self, text: str, position: int) -> bool:
        """Whether the document itself has space at a position between two letters."""
        index = self._normal.part(position)
        start, end = self._normal.span(index)
        around = text[max(position - 8, start) : position], text[position : min(position + 8, end)]
        before, after = (_GAP.join(map(re.escape, letters)) for letters in around)
        part = _comparable(self._parts[index])
        gaps = [match[1] for match in re.finditer(f"{before}({_GAP}){after}", part)]
        return position == start or not gaps or any(gaps)

    def _place(self, first: int, last: int, *, exact: bool) -> Place:
        if not self._document.paged:
            return Place(None, None, first + 1, last + 1, exact)
        page, last_page = self._document.pages[first], self._document.pages[last].number
        return Place(page.number, page.label, None, None, exact, last_page)


def locate(document: Document, quote: str) -> Place | None:
    """Find one quotation; for many in one document, keep a `QuoteIndex`."""
    return QuoteIndex(document).locate(quote)


class _Parts:
    """Texts joined into one, in which a find tells the first and the last of them it touches."""

    def __init__(self, parts: Sequence[str], separator: str) -> None:
        self._text = separator.join(parts)
        self._starts = list(accumulate((len(part) + len(separator) for part in parts), initial=0))

    def find(self, wanted: str, accept: Callable[[str, int, int], bool]) -> tuple[int, int] | None:
        start = self._text.find(wanted)
        while start >= 0:
            end = start + len(wanted)
            if accept(self._text, start, end):
                return self.part(start), self.part(end - 1)
            start = self._text.find(wanted, start + 1)
        return None

    def part(self, position: int) -> int:
        """Which of the texts holds a position."""
        return bisect_right(self._starts, position) - 1

    def span(self, part: int) -> tuple[int, int]:
        """Where one of the texts starts, and where the next one would."""
        return self._starts[part], self._starts[part + 1]


def _normalise(text: str) -> str:
    """The text without what differs between a page and a faithful quotation of it.

    White space goes altogether, since PDFs glue words and break them, but for a space between two
    numbers; so do hyphens inside words, wherever the line ended.
    """
    text = _SPACE_BETWEEN_NUMBERS.sub("\\1\0", _comparable(text))
    text = "".join(text.split()).replace("\0", " ")
    return _HYPHEN_IN_WORD.sub("", _DASHES.sub("-", text))


def _comparable(text: str) -> str:
    """The text with all characters alike that look alike, its white space kept."""
    return unicodedata.normalize("NFC", text).translate(_SAME).casefold()


def _mend_borders(parts: list[str]) -> list[str]:
    """Treat the borders between normalised parts as `_normalise` treats white space."""
    mended = list(parts)
    filled = [i for i, part in enumerate(parts) if part]
    for i, following in pairwise(filled):
        # Dashes in a row are one by now: the last two characters tell.
        if _WORD_BROKEN.search(mended[i][-2:]) and mended[following][0].isalpha():
            mended[i] = mended[i].rstrip("-")
        elif _NUMBER_ENDS.search(mended[i][-2:]) and mended[following][0].isdigit():
            mended[i] += " "
    return mended


def _keeps_words_whole(text: str, start: int, end: int) -> bool:
    """Whether the find cuts no word and no number in two: `Blod` is not found in `Blodget`."""
    cut = _is_inside_word(text, start) or _is_inside_word(text, end)
    return not cut and _keeps_numbers_whole(text, start, end)


def _is_inside_word(text: str, position: int) -> bool:
    """Whether letters meet there, in a script with capitals: others may do without spaces."""
    around = text[max(position - 1, 0) : position + 1]
    return 0 < position < len(text) and all(c.lower() != c.upper() for c in around)


def _keeps_numbers_whole(text: str, start: int, end: int) -> bool:
    """Whether the find cuts no number in two: 12 is not found in 2012, nor 1 in 1.5."""
    return not (_is_inside_number(text, start) or _is_inside_number(text, end))


def _is_inside_number(text: str, position: int) -> bool:
    before, after = text[max(position - 2, 0) : position], text[position : position + 2]
    if _NUMBER_ENDS.search(before):
        return after[:1].isdigit() or (before[-1].isdigit() and _FRACTION.match(after) is not None)
    return False
