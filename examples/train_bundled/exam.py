"""The questions of a row, each with its answer: about facts put into a text, and about the text."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from random import Random
from types import MappingProxyType

from dashdoc.prompts import NO_ANSWER
from examples.train_bundled.facts import Fact
from examples.train_bundled.lookups import definition_question, section_question, sections, terms
from examples.train_bundled.paraphrase import LEAST, MOST, Synonyms
from examples.train_bundled.questions import question_about, tells, unheld, words

ATTEMPTS = 4  # at a question for a fact
PARAPHRASED_SHARE = 0.5  # of the questions, which get other words for those of their sentence
# Of the questions of readers, so that none is learned by heart: which get other words for any, and
# which lose some; and what share of its words such a one loses.
REWORDED_SHARE, THINNED_SHARE, LOST_WORDS = 0.25, 0.3, 0.15
# What might be taken for an answer: so many sentences that share most words with the question, and
# so many on either side of the answer. So few of them are named with it.
LIKE_QUESTION, NEIGHBOURS = 8, 3
FEWEST_CANDIDATES, MOST_CANDIDATES = 3, 5
LONGEST_CANDIDATE = 500  # characters
DISTANT_SHARE = 0.6  # of several about one sentence the one least like it is asked
SECTION_SHARE, TERM_SHARE = 0.25, 0.7  # of the sentences that can be asked for so

Asked = tuple[str, str]  # a question and its answer


class Exam:
    """Questions about one text, of which `facts` and `sentences` are all that it says.

    `readers` has what readers ask of some of the sentences.
    """

    def __init__(
        self,
        facts: Sequence[Fact],
        sentences: Sequence[str],
        rare: frozenset[str],
        rng: Random,
        synonyms: Synonyms | None = None,
        readers: Mapping[int, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        self.facts, self.sentences, self.rare, self.rng = facts, sentences, rare, rng
        self.synonyms, self.readers = synonyms, readers
        self.said = [*(fact.statement for fact in facts), *sentences]
        self.bags = [words(text) for text in self.said]

    def about_facts(self) -> Iterator[Asked]:
        """One question for each fact, in any order, as far as one is found that tells it."""
        for i in self._shuffled(self.facts):
            fact = self.facts[i]
            for _ in range(ATTEMPTS):
                question = fact.question(self.rng)
                if question and tells(question, i, self.bags):
                    yield self._varied(question, fact.statement, fact.entity), fact.statement
                    break

    def about_text(self) -> Iterator[Asked]:
        """One question for each sentence of the text as it is, in any order, where one is found."""
        rng = self.rng
        first, headings = terms(self.sentences), sections(self.sentences)
        for i in self._shuffled(self.sentences):
            sentence = self.sentences[i]
            if not sentence or sentence[-1] not in '.!?"”':
                continue
            if i in headings and rng.random() < SECTION_SHARE:
                yield section_question(headings[i], rng), sentence
            elif i in first and rng.random() < TERM_SHARE:
                yield definition_question(first[i], rng), sentence
            else:
                question = question_about(sentence, self.rare, rng)
                if question and tells(question, len(self.facts) + i, self.bags):
                    yield self._varied(question, sentence, ""), sentence

    def by_readers(self) -> Iterator[Asked]:
        """One question of a reader for each sentence that has any, in any order."""
        for i in self.rng.sample(sorted(self.readers), len(self.readers)):
            sentence = self.sentences[i]
            yield self._of_reader(self.readers[i], sentence), sentence

    def about_absent(self, kept_out: Sequence[Fact]) -> Iterator[Asked]:
        """Questions that name what the text nowhere names; others much like it may stand there."""
        text = "\n".join(self.said).lower()
        for fact in kept_out:
            question, entity = fact.question(self.rng), fact.entity.lower()
            if question and entity and entity in question.lower() and entity not in text:
                yield self._varied(question, fact.statement, fact.entity), NO_ANSWER

    def about_left_out(self, left_out: Sequence[tuple[str, Sequence[str]]]) -> Iterator[Asked]:
        """Questions about sentences that were taken out, with what readers ask of them.

        Without a reader's question, only where no sentence left has most of the words.
        """
        for sentence, asked in left_out:
            if asked:
                yield self._of_reader(asked, sentence), NO_ANSWER
                continue
            question = question_about(sentence, self.rare, self.rng)
            if question and unheld(question, sentence, self.bags):
                yield self._varied(question, sentence, ""), NO_ANSWER

    def candidates(self, question: str, answer: str) -> list[str]:
        """A few sentences, in any order, that may answer a question, the answer among them.

        Where the text has no answer they are as many others.
        """
        rng, asked = self.rng, words(question)
        worth = [sum(1 / self._held[word] for word in asked & bag) for bag in self.bags]
        alike = sorted(range(len(worth)), key=worth.__getitem__, reverse=True)[:LIKE_QUESTION]
        there = [answer] if answer != NO_ANSWER else []
        if answer in self.said:
            place = self.said.index(answer)
            alike += range(max(0, place - NEIGHBOURS), min(place + NEIGHBOURS, len(self.said) - 1))
        others = {self.said[i] for i in alike} - {answer, ""}
        fit = sorted(said for said in others if len(said) <= LONGEST_CANDIDATE)
        count = rng.randint(FEWEST_CANDIDATES, MOST_CANDIDATES) - len(there)
        chosen = there + rng.sample(fit, min(count, len(fit)))
        rng.shuffle(chosen)
        return chosen

    @cached_property
    def _held(self) -> Counter[str]:
        """How many sentences have a word."""
        return Counter(chain.from_iterable(self.bags))

    def _shuffled(self, of: Sequence[object]) -> list[int]:
        return self.rng.sample(range(len(of)), len(of))

    def _of_reader(self, asked: Sequence[str], sentence: str) -> str:
        """One of the questions about a sentence, not always in the reader's own words."""
        rng, told = self.rng, words(sentence)
        if rng.random() < DISTANT_SHARE:
            question = min(asked, key=lambda text: len(words(text) & told))
        else:
            question = rng.choice(asked)
        if self.synonyms and rng.random() < REWORDED_SHARE:
            question = self.synonyms.reworded(question, rng.uniform(LEAST, MOST), rng)
        else:
            question = self._varied(question, sentence, "")
        if rng.random() < THINNED_SHARE:
            first, *others = question.split()
            question = " ".join([first, *(word for word in others if rng.random() > LOST_WORDS)])
        return question

    def _varied(self, question: str, answer: str, kept: str) -> str:
        if self.synonyms and self.rng.random() < PARAPHRASED_SHARE:
            return self.synonyms.paraphrase(question, answer, kept, self.rng)
        return question
