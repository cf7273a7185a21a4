"""How far two answers to one question say the same."""

import re
from collections import Counter
from dataclasses import dataclass

from dashdoc.measures import Answer


@dataclass(frozen=True)
class Agreement:
    """`same_words` leaves case and punctuation aside; `shared_words` is F1 over all words.

    `same_places` tells whether the quotes of both stand at the same places, and at any.
    """

    same_words: bool
    shared_words: float
    same_places: bool


def agreement(first: Answer, second: Answer) -> Agreement:
    """Compare two answers word by word and place by place."""
    words, others = _words(first), _words(second)
    shared = (Counter(words) & Counter(others)).total()
    places = _places(first)
    return Agreement(
        same_words=words == others,
        shared_words=2 * shared / max(len(words) + len(others), 1),
        same_places=bool(places) and places == _places(second),
    )


def _words(answer: Answer) -> list[str]:
    return re.findall(r"\w+", answer.text.casefold())


def _places(answer: Answer) -> set[tuple[object, ...]]:
    """Where the quotes that were found stand."""
    found = (citation for citation in answer.citations if citation.document is not None)
    return {(citation.document, citation.page, citation.lines) for citation in found}
