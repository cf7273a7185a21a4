"""Training rows made on the fly: a stretch of the corpus, facts put into it, questions about it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from dashdoc.prompts import ASK, SUMMARIZE
from examples.train_bundled.corpus import Corpus
from examples.train_bundled.exam import Asked, Exam
from examples.train_bundled.facts import Fact, facts
from examples.train_bundled.lexicon import harvest
from examples.train_bundled.mutants import mutants
from examples.train_bundled.names import Names
from examples.train_bundled.paraphrase import Synonyms
from examples.train_bundled.reader_questions import ReaderQuestions
from examples.train_bundled.stretches import Piece, Stretches
from examples.train_bundled.summaries import main_sentences, sentences_like

# What a token counts for in the loss: the text, or an answer of one of six sorts. Of a summary the
# first tokens of each sentence, and its end, are choices.
IGNORED, TEXT, ANSWER, ANSWER_REAL, ANSWER_READER, ANSWER_SUMMARY, CHOICE, ANSWER_NONE = range(8)
ANSWER_NAMED = 8
STATED_SHARE = 0.25  # of the questions, which are about facts put into the text
READER_SHARE = 0.65  # of the questions, at most, which readers ask
ABSENT_SHARE = 0.05  # of the questions, which are about facts kept out of it
LEFT_OUT_SHARE = 0.01  # of the questions, which are about sentences taken out of the text
# Of the questions, which name a few sentences of the text that may answer them: each of these is
# read when the question is known.
NAMING_SHARE = 0.3
NAMED, NAME = "\nIt may be one of these:", "\n-"
QUESTION_TOKENS = 115  # that a question and its answer take on the whole
# Of the sentences that readers ask about, and what share of its words such a one has replaced: an
# answer that was learned by heart is not the sentence then.
REWORDED_SENTENCES, REWORDED_WORDS = 0.5, 0.3
# Of the rows of a length; what is summarised has mostly 2,000 to 6,000 tokens.
SUMMARY_SHARES = MappingProxyType({1024: 0.1, 2048: 0.4, 4096: 0.5, 8192: 0.4})
ABSTRACT_SHARE = 0.1  # of the summaries, which are of documents with an abstract
# Of the other summaries, which are of documents from their start. Those from anywhere have main
# sentences of their own: of whole documents they would be learned by heart.
WHOLE_SHARE = 0.2
SUMMARY_SENTENCES, SUMMARY_TOKENS = 4, 260
CHOICE_TOKENS = 3
FILLED = 0.6  # of a row, at least, that a document to summarise takes
TOKENS_A_QUESTION = 250  # of such a row, in which readers ask at most one
ASKED_SHARE = 0.5  # of the texts without their abstract, which readers asked about
DRAWS = 20  # of documents to summarise
SHORTEST_PAGE, LONGEST_PAGE = 250, 700
MARKER_TOKENS = 10
NO_READERS = ReaderQuestions({}, ())


@dataclass(frozen=True)
class Turn:
    """A request and its answer as tokens, and what each of the answer's counts for."""

    request: list[int]
    answer: list[int]
    kinds: list[int]

    def __len__(self) -> int:
        return len(self.request) + len(self.answer)


class RowMaker:
    """Rows of one length: tokens and what each counts for.

    With synonyms, questions are put in other words too; with the questions of readers, these are
    asked too. Of the rows of each length, the `summaries` share ends with a summary; the others end
    with questions.
    """

    def __init__(
        self,
        corpus: Corpus,
        tokenizer: Tokenizer,
        seed: int | str,
        synonyms: Synonyms | None = None,
        readers: ReaderQuestions = NO_READERS,
        summaries: Mapping[int, float] = SUMMARY_SHARES,
    ) -> None:
        self.corpus, self.tokenizer, self.rng = corpus, tokenizer, Random(seed)
        self.synonyms, self.readers, self.summaries = synonyms, readers, summaries
        self.names = Names(harvest(corpus, tokenizer, self.rng), self.rng)
        special: Callable[[str], int] = tokenizer.token_to_id  # type: ignore[assignment]
        self.end = special("<|endoftext|>")
        self.stop = special("<|im_end|>")
        self.opening = [special("<|im_start|>"), *self._ids("user\n")]
        self.closing = [
            self.stop, *self._ids("\n"), special("<|im_start|>"), *self._ids("assistant\n"),
        ]  # fmt: skip
        self.between = [*self._ids("\n"), *self.opening]
        self.gap = self._ids("\n\n")
        self.stretches = Stretches(corpus, readers.passages, self.gap, self.rng)

    def row(self, length: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """[length] tokens and [length] kinds."""
        made = None
        if self.rng.random() < self.summaries.get(length, 0.0):
            made = self._summary(length)
        return self._row(*(made or self._questions(length)), length)

    def passage(self, sentences: range) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """A passage of the corpus and one question of a reader for each sentence that has any.

        [T] tokens and [T] kinds, as many as that takes.
        """
        asked = [(i, self.readers.of_sentence.get(i)) for i in sentences]
        turns = [
            self._turn(ASK.format(question=questions[0]), self._said(i), ANSWER_READER)
            for i, questions in asked
            if questions
        ]
        pieces = [self.corpus.sentence(i) for i in sentences]
        length = sum(map(len, pieces)) + sum(len(self._ids_of(turn)) for turn in turns)
        return self._row(pieces, turns, length + self._markers(length))

    def _row(
        self, pieces: Sequence[Piece], turns: Sequence[Turn], length: int
    ) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """The text, as much of it as fits, and the turns after it."""
        asked = [token for turn in turns for token in self._ids_of(turn)]
        tokens, kinds = self._text_turn(pieces, length - len(asked))
        for turn in turns:
            kinds += [IGNORED] * len(turn.request) + turn.kinds
            kinds += [IGNORED] * len(self.between)
        return np.array(tokens + asked, np.uint16), np.array(kinds, np.uint8)

    def _questions(self, length: int) -> tuple[list[Piece], list[Turn]]:
        """A stretch of prose with facts put into it, and questions about both."""
        rng = self.rng
        most = max(3, min(80, length // 150))
        # With few questions now and then, so that a text may be nearly as long as the row.
        count = rng.choice((most, rng.randint(max(3, most // 5), most)))
        absent = sum(rng.random() < ABSENT_SHARE for _ in range(count))
        drawn = self._facts(absent + rng.randint(2, 4 + length // 300))
        stated, kept_out = drawn[absent:], drawn[:absent]
        added = [self._piece(" " + fact.statement) for fact in stated]
        # What the text and the answers share; a page has a marker.
        room = length - sum(map(len, added)) - self._markers(length)
        core, more = self.stretches.draw(room - QUESTION_TOKENS * count, length)
        missing = sum(rng.random() < LEFT_OUT_SHARE for _ in range(count))
        left_out = [self._take_out(core) for _ in range(min(missing, len(core) - 8))]
        readers = self._asked_of(core)
        text = [self.stretches.sentence(index) for index in core]
        for i in readers:
            if self.synonyms and rng.random() < REWORDED_SENTENCES:
                reworded = self.synonyms.reworded(self._text(text[i]), REWORDED_WORDS, rng)
                text[i] = self._piece(reworded)
        room -= sum(map(len, text))
        said = [self._text(piece).strip() for piece in text]
        exam = Exam(stated, said, self.corpus.rare, rng, self.synonyms, readers)
        gone = [(self._said(i), self.readers.of_sentence.get(i, ())) for i in left_out]
        turns = self._turns(exam, kept_out, gone, count, room)
        for piece in added:
            text.insert(rng.randint(1, len(text)), piece)
        return [*text, *map(self.stretches.sentence, more)], turns

    def _take_out(self, core: list[int]) -> int:
        """A sentence taken out of a stretch: as often as not one that readers ask for."""
        asked = [*self._asked_of(core)]
        among = asked if asked and self.rng.random() < 0.5 else range(len(core))
        return core.pop(self.rng.choice(among))

    def _summary(self, length: int) -> tuple[list[Piece], list[Turn]] | None:
        """A stretch of a document, its main sentences as a summary, and what readers ask of it.

        Of a document from its start the summary may be the sentences most like its abstract, which
        is left out. None if no text long enough is drawn.
        """
        count = length // TOKENS_A_QUESTION
        for_questions = QUESTION_TOKENS * count
        room = length - SUMMARY_TOKENS - self._markers(length) - for_questions
        for _ in range(DRAWS):
            indices, abstract = self._summarized()
            pieces = [self.corpus.sentence(index) for index in indices]
            ends = np.cumsum([len(piece) for piece in pieces])
            if not pieces or ends[0] > room or ends[-1] < FILLED * room:
                continue
            cut = int(np.searchsorted(ends, room, "right"))
            real = [self._text(piece).strip() for piece in pieces[:cut]]
            chosen = (
                sentences_like(real, abstract, SUMMARY_SENTENCES)
                if abstract
                else main_sentences(real, SUMMARY_SENTENCES)
            )
            turn = self._summary_turn([real[i] for i in chosen])
            if chosen and len(turn) + len(self.between) <= SUMMARY_TOKENS:
                asked = self._asked_of(indices[:cut])
                exam = Exam((), real, self.corpus.rare, self.rng, self.synonyms, asked)
                turns = self._asked(exam, exam.by_readers(), ANSWER_READER, count, for_questions)
                return pieces, [turn, *turns]
        return None

    def _summarized(self) -> tuple[list[int], str]:
        """The sentences of a text to summarise without its abstract, and that, if it counts."""
        corpus, rng = self.corpus, self.rng
        begin, told = 0, list[str]()
        if corpus.abstracts and rng.random() < ABSTRACT_SHARE:
            document = rng.choice(list(corpus.abstracts))
            told = [self._said(corpus.document(document)[n]) for n in corpus.abstracts[document]]
        else:
            asked = self.stretches.passages and rng.random() < ASKED_SHARE
            first = self.stretches.asked_sentence() if asked else self.stretches.any_sentence()
            document = corpus.document_of(first)
            if rng.random() >= WHOLE_SHARE:
                begin = first - corpus.document(document).start
        sentences, abstract = corpus.document(document), corpus.abstracts.get(document, range(0))
        numbers = (n for n in range(begin, len(sentences)) if n not in abstract)
        return [sentences[n] for n in numbers], " ".join(told[1:])

    def _asked_of(self, indices: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """What readers ask of some sentences, by their place among them."""
        asked = self.readers.of_sentence
        return {i: asked[index] for i, index in enumerate(indices) if index in asked}

    def _markers(self, length: int) -> int:
        """The tokens that the markers of a text's pages may take."""
        return MARKER_TOKENS * (2 + length // SHORTEST_PAGE)

    def _facts(self, count: int) -> list[Fact]:
        return facts(count, self.names, self._mutants)

    def _mutants(self, count: int) -> list[Fact]:
        """Facts made from some sentence of the corpus; a sentence that yields none is passed by."""
        for _ in range(50):
            index = self.rng.randrange(len(self.corpus.sentence_start) - 1)
            if made := mutants(self._said(index), self.corpus.rare, count, self.names):
                return made
        return []

    def _said(self, index: int) -> str:
        return self._text(self.stretches.sentence(index)).strip()

    def _turns(
        self,
        exam: Exam,
        kept_out: Sequence[Fact],
        left_out: Sequence[tuple[str, Sequence[str]]],
        count: int,
        room: int,
    ) -> list[Turn]:
        """Up to `count` questions of all sorts, in any order, as far as there is room."""
        unanswerable = chain(exam.about_absent(kept_out), exam.about_left_out(left_out))
        turns = self._asked(exam, unanswerable, ANSWER_NONE, count, room)
        for asked, kind, most in (
            (exam.about_facts(), ANSWER, max(1, round(count * STATED_SHARE) - len(turns))),
            (exam.by_readers(), ANSWER_READER, max(1, round(count * READER_SHARE))),
            (exam.about_text(), ANSWER_REAL, count),
        ):
            left = room - sum(len(turn) + len(self.between) for turn in turns)
            turns += self._asked(exam, asked, kind, min(most, count - len(turns)), left)
        self.rng.shuffle(turns)
        return turns

    def _asked(
        self, exam: Exam, asked: Iterable[Asked], kind: int, count: int, room: int
    ) -> list[Turn]:
        """The first questions of a sort, as far as there is room."""
        turns: list[Turn] = []
        for question, answer in asked:
            if len(turns) >= count:
                break
            turn = self._question(exam, question, answer, kind)
            if len(turn) + len(self.between) <= room:
                turns.append(turn)
                room -= len(turn) + len(self.between)
        return turns

    def _text_turn(self, pieces: Sequence[Piece], length: int) -> tuple[list[int], list[int]]:
        """The user turn up to its first question: the text, with page markers or without."""
        rng = self.rng
        tokens, kinds = list(self.opening), [IGNORED] * len(self.opening)
        length -= len(self.gap)
        paged = rng.random() < 0.5
        page, left = rng.choice((1, 1, 1, rng.randint(2, 300))), 0
        per_page = rng.randint(SHORTEST_PAGE, LONGEST_PAGE)
        for piece in pieces:
            if len(tokens) >= length:
                break
            if paged and left <= 0:
                gap = self.gap if len(tokens) > len(self.opening) else []
                marker = gap + self._ids(f"[Page {page}]\n")
                tokens += marker
                kinds += [IGNORED] * len(marker)
                page, left = page + 1, per_page
                piece = self._piece(self._text(piece).strip())
            tokens += piece.tolist()
            kinds += [TEXT] * len(piece)
            left -= len(piece)
        missing = max(0, length - len(tokens))
        tokens = tokens[:length] + [self.end] * missing + self.gap
        return tokens, kinds[:length] + [IGNORED] * (missing + len(self.gap))

    def _question(self, exam: Exam, question: str, answer: str, kind: int) -> Turn:
        rng = self.rng
        named = list[str]()
        if rng.random() < NAMING_SHARE:
            named = exam.candidates(question, answer)
            kind = kind if kind == ANSWER_NONE else ANSWER_NAMED
        if rng.random() < 0.08:
            question = question.rstrip("?.")
        if rng.random() < 0.05:
            question = question.lower()
        return self._turn(ASK.format(question=question), answer, kind, named)

    def _turn(self, instruction: str, answer: str, kind: int, named: Sequence[str] = ()) -> Turn:
        told = [*self._ids(" " + answer), self.stop]
        return Turn(self._request(instruction, named), told, [kind] * len(told))

    def _summary_turn(self, sentences: Sequence[str]) -> Turn:
        answer, kinds = list[int](), list[int]()
        for sentence in sentences:
            told = self._ids(" " + sentence)
            answer += told
            kinds += [CHOICE] * CHOICE_TOKENS + [ANSWER_SUMMARY] * (len(told) - CHOICE_TOKENS)
        return Turn(self._request(SUMMARIZE), [*answer, self.stop], [*kinds, CHOICE])

    def _request(self, instruction: str, named: Sequence[str] = ()) -> list[int]:
        """What comes behind the text; the answer starts with a space, as in a paragraph."""
        asked = self._ids(instruction)
        if named:
            asked += self._ids(NAMED)
        for sentence in named:
            asked += self._ids(NAME) + self._ids(" " + sentence)
        return asked + self.closing

    def _ids_of(self, turn: Turn) -> list[int]:
        return [*turn.request, *turn.answer, *self.between]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _piece(self, text: str) -> Piece:
        return np.array(self._ids(text), np.uint16)

    def _text(self, piece: Piece) -> str:
        text: str = self.tokenizer.decode(piece.tolist(), skip_special_tokens=False)
        return text
