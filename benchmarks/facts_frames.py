"""What the facts of the benchmark say: kinds of fact, each with its sentences and questions."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from facts_names import (
    COLOUR_FIRST,
    COLOUR_LAST,
    HIDING_FIRST,
    HIDING_LAST,
    MATERIAL_FIRST,
    MATERIAL_LAST,
    NICK_FIRST,
    NICK_LAST,
    SHIP_FIRST,
    SHIP_LAST,
    Names,
)

Draw = Callable[[Names], str]
TEMPLATES = Path(__file__).resolve().parent / "data" / "facts_frames.txt"


@dataclass(frozen=True)
class Frame:
    """One way to state a fact, and the question that it answers."""

    statement: str
    question: str


@dataclass(frozen=True)
class Kind:
    """One kind of fact: what it is about, what it states, and how it is put."""

    name: str
    entity: Draw
    value: Draw
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Fact:
    """A fact in words; the question names the entity, the statement gives the value."""

    kind: str
    entity: str
    value: str
    statement: str
    question: str


ENTITIES_AND_VALUES: dict[str, tuple[Draw, Draw]] = {
    "access code": (
        lambda names: names.at_place(
            "Archive, Depot, Observatory, Records Vault, Pumping Station, Seed Bank, Substation"
        ),
        Names.code,
    ),
    "opening time": (
        lambda names: names.at_place(
            "Library, Museum, Farm Shop, Reading Room, Post Office, Botanic Garden, Clinic, Baths"
        ),
        Names.clock,
    ),
    "founding date": (
        lambda names: names.at_place(
            "Choral Society, Chess Club, Savings Bank, Gazette, Rowing Club, Brewery, Orphanage"
        ),
        lambda names: names.date(1783, 1929),
    ),
    "person in charge": (
        lambda names: names.project(
            "flood survey, tramway extension, wetland restoration, census, dredging scheme"
        ),
        Names.person,
    ),
    "price": (
        lambda names: names.at_place(
            "Atlas, Psalter, Tapestry, Violin, Chalice, Globe, Manuscript, Barometer, Necklace"
        ),
        Names.price,
    ),
    "distance": (
        lambda names: names.at_place(
            "lighthouse, quarry, signal box, waterfall, hermitage, weather station, toll house"
        ),
        Names.miles,
    ),
    "room": (
        lambda names: names.at_place(
            "inquest, workshop, auction, symposium, hearing, debate, recital, prize-giving"
        ),
        Names.room,
    ),
    "colour": (
        lambda names: names.at_place(
            "ferry, bandstand, water tower, lifeboat, pavilion, carousel, signal cabin, chapel"
        ),
        lambda names: names.two_words(COLOUR_FIRST, COLOUR_LAST),
    ),
    "ship": (Names.expedition, lambda names: names.two_words(SHIP_FIRST, SHIP_LAST)),
    "quantity": (
        lambda names: names.at_place(
            "Collection, Repository, Institute, Foundation, Bequest, Athenaeum, Storehouse"
        ),
        Names.count,
    ),
    "phone extension": (
        lambda names: names.at_place(
            "harbour office, night desk, dispensary, lost property office, registry, motor pool"
        ),
        lambda names: str(names.number(2101, 8998)),
    ),
    "nickname": (Names.titled, lambda names: names.two_words(NICK_FIRST, NICK_LAST)),
    "material": (
        lambda names: names.at_place(
            "footbridge, pulpit, weathervane, fountain, jetty, staircase, sundial, war memorial"
        ),
        lambda names: names.two_words(MATERIAL_FIRST, MATERIAL_LAST),
    ),
    "teacher": (Names.titled, Names.person),
    "height": (
        lambda names: names.at_place(
            "chimney, radio mast, spire, dam, obelisk, grain elevator, viaduct, clock tower"
        ),
        Names.feet,
    ),
    "birthplace": (Names.titled, Names.place),
    "deadline": (
        lambda names: names.at_place(
            "Scholarship, Bursary, Fellowship, Essay Prize, Travel Grant, Sculpture Award"
        ),
        lambda names: names.date(2031, 2068),
    ),
    "hidden key": (
        lambda names: names.at_place(
            "boathouse, cricket pavilion, vestry, potting shed, schoolhouse, bell tower, smithy"
        ),
        lambda names: names.two_words(HIDING_FIRST, HIDING_LAST),
    ),
}


def frames_of(text: str) -> dict[str, tuple[Frame, ...]]:
    """The frames of each kind, from the text that lists them."""
    found = {}
    for section in text.split("\n# ")[1:]:
        name, *lines = section.strip().splitlines()
        pairs = zip(lines[::2], lines[1::2], strict=True)
        found[name] = tuple(Frame(said.strip(), asked.strip()) for said, asked in pairs)
    return found


def _kinds() -> tuple[Kind, ...]:
    frames = frames_of(TEMPLATES.read_text(encoding="utf-8"))
    return tuple(
        Kind(name, entity, value, frames[name])
        for name, (entity, value) in ENTITIES_AND_VALUES.items()
    )


KINDS = _kinds()


def filled(template: str, entity: str, value: str) -> str:
    """The template with its slots filled, a capital at its start."""
    text = template.format(entity=entity, value=value)
    return text[0].upper() + text[1:]


def render(kind: Kind, frame: Frame, names: Names) -> Fact:
    """A new fact of this kind, put as the frame puts it."""
    entity, value = kind.entity(names), kind.value(names)
    return Fact(
        kind=kind.name,
        entity=entity,
        value=value,
        statement=filled(frame.statement, entity, value),
        question=filled(frame.question, entity, value),
    )


def templates() -> list[str]:
    """Every template, statements and questions."""
    return [
        text
        for kind in KINDS
        for frame in kind.frames
        for text in (frame.statement, frame.question)
    ]


def four_word_runs(templates: Iterable[str]) -> set[tuple[str, str, str, str]]:
    """The runs of four words in the templates' own text; a slot of any name breaks a run."""
    runs = set[tuple[str, str, str, str]]()
    for template in templates:
        for stretch in re.split(r"\{[^{}]*\}", template):
            found = re.findall(r"\w+", stretch.lower().replace("’", "").replace("'", ""))
            runs.update(zip(found, found[1:], found[2:], found[3:], strict=False))
    return runs
