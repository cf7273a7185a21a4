"""Words and clauses of the corpus itself, so that names and sentences are as varied as it is."""

import re
from dataclasses import dataclass
from random import Random

from tokenizers import Tokenizer

from examples.train_bundled.corpus import Corpus

SAMPLED_SENTENCES = 60_000
CAPITAL = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,9}\b(?![’'-])")
# An adjective and a noun, or a noun alone, between an article and the word that ends the phrase.
PHRASE = re.compile(
    r"\b(?:the|a|an|his|her|its|their) (?:(?P<adjective>[a-z]{3,9}) )?(?P<noun>[a-z]{3,10})"
    r"(?=[,.;]| (?:of|in|on|at|was|is|were|and|with|to|for|from|that|which|had)\b)"
)
NO_ADJECTIVE = frozenset(
    "the same other very most more many few such own first last next more less only whole two "
    "three four five six one several certain various and but not for".split()
)
LEAD = re.compile(
    r"^(?:When|While|As|After|Before|Since|Although|Because|In|On|At|During|For|Under|Without|"
    r"With|By) [^,;:()\"“”‘’'\n]{12,60}, (?=[a-z])"
)
TAIL = re.compile(
    r"(?:[,;] (?:which|who|when|where|while|although|because|but|for|with|though|and|as|until)|"
    r" (?:because|although|until)) [^,;:()\"“”‘’'\n]{12,60}(?=[.!]$)"
)
SHORT = re.compile(r"^[A-Z][^,;:()\"“”‘’'\n]{12,60}\.$")


@dataclass(frozen=True)
class Lexicon:
    """What a sample of the corpus holds of each."""

    capitals: tuple[str, ...]  # words that stand capitalised inside a sentence
    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    leads: tuple[str, ...]  # clauses that begin a sentence, with their comma
    tails: tuple[str, ...]  # clauses that end one, without its full stop
    short: tuple[str, ...]  # whole sentences of a few words


def harvest(corpus: Corpus, tokenizer: Tokenizer, rng: Random) -> Lexicon:
    """The lexicon of randomly drawn sentences."""
    total = len(corpus.sentence_start) - 1
    drawn = rng.sample(range(total), min(SAMPLED_SENTENCES, total))
    texts: list[str] = tokenizer.decode_batch([corpus.sentence(i).tolist() for i in drawn])
    capitals, adjectives, nouns = set[str](), set[str](), set[str]()
    leads, tails, short = set[str](), set[str](), set[str]()
    for text in map(str.strip, texts):
        capitals.update(CAPITAL.findall(text))
        for match in PHRASE.finditer(text):
            nouns.add(match["noun"])
            if match["adjective"] and match["adjective"] not in NO_ADJECTIVE:
                adjectives.add(match["adjective"])
        if lead := LEAD.match(text):
            leads.add(lead.group())
        if tail := TAIL.search(text):
            tails.add(tail.group())
        if SHORT.match(text):
            short.add(text)
    # Sorted, because the order of a set differs from one process to the next.
    pools = (capitals, adjectives, nouns, leads, tails, short)
    return Lexicon(*(tuple(sorted(pool)) for pool in pools))
