"""From the lines a PDF holds to the text a person would read aloud."""

import re
from collections.abc import Mapping

from dashdoc.documents.characters import (
    plain_line_ends,
    with_bullets,
    without_controls,
    without_typography,
)
from dashdoc.documents.paragraphs import reflow, words_of
from dashdoc.documents.running_lines import drop_running_lines

_TRAILING_SPACE = re.compile(r"[^\S\n]+$", re.MULTILINE)
_LEADERS = re.compile(r"[ \t]?(?:\.[ \t]{0,3}){6,}")
_BLANK_LINES = re.compile(r"\n{4,}")


def clean_pages(pages: Mapping[int, str], labels: Mapping[int, str]) -> dict[int, str]:
    """Clean the extracted pages of one PDF, by page number; `labels` are printed in its place.

    Ligatures are spelled out, control characters and running headers and footers go, the lines of
    a paragraph are joined, and of the dots that lead through a table of contents three stay.
    It takes all pages at once: what repeats, and which words occur, shows only there.
    """
    plain = {
        number: without_controls(with_bullets(without_typography(plain_line_ends(text))))
        for number, text in pages.items()
    }
    bodies = drop_running_lines(plain, labels)
    words = words_of(list(bodies.values()))
    return {
        number: squeeze(_with_short_leaders(reflow(text, words))) for number, text in bodies.items()
    }


def _with_short_leaders(text: str) -> str:
    """Lines may begin with their leaders, where the PDF holds the entry's name behind its page."""
    return "\n".join(_LEADERS.sub(" ... ", line).lstrip(" ") for line in text.split("\n"))


def squeeze(text: str) -> str:
    """The text without spaces at line ends, with at most two blank lines in a row, none outside."""
    return _BLANK_LINES.sub("\n\n\n", _TRAILING_SPACE.sub("", text)).strip("\n")
