"""Values for stated facts: what a fact says of its entity, as it stands in a sentence."""

from examples.train_bundled.names import ANIMALS, Names

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_COLOURS = (
    "red blue green yellow orange purple brown grey black white pink ivory teal scarlet".split()
)
_SHADES = ("", "", "dark ", "light ", "pale ", "bright ", "deep ")
_MATERIALS = (
    "oak cedar marble granite copper bronze brass linen silk wool leather slate glass clay "
    "ebony walnut pewter ivory concrete bamboo felt cork tin steel canvas"
).split()
_FOODS = (
    "plum dumplings|barley soup|smoked eel|rye bread|almond cake|fried mackerel|goat cheese|"
    "pickled beets|lemon tart|lentil stew|roast duck|ginger biscuits|mushroom pie|"
    "honey wafers|rice pudding|onion soup|apple fritters|salted cod|bean curry|walnut bread"
).split("|")
_PLANTS = (
    "wild thyme|foxglove|white clover|sea lavender|juniper|bracken|marsh orchid|rosemary|"
    "hazel|honeysuckle|blue iris|mountain ash|nettle|bog myrtle|sweet pea|dogwood|yarrow|"
    "holly"
).split("|")
_JOBS = (
    "a glassblower|an engineer|a surveyor|a baker|a nurse|an archivist|a carpenter|a tailor|"
    "an optician|a pilot|a beekeeper|a clerk|a mason|a piano tuner|a veterinarian|"
    "an interpreter|a locksmith|a miner|a printer|a schoolteacher"
).split("|")
_INSTRUMENTS = (
    "the viola|the oboe|the trumpet|the cello|the accordion|the flute|the harp|the banjo|"
    "the clarinet|the bassoon|the mandolin|the organ|the zither|the double bass"
).split("|")
_UNITS = {
    "distance": "miles kilometres metres feet yards".split(),
    "weight": "kilograms tons pounds grams ounces".split(),
    "duration": "minutes hours days weeks months years".split(),
}

VALUE_KINDS = (
    "code", "number", "year", "date", "time", "price", "person", "town", "colour", "distance",
    "weight", "percent", "material", "food", "animal", "word", "room", "duration", "phone",
    "plant", "job", "instrument", "temperature", "email", "version", "title", "thing",
)  # fmt: skip


def value(kind: str, names: Names) -> str:
    """A value of this kind."""
    rng = names.rng
    n, choose = rng.randint, rng.choice
    match kind:
        case "code":
            return _code(names)
        case "number":
            return choose((str(n(2, 99)), str(n(100, 999)), f"{n(1, 99)},{n(0, 999):03}"))
        case "year":
            return str(n(1400, 2080))
        case "date":
            day, month, year = n(1, 28), choose(_MONTHS), n(1600, 2080)
            return choose((f"{day} {month} {year}", f"{month} {day}, {year}", f"{day} {month}"))
        case "time":
            clock = f"{n(0, 23)}:{n(0, 59):02}"
            return choose((clock, f"{n(1, 12)}:{n(0, 59):02} p.m.", f"{n(1, 12)} a.m."))
        case "price":
            sign = choose("$£€")
            many = f"{sign}{n(1, 99)},{n(0, 999):03}"
            return choose((f"{sign}{n(1, 999)}", many, f"{n(3, 900)} euros"))
        case "percent":
            return f"{n(2, 98)} percent"
        case "temperature":
            return f"{n(2, 480)} degrees"
        case "distance" | "weight" | "duration":
            amount = choose((str(n(2, 980)), str(n(2, 99)), f"{n(2, 99)}.{n(1, 9)}"))
            return f"{amount} {choose(_UNITS[kind])}"
        case "person":
            return names.person()
        case "town":
            return names.town()
        case "word":
            return choose((names.word(), names.title(), f"{names.word()} {names.word()}"))
        case "title":
            return names.title()
        case "thing":
            return f"the {names.adjective()} {names.noun()}"
        case "colour":
            shade = choose((choose(_SHADES), names.noun() + " "))
            return shade + choose(_COLOURS)
        case "material":
            quality = choose(("", names.adjective() + " "))
            return quality + choose(_MATERIALS)
        case "food":
            return choose(_FOODS)
        case "plant":
            return choose(_PLANTS)
        case "animal":
            animal = choose(ANIMALS)
            return f"{'an' if animal[0] in 'aeiou' else 'a'} {animal}"
        case "job":
            return choose(_JOBS)
        case "instrument":
            return choose(_INSTRUMENTS)
        case "room":
            letter = choose(("", "", choose(_LETTERS)))
            return f"{choose(('Room', 'Room', 'Cabin', 'Office', 'Bay'))} {letter}{n(2, 990)}"
        case "phone":
            return choose((str(n(1000, 9999)), f"{n(200, 999)}-{n(1000, 9999)}"))
        case "email":
            host = f"{names.word().lower()}.{choose(('example', 'org', 'com'))}"
            return f"{names.word().lower()}@{host}"
        case "version":
            return f"{n(0, 19)}.{n(0, 30)}.{n(0, 20)}"
    raise ValueError(f"unknown kind of value: {kind}")


def _code(names: Names) -> str:
    rng = names.rng
    n = rng.randint
    block = "".join(rng.choice(_LETTERS) for _ in range(n(1, 4)))
    return rng.choice(
        (
            f"{block}-{n(100, 99999)}",
            str(n(1000, 999999)),
            f"{block}{n(10, 9999)}",
            f"{n(10, 999)}-{block}",
            f"{n(10, 99)}-{block}-{n(10, 99)}",
            f"{names.noun()}-{n(10, 99)}",
        )
    )
