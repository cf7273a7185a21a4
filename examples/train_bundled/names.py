"""Entities and values for stated facts: drawn so widely that none can be learned by heart."""

from random import Random

_ONSETS = (
    "b br c ch cr d dr f fl g gl gr h j k kl l m n p pr qu r s sh sk st t th tr v w y z".split()
)
_VOWELS = "a e i o u a e i o ai ea ie ou oa ee y".split()
_CODAS = "b ck d l ll m n nd ng nt r rd rn rt s sk ss st t th x v - - - -".split()
_ENDINGS = (
    "ton ham ford ley wick stead mouth bury well field worth dale gate combe bridge by thorpe "
    "minster haven holt ridge mere stone brook shaw ville burg sand vik au etto ino ska ova"
).split()
_FIRST = (
    "Anna Ben Carla Dmitri Elena Farid Grace Henrik Ines Jonas Katya Liam Mara Nils Olga Pavel "
    "Quentin Rosa Samir Tara Ulrich Vera Walter Ximena Yusuf Zoe Amara Bjorn Celia Dario Esther "
    "Felix Greta Hugo Ivy Jasper Keiko Leon Mina Noor Oscar Petra Rashid Sonia Tomas Una Viktor "
    "Wanda Yara Zane Agnes Boris Clara Duncan Edith Fergus Gina Harold Ilse Jorge Klara Lars "
    "Mabel Niamh Otto Priya Ralph Stella Theo Ursula Vince Wilma Abel Bettina Cyrus Delia Emil "
    "Flora"
).split()
_TITLES = ("Dr.", "Professor", "Captain", "Mrs.", "Mr.", "Ms.", "Sister", "Judge", "Colonel")
_ADJECTIVES = (
    "Northern Old Upper Lower Grand Little Silver Golden Royal Central Eastern Western Great "
    "New Green Red Blue White Black Stone Long High Hidden Quiet Broken Twin Iron Copper Winter "
    "Summer"
).split()
_PLACES = "Valley Island Bay Hill Forest Moor Lake Harbour Peninsula Plain Creek Pass Marsh".split()
_BUILDINGS = (
    "Mill Library Archive Tower Museum Hotel Theatre Station Bridge Hall Chapel Hospital "
    "Gallery Observatory Depot Barn Lighthouse Courthouse Laboratory Bakery Pavilion Castle Inn "
    "Cottage Warehouse Clinic Workshop Greenhouse Foundry Cinema"
).split()
_COMPANIES = (
    "Works Brothers Trading Instruments Partners Holdings Foods Textiles Motors Press".split()
)
_PROJECTS = "Project Operation Programme Initiative Plan Study Mission".split()
_OBJECTS = (
    "clock lantern trunk manuscript violin painting telescope carpet statue ledger sword map "
    "bell cabinet necklace engine camera globe mirror kettle organ tapestry barometer compass"
).split()
_EVENTS = "Festival Conference Regatta Fair Marathon Congress Exhibition Symposium Auction".split()
_ANIMALS = (
    "cat dog parrot horse otter tortoise goat heron donkey ferret owl pony rabbit goose lizard "
    "mule falcon hedgehog llama swan"
).split()
_MACHINES = (
    "press pump loom crane furnace generator lathe server printer boiler turbine mixer scanner "
    "conveyor drill compressor"
).split()
_TEAMS = "Rovers Wanderers Rangers Committee Choir Council Society Club Brigade Orchestra".split()
_SCHOOLS = "School College Academy Institute University".split()
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


def word(rng: Random) -> str:
    """An invented word of one to three syllables."""
    syllables = rng.choice((1, 2, 2, 2, 3))
    inner = (rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables))
    text = ("".join(inner) + rng.choice(_CODAS)).replace("-", "")
    return (text if len(text) > 3 else text + "ra").capitalize()


def town(rng: Random) -> str:
    return word(rng)[:6].rstrip("-") + rng.choice(_ENDINGS) if rng.random() < 0.7 else word(rng)


def person(rng: Random) -> str:
    surname = word(rng) if rng.random() < 0.5 else town(rng)
    first = rng.choice(_FIRST) if rng.random() < 0.8 else word(rng)
    draw = rng.random()
    if draw < 0.2:
        return f"{rng.choice(_TITLES)} {surname}"
    if draw < 0.3:
        return f"{rng.choice(_TITLES)} {first} {surname}"
    return f"{first} {surname}"


def _proper(rng: Random) -> str:
    """The distinguishing part of a name."""
    draw = rng.random()
    if draw < 0.55:
        return town(rng)
    if draw < 0.75:
        return f"{rng.choice(_ADJECTIVES)} {word(rng)}"
    if draw < 0.9:
        return word(rng)
    return f"{rng.choice(_ADJECTIVES)} {rng.choice(_PLACES)}"


def entity(kind: str, rng: Random) -> str:
    """A noun phrase that names something of this kind, `the` included where it belongs."""
    match kind:
        case "person":
            return person(rng)
        case "place":
            return rng.choice(
                (
                    f"{_proper(rng)} {rng.choice(_PLACES)}",
                    f"the {_proper(rng)} {rng.choice(_PLACES)}",
                )
            )
        case "building":
            return f"the {_proper(rng)} {rng.choice(_BUILDINGS)}"
        case "company":
            return f"{_proper(rng)} {rng.choice(_COMPANIES)}"
        case "project":
            name = _proper(rng)
            kind = rng.choice(_PROJECTS)
            return f"{kind} {name}" if kind in ("Project", "Operation") else f"the {name} {kind}"
        case "ship":
            return (
                f"the {rng.choice(('', '', 'SS ', 'schooner ', 'ferry ', 'barge '))}{_proper(rng)}"
            )
        case "object":
            return f"the {_proper(rng)} {rng.choice(_OBJECTS)}"
        case "event":
            return f"the {_proper(rng)} {rng.choice(_EVENTS)}"
        case "book":
            return f"The {rng.choice(_OBJECTS).capitalize()} of {_proper(rng)}"
        case "animal":
            return f"{word(rng)} the {rng.choice(_ANIMALS)}"
        case "town":
            return town(rng)
        case "team":
            return f"the {_proper(rng)} {rng.choice(_TEAMS)}"
        case "machine":
            return f"the {word(rng)} {rng.choice(_MACHINES)}"
        case "room":
            return rng.choice(
                (
                    f"the {_proper(rng)} Room",
                    f"Room {rng.randint(2, 990)}",
                    f"the {word(rng)} Suite",
                )
            )
        case "school":
            return f"{_proper(rng)} {rng.choice(_SCHOOLS)}"
    raise ValueError(f"unknown kind of entity: {kind}")


def value(kind: str, rng: Random) -> str:
    """What a fact states, as it stands in a sentence."""
    n = rng.randint
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    match kind:
        case "code":
            block = "".join(rng.choice(letters) for _ in range(n(1, 3)))
            return rng.choice(
                (
                    f"{block}-{n(100, 99999)}",
                    str(n(1000, 999999)),
                    f"{block}{n(10, 9999)}",
                    f"{n(10, 99)}-{block}-{n(10, 99)}",
                )
            )
        case "number":
            return rng.choice((str(n(2, 99)), str(n(100, 999)), f"{n(1, 99)},{n(0, 999):03}"))
        case "year":
            return str(n(1400, 2035))
        case "date":
            day, month = n(1, 28), rng.choice(_MONTHS)
            return rng.choice(
                (
                    f"{day} {month} {n(1700, 2030)}",
                    f"{month} {day}, {n(1700, 2030)}",
                    f"{day} {month}",
                )
            )
        case "time":
            return rng.choice(
                (f"{n(0, 23)}:{n(0, 59):02}", f"{n(1, 12)}:{n(0, 59):02} p.m.", f"{n(1, 12)} a.m.")
            )
        case "price":
            return rng.choice(
                (
                    f"${n(1, 999):,}",
                    f"${n(1, 99)},{n(0, 999):03}",
                    f"{n(3, 900)} euros",
                    f"£{n(2, 9000):,}",
                )
            )
        case "person":
            return person(rng)
        case "town":
            return town(rng)
        case "colour":
            return rng.choice(_SHADES) + rng.choice(_COLOURS)
        case "distance":
            return f"{n(2, 980)} {rng.choice(('miles', 'kilometres', 'metres', 'feet', 'yards'))}"
        case "weight":
            return f"{n(2, 980)} {rng.choice(('kilograms', 'tons', 'pounds', 'grams'))}"
        case "percent":
            return f"{n(2, 98)} percent"
        case "material":
            return rng.choice(_MATERIALS)
        case "food":
            return rng.choice(_FOODS)
        case "animal":
            animal = rng.choice(_ANIMALS)
            return f"{'an' if animal[0] in 'aeiou' else 'a'} {animal}"
        case "word":
            return word(rng)
        case "room":
            return f"Room {n(2, 990)}"
        case "duration":
            return (
                f"{n(2, 95)} {rng.choice(('minutes', 'hours', 'days', 'weeks', 'months', 'years'))}"
            )
        case "phone":
            return rng.choice((str(n(1000, 9999)), f"{n(200, 999)}-{n(1000, 9999)}"))
        case "plant":
            return rng.choice(_PLANTS)
        case "job":
            return rng.choice(_JOBS)
        case "instrument":
            return rng.choice(_INSTRUMENTS)
        case "temperature":
            return f"{n(2, 480)} degrees"
        case "email":
            return (
                f"{word(rng).lower()}@{word(rng).lower()}.{rng.choice(('example', 'org', 'com'))}"
            )
        case "version":
            return f"{n(0, 19)}.{n(0, 30)}.{n(0, 20)}"
    raise ValueError(f"unknown kind of value: {kind}")


ENTITY_KINDS = (
    "person", "place", "building", "company", "project", "ship", "object", "event", "book",
    "animal", "town", "team", "machine", "room", "school",
)  # fmt: skip
VALUE_KINDS = (
    "code", "number", "year", "date", "time", "price", "person", "town", "colour", "distance",
    "weight", "percent", "material", "food", "animal", "word", "room", "duration", "phone",
    "plant", "job", "instrument", "temperature", "email", "version",
)  # fmt: skip
