"""Facts made from real sentences: a name and a value exchanged, the words around them kept."""

import re

from examples.train_bundled.facts import Fact, capital, entities, span
from examples.train_bundled.names import ENTITY_KINDS, Names
from examples.train_bundled.slots import ENTITY_SLOTS, PRONOUNS, Slot, plain, slots
from examples.train_bundled.values import value

_DETERMINER = re.compile(
    r"(?i)\b(?:the|a|an|this|that|his|her|its|their|our|my|your|[a-z]+[’']s) $"
)
_ARTICLE = re.compile(r"^(?:the|an?) ", re.IGNORECASE)
_THINGS = ("building", "object", "machine", "landmark", "landmark", "event", "team", "award")
_ENTITIES: dict[str, tuple[str, ...]] = {
    "person": ("person", "person", "person", "animal"),
    "town": ("town", "place", "building", "school", "landmark"),
    "title": ENTITY_KINDS,
    "thing": (*_THINGS, "project", "ship", "place"),
}
_VALUES: dict[str, tuple[str, ...]] = {
    "title": ("title", "person", "word", "town"),
    "town": ("town", "town", "room", "thing"),
    "thing": ("thing", "thing", "thing", "material", "animal", "food", "word"),
}


def mutants(sentence: str, rare: frozenset[str], count: int, names: Names) -> list[Fact]:
    """Up to `count` facts that differ in their entities; none where the sentence has no slots."""
    rng = names.rng
    found = slots(sentence, rare) if plain(sentence) else []
    for_value = [s for s in found if s.of(sentence).lower() not in PRONOUNS]
    if not for_value:
        return []
    # Numbers and dates are the rarer values: they go first where there are any.
    exact = [s for s in for_value if s.kind not in ENTITY_SLOTS]
    answer = rng.choice(exact if exact and rng.random() < 0.7 else for_value)
    for_entity = [s for s in found if s.kind in ENTITY_SLOTS and s is not answer]
    if not for_entity and rng.random() < 0.8:
        return []
    if not for_entity or rng.random() < 0.08:  # the value alone is new
        return [_mutant(sentence, answer, None, "", names, True)]
    about = rng.choice(for_entity)
    kept = count > 1 and rng.random() < 0.15  # the entity alone is new
    made = [
        _mutant(sentence, answer, about, name, names, not kept)
        for name in entities(rng.choice(_ENTITIES[about.kind]), count, names)
    ]
    return [fact for fact in made if _sound(fact)]


def _mutant(
    sentence: str, answer: Slot, about: Slot | None, name: str, names: Names, new: bool
) -> Fact:
    kind = answer.kind
    if new:
        kind = names.rng.choice(_VALUES.get(kind, (kind,)))
    stated = value(kind, names) if new else answer.of(sentence)
    changes = [(answer, stated)] + ([(about, name)] if about else [])
    text = sentence
    for slot, filling in sorted(changes, key=lambda change: -change[0].start):
        if _DETERMINER.search(text, 0, slot.start):
            filling = _ARTICLE.sub("", filling)
        text = text[: slot.start] + filling + text[slot.end :]
    if name and span(text, name, "") is None:
        name = _ARTICLE.sub("", name)
    if span(text, stated, "") is None:
        stated = _ARTICLE.sub("", stated)
    return Fact(capital(text), name, stated, kind)


def _sound(fact: Fact) -> bool:
    """Whether entity and value stand in the statement once each, with no word in common."""
    common = set(fact.entity.lower().split()) & set(fact.value.lower().split()) - {"the"}
    return not common and all(span(fact.statement, text, "") for text in (fact.entity, fact.value))
