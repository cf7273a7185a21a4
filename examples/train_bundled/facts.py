"""Stated facts: by frames written by hand, by frames that fit anything, and as mutants."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from examples.train_bundled.cloze import cloze
from examples.train_bundled.frames import KINDS, Kind
from examples.train_bundled.names import ENTITY_KINDS, Names
from examples.train_bundled.phrases import (
    ATTRIBUTES,
    GENERIC_QUESTIONS,
    GENERIC_STATEMENTS,
    SPAN_QUESTIONS,
    STOPWORDS,
)
from examples.train_bundled.slots import Slot
from examples.train_bundled.values import VALUE_KINDS, value

MUTANT_SHARE, WRITTEN_SHARE = 0.52, 0.3  # of the facts; the rest is generic
LARGEST_GROUP = 4


@dataclass(frozen=True)
class Fact:
    """A statement to put into a text: what it is about, what it says, and how to ask for it."""

    statement: str
    entity: str
    value: str
    kind: str  # of the value
    written: tuple[str, ...] = ()  # questions written by hand

    def question(self, rng: Random) -> str | None:
        """A question that names the entity and not the value; None where none comes out."""
        if self.written and rng.random() < 0.75:
            return rng.choice(self.written)
        if self.entity and rng.random() < 0.06:
            return capital(rng.choice(SPAN_QUESTIONS).format(span=self.entity))
        answer = span(self.statement, self.value, self.kind)
        entity = span(self.statement, self.entity, "entity") if self.entity else None
        if answer is None or (self.entity and entity is None):
            return None
        return cloze(self.statement, answer, entity, rng)


def span(text: str, phrase: str, kind: str) -> Slot | None:
    """Where a phrase stands in a text, its first letter capital or not; None unless once."""
    pattern = rf"(?<!\w)[{re.escape(phrase[0].lower() + phrase[0].upper())}]{re.escape(phrase[1:])}"
    found = list(re.finditer(rf"{pattern}(?!\w)", text))
    return Slot(found[0].start(), found[0].end(), kind) if len(found) == 1 else None


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def entities(kind: str, count: int, names: Names) -> list[str]:
    """Different names of one kind; now and then they differ in a single word."""
    alike = names.rng.random() < 0.4
    made = [names.entity(kind)]
    while len(made) < count:
        name = names.namesake(made[0]) if alike else names.entity(kind)
        if not any(name in other or other in name for other in made):
            made.append(name)
    return made


def facts(count: int, names: Names, mutants: Callable[[int], list[Fact]]) -> list[Fact]:
    """Facts that are easily confused: of one kind, in one frame, or about one thing."""
    rng = names.rng
    made: list[Fact] = []
    while len(made) < count:
        group = rng.randint(1, min(LARGEST_GROUP, count - len(made)))
        draw = rng.random()
        if draw < MUTANT_SHARE:
            drawn = mutants(group)
        elif draw < MUTANT_SHARE + WRITTEN_SHARE:
            drawn = _written(rng.choice(KINDS), group, names)
        else:
            drawn = _generic(group, names)
        made += [dressed(fact, names) for fact in drawn]
    rng.shuffle(made)
    return made


def _written(kind: Kind, count: int, names: Names) -> list[Fact]:
    """Facts of one kind, in one frame or in several."""
    rng = names.rng
    frame = rng.choice(kind.statements) if rng.random() < 0.4 else None
    return [
        _filled(frame or rng.choice(kind.statements), kind.questions, name, kind.value, names, name)
        for name in entities(kind.entity, count, names)
    ]


def _generic(count: int, names: Names) -> list[Fact]:
    """One attribute of several things, or several attributes of one: the question's words decide"""
    rng = names.rng
    frame = rng.choice(GENERIC_STATEMENTS) if rng.random() < 0.4 else None
    kind = rng.choice(ENTITY_KINDS)
    if rng.random() < 0.6:
        about = [(name, rng.choice(ATTRIBUTES)) for name in entities(kind, count, names)]
        about = [(name, about[0][1]) for name, _ in about]
    else:
        name = names.entity(kind)
        about = [(name, attribute) for attribute in rng.sample(ATTRIBUTES, count)]
    return [
        _filled(
            frame or rng.choice(GENERIC_STATEMENTS),
            GENERIC_QUESTIONS,
            name,
            rng.choice(VALUE_KINDS),
            names,
            attribute,
        )
        for name, attribute in about
    ]


def _filled(
    frame: str, questions: tuple[str, ...], name: str, kind: str, names: Names, attribute: str
) -> Fact:
    stated = value(kind, names)
    if names.rng.random() < 0.35:
        frame = _perturbed(frame, names)
    slots = {"entity": name, "attribute": attribute}
    return Fact(
        capital(frame.format(value=stated, **slots)),
        name,
        stated,
        kind,
        tuple(capital(question.format(**slots)) for question in questions),
    )


def _perturbed(frame: str, names: Names) -> str:
    """The frame with one of its words exchanged, so that it cannot be continued by heart."""
    words = re.split(r"(\{\w+\}|[\w’'-]+)", frame)
    plain = [i for i, w in enumerate(words) if re.fullmatch(r"[a-z]{4,}", w) and w not in STOPWORDS]
    if plain:
        words[names.rng.choice(plain)] = names.rng.choice((names.noun, names.adjective))()
    return "".join(words)


def dressed(fact: Fact, names: Names) -> Fact:
    """Now and then a clause or a sentence of the corpus joined to the statement."""
    rng, lexicon, statement = names.rng, names.lexicon, fact.statement
    if statement[-1] != "." or set('":') & set(statement) or len(statement) > 180:
        return fact
    draw = rng.random()
    if draw < 0.08:
        statement = rng.choice(lexicon.leads) + _lowered(statement, fact.entity)
    elif draw < 0.2:
        statement = statement[:-1] + rng.choice(lexicon.tails) + "."
    elif draw < 0.27:
        joint = rng.choice(("; ", "; ", " and ", ", and ", ", but "))
        statement = statement[:-1] + joint + _lowered(rng.choice(lexicon.short))
    elif draw < 0.32:
        joint = rng.choice(("; ", ", and ", ", but "))
        statement = rng.choice(lexicon.short)[:-1] + joint + _lowered(statement, fact.entity)
    return replace(fact, statement=statement)


def _lowered(statement: str, entity: str = "") -> str:
    """A sentence to go on with: an ordinary first word or article loses its capital."""
    first = statement.split(" ", 1)[0].lower()
    if first in STOPWORDS - {"i"} and not statement.startswith(entity or "\0"):
        return statement[0].lower() + statement[1:]
    return statement
