"""Questions cut from the sentence that answers them, in the sentence's own words or nearly so."""

import re
from dataclasses import dataclass
from random import Random

from examples.train_bundled.forms import bare, varied
from examples.train_bundled.phrases import IMPERATIVES, OPENINGS, STOPWORDS
from examples.train_bundled.slots import Slot

WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*|\d[\d.,:]*\d|\d")
LONGEST = 14  # words of the sentence that a question keeps
_PREPOSITION = re.compile(
    r"(?:^|\s)(in|on|at|by|from|to|with|for|of|under|near|into|after|before|until|since|through|"
    r"between|behind|inside|against|about|as)(?: (?:the|a|an))?\s*$",
    re.IGNORECASE,
)
_BORDER = re.compile(
    r"[,;:()]+\s*|\s*—\s*|\s+(?=(?:in|on|at|by|from|to|with|for|and|but|or|which|who|that|when|"
    r"where|while|as|because|after|before|into|over|under|through|though|since|until)\b)"
)
_CONNECTIVE = re.compile(r"^(?:(?:and|but|or|which|who|that|then|so|yet|for)\s+)+")
_ADVERBIAL = re.compile(
    r"^(?:in|on|at|by|from|to|with|for|when|where|while|as|because|after|before|into|over|under|"
    r"through|though|since|until|during|if)\b",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"(?:\s+(?:the|an?|his|her|its|their|of|and|or|that|to|in|on|at|by|for|from|with|without))+$"
)
_AUXILIARY = re.compile(
    r"^(?P<subject>(?:\S+ ){0,6}?)(?P<verb>is|was|are|were|can|must|should|may|will|has|had|have|"
    r"could|would|might) (?P<rest>\S.*)$"
)
_KEPT = "\x01"  # stands for the entity while a sentence is cut up


@dataclass(frozen=True)
class Clause:
    """A sentence without its answer, in pieces."""

    pieces: tuple[str, ...]
    preposition: str  # what stood before the answer, if anything
    subject: bool  # whether the answer began the sentence
    counted: str  # what the answer counts, for a number


def cloze(sentence: str, answer: Slot, entity: Slot | None, rng: Random) -> str | None:
    """A question for a span of a sentence; None where too little is left to tell it by."""
    clause = _clause(sentence, answer, entity)
    named = entity.of(sentence) if entity else ""
    if named.startswith("The "):
        named = "t" + named[1:]
    pieces = _chosen(list(clause.pieces), rng)
    if not pieces:
        return None
    told = [_altered(piece, rng) if rng.random() < 0.4 else piece for piece in pieces]
    said = _telling(" ".join(told).replace(_KEPT, named))
    given_away = bool(said & {w.lower() for w in WORD.findall(answer.of(sentence))})
    if given_away or len(said) < (2 if entity else 3):
        return None
    draw = rng.random()
    if draw < 0.18:
        question = _keywords(told, clause.counted, rng)
    elif draw < 0.4:
        rng.shuffle(told)
        question = _jumbled(told, answer.kind, clause, rng)
    else:
        question = _inverted(told, answer.kind, clause, rng)
    question = " ".join(question.replace(_KEPT, named).split())
    return question[0].upper() + question[1:]


def _clause(sentence: str, answer: Slot, entity: Slot | None) -> Clause:
    """What is left of a sentence when its answer is taken out."""
    text = sentence.rstrip(" .!?")
    marked = [(answer.start, answer.end, "\x00")]
    if entity:
        marked.append((entity.start, entity.end, _KEPT))
    for start, end, mark in sorted(marked, reverse=True):
        text = text[:start] + mark + text[end:]
    first = text.split(" ", 1)[0]
    if first != "I" and (first.lower() in STOPWORDS or first.endswith(("ly", "ing", "ed"))):
        text = text[0].lower() + text[1:]
    before, after = text.split("\x00")
    preposition = ""
    if match := _PREPOSITION.search(before):
        preposition, before = match[1].lower(), before[: match.start()]
    counted = ""
    if answer.kind == "number" and (match := re.match(r" ((?:[a-z]{3,} )?[a-z]{2,}s)\b", after)):
        counted, after = match[1], after[match.end() :]
    pieces = [
        _DANGLING.sub("", _CONNECTIVE.sub("", piece.strip(" ,;:-–—'’()")))
        for half in (before, after)
        for piece in _BORDER.split(half)
    ]
    return Clause(
        tuple(piece for piece in pieces if _KEPT in piece or _telling(piece)),
        preposition,
        not before.strip() and not preposition,
        counted,
    )


def _telling(text: str) -> set[str]:
    return {w.lower() for w in WORD.findall(text)} - STOPWORDS


def _chosen(pieces: list[str], rng: Random) -> list[str]:
    """A random share of the pieces: the one with the entity, and no more words than LONGEST."""
    share = rng.uniform(0.15, 0.9)
    keep = [_KEPT in piece or rng.random() < share for piece in pieces]
    if not any(keep) and pieces:
        keep[rng.randrange(len(pieces))] = True
    left = LONGEST
    chosen: list[str] = []
    for piece, kept in zip(pieces, keep, strict=True):
        size = len(piece.split())
        if kept and (size <= left or _KEPT in piece):
            chosen.append(piece)
            left -= size
    return chosen


def _altered(piece: str, rng: Random) -> str:
    """A piece with a word left out here, another form there, or cut short."""
    words = piece.split()
    if len(words) > 4 and rng.random() < 0.4:
        kept = next((i for i, w in enumerate(words) if _KEPT in w), 0)
        begin = rng.randint(0, min(kept, len(words) - 3))
        words = words[begin : max(kept + 1, begin + rng.randint(3, len(words)))]
    words = [varied(w, rng) if rng.random() < 0.2 else w for w in words]
    left = " ".join(w for w in words if _KEPT in w or rng.random() < 0.9)
    return _DANGLING.sub("", left) or piece


def _opening(kind: str, clause: Clause, rng: Random) -> str:
    """The question word, now and then with the preposition of the answer before it."""
    if clause.counted:
        return f"how many {clause.counted}"
    preposition = clause.preposition
    if kind == "number" and not clause.counted:
        return rng.choice(("what number", "which number", "how many"))
    opening = rng.choice(OPENINGS.get(kind, ("what", "what", "which")))
    if preposition and opening.split()[0] in ("what", "which") and rng.random() < 0.5:
        return f"{preposition} {opening}"
    if preposition and opening == "whom":
        return f"{preposition} whom"
    return opening


def _inverted(pieces: list[str], kind: str, clause: Clause, rng: Random) -> str:
    """A question with its verb before the subject, where both can be found."""
    opening = _opening(kind, clause, rng)
    if clause.subject:
        return f"{'who' if opening == 'whom' else opening} {' '.join(pieces)}?"
    # The main clause comes first, adverbials after it.
    pieces.sort(key=lambda piece: bool(_ADVERBIAL.match(piece)))
    told = " ".join(pieces)
    if rng.random() < 0.15:
        return rng.choice(IMPERATIVES).format(asked=f"{opening} {told}")
    if match := _AUXILIARY.match(told):
        return f"{opening} {match['verb']} {match['subject']}{match['rest']}?"
    words = told.split()
    for i, word in enumerate(words[1:7], 1):
        if (simple := bare(word)) and words[i - 1] not in STOPWORDS:
            return f"{opening} did {' '.join([*words[:i], simple, *words[i + 1 :]])}?"
    return f"{opening} {told}?"


def _jumbled(pieces: list[str], kind: str, clause: Clause, rng: Random) -> str:
    """The pieces in any order, the question word before or after them."""
    opening, told = _opening(kind, clause, rng), rng.choice((", ", " ")).join(pieces)
    return rng.choice(
        (f"{opening} {told}?", f"{opening}, {told}?", f"{told}: {opening}?", f"{told}, {opening}?")
    )


def _keywords(pieces: list[str], counted: str, rng: Random) -> str:
    """What one types into a search box."""
    told = f"{' '.join(pieces)} {counted}"
    words = [w for w in told.split() if w.lower() not in STOPWORDS]
    if rng.random() < 0.4:
        rng.shuffle(words)
    return " ".join(words) + rng.choice(("", "?"))
