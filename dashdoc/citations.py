"""The quotes of an answer, each looked up in the documents."""

import re
from collections.abc import Sequence

from dashdoc.documents import Document, QuoteIndex
from dashdoc.measures import Citation
from dashdoc.prompts import NO_ANSWER

# A quote in marks has at least three words: shorter ones name things.
QUOTED_WORDS = 3
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»")
# Between sentences, but not behind what may be short for something: `A.`, `Mr.`, `Gen.`, `Capt.`
_SHORT = "".join(rf"(?<!\b[A-Z][a-z]{{{letters}}}\.)" for letters in range(4))
_BORDER = re.compile(rf"(?<=[.!?]){_SHORT}[\"”’)]*\s+(?=[\"“‘(]?[^\W_a-z])|\n+")


class CitationFinder:
    """Finds quotes in documents; made ready once, it takes milliseconds for each."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._indexes = [(document.name, QuoteIndex(document)) for document in documents]

    def cite(self, answer: str) -> list[Citation]:
        """The quotes of an answer, each with its place or none, in their order.

        The whole answer is one quote if a document holds it. If not, its quotes are what stands in
        quotation marks; without any, its sentences. That there is no answer quotes nothing.
        """
        if (answer := answer.strip()) in ("", NO_ANSWER):
            return []
        whole = self.locate(answer)
        if whole.document is not None:
            return [whole]
        marked = ["".join(groups) for groups in _QUOTED.findall(answer)]
        quotes = [quote for quote in marked if len(quote.split()) >= QUOTED_WORDS]
        quotes = quotes or [part for part in _BORDER.split(answer) if part.strip()]
        return [self.locate(quote.strip()) for quote in quotes]

    def locate(self, quote: str) -> Citation:
        """The first place that holds a quote word for word, else the first that nearly does."""
        found = [(name, place) for name, index in self._indexes if (place := index.locate(quote))]
        if not found:
            return Citation(quote)
        name, place = next((pair for pair in found if pair[1].exact), found[0])
        lines = None
        if place.first_line is not None and place.last_line is not None:
            lines = (place.first_line, place.last_line)
        return Citation(quote, name, place.page, place.label, lines, place.last_page, place.exact)


def cited_pages(citations: Sequence[Citation]) -> list[int]:
    """Every page that a found quote touches, ascending."""
    touched = set[int]()
    for citation in citations:
        if citation.page is not None and citation.last_page is not None:
            # Only a page without text could lie between the two.
            touched |= {citation.page, citation.last_page}
    return sorted(touched)


def coverage(answer: str, citations: Sequence[Citation]) -> float:
    """The share of an answer's words that stand inside quotes that were found."""
    found = sum(len(c.quote.split()) for c in citations if c.document is not None)
    return min(found / max(len(answer.split()), 1), 1.0)
