"""What a document is to the rest of the house: text in pages that keep their true numbers."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

Kind = Literal["pdf", "text", "markdown"]


@dataclass(frozen=True)
class Page:
    """One page: its 1-based number, the label printed on it where the file has one, its text."""

    number: int
    text: str
    label: str | None = None


@dataclass(frozen=True)
class Document:
    """A document that was read.

    `pages` are those that were selected and could be read; `total_pages` is the file's own count.
    A text file is one page with `paged` false and is cited by line. `notices` are sentences for
    the user: pages without text, pages that could not be read.
    """

    name: str
    kind: Kind
    pages: tuple[Page, ...]
    total_pages: int
    paged: bool
    sha256: str
    path: Path | None = None
    notices: tuple[str, ...] = field(default=())

    @property
    def text(self) -> str:
        """The text of all pages, a blank line between two."""
        return "\n\n".join(page.text for page in self.pages)

    def with_pages(self, pages: tuple[Page, ...]) -> "Document":
        """The same document with other pages (a selection, a truncation)."""
        return replace(self, pages=pages)
