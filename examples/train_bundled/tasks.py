"""Training rows made on the fly: a stretch of the corpus, facts put into it, questions about it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from dashdoc.prompts import ASK, NO_ANSWER, SUMMARIZE
from examples.train_bundled.corpus import Corpus
from examples.train_bundled.facts import Fact, facts
from examples.train_bundled.lexicon import harvest
from examples.train_bundled.mutants import mutants
from examples.train_bundled.names import Names
from examples.train_bundled.questions import question_about, tells, words
from examples.train_bundled.summaries import main_sentences

# What a token counts for in the loss: the text, or an answer of one of four sorts.
IGNORED, TEXT, ANSWER, ANSWER_REAL, ANSWER_SUMMARY, ANSWER_NONE = range(6)
STATED_SHARE = 0.7  # of the questions, which are about facts put into the text
ABSENT_SHARE = 0.06  # of the questions, which are about facts kept out of it
QUESTION_TOKENS = 82  # that a question and its answer take on the whole
SUMMARY_TOKENS = 220
SHORTEST_PAGE, LONGEST_PAGE = 250, 700
MARKER_TOKENS = 10
ATTEMPTS = 4  # at a question for a fact

Piece = NDArray[np.uint16]


@dataclass(frozen=True)
class Turn:
    """A request and its answer as tokens, and what the answer counts for."""

    request: list[int]
    answer: list[int]
    kind: int

    def __len__(self) -> int:
        return len(self.request) + len(self.answer)


class RowMaker:
    """Rows of one length: tokens and what each counts for."""

    def __init__(self, corpus: Corpus, tokenizer: Tokenizer, seed: int) -> None:
        self.corpus, self.tokenizer, self.rng = corpus, tokenizer, Random(seed)
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

    def row(self, length: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """[length] tokens and [length] kinds."""
        rng = self.rng
        summary = length <= 4096 and rng.random() < 0.06
        most = max(4, min(80, length // 110))
        count = rng.randint(max(3, most // 2), most)
        absent = 0 if summary else sum(rng.random() < ABSENT_SHARE for _ in range(count))
        drawn = [] if summary else self._facts(absent + rng.randint(2, 5 + length // 200))
        stated, kept_out = drawn[absent:], drawn[:absent]
        added = [self._piece(" " + fact.statement) for fact in stated]
        # What the text and the answers share; a page has a marker.
        room = length - sum(map(len, added)) - MARKER_TOKENS * (2 + length // SHORTEST_PAGE)
        core, more = self._stretch(
            room - (SUMMARY_TOKENS if summary else QUESTION_TOKENS * count), length
        )
        room -= sum(map(len, core))
        real = [self._text(piece).strip() for piece in core]
        if summary:
            turns = self._summary(real, room)
        else:
            turns = self._exam(real, stated, kept_out, count, room)
        for piece in added:
            core.insert(rng.randint(1, len(core)), piece)
        asked = [token for turn in turns for token in self._ids_of(turn)]
        tokens, kinds = self._text_turn([*core, *more], length - len(asked))
        for turn in turns:
            kinds += [IGNORED] * (len(turn.request)) + [turn.kind] * len(turn.answer)
            kinds += [IGNORED] * len(self.between)
        return np.array(tokens + asked, np.uint16), np.array(kinds, np.uint8)

    def _facts(self, count: int) -> list[Fact]:
        return facts(count, self.names, self._mutants)

    def _mutants(self, count: int) -> list[Fact]:
        """Facts made from some sentence of the corpus; a sentence that yields none is passed by."""
        for _ in range(50):
            index = self.rng.randrange(len(self.corpus.sentence_start) - 1)
            sentence = self._text(self.corpus.sentence(index)).strip()
            if made := mutants(sentence, self.corpus.rare, count, self.names):
                return made
        return []

    def _stretch(self, least: int, most: int) -> tuple[list[Piece], list[Piece]]:
        """Sentences in a row, up to `least` tokens of them, and those that follow up to `most`."""
        while True:
            pieces = self._sentences(most)
            ends = np.cumsum([len(piece) for piece in pieces])
            cut = int(np.searchsorted(ends, max(least, 64), "right"))
            if cut:
                return pieces[:cut], pieces[cut:]

    def _sentences(self, tokens: int) -> list[Piece]:
        """Sentences of one document from a random place on, and of others if it is too short."""
        starts = self.corpus.sentence_start
        pieces: list[Piece] = []
        left = tokens
        while left > 0:
            # By sentence, so that long documents are drawn as often as they are long.
            first = self.rng.randrange(len(starts) - 1)
            document = int(np.searchsorted(self.corpus.document_start, first, "right"))
            last = int(self.corpus.document_start[document])
            if pieces:
                first = int(self.corpus.document_start[document - 1])
                pieces.append(np.array(self.gap, np.uint16))
            for index in range(first, last):
                pieces.append(self.corpus.sentence(index))
                left -= len(pieces[-1])
                if left <= 0:
                    break
        return pieces

    def _summary(self, real: Sequence[str], room: int) -> list[Turn]:
        """The request for a summary, answered by the main sentences."""
        chosen = main_sentences(list(real), self.rng.randint(2, 4))
        turn = self._turn(SUMMARIZE, " ".join(real[i] for i in chosen), ANSWER_SUMMARY)
        return [turn] if chosen and len(turn) + len(self.between) <= room else []

    def _exam(
        self,
        real: Sequence[str],
        stated: Sequence[Fact],
        kept_out: Sequence[Fact],
        count: int,
        room: int,
    ) -> list[Turn]:
        """Questions about facts and about sentences of the text as it is, in any order."""
        rng, rare = self.rng, self.corpus.rare
        answers = [fact.statement for fact in stated] + list(real)
        about_facts = (
            (i, stated[i].question(rng))
            for i in rng.sample(range(len(stated)), len(stated))
            for _ in range(ATTEMPTS)
        )
        about_text = (
            (len(stated) + i, question_about(real[i], rare, rng))
            for i in rng.sample(range(len(real)), len(real))
            if real[i] and real[i][-1] in '.!?"”'
        )
        turns = self._unanswerable(kept_out, answers, room)
        room -= sum(len(turn) + len(self.between) for turn in turns)
        wanted = max(1, round(count * STATED_SHARE) - len(turns))
        turns += self._asked(about_facts, answers, ANSWER, wanted, room)
        room -= sum(len(turn) + len(self.between) for turn in turns if turn.kind == ANSWER)
        turns += self._asked(about_text, answers, ANSWER_REAL, count - len(turns), room)
        rng.shuffle(turns)
        return turns

    def _unanswerable(
        self, kept_out: Sequence[Fact], answers: Sequence[str], room: int
    ) -> list[Turn]:
        """Questions that name what the text nowhere names; others much like it may stand there."""
        text = "\n".join(answers).lower()
        turns: list[Turn] = []
        for fact in kept_out:
            question, entity = fact.question(self.rng), fact.entity.lower()
            if question is None or not entity or entity not in question.lower() or entity in text:
                continue
            turn = self._question(question, NO_ANSWER, ANSWER_NONE)
            if len(turn) + len(self.between) <= room:
                turns.append(turn)
                room -= len(turn) + len(self.between)
        return turns

    def _asked(
        self,
        questions: Iterable[tuple[int, str | None]],
        answers: Sequence[str],
        kind: int,
        count: int,
        room: int,
    ) -> list[Turn]:
        """The first questions that tell their sentence from all others, as far as there is room."""
        bags = [words(answer) for answer in answers]
        turns: dict[int, Turn] = {}
        for index, question in questions:
            if len(turns) >= count:
                break
            if question is None or index in turns or not tells(question, index, bags):
                continue
            turn = self._question(question, answers[index], kind)
            if len(turn) + len(self.between) <= room:
                turns[index] = turn
                room -= len(turn) + len(self.between)
        return list(turns.values())

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

    def _question(self, question: str, answer: str, kind: int) -> Turn:
        rng = self.rng
        if rng.random() < 0.08:
            question = question.rstrip("?.")
        if rng.random() < 0.05:
            question = question.lower()
        return self._turn(ASK.format(question=question), answer, kind)

    def _turn(self, instruction: str, answer: str, kind: int) -> Turn:
        # The answer starts with a space, as its sentence does inside a paragraph.
        request = self._ids(instruction) + self.closing
        return Turn(request, [*self._ids(" " + answer), self.stop], kind)

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
