"""Questions that a reader asks of a text's own order: what a term is, what a section says, why."""

import re
from collections.abc import Sequence
from random import Random

from examples.train_bundled.corpus import LONGEST_HEADING, is_heading
from examples.train_bundled.phrases import DEFINITION_QUESTIONS, SECTION_QUESTIONS, STOPWORDS
from examples.train_bundled.slots import Slot

_DEFINITION = re.compile(
    r"^(?P<article>An? |The )?(?P<term>[A-Z]?[\w'’-]+(?: [a-z][\w'’-]+){0,2}) "
    r"(?:is|are|was|were|means|refers to|describes|is called|is defined as) "
    r"(?:an?|the|any|one|when|how|all|where)\b"
)
_REASON = re.compile(
    r",? (?P<reason>(?:because|in order to|so that|so as to|due to|owing to|thanks to|lest|"
    r"for fear of|on account of) [^,;:]{8,})(?=[.!])"
)
_PROSE = re.compile(r"[A-Z“\"][^\n]*[.!?][”\"]?")


def defined(sentence: str) -> str | None:
    """The term that a sentence says the meaning of."""
    match = _DEFINITION.match(sentence)
    # What points elsewhere is no term.
    if not match or STOPWORDS & set(match["term"].lower().split()):
        return None
    term = match["term"]
    return term[0].lower() + term[1:] if match["article"] else term


def definition_question(term: str, rng: Random) -> str:
    return _capital(rng.choice(DEFINITION_QUESTIONS).format(term=term))


def reason(sentence: str) -> Slot | None:
    """Where a sentence says why, if it does."""
    match = _REASON.search(sentence)
    return Slot(*match.span("reason"), "reason") if match else None


def terms(sentences: Sequence[str]) -> dict[int, str]:
    """Where each term is defined first, and the term."""
    first: dict[str, int] = {}
    for i, sentence in enumerate(sentences):
        if term := defined(sentence):
            first.setdefault(term, i)
    return {i: term for term, i in first.items()}


def sections(sentences: Sequence[str]) -> dict[int, str]:
    """The first sentence of each section, and its heading; headings that recur are left out."""
    found: dict[int, str] = {}
    for i, (heading, first) in enumerate(zip(sentences, sentences[1:], strict=False), 1):
        if (
            is_heading(heading)
            and sentences.count(heading) == 1
            and len(first.split()) > LONGEST_HEADING
            and _PROSE.fullmatch(first)
        ):
            found[i] = heading
    return found


def section_question(heading: str, rng: Random) -> str:
    if rng.random() < 0.3:
        heading = heading.lower()
    return _capital(rng.choice(SECTION_QUESTIONS).format(heading=heading))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
