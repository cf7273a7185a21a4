"""Made-up names and values for the facts benchmark, drawn without repeats within one case."""

import random
from collections.abc import Sequence


def words(text: str) -> tuple[str, ...]:
    """The words of a list written as text."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """The comma-separated phrases of a list written as text."""
    return tuple(" ".join(part.split()) for part in text.split(","))


FIRST = words("""
    Adaeze Agnes Ambrose Anneliese Anselm Araminta Bartholomew Beatriz Benedikta Bronwen Calder
    Callista Casimir Cecily Chidi Clementine Cormac Dagny Desmond Dilys Dorothea Ebenezer Eilidh
    Emeka Eudora Farida Fenella Ferdinand Fumiko Gideon Giulia Gwendolyn Hamish Hedvig Horatio
    Ignatius Imogen Ingrid Iolanthe Isidore Jocasta Joaquim Kamala Katarzyna Keziah Lachlan Lavinia
    Leocadia Leopold Lorcan Lucasta Magnus Marguerite Mirela Mordecai Nadezhda Ngozi Nikolai Odile
    Olumide Ondine Osei Ottoline Padraig Parvati Percival Philippa Quentin Rafaela Ragnhild Rosamund
    Rufus Saskia Seraphina Sigrid Solveig Sunniva Tadeusz Tamsin Thaddeus Theodora Tobias Ulrika
    Ursula Valentina Vikram Wilhelmina Winifred Xanthe Yevgenia Yusuf Zacharias Zelda Zuleika
""")
LAST = words("""
    Abernethy Achterberg Adeyemi Arkwright Babington Bannerjee Bellweather Birtwistle Blackadder
    Brannigan Castellanos Cavanaugh Chukwuemeka Coldstream Cruikshank Dalrymple Delacroix Dimitriou
    Drinkwater Dunwoody Eastlake Eskildsen Fairweather Fanshawe Featherston Fitzwarren Flockhart
    Galbraith Garroway Goldschmied Grantchester Gudmundsson Haverstock Heathcote Hollingberry
    Inglethorpe Ironside Jankowski Jellicoe Kaczmarek Kettlewell Kirkpatrick Kobayashi Laghari
    Lindqvist Llewellyn Lovelock Macallister Mandeville Marchetti Merriweather Mukherjee Nakagawa
    Nightingall Norquist Oakeshott Obolensky Okonkwo Oyelaran Papadakis Pemberton Pettigrew
    Quartermain Quillfeather Ramanathan Ravenscroft Rosenqvist Rutherglen Saltonstall Scrimgeour
    Silverthorne Skarsgaard Stallybrass Swinnerton Szymanski Tattersall Thistlewood Trelawney
    Underhill Vanderhoeven Venkataraman Villanueva Wadsworth Wetherby Whittaker Winterbourne
    Wolstenholme Yamashita Yarborough Zielinski Zuckerwise
""")
PLACE_HEAD = words("""
    Alder Ashen Barley Beacon Birken Bramble Brock Candle Cinder Clover Copper Corn Cress Crow
    Dapple Drift Dun Elder Ember Fallow Fenni Flint Fox Gallow Gorse Gosling Harrow Hazel Heron
    Hollow Hop Jarrow Kestrel Kettle Lark Linnet Lower Mallow Maple Marl Merrow Moss Nettle Oat
    Otter Peter Plover Quill Rook Rush Saffron Sedge Shep Stark Stone Swallow Tansy Thistle Thorn
    Umber Wether Whin Willow Wrack Yarrow
""")
PLACE_TAIL = words("""
    beck bourne bridge burn bury by combe cote croft dale den don fell field ford garth gate gill
    ham haven hithe holm holt hurst keld lund mere minster mouth port rigg scar shaw stead stoke
    stow thorpe thwaite ton wick wold worth
""")
CODENAMES = words("""
    Anvil Basilisk Bellows Calliope Cardamom Corona Cutlass Dovetail Fathom Gantry Halyard Hopscotch
    Isinglass Juniper Keystone Lantern Lodestar Marzipan Mistral Obsidian Palisade Parsnip Periscope
    Quicklime Rhubarb Sextant Sundial Tamarind Tangram Trellis Vermilion Waxwing Zephyr
""")
SHIP_FIRST = words("""
    Amber Brave Crimson Distant Eastern Faithful Gallant Gilded Golden Hardy Hidden Humble Ivory
    Jolly Lonely Merry Misty Northern Patient Pearl Proud Quiet Restless Roving Silver Southern
    Steadfast Sturdy Valiant Wandering Western Winter
""")
SHIP_LAST = words("""
    Albatross Barnacle Comet Cormorant Countess Curlew Dolphin Duchess Enchantress Fulmar Gannet
    Guillemot Herald Huntress Kittiwake Mariner Meteor Narwhal Nereid Osprey Pelican Petrel Pilgrim
    Porpoise Ranger Sandpiper Seafarer Shearwater Skylark Tern Venture Walrus Wanderer
""")
NICK_FIRST = words("""
    Brass Buttons Cast-Iron Clockwork Copper Double Feather Flannel Gunpowder Half-Past Lucky
    Midnight Mustard Old Paper Pepper Rusty Sixpenny Soapbox Spare Sugar Sunday Ten-Mile Thunder Tin
    Turnip Velvet Whistling
""")
NICK_LAST = words("""
    Admiral Badger Bantam Barber Bishop Bulldog Carpenter Colonel Cricket Duke Elbows Ferret Fiddler
    Giraffe Grandmother Hatbox Jackdaw Kettle Magpie Mole Monkey Parson Porcupine Professor Rooster
    Sergeant Sparrow Terrier Tortoise Walnut Weasel Whiskers
""")
COLOUR_FIRST = phrases("""
    pale, deep, dusty, burnt, smoky, powder, bottle, cornflower, buttercup, midnight, salmon, mint,
    tobacco, slate, primrose, plum, lobster, oyster, pistachio, apricot, mulberry, cobalt, cherry
""")
COLOUR_LAST = words("blue green yellow pink grey red brown orange purple cream violet ochre")
MATERIAL_FIRST = phrases("""
    reclaimed, Welsh, riveted, polished, tarred, Burmese, quarried, Danish, salvaged, hand-hewn,
    Portuguese, seasoned, hammered, galvanised, Cornish, Baltic, unglazed, Norwegian, laminated
""")
MATERIAL_LAST = words("""
    slate granite larch elm copper teak cork limestone pewter brass zinc sandstone cedar
    basalt terracotta bronze ash marble whalebone bamboo porphyry walnut flagstone aluminium
""")
HIDING_FIRST = phrases("""
    cracked, dented, green-lidded, upturned, hollow, painted, rusted, wicker, speckled, broken,
    three-legged, moth-eaten, blue-rimmed, empty, crooked, threadbare
""")
HIDING_LAST = phrases("""
    teapot, biscuit tin, flowerpot, coal scuttle, bird box, watering can, milk churn, boot rack,
    hymn board, butter dish, umbrella stand, cigar box, clock case, lobster pot, sugar bowl
""")
MONTHS = words(
    "January February March April May June July August September October November December"
)
LETTERS = "ABCDEFGHJKLMNPQRTVWXYZ"


class Names:
    """The names and values of one case; nothing is drawn twice."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._used: set[str] = set()

    def pick(self, options: Sequence[str]) -> str:
        """One of the options that this case has not used."""
        free = [option for option in options if option not in self._used]
        choice = self._rng.choice(free)
        self._used.add(choice)
        return choice

    def among(self, *options: str) -> str:
        """One of the options, used before or not."""
        return self._rng.choice(options)

    def number(self, low: int, high: int, step: int = 1) -> int:
        """A number of the range that this case has not used."""
        while str(value := self._rng.randrange(low, high + 1, step)) in self._used:
            pass
        self._used.add(str(value))
        return value

    def person(self) -> str:
        return f"{self.pick(FIRST)} {self.pick(LAST)}"

    def titled(self) -> str:
        """A person, now and then with a title."""
        title = self.among("", "", "", "Dr. ", "Professor ", "Captain ", "Judge ")
        return title + self.person()

    def place(self) -> str:
        return self.pick(PLACE_HEAD) + self.pick(PLACE_TAIL)

    def at_place(self, nouns: str) -> str:
        """Something of a place: 'the Harrowgate Mill' for the noun 'Mill'."""
        return f"the {self.place()} {self.pick(phrases(nouns))}"

    def project(self, nouns: str) -> str:
        """A project, by code name or by place."""
        if self._rng.random() < 0.5:
            return f"Project {self.pick(PLACE_HEAD)} {self.pick(CODENAMES)}"
        return self.at_place(nouns)

    def expedition(self) -> str:
        leader = self.among(self.pick(LAST), self.person(), f"{self.pick(LAST)}-{self.pick(LAST)}")
        return f"the {leader} {self.among('Expedition', 'Survey', 'Mission')}"

    def two_words(self, first: Sequence[str], last: Sequence[str]) -> str:
        return f"{self.pick(first)} {self.pick(last)}"

    def date(self, first_year: int, last_year: int) -> str:
        day, year = self.number(1, 28), self.number(first_year, last_year)
        month = self.pick(MONTHS)
        return self.among(f"{day} {month} {year}", f"{month} {day}, {year}")

    def clock(self) -> str:
        return f"{self.number(5, 11)}:{self.number(5, 55, 5):02d}"

    def code(self) -> str:
        """An access code in one of a few shapes."""
        letters = "".join(self._rng.sample(LETTERS, 3))
        digits = str(self.number(1000, 9999))
        return self.among(
            str(self.number(100_000, 999_999)),
            f"{letters[:2]}-{digits}",
            f"{digits[:3]}-{letters}",
            f"{letters}{digits}",
            f"{self.pick(CODENAMES).lower()}-{digits[:2]}",
        )

    def price(self) -> str:
        return f"{self.among('$', '£', '€')}{self.number(1_050, 98_950, 50):,}"

    def count(self) -> str:
        return f"{self.number(1_013, 9_987):,}"

    def miles(self) -> str:
        whole = self.number(12, 97)
        return self.among(
            f"{whole} miles", f"{whole}.{self.number(1, 9)} kilometres", f"{whole} leagues"
        )

    def feet(self) -> str:
        return f"{self.number(61, 489)} {self.among('feet', 'metres')}"

    def room(self) -> str:
        kind = self.among("Room", "Suite", "Studio", "Hall")
        number = self.number(11, 499)
        return self.among(f"{kind} {number}", f"{kind} {self.pick('BCDEFGHJK')}{number}")
