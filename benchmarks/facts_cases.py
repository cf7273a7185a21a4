"""The cases of the facts benchmark: unseen text, one fact to find and four facts beside it.

Only the standard library is used; whoever builds cases brings the tokenizer as a function that
counts the tokens of a text.
"""

import json
import lzma
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from facts_frames import KINDS, Fact, render
from facts_names import Names

Count = Callable[[str], int]
Verdict = Literal["exact", "no value", "other value", "too long", "refused"]

UNSEEN = Path(__file__).resolve().parent / "data" / "unseen.jsonl.xz"
OTHERS = 4
LONGEST_ANSWER = 40  # words
SHORTEST_TEXT = 500  # tokens

ABBREVIATION = re.compile(r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|No|vs|vol|e\.g|i\.e|etc|Rev|Gen))\.$")
BORDER = re.compile(r"(?<=[.!?])[\"”’)\]]*(\s+)(?=[\"“‘(\[]?[A-Z])")
QUOTES = re.compile('["“”]')


@dataclass(frozen=True)
class Sentence:
    """A sentence and the white space that follows it."""

    text: str
    gap: str


@dataclass(frozen=True)
class Case:
    """A text that states five facts, and the one that is asked for.

    An unanswerable one states the other four alone. `depth` is where the target stands, or where
    it would: 0 at the start of the text, 1 at its end.
    """

    text: str
    target: Fact
    others: tuple[Fact, ...]
    depth: float

    @property
    def question(self) -> str:
        return self.target.question

    @property
    def facts(self) -> tuple[Fact, ...]:
        return (self.target, *self.others)


def sentences(text: str) -> list[Sentence]:
    """The text in sentences; joined with their gaps they are the text again."""
    found = []
    for paragraph in re.finditer(r"(.+)(\n*)", text):
        line, start = paragraph[1], 0
        for border in BORDER.finditer(line):
            if not ABBREVIATION.search(line[start : border.start()]):
                found.append(Sentence(line[start : border.start(1)], border[1]))
                start = border.end()
        found.append(Sentence(line[start:], paragraph[2]))
    return found


def load_unseen(path: Path = UNSEEN) -> list[Sentence]:
    """Every sentence of the unseen documents, one document after another."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"].strip() for line in lines]
    return sentences("\n\n".join(texts) + "\n\n")


def build_case(library: Sequence[Sentence], tokens: int, count: Count, rng: random.Random) -> Case:
    """One case of at most `tokens` tokens, as near to them as its last sentence allows."""
    if tokens < SHORTEST_TEXT:
        raise ValueError(f"a case needs at least {SHORTEST_TEXT} tokens, not {tokens}")
    while True:
        facts = _facts(rng)
        room = tokens - sum(count(f" {fact.statement}") for fact in facts)
        stretch = _cut(library, room, count, rng)
        case = _inserted(stretch, facts, rng)
        while case and count(case.text) > tokens:
            stretch = stretch[:-1]
            case = _inserted(stretch, facts, rng)
        if case and _is_clean("".join(s.text + s.gap for s in stretch), facts):
            return case


def without_target(case: Case) -> Case:
    """The case with the sentence that it asks for taken out."""
    return replace(case, text=case.text.replace(f" {case.target.statement}", "", 1))


def build_cases(
    library: Sequence[Sentence], tokens: int, cases: int, count: Count, seed: int = 0
) -> Iterator[Case]:
    """The cases of one length; each depends on the seed, the length and its number alone."""
    for number in range(cases):
        yield build_case(library, tokens, count, random.Random(f"{seed}/{tokens}/{number}"))


def judge(answer: str, case: Case, refusal: str) -> Verdict:
    """Whether an answer gives the value asked for, and no other; if not, what it does instead."""
    if answer.strip() == refusal:
        return "refused"
    if any(holds(answer, fact.value) for fact in case.others):
        return "other value"
    if not holds(answer, case.target.value):
        return "no value"
    return "too long" if len(answer.split()) > LONGEST_ANSWER else "exact"


def holds(text: str, value: str) -> bool:
    """Whether the value stands in the text as whole words or whole numbers."""
    pattern = rf"(?<!\w)(?<!\d[.,:]){re.escape(_normal(value))}(?!\w)(?![.,:]\d)"
    return re.search(pattern, _normal(text)) is not None


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())


def _facts(rng: random.Random) -> list[Fact]:
    """The target, two or three facts of its kind, and facts of other kinds."""
    names = Names(rng)
    kind, *rest = rng.sample(KINDS, 1 + OTHERS)
    same = rng.choice((2, 3))
    kinds = [kind] * (1 + same) + rest[: OTHERS - same]
    return [render(kind, rng.choice(kind.frames), names) for kind in kinds]


def _cut(
    library: Sequence[Sentence], tokens: int, count: Count, rng: random.Random
) -> list[Sentence]:
    """Sentences in a row from a random place, up to so many tokens; the end wraps around."""
    start, stretch = rng.randrange(len(library)), list[Sentence]()
    while True:
        sentence = library[(start + len(stretch)) % len(library)]
        tokens -= count(sentence.text + sentence.gap)
        if tokens < 0:
            return stretch
        stretch.append(sentence)


def _inserted(
    stretch: Sequence[Sentence], facts: Sequence[Fact], rng: random.Random
) -> Case | None:
    """The stretch with each fact at a random border between two sentences of a paragraph."""
    borders = [i for i in range(len(stretch) - 1) if _is_border(stretch[i], stretch[i + 1])]
    if len(borders) < 2 * len(facts):
        return None
    places = dict(zip(rng.sample(borders, len(facts)), facts, strict=True))
    parts, start = list[str](), 0
    for i, sentence in enumerate(stretch):
        parts.append(sentence.text)
        if fact := places.get(i):
            if fact is facts[0]:
                start = sum(map(len, parts))
            parts.append(f" {fact.statement}")
        parts.append(sentence.gap)
    text = "".join(parts).rstrip()
    return Case(text, facts[0], tuple(facts[1:]), start / len(text))


def _is_border(before: Sentence, after: Sentence) -> bool:
    """Whether a sentence can stand between these two: in one paragraph, outside of speech."""
    return before.gap == " " and not QUOTES.search(before.text + after.text)


def _is_clean(text: str, facts: Sequence[Fact]) -> bool:
    """Whether each value stands in its own statement and nowhere else."""
    for fact in facts:
        elsewhere = [other.statement for other in facts if other is not fact]
        if holds("\n".join([text, fact.question, *elsewhere]), fact.value):
            return False
        if holds("\n".join([text, *elsewhere]), fact.entity):
            return False
    return True
