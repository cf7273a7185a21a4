"""Questions in other words than the sentence that answers them."""

import lzma
import re
from collections.abc import Iterable
from pathlib import Path
from random import Random

from examples.train_bundled.cloze import WORD
from examples.train_bundled.phrases import STOPWORDS

FOLDER = Path(__file__).parent
LEAST, MOST = 0.15, 0.9  # share of the replaceable words that a paraphrase replaces
_VERB_FOLLOWS = frozenset(
    "to did do does can could will would may might must shall should they we you i who".split()
)
_NO_VERB_FOLLOWS = frozenset(
    "a an the this that these those his her its their our my your of in on at by for from with "
    "many much which what some any".split()
)
_DOUBLES = re.compile(r"^[^aeiou]*[aeiou][bdgmnpt]$")
_ENDINGS = {"n": ("", "s"), "v": ("", "s", "ed", "ing"), "a": ("",)}


class Synonyms:
    """Words that may stand for others, as one who has not seen a text would say them."""

    def __init__(self, words: Iterable[str], irregular_forms: Iterable[str] = ()) -> None:
        """From lines such as `v build: construct, make` and `v make made` or `v see saw seen`.

        The first letter is the part of speech: noun, verb or adjective.
        """
        irregular: dict[tuple[str, str], list[str]] = {}
        for line in irregular_forms:
            part, word, *forms = line.split()
            irregular[part, word] = forms
        # For every form of a word: its part of speech, and what may stand for it.
        self._forms: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for line in words:
            head, _, others = line.partition(": ")
            part, word = head.split()
            for ending in _ENDINGS[part]:
                told = tuple(
                    form
                    for other in others.split(", ")
                    for form in _inflected(other, part, ending, irregular.get((part, other), []))
                )
                for form in _inflected(word, part, ending, irregular.get((part, word), [])):
                    self._forms.setdefault(form, []).append((part, told))

    @classmethod
    def load(cls) -> "Synonyms":
        """Those that were written for this project, of some 9,000 words of the corpus."""
        words = lzma.decompress((FOLDER / "synonyms.txt.xz").read_bytes()).decode()
        irregular_forms = (FOLDER / "irregular_forms.txt").read_text("utf-8")
        return cls(words.splitlines(), irregular_forms.splitlines())

    def synonym(self, word: str, before: str, rng: Random) -> str | None:
        """What may stand for a lower-case word behind another; None where nothing may."""
        fit = [
            told
            for part, told in self._forms.get(word, ())
            if not (part == "v" and before in _NO_VERB_FOLLOWS)
            and not (part == "n" and before in _VERB_FOLLOWS)
        ]
        return rng.choice(rng.choice(fit)) if fit else None

    def paraphrase(self, question: str, answer: str, kept: str, rng: Random) -> str:
        """A question with fewer words of its answer; names, and the words of `kept`, stay."""
        shared = set(WORD.findall(answer)) - {w.lower() for w in WORD.findall(kept)}
        return self._replaced(question, shared, rng.uniform(LEAST, MOST), rng)

    def reworded(self, text: str, share: float, rng: Random) -> str:
        """A text with other words for a share of those that have any; names stay."""
        return self._replaced(text, set(WORD.findall(text)), share, rng)

    def _replaced(self, text: str, words: set[str], share: float, rng: Random) -> str:
        parts, end, before = list[str](), 0, ""
        for match in WORD.finditer(text):
            word = match.group()
            if word.islower() and word in words and word not in STOPWORDS and rng.random() < share:
                word = self.synonym(word, before, rng) or word
            parts += [text[end : match.start()], word]
            end, before = match.end(), match.group().lower()
        return "".join([*parts, text[end:]])


def _inflected(word: str, part: str, ending: str, irregular: list[str]) -> list[str]:
    """The forms of a word with one ending: two where past and participle differ."""
    if irregular and ending == {"n": "s", "v": "ed"}.get(part):
        return irregular
    if not ending:
        return [word]
    if ending == "s":
        if re.search(r"[^aeiou]y$", word):
            return [word[:-1] + "ies"]
        return [word + ("es" if re.search(r"(?:s|x|z|ch|sh)$", word) else "s")]
    if word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        return [word[:-1] + ending]
    if ending == "ed" and re.search(r"[^aeiou]y$", word):
        return [word[:-1] + "ied"]
    return [(word + word[-1] if _DOUBLES.match(word) else word) + ending]
