"""Entities for stated facts: drawn so widely that none can be learned by heart."""

import re
from random import Random

from examples.train_bundled.lexicon import Lexicon

_ONSETS = (
    "b br c ch cr d dr f fl g gl gr h j k kl l m n p pr qu r s sh sk st t th tr v w y z".split()
)
_VOWELS = "a e i o u a e i o ai ea ie ou oa ee y".split()
_CODAS = "b ck d l ll m n nd ng nt r rd rn rt s sk ss st t th x v - - - -".split()
_ENDINGS = (
    "ton ham ford ley wick stead mouth bury well field worth dale gate combe bridge by thorpe "
    "minster haven holt ridge mere stone brook shaw ville burg sand vik au etto ino ska ova "
    "wood water chester hampton more grave hill land borough cliff head market"
).split()
_SURNAME_ENDINGS = (
    "son sen sson ski sky man mann berg stein er ov ova enko ez ini elli ard eau quist lund "
    "well smith wright ley ward kins by ton"
).split()
FIRST = (
    "Anna Ben Carla Dmitri Elena Farid Grace Henrik Ines Jonas Katya Liam Mara Nils Olga Pavel "
    "Rosa Samir Tara Ulrich Vera Walter Ximena Zoe Amara Bjorn Celia Dario Esther Felix Greta "
    "Hugo Ivy Jasper Keiko Leon Mina Noor Oscar Petra Rashid Sonia Tomas Una Viktor Wanda Yara "
    "Zane Boris Clara Duncan Edith Fergus Gina Harold Ilse Jorge Klara Lars Mabel Niamh Otto "
    "Priya Ralph Stella Theo Vince Wilma Abel Bettina Cyrus Delia Emil Flora"
).split()
_TITLES = "Dr. Professor Captain Mrs. Mr. Ms. Sister Judge Colonel Lady Sir Major Father".split()
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
_LANDMARKS = (
    "gatehouse|swing bridge|windmill|canteen|boat shed|customs house|coal mine|ice rink|tannery|"
    "bus garage|fish market|sawmill|drawbridge|lime kiln|well house|parish hall|stone circle|"
    "sea wall|wine cellar|rope factory|night school|town band|harvest supper|road race|cattle "
    "fair|strike|trial|wedding|excavation|railway cutting|parade|election|evening class"
).split("|")
_COMPANIES = (
    "Works Brothers Trading Instruments Partners Holdings Foods Textiles Motors Press".split()
)
_PROJECTS = "Project Operation Programme Initiative Plan Study Mission".split()
_OBJECTS = (
    "clock lantern trunk manuscript violin painting telescope carpet statue ledger sword map "
    "bell cabinet necklace engine camera globe mirror kettle organ tapestry barometer compass"
).split()
_EVENTS = "Festival Conference Regatta Fair Marathon Congress Exhibition Symposium Auction".split()
ANIMALS = (
    "cat dog parrot horse otter tortoise goat heron donkey ferret owl pony rabbit goose lizard "
    "mule falcon hedgehog llama swan"
).split()
_MACHINES = (
    "press pump loom crane furnace generator lathe server printer boiler turbine mixer scanner "
    "conveyor drill compressor"
).split()
_TEAMS = "Rovers Wanderers Rangers Committee Choir Council Society Club Brigade Orchestra".split()
_SCHOOLS = "School College Academy Institute University".split()
_AWARDS = "Prize Medal Grant Trust Lecture Cup Appeal Loan Award".split()
_VESSELS = ("", "", "SS ", "schooner ", "ferry ", "barge ", "brig ", "tug ")

ENTITY_KINDS = (
    "person", "place", "building", "company", "project", "ship", "object", "event", "book",
    "animal", "town", "team", "machine", "room", "school", "landmark", "award",
)  # fmt: skip


class Names:
    """Names of every kind: invented words, compounds of ordinary words, and words of the corpus."""

    def __init__(self, lexicon: Lexicon, rng: Random) -> None:
        self.lexicon, self.rng = lexicon, rng

    def word(self) -> str:
        """An invented word of one to three syllables."""
        rng = self.rng
        syllables = rng.choice((1, 2, 2, 2, 3))
        inner = (rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables))
        text = ("".join(inner) + rng.choice(_CODAS)).replace("-", "")
        return (text if len(text) > 3 else text + "ra").capitalize()

    def noun(self) -> str:
        return self.rng.choice(self.lexicon.nouns)

    def adjective(self) -> str:
        return self.rng.choice(self.lexicon.adjectives)

    def compound(self, endings: list[str]) -> str:
        """An ordinary word with the ending of a name: Lanternford, Sailorsson."""
        return self.noun()[:7].capitalize() + self.rng.choice(endings)

    def town(self) -> str:
        draw = self.rng.random()
        if draw < 0.4:
            return self.word()[:6] + self.rng.choice(_ENDINGS)
        return self.compound(_ENDINGS) if draw < 0.8 else self.word()

    def title(self) -> str:
        """Two ordinary words with capitals, as ships, books and nicknames have them."""
        return f"{self.adjective().capitalize()} {self.noun().capitalize()}"

    def surname(self) -> str:
        draw = self.rng.random()
        if draw < 0.25:
            return self.word()
        if draw < 0.4:
            return self.town()
        if draw < 0.6:
            return self.compound(_SURNAME_ENDINGS)
        if draw < 0.7:
            return self.word()[:6] + self.rng.choice(_SURNAME_ENDINGS)
        if draw < 0.78:
            return self.rng.choice(("Mc", "O'", "Mac", "van ", "de ", "von ")) + self.word()
        return self.rng.choice(self.lexicon.capitals)

    def person(self) -> str:
        rng, last = self.rng, self.surname()
        if rng.random() < 0.08:
            last += "-" + self.word()
        draw = rng.random()
        first = rng.choice(FIRST) if draw < 0.4 else self.word()
        if draw > 0.7:
            first = rng.choice(self.lexicon.capitals)
        draw = rng.random()
        if draw < 0.12:
            return f"{rng.choice(_TITLES)} {last}"
        if draw < 0.3:
            return f"{rng.choice(_TITLES)} {first} {last}"
        if draw < 0.36:
            return f"{first[0]}. {self.word()[0]}. {last}"
        return f"{first} {last}"

    def proper(self) -> str:
        """The distinguishing part of a name."""
        rng, draw = self.rng, self.rng.random()
        if draw < 0.45:
            return self.town()
        if draw < 0.55:
            return f"{rng.choice(_ADJECTIVES)} {self.word()}"
        if draw < 0.68:
            return self.title()
        if draw < 0.76:
            return rng.choice(self.lexicon.capitals)
        if draw < 0.82:
            return f"{self.town()}-{self.town()}"
        if draw < 0.92:
            return self.word()
        return f"{rng.choice(_ADJECTIVES)} {rng.choice(_PLACES)}"

    def entity(self, kind: str) -> str:
        """A noun phrase that names something of this kind, `the` included where it belongs."""
        choose, proper = self.rng.choice, self.proper()
        match kind:
            case "person":
                return self.person()
            case "town":
                return self.town()
            case "place":
                return f"{choose(('', 'the '))}{proper} {choose(_PLACES)}"
            case "building":
                return f"the {proper} {choose(_BUILDINGS)}"
            case "landmark":
                ordinary = choose((choose(_LANDMARKS), self.noun(), self.noun()))
                return f"the {proper} {ordinary}"
            case "company":
                return f"{proper} {choose(_COMPANIES)}"
            case "project":
                head = choose(_PROJECTS)
                return f"{head} {proper}" if head in _PROJECTS[:2] else f"the {proper} {head}"
            case "ship":
                return f"the {choose(_VESSELS)}{self.title() if choose((0, 1)) else proper}"
            case "object":
                return f"the {proper} {choose(_OBJECTS)}"
            case "event":
                return f"the {proper} {choose(_EVENTS)}"
            case "book":
                return f"The {choose((choose(_OBJECTS), self.noun())).capitalize()} of {proper}"
            case "animal":
                return f"{self.word()} the {choose(ANIMALS)}"
            case "team":
                return f"the {proper} {choose(_TEAMS)}"
            case "machine":
                return f"the {self.word()} {choose(_MACHINES)}"
            case "room":
                number = f"Room {self.rng.randint(2, 990)}"
                return choose((f"the {proper} Room", number, f"the {self.word()} Suite"))
            case "school":
                return f"{proper} {choose(_SCHOOLS)}"
            case "award":
                return f"the {proper} {choose(_AWARDS)}"
        raise ValueError(f"unknown kind of entity: {kind}")

    def namesake(self, name: str) -> str:
        """A name that differs from this one in a single word, where it has several."""
        words = name.split(" ")
        proper = [i for i, w in enumerate(words) if re.fullmatch(r"[A-Z][\w'’-]+", w)]
        if len(words) < 2 or not proper:
            return self.word()
        changed = self.rng.choice(proper)
        new = self.rng.choice((self.word(), self.town(), self.rng.choice(self.lexicon.capitals)))
        return " ".join([*words[:changed], new, *words[changed + 1 :]])
