"""Training rows made on the fly: a stretch of the corpus, facts put into it, questions about it."""

import re
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from dashdoc.prompts import ASK, SUMMARIZE
from examples.train_bundled.corpus import Corpus
from examples.train_bundled.frames import KINDS, Kind
from examples.train_bundled.names import ENTITY_KINDS, VALUE_KINDS, entity, value
from examples.train_bundled.phrases import (
    ATTRIBUTES,
    GENERIC_QUESTIONS,
    GENERIC_STATEMENTS,
    LEADS,
    PAIR_QUESTIONS,
    SPAN_QUESTIONS,
    TAILS,
)

IGNORED, TEXT, ANSWER = 0, 1, 2  # what a token counts for in the loss
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*|\d[\d.,:]*")
AUXILIARY = re.compile(
    r"^(?P<subject>(?:[A-Z][\w'’-]*)(?: [\w'’,-]+){0,6}?) "
    r"(?P<verb>is|was|are|were|can|must|should|may|will|has|had|did|could|would) (?P<rest>\w.+)$"
)


@dataclass(frozen=True)
class Fact:
    """A statement put into the text, and questions whose answer it is."""

    statement: str
    questions: tuple[str, ...]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _from_kind(kind: Kind, rng: Random, statement: str | None) -> Fact:
    name, stated = entity(kind.entity, rng), value(kind.value, rng)
    frame = statement or rng.choice(kind.statements)
    return Fact(
        _dress(frame.format(entity=name, value=stated), rng),
        tuple(_capital(q.format(entity=name)) for q in kind.questions),
    )


def _generic(rng: Random, attribute: str, frame: str | None, name: str | None = None) -> Fact:
    name = name or entity(rng.choice(ENTITY_KINDS), rng)
    stated = value(rng.choice(VALUE_KINDS), rng)
    text = (frame or rng.choice(GENERIC_STATEMENTS)).format(
        entity=name, attribute=attribute, value=stated
    )
    asked = tuple(_capital(q.format(entity=name, attribute=attribute)) for q in GENERIC_QUESTIONS)
    return Fact(_dress(text, rng), asked)


def _dress(statement: str, rng: Random) -> str:
    """Now and then a clause before or after, as documents have them."""
    draw = rng.random()
    if draw < 0.12 and statement[0] != '"':
        # A name keeps its capital; an ordinary first word loses it behind the clause.
        first = statement.split(" ", 1)[0]
        lowered = first in (
            "The",
            "In",
            "At",
            "Every",
            "Each",
            "On",
            "It",
            "Visitors",
            "Anyone",
            "All",
        )
        return rng.choice(LEADS) + (statement[0].lower() + statement[1:] if lowered else statement)
    if draw < 0.22 and statement[-1] == "." and not set('":') & set(statement):
        return _capital(statement[:-1] + rng.choice(TAILS) + ".")
    return _capital(statement)


def facts(count: int, rng: Random) -> list[Fact]:
    """Facts that are easily confused: of one kind, in one frame, or about one thing."""
    made: list[Fact] = []
    while len(made) < count:
        group = rng.randint(1, min(4, count - len(made)))
        draw = rng.random()
        if draw < 0.62:
            kind = rng.choice(KINDS)
            frame = rng.choice(kind.statements) if rng.random() < 0.4 else None
            made += [_from_kind(kind, rng, frame) for _ in range(group)]
        elif draw < 0.85:
            attribute = rng.choice(ATTRIBUTES)
            frame = rng.choice(GENERIC_STATEMENTS) if rng.random() < 0.4 else None
            made += [_generic(rng, attribute, frame) for _ in range(group)]
        else:  # one thing, several attributes: the question's own words decide
            name = entity(rng.choice(ENTITY_KINDS), rng)
            made += [_generic(rng, a, None, name) for a in rng.sample(ATTRIBUTES, group)]
    rng.shuffle(made)
    return made


def question_about(sentence: str, rare: frozenset[str], rng: Random) -> str | None:
    """A question that a sentence of the text answers; None where it has nothing to hold on to."""
    words = list(WORD.finditer(sentence))
    telling = [
        i
        for i, w in enumerate(words)
        if w.group().lower() in rare or (i and w.group()[0].isupper())
    ]
    if not 6 <= len(words) <= 45 or not telling:
        return None
    if rng.random() < 0.3 and (match := AUXILIARY.match(sentence)):
        subject, verb, rest = match.group("subject", "verb", "rest")
        if subject.split()[0] in ("The", "A", "An", "This", "These", "Some", "Many", "All", "In"):
            subject = subject[0].lower() + subject[1:]
        opening = rng.choice(("What", "Who", "When", "Where", "How", "Why", "Which"))
        kept = " ".join(rest.rstrip(".!?").split()[: rng.randint(0, 6)])
        return f"{opening} {verb} {subject} {kept}".strip() + "?"
    if rng.random() < 0.2 and len(telling) > 1:
        first, second = (words[i].group() for i in rng.sample(telling, 2))
        return rng.choice(PAIR_QUESTIONS).format(first=first, second=second)
    centre = rng.choice(telling)
    begin = max(0, centre - rng.randint(0, 3))
    end = min(len(words), centre + rng.randint(1, 4))
    span = sentence[words[begin].start() : words[end - 1].end()]
    if begin == 0 and span.split()[0].lower() not in rare:
        span = span[0].lower() + span[1:]
    return _capital(rng.choice(SPAN_QUESTIONS).format(span=span))


def main_sentences(candidates: list[str], count: int) -> list[int]:
    """The sentences that say most of the rest: gap sentences (PEGASUS), in their order."""
    bags = [{w.lower() for w in WORD.findall(s) if len(w) > 3} for s in candidates]
    frequency: dict[str, int] = {}
    for bag in bags:
        for token in bag:
            frequency[token] = frequency.get(token, 0) + 1
    score = [sum(frequency[t] for t in bag if frequency[t] > 1) / (len(bag) + 6) for bag in bags]
    fit = [
        i
        for i, s in enumerate(candidates)
        if 8 <= len(s.split()) <= 40 and s.rstrip()[-1:] in ".!?"
    ]
    return sorted(sorted(fit, key=lambda i: -score[i])[:count])


class RowMaker:
    """Rows of one length: tokens and what each counts for."""

    def __init__(self, corpus: Corpus, tokenizer: Tokenizer, seed: int) -> None:
        self.corpus, self.tokenizer, self.rng = corpus, tokenizer, Random(seed)
        special = tokenizer.token_to_id
        self.end = special("<|endoftext|>")
        self.opening = [special("<|im_start|>"), *self._ids("user\n")]
        self.closing = [
            special("<|im_end|>"), *self._ids("\n"), special("<|im_start|>"),
            *self._ids("assistant\n"),
        ]  # fmt: skip
        self.stop = special("<|im_end|>")
        self.between = self._ids("\n")

    def row(self, length: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """[length] tokens and [length] kinds."""
        rng = self.rng
        summary = length <= 4096 and rng.random() < 0.1
        questions = 1 if summary else rng.randint(3, max(4, min(24, length // 150)))
        turns: list[tuple[list[int], list[int]]] = []  # request, answer
        inserted = [] if summary else facts(rng.randint(2, 3 + length // 500), rng)
        budget = length - len(self.opening) - 82 * questions - 45 * len(inserted)
        pieces = self._stretch(max(64, budget))
        real = list(range(len(pieces)))

        if summary:
            texts = [self._text(pieces[i]).strip() for i in real]
            chosen = main_sentences(texts, rng.randint(2, 4))
            if chosen:
                turns.append(self._turn(SUMMARIZE, " ".join(texts[i] for i in chosen)))
        else:
            asked = rng.sample(inserted, min(len(inserted), max(1, questions * 6 // 10)))
            for fact in asked:
                turns.append(self._question(rng.choice(fact.questions), fact.statement))
            for _ in range(8 * questions):
                if len(turns) >= questions or not real:
                    break
                sentence = self._text(pieces[rng.choice(real)]).strip()
                question = question_about(sentence, self.corpus.rare, rng)
                if question and sentence[-1] in '.!?"”':
                    turns.append(self._question(question, sentence))
            rng.shuffle(turns)
            for fact in inserted:
                place = rng.randint(1, len(pieces))
                pieces.insert(place, np.array(self._ids(" " + fact.statement), np.uint16))

        tokens, kinds = self._with_pages(pieces)
        for request, answer in turns:
            tokens += request + answer
            kinds += [IGNORED] * len(request) + [ANSWER] * len(answer)
            tokens += [*self.between, *self.opening]
            kinds += [IGNORED] * (len(self.between) + len(self.opening))
        tokens, kinds = tokens[:length], kinds[:length]
        missing = length - len(tokens)
        return (
            np.array(tokens + [self.end] * missing, np.uint16),
            np.array(kinds + [IGNORED] * missing, np.uint8),
        )

    def _stretch(self, tokens: int) -> list[NDArray[np.uint16]]:
        """Sentences of one document from a random place on, and of others if it is too short."""
        starts = self.corpus.sentence_start
        pieces: list[NDArray[np.uint16]] = []
        left = tokens
        while left > 0:
            # By sentence, so that long documents are drawn as often as they are long.
            first = self.rng.randrange(len(starts) - 1)
            document = int(np.searchsorted(self.corpus.document_start, first, "right"))
            last = int(self.corpus.document_start[document])
            if pieces:
                first = int(self.corpus.document_start[document - 1])
            for index in range(first, last):
                piece = self.corpus.sentence(index)
                left -= len(piece)
                if left < 0 and pieces:
                    break
                pieces.append(piece)
            if pieces and left > 0:
                pieces.append(np.array(self._ids("\n\n"), np.uint16))
        return pieces

    def _with_pages(self, pieces: list[NDArray[np.uint16]]) -> tuple[list[int], list[int]]:
        """The user turn's opening and the text, with page markers as a PDF has them or without."""
        rng = self.rng
        tokens, kinds = list(self.opening), [IGNORED] * len(self.opening)
        paged = rng.random() < 0.5
        page, left = rng.choice((1, 1, 1, rng.randint(2, 300))), 0
        per_page = rng.randint(250, 700)
        for piece in pieces:
            if paged and left <= 0:
                gap = self._ids("\n\n") if len(tokens) > len(self.opening) else []
                marker = gap + self._ids(f"[Page {page}]\n")
                tokens += marker
                kinds += [IGNORED] * len(marker)
                page, left = page + 1, per_page
                piece = np.array(self._ids(self._text(piece).strip()), np.uint16)
            tokens += piece.tolist()
            kinds += [TEXT] * len(piece)
            left -= len(piece)
        gap = self._ids("\n\n")
        return tokens + gap, kinds + [IGNORED] * len(gap)

    def _question(self, question: str, answer: str) -> tuple[list[int], list[int]]:
        rng = self.rng
        if rng.random() < 0.08:
            question = question.rstrip("?.")
        if rng.random() < 0.05:
            question = question.lower()
        return self._turn(ASK.format(question=question), answer)

    def _turn(self, instruction: str, answer: str) -> tuple[list[int], list[int]]:
        # The answer starts with a space, as its sentence does inside a paragraph.
        return self._ids(instruction) + self.closing, [*self._ids(" " + answer), self.stop]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _text(self, piece: NDArray[np.uint16]) -> str:
        text: str = self.tokenizer.decode(piece.tolist(), skip_special_tokens=False)
        return text
