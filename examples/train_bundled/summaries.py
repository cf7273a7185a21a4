"""What a summary of a stretch of text is trained to be: sentences of it, in their order."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from examples.train_bundled.cloze import WORD
from examples.train_bundled.phrases import STOPWORDS

FEWEST_WORDS, MOST_WORDS = 8, 45
EARLY = 0.1  # of the text is where a sentence counts for more
# Only so many sentences, or this share of them, are chosen from: those of the beginning.
BEGINNING, BEGINNING_SHARE = 30, 1 / 3
REDUNDANCY = 0.7  # of its worth a sentence loses if it repeats another


def main_sentences(candidates: Sequence[str], count: int) -> list[int]:
    """The first sentence and, of the beginning, those most like all others, but not each other.

    Centrality as in LexRank (Erkan and Radev 2004), redundancy as in MMR (Carbonell and Goldstein
    1998). The first sentence is found easily, and keeps a summary near what a text is about where
    other choices are wrong.
    """
    likeness = _likeness(candidates)
    early = np.exp(-np.arange(len(candidates)) / (EARLY * len(candidates) + 1))
    worth = likeness.mean(1) * (1 + early)
    fit = [i for i, sentence in enumerate(candidates) if _is_fit(sentence)]
    fit = fit[: max(BEGINNING, int(BEGINNING_SHARE * len(candidates)))]
    chosen, fit = fit[:1], fit[1:]
    while fit and len(chosen) < count:
        repeats = likeness[:, chosen].max(1, initial=0.0)
        best = max(fit, key=lambda i: float(worth[i] * (1 - REDUNDANCY * repeats[i])))
        fit.remove(best)
        chosen.append(best)
    return sorted(chosen)


def sentences_like(candidates: Sequence[str], abstract: str, count: int) -> list[int]:
    """The sentences that together share most words and pairs of words with an abstract."""
    wanted = _grams(abstract)
    grams = {i: _grams(sentence) for i, sentence in enumerate(candidates) if _is_fit(sentence)}
    chosen: list[int] = []
    together, best = Counter[tuple[str, ...]](), 0.0
    while len(chosen) < count and grams:
        scores = {i: _overlap(together + found, wanted) for i, found in grams.items()}
        choice = max(scores, key=lambda i: scores[i])
        if scores[choice] <= best:
            break
        best, together = scores[choice], together + grams.pop(choice)
        chosen.append(choice)
    return sorted(chosen)


def _is_fit(sentence: str) -> bool:
    """Whether a sentence can stand in a summary: whole, and no item of a list."""
    count = len(sentence.split())
    return (
        FEWEST_WORDS <= count <= MOST_WORDS
        and sentence[-1] in ".!?"
        and not sentence.startswith("- ")
    )


def _words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text) if len(word) > 2]


def _likeness(sentences: Sequence[str]) -> NDArray[np.float32]:
    """Cosines [n, n] of the sentences' words, rare words weighed up; 0 on the diagonal."""
    bags = [Counter(w for w in _words(text) if w not in STOPWORDS) for text in sentences]
    held = Counter(word for bag in bags for word in bag)
    place = {word: i for i, word in enumerate(held)}
    vectors = np.zeros((len(bags), len(place)), np.float32)
    for row, bag in zip(vectors, bags, strict=True):
        for word, times in bag.items():
            row[place[word]] = times * math.log(1 + len(bags) / held[word])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6
    cosines: NDArray[np.float32] = vectors @ vectors.T
    np.fill_diagonal(cosines, 0)
    return cosines


def _grams(text: str) -> Counter[tuple[str, ...]]:
    told = _words(text)
    pairs = zip(told, told[1:], strict=False)
    return Counter[tuple[str, ...]]([*((w,) for w in told if w not in STOPWORDS), *pairs])


def _overlap(found: Counter[tuple[str, ...]], wanted: Counter[tuple[str, ...]]) -> float:
    """F1 of two bags."""
    return 2 * (found & wanted).total() / max(1, found.total() + wanted.total())
