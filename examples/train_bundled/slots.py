"""The spans of a real sentence that a question can ask for, and that a made-up name can fill."""

import re
from dataclasses import dataclass

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
)
_COUNT = (
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|"
    r"fifty|sixty|hundred|thousand)"
)
_AMOUNT = rf"(?:\d[\d,]*(?:\.\d+)?|\b{_COUNT})"
_WORD = r"[A-Z][a-z]+(?:[’'-][A-Za-z][a-z]+)*\b"
_SLOT = re.compile(
    rf"(?P<date>\b(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? \d{{4}})?|"
    rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}})?|{_MONTH} \d{{4}}))\b"
    r"|(?P<time>\b\d{1,2}:\d\d(?: ?[ap]\.?m\b\.?)?)"
    r"|(?P<price>[$£€]\d(?:[\d,.]*\d)?(?: (?:million|billion))?)"
    rf"|(?P<percent>\b{_AMOUNT} ?(?:percent\b|per cent\b|%))"
    rf"|(?P<distance>\b{_AMOUNT} (?:miles|feet|yards|leagues|km|kilometers|metres|meters|inches)\b)"
    rf"|(?P<weight>\b{_AMOUNT} (?:pounds|tons|kg|kilograms|ounces)\b)"
    rf"|(?P<duration>\b{_AMOUNT} (?:minutes|hours|days|weeks|months|years)\b)"
    r"|(?P<year>(?<![\d,.$/-])(?:1[0-9]\d\d|20[0-2]\d)(?![\d,]\d|[\w/%-]))"
    rf"|(?P<number>(?<![\w.,/#-])(?:\d[\d,]*\d|\d)(?![\w/%-]|[.,:]\d)|\b{_COUNT}\b(?!-))"
    r"|(?P<person>(?<![\w-])(?:Mr|Mrs|Ms|Dr|Prof|Gen|Col)\. "
    rf"{_WORD}(?: {_WORD})*|\b(?:[Hh]e|[Ss]he)\b(?!['’-]))"
    rf"|(?P<title>(?<![\w-]){_WORD}(?: (?:of (?:the )?)?{_WORD})*(?!\.\w|::|[(/_]))"
    r"|(?P<thing>\b(?:[Tt]he|[Tt]his|[Tt]hat|[Aa]n?|[Hh]is|[Hh]er|[Ii]ts|[Tt]heir|[Oo]ur|[Mm]y) "
    r"(?:[a-z]{3,} )?(?P<noun>[a-z]{4,})(?=[,.;:!?]| (?:in|on|at|was|is|were|and|with|to|for|from|"
    r"that|which|who|had|has|by|as|would|could|should|must|may|will|into|or|but|when|where)\b))"
)
_BEFORE_PLACE = re.compile(r"\b(?:[Ii]n|[Aa]t|[Ff]rom|[Nn]ear|[Ii]nto|[Tt]owards?|[Oo]utside) $")
_AFTER_SUBJECT = re.compile(r"[’']s\b| (?:is|was|were|has|had|can|could|would|will|[a-z]+ed)\b")
_AFTER_PERSON = re.compile(
    r" (?:said|asked|thought|wrote|went|came|took|told|gave|looked|knew|felt|saw|replied|believed|"
    r"argued|married|died|lived|became|returned)\b"
)
_NOISE = re.compile(r"[a-z][A-Z]|[A-Za-z][.:/][A-Za-z]|\w\(|[a-z]\d| [,.;:]|[,(] ?[,()]")
_WHOLE = re.compile(r"[A-Z][^\n\"“”‘\[\]{}<>|*_=\\]+[a-z0-9)][.!?]")
FEWEST_WORDS, MOST_WORDS = 8, 32
ENTITY_SLOTS = frozenset(("person", "town", "title", "thing"))
PRONOUNS = frozenset(("he", "she"))


@dataclass(frozen=True)
class Slot:
    """A span of a sentence and the kind of thing that it names, as `values.VALUE_KINDS` has it."""

    start: int
    end: int
    kind: str

    def of(self, sentence: str) -> str:
        return sentence[self.start : self.end]

    def moved(self, by: int) -> "Slot":
        return Slot(self.start + by, self.end + by, self.kind)


def plain(sentence: str) -> bool:
    """Whether a sentence is whole, of a middle length, and without quotes, markup or code."""
    return (
        FEWEST_WORDS <= len(sentence.split()) <= MOST_WORDS
        and _WHOLE.fullmatch(sentence) is not None
        and sentence.count("(") == sentence.count(")")
        and _NOISE.search(sentence) is None
    )


def slots(sentence: str, rare: frozenset[str]) -> list[Slot]:
    """Every slot of a sentence, from left to right."""
    found: list[Slot] = []
    for match in _SLOT.finditer(sentence):
        kind = str(match.lastgroup)
        start, end = match.span(kind) if kind != "noun" else match.span("thing")
        if kind in ("noun", "thing"):
            kind = "thing"
            if match["noun"] not in rare:
                continue
        elif kind == "title":
            if start == 0 and not _names(match.group(), sentence, rare):
                continue
            if _BEFORE_PLACE.search(sentence, 0, start):
                kind = "town"
            elif _AFTER_PERSON.match(sentence, end):
                kind = "person"
        found.append(Slot(start, end, kind))
    return found


def _names(text: str, sentence: str, rare: frozenset[str]) -> bool:
    """Whether the capitals at the start of a sentence are a name's, and not the sentence's own."""
    first, *others = text.split()
    if first.lower() not in rare:
        return False
    follows = _AFTER_SUBJECT.match(sentence, len(text)) or _AFTER_PERSON.match(sentence, len(text))
    return bool(others) or follows is not None
