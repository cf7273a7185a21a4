"""Questions about sentences of the text as it is, and the check that they tell their sentence."""

import re
from collections.abc import Sequence
from random import Random

from examples.train_bundled.cloze import WORD, cloze
from examples.train_bundled.lookups import reason
from examples.train_bundled.phrases import PAIR_QUESTIONS, SPAN_QUESTIONS, STOPWORDS
from examples.train_bundled.slots import PRONOUNS, plain, slots

FEWEST_TAKEN = 3  # words
_AUXILIARY = re.compile(
    r"^(?P<subject>(?:[A-Z][\w'’-]*)(?: [\w'’,-]+){0,6}?) "
    r"(?P<verb>is|was|are|were|can|must|should|may|will|has|had|did|could|would) (?P<rest>\w.+)$"
)


def words(text: str) -> frozenset[str]:
    """The words by which a sentence can be told from others."""
    return frozenset(w.lower() for w in WORD.findall(text)) - STOPWORDS


def tells(question: str, sentence: int, bags: Sequence[frozenset[str]]) -> bool:
    """Whether a question has more words of its sentence than of any other of the text."""
    asked = words(question)
    shared = len(asked & bags[sentence])
    return all(len(asked & bag) < shared for i, bag in enumerate(bags) if i != sentence)


def unheld(question: str, sentence: str, bags: Sequence[frozenset[str]]) -> bool:
    """Whether no sentence of the text has most of what a question took from a sentence elsewhere.

    A question that took little does not tell what it is about.
    """
    taken = words(question) & words(sentence)
    return len(taken) >= FEWEST_TAKEN and all(2 * len(taken & bag) <= len(taken) for bag in bags)


def question_about(sentence: str, rare: frozenset[str], rng: Random) -> str | None:
    """A question that a sentence of the text answers; None where it has nothing to hold on to."""
    if (why := reason(sentence)) and rng.random() < 0.5:
        return cloze(sentence, why, None, rng)
    if rng.random() < 0.7 and plain(sentence):
        found = [s for s in slots(sentence, rare) if s.of(sentence).lower() not in PRONOUNS]
        if found:
            return cloze(sentence, rng.choice(found), None, rng)
    matches = list(WORD.finditer(sentence))
    telling = [
        i
        for i, w in enumerate(matches)
        if w.group().lower() in rare or (i and w.group()[0].isupper() and len(w.group()) > 2)
    ]
    if not 6 <= len(matches) <= 45 or not telling:
        return None
    draw = rng.random()
    if draw < 0.3 and (match := _AUXILIARY.match(sentence)):
        return _inverted(match["subject"], match["verb"], match["rest"], rng)
    if draw < 0.5 and len(telling) > 1:
        first, second = (matches[i].group() for i in rng.sample(telling, 2))
        question = rng.choice(PAIR_QUESTIONS).format(first=first, second=second)
        return question[0].upper() + question[1:]
    centre = rng.choice(telling)
    begin = max(0, centre - rng.randint(0, 3))
    end = min(len(matches), centre + rng.randint(1, 4))
    phrase = sentence[matches[begin].start() : matches[end - 1].end()]
    if begin == 0 and phrase.split()[0].lower() in STOPWORDS - {"i"}:
        phrase = phrase[0].lower() + phrase[1:]
    question = rng.choice(SPAN_QUESTIONS).format(span=phrase)
    return question[0].upper() + question[1:]


def _inverted(subject: str, verb: str, rest: str, rng: Random) -> str:
    if subject.split()[0].lower() in STOPWORDS - {"i"}:
        subject = subject[0].lower() + subject[1:]
    opening = rng.choice(("What", "Who", "When", "Where", "How", "Why", "Which"))
    kept = " ".join(rest.rstrip(".!?").split()[: rng.randint(1, 7)])
    return f"{opening} {verb} {subject} {kept}".strip() + "?"
