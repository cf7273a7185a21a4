"""Which stretch of the corpus a row of training reads."""

from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from examples.train_bundled.corpus import Corpus

PASSAGE_SHARE = 0.85  # of the documents drawn, which are read about where readers asked
READ_AROUND = 60  # sentences before such a passage and behind it that are read too, at most
# Before it no more than one for so many tokens of the row: the passage has to have room.
TOKENS_A_SENTENCE_BEFORE = 100
FEWEST_TOKENS = 64
GAP = -1  # in place of a sentence, between two documents

Piece = NDArray[np.uint16]


class Stretches:
    """Draws sentences of the corpus in a row.

    Args:
        passages: what readers asked about, sentences each.
        gap: the tokens between two documents.
    """

    def __init__(
        self, corpus: Corpus, passages: Sequence[range], gap: Sequence[int], rng: Random
    ) -> None:
        self.corpus, self.passages, self.rng = corpus, passages, rng
        self.gap = np.array(gap, np.uint16)

    def draw(self, least: int, most: int) -> tuple[list[int], list[int]]:
        """Sentences in a row, up to `least` tokens of them, and those that follow up to `most`."""
        while True:
            indices = self._sentences(most)
            ends = np.cumsum([len(self.sentence(index)) for index in indices])
            cut = int(np.searchsorted(ends, max(least, FEWEST_TOKENS), "right"))
            if cut:
                return indices[:cut], indices[cut:]

    def sentence(self, index: int) -> Piece:
        """The tokens of a sentence that was drawn, or of what stands between two documents."""
        return self.gap if index == GAP else self.corpus.sentence(index)

    def any_sentence(self) -> int:
        """Of all documents: so long ones are drawn as often as they are long."""
        return self.rng.randrange(int(self.corpus.document_start[-1]))

    def asked_sentence(self) -> int:
        """Of the first half of what readers asked about somewhere."""
        return self._begin(self.rng.choice(self.passages))

    def _begin(self, passage: range) -> int:
        return self.rng.randrange(passage.start, passage.start + max(1, len(passage) // 2))

    def _sentences(self, tokens: int) -> list[int]:
        """Sentences of a document from some place on, and of others as far as it is too short."""
        indices: list[int] = []
        left = tokens
        while left > 0:
            first, last = self._place(tokens)
            if indices:
                indices.append(GAP)
                left -= len(self.gap)
            for index in range(first, last):
                indices.append(index)
                left -= len(self.corpus.sentence(index))
                if left <= 0:
                    break
        return indices

    def _place(self, tokens: int) -> tuple[int, int]:
        """A sentence to begin at and one to end before, of one document, for a row so long."""
        rng, corpus = self.rng, self.corpus
        if self.passages and rng.random() < PASSAGE_SHARE:
            passage = rng.choice(self.passages)
            sentence = self._begin(passage)
            before = rng.randint(0, min(READ_AROUND, tokens // TOKENS_A_SENTENCE_BEFORE))
            end = passage.stop + rng.randint(0, READ_AROUND)
        else:
            sentence, before, end = self.any_sentence(), 0, int(corpus.document_start[-1])
        document = corpus.document(corpus.document_of(sentence))
        return max(document.start, sentence - before), min(document.stop, end)
