"""The rows that the bundled model is trained on: unseen by its benchmark, and answerable."""

import json
import lzma
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from random import Random

import numpy as np
import pytest
from facts_frames import four_word_runs, templates
from facts_names import FIRST as BENCHMARK_FIRST
from facts_names import LAST as BENCHMARK_LAST
from tokenizers import Tokenizer

from dashdoc.prompts import NO_ANSWER
from examples.train_bundled import phrases
from examples.train_bundled.cloze import cloze
from examples.train_bundled.corpus import Corpus, abstract, sentences
from examples.train_bundled.exam import FEWEST_CANDIDATES, MOST_CANDIDATES, Exam
from examples.train_bundled.facts import Fact, facts
from examples.train_bundled.forms import bare
from examples.train_bundled.frames import KINDS
from examples.train_bundled.lookups import defined, sections, terms
from examples.train_bundled.mutants import mutants
from examples.train_bundled.names import ENTITY_KINDS, FIRST
from examples.train_bundled.paraphrase import Synonyms
from examples.train_bundled.phrases import STOPWORDS
from examples.train_bundled.questions import tells, words
from examples.train_bundled.reader_questions import ReaderQuestions
from examples.train_bundled.slots import Slot, plain, slots
from examples.train_bundled.summaries import BEGINNING, main_sentences, sentences_like
from examples.train_bundled.tasks import (
    ANSWER,
    ANSWER_NAMED,
    ANSWER_NONE,
    ANSWER_READER,
    ANSWER_REAL,
    ANSWER_SUMMARY,
    CHOICE,
    CHOICE_TOKENS,
    NAME,
    NAMED,
    TEXT,
    WHOLE_SHARE,
    RowMaker,
)
from examples.train_bundled.values import VALUE_KINDS, value

TOKENIZER = Path("dashdoc/models/bundled/tokenizer.json")
PATTERNS = (
    "In the {year} season {name} carried {count} {things} to the {thing} near {name}.",
    "While the {thing} was empty, the old {things} of {name} were sold for ${count}.",
    "Nobody in {name} had seen the {thing} before, although it was painted twice.",
    "On 4 May {year} the {thing} of {name} burned, and {count} {things} were lost.",
    "He walked {count} miles to the {thing}, which belonged to {name} at that time.",
    "The {things} were counted again. She found {count} of them behind the {thing}.",
    "After the {thing}, they moved the {things} to {name} with great care.",
    "A {thing} is a {thing}; the {things} follow.",
)
THINGS = (
    "quarry lantern orchard cellar furnace harbour ledger meadow turbine parlour granary anchor "
    "beacon chimney ladder saddle kettle barrel hammock satchel"
).split()
NAMES = "Orrin Talvey Brusk Maddow Kelrose Pindar Sorley Vantry Wesk Yarel".split()
LENGTHS = (512, 1024, 2048)


def text(rng: Random) -> str:
    """A document of sentences in paragraphs."""
    parts = []
    for _ in range(60):
        sentence = rng.choice(PATTERNS).format(
            year=rng.randint(1700, 1990),
            name=rng.choice(NAMES),
            count=rng.randint(3, 999),
            things=f"{rng.choice(THINGS)}s",
            thing=rng.choice(THINGS),
        )
        parts.append(sentence + rng.choice((" ", " ", " ", "\n\n")))
    return "".join(parts)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(TOKENIZER))


@pytest.fixture(scope="module")
def corpus(tokenizer: Tokenizer) -> Corpus:
    rng = Random(0)
    found = [sentences(text(rng)) for _ in range(40)]
    ids = [tokenizer.encode(s, add_special_tokens=False).ids for d in found for s in d]
    lengths = np.cumsum([0, *map(len, ids)])
    documents = np.cumsum([0, *map(len, found)])
    tokens = np.array([token for sentence in ids for token in sentence], np.uint16)
    rare = frozenset([*THINGS, *(f"{t}s" for t in THINGS), *(name.lower() for name in NAMES)])
    return Corpus(tokens, lengths, documents, rare, {}, {})


@pytest.fixture
def maker(corpus: Corpus, tokenizer: Tokenizer) -> RowMaker:
    return RowMaker(corpus, tokenizer, seed=1)


def made_from_sentences(maker: RowMaker) -> list[Fact]:
    """Mutants of many sentences of the corpus."""
    return [fact for _ in range(150) for fact in maker._mutants(3)]


def exam(maker: RowMaker, *sentences: str) -> Exam:
    return Exam([], sentences, maker.corpus.rare, maker.rng)


def runs(tokens: np.ndarray, kinds: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """The start, the end and the kind of every answer of a row."""
    at = 0
    for kind, run in groupby(np.where(kinds == CHOICE, ANSWER_SUMMARY, kinds).tolist()):
        size = len(list(run))
        if kind >= ANSWER:
            yield at, at + size, kind
        at += size


def test_nothing_written_by_hand_is_in_the_benchmark() -> None:
    ours = [text for kind in KINDS for text in (*kind.statements, *kind.questions)]
    for written in vars(phrases).values():
        if isinstance(written, tuple):
            ours += written
    ours += [text for openings in phrases.OPENINGS.values() for text in openings]
    assert not four_word_runs(ours) & four_word_runs(templates())
    assert not set(FIRST) & {*BENCHMARK_FIRST, *BENCHMARK_LAST}


def test_frames_name_each_slot_once() -> None:
    for kind in KINDS:
        assert kind.entity in ENTITY_KINDS and kind.value in VALUE_KINDS
        for statement in kind.statements:
            assert sorted(re.findall(r"\{(\w+)\}", statement)) == ["entity", "value"]
        for question in kind.questions:
            assert re.findall(r"\{(\w+)\}", question) == ["entity"]


def test_every_answer_has_its_question_words() -> None:
    assert set(VALUE_KINDS) - {"number"} <= set(phrases.OPENINGS)


def test_names_and_values_are_many(maker: RowMaker) -> None:
    for kind in ENTITY_KINDS:
        assert len({maker.names.entity(kind) for _ in range(300)}) > 200, kind
    for kind in VALUE_KINDS:
        assert len({value(kind, maker.names) for _ in range(300)}) >= 14, kind


def test_namesakes_differ_in_one_word(maker: RowMaker) -> None:
    for name in ("the Talvey Mill", "Dr. Orrin Brusk", "Project Amber"):
        other = maker.names.namesake(name)
        assert sum(a != b for a, b in zip(name.split(), other.split(), strict=True)) == 1


def test_slots_are_found_and_named() -> None:
    sentence = "On 4 May 1841 Mr. Talvey paid $1,250 for eleven barrels near Kelrose."
    kinds = {slot.of(sentence): slot.kind for slot in slots(sentence, frozenset())}
    assert kinds == {
        "4 May 1841": "date",
        "Mr. Talvey": "person",
        "$1,250": "price",
        "eleven": "number",
        "Kelrose": "town",
    }
    assert plain(sentence)
    assert not plain("He said that “nothing at all was to be seen there.")
    assert not plain("Call model.forward with the new inputs before you go on to it.")


def test_mutants_state_entity_and_value(maker: RowMaker) -> None:
    made = made_from_sentences(maker)
    assert len(made) > 200 and sum(bool(fact.entity) for fact in made) > 0.7 * len(made)
    for fact in made:
        assert fact.value.lower() in fact.statement.lower()
        assert fact.entity.lower() in fact.statement.lower()
        assert not re.search(r"\b(the|a) (the|an?) ", fact.statement), fact.statement


def test_mutants_of_one_sentence_differ_in_their_entity(maker: RowMaker) -> None:
    sentence = "He walked 40 miles to the quarry, which belonged to Talvey at that time."
    made = mutants(sentence, maker.corpus.rare, 4, maker.names)
    assert len({fact.entity for fact in made}) == len(made) > 1


def test_questions_hold_the_entity_and_not_the_value(maker: RowMaker) -> None:
    asked = 0
    for fact in [*made_from_sentences(maker), *maker._facts(300)]:
        if question := fact.question(maker.rng):
            asked += 1
            assert fact.entity.lower() in question.lower(), (fact, question)
            exact = re.compile(rf"(?<!\w){re.escape(fact.value)}(?!\w)", re.IGNORECASE)
            assert not exact.search(question), (fact, question)
            assert question[0] == question[0].upper() and "\x00" not in question
    assert asked > 300


def test_cloze_questions_are_about_what_was_taken_out() -> None:
    sentence = "On 4 May 1841 the eleven masons met in a barn and founded Orrin Lodge."
    answer = Slot(3, 13, "date")
    entity = Slot(58, 69, "title")
    assert answer.of(sentence) == "4 May 1841" and entity.of(sentence) == "Orrin Lodge"
    rng = Random(0)
    asked = {q for _ in range(200) if (q := cloze(sentence, answer, entity, rng))}
    assert len(asked) > 50
    assert all("Orrin Lodge" in q and "1841" not in q and "May" not in q for q in asked)
    assert any(re.match(r"(When|On wh|Wh)\w* .*did the eleven masons meet", q) for q in asked)


@pytest.mark.parametrize(
    ("past", "simple"),
    [("opened", "open"), ("stopped", "stop"), ("moved", "move"), ("met", "meet")],
)
def test_bare_forms(past: str, simple: str) -> None:
    assert bare(past) == simple
    assert bare("table") is None


def test_a_question_must_tell_its_sentence() -> None:
    bags = [words("The quarry of Talvey was sold."), words("The quarry of Brusk was sold.")]
    assert tells("Who sold the quarry of Brusk?", 1, bags)
    assert not tells("Who sold the quarry?", 1, bags)
    assert not words("of the which") and "of" in STOPWORDS


@pytest.mark.parametrize("length", LENGTHS)
def test_rows_have_the_length_asked_for(maker: RowMaker, length: int) -> None:
    for _ in range(20):
        tokens, kinds = maker.row(length)
        assert tokens.shape == kinds.shape == (length,)
        assert tokens.dtype == np.uint16 and kinds.dtype == np.uint8


def test_answers_stand_in_the_text_before_them(maker: RowMaker, tokenizer: Tokenizer) -> None:
    seen = set()
    for length in LENGTHS * 8:
        tokens, kinds = maker.row(length)
        whole = tokenizer.decode(tokens.tolist(), skip_special_tokens=False)
        before = whole[: whole.index("<|im_end|>")]
        for start, end, kind in runs(tokens, kinds):
            assert tokens[end - 1] == maker.stop
            assert tokens[start - len(maker.closing) : start].tolist() == maker.closing
            answer = tokenizer.decode(tokens[start : end - 1].tolist()).strip()
            seen.add(kind)
            if kind == ANSWER_NONE:
                assert answer == NO_ANSWER
            elif kind != ANSWER_SUMMARY:
                assert answer in before, answer
    assert {ANSWER, ANSWER_REAL, ANSWER_NONE} <= seen


def test_a_question_may_name_sentences_of_the_text_with_its_answer_among_them(
    maker: RowMaker, tokenizer: Tokenizer
) -> None:
    kinds = set()
    for _ in range(40):
        pieces, turns = maker._questions(1024)
        said = [maker._text(piece).strip() for piece in pieces]
        for turn in turns:
            request = tokenizer.decode(turn.request)
            if turn.kinds[0] != ANSWER_NAMED and NAMED not in request:
                continue
            kinds.add(turn.kinds[0])
            named = request.partition(NAMED)[2].partition("assistant")[0]
            sentences = [s for s in said if s and f"{NAME} {s}" in named]
            assert len({*sentences}) <= MOST_CANDIDATES
            answer = tokenizer.decode(turn.answer).strip()
            assert (answer in sentences) == (turn.kinds[0] == ANSWER_NAMED)
    assert kinds == {ANSWER_NAMED, ANSWER_NONE}


def test_candidates_are_like_the_question_or_beside_the_answer(maker: RowMaker) -> None:
    like = [f"The quarry of {name} was sold in 1840." for name in NAMES[:6]]
    others = [f"Nobody counted kettle {n} of them." for n in range(40)]
    told = [*others[:20], *like, *others[20:]]
    for _ in range(20):
        named = exam(maker, *told).candidates("Who sold the quarry of Wesk?", like[3])
        assert FEWEST_CANDIDATES <= len(named) == len({*named}) <= MOST_CANDIDATES
        assert like[3] in named and {*named} <= {*told[: 20 + 6 + 3]}
        absent = exam(maker, *told).candidates("Who sold the quarry?", NO_ANSWER)
        assert len({*absent}) >= FEWEST_CANDIDATES and NO_ANSWER not in absent


def test_a_question_has_no_answer_only_where_its_entity_is_not_in_the_text(maker: RowMaker) -> None:
    made = [fact for fact in facts(60, maker.names, maker._mutants) if fact.entity]
    for fact in made:
        assert not list(exam(maker, "Another text.", fact.statement).about_absent([fact]))
    asked = list(exam(maker, "Another text.").about_absent(made))
    assert len(asked) > len(made) / 2
    assert {answer for _, answer in asked} == {NO_ANSWER}


def test_a_sentence_left_out_is_asked_for_only_where_none_is_like_it(maker: RowMaker) -> None:
    gone = "Nobody in Wesk had seen the quarry before, although it was painted twice in 1840."
    other = "The kettles were counted again behind the orchard."
    assert not list(exam(maker, other, gone).about_left_out([(gone, ())] * 50))
    asked = list(exam(maker, other).about_left_out([(gone, ())] * 50))
    assert len(asked) > 10 and {answer for _, answer in asked} == {NO_ANSWER}


def test_what_readers_ask_is_asked_of_its_sentence_and_refused_without_it(
    maker: RowMaker, tokenizer: Tokenizer
) -> None:
    document = maker.corpus.document(7)
    wanted = {document[n]: (f"Which one is the sentence {n}?",) for n in range(10, 30)}
    readers = ReaderQuestions(wanted, (range(document[10], document[29] + 1),))
    other = RowMaker(maker.corpus, tokenizer, seed=3, readers=readers, summaries={})
    said = {asked: other._text(other.corpus.sentence(i)).strip() for i, (asked,) in wanted.items()}
    found: dict[int, int] = {ANSWER_READER: 0, ANSWER_NAMED: 0, ANSWER_NONE: 0}
    for _ in range(150):
        for turn in other._questions(1024)[1]:
            request, answer = (tokenizer.decode(ids) for ids in (turn.request, turn.answer))
            for question, sentence in said.items():
                if question.rstrip("?").lower() in request.lower():
                    kind = turn.kinds[0]
                    found[kind] += 1
                    assert answer.strip() == (NO_ANSWER if kind == ANSWER_NONE else sentence)
    assert all(found.values())


def test_a_sentence_that_readers_ask_about_has_other_words_now_and_then_in_text_and_answer(
    maker: RowMaker, tokenizer: Tokenizer
) -> None:
    document = maker.corpus.document(7)
    wanted = {document[n]: ("Which one?",) for n in range(10, 30)}
    readers = ReaderQuestions(wanted, (range(document[10], document[29] + 1),))
    forms = (word for index in wanted for word in maker._said(index).split() if word.islower())
    synonyms = Synonyms(f"n {word.strip('.,')}: qwertz" for word in set(forms))
    other = RowMaker(
        maker.corpus, tokenizer, seed=3, synonyms=synonyms, readers=readers, summaries={}
    )
    asked = reworded = 0
    for _ in range(20):
        pieces, turns = other._questions(1024)
        text = other._text(np.concatenate(pieces))
        for turn in turns:
            if turn.kinds[0] == ANSWER_READER:
                answer = tokenizer.decode(turn.answer[:-1]).strip()
                assert answer in text
                asked, reworded = asked + 1, reworded + ("qwertz" in answer)
    assert 0.1 * asked < reworded < 0.5 * asked


@pytest.mark.parametrize("length, right", [(2, True), (3, False)])
def test_questions_of_readers_are_about_the_document_as_it_was_split(
    corpus: Corpus, tmp_path: Path, length: int, right: bool
) -> None:
    file = tmp_path / "questions.jsonl.xz"
    record = {"source": "a", "title": "b", "sentences": length, "questions": {"1": ["Which?"]}}
    unknown = {**record, "title": "c"}
    lines = "".join(json.dumps(line) + "\n" for line in (unknown, record))
    file.write_bytes(lzma.compress(lines.encode()))
    known = replace(corpus, document_start=np.array([0, 5, 7]), names={"a/b": 1})
    if right:
        found = ReaderQuestions.load(known, file)
        assert found == ReaderQuestions({6: ("Which?",)}, (range(6, 7),))
    else:
        with pytest.raises(ValueError, match="a/b has 2 sentences"):
            ReaderQuestions.load(known, file)


def test_what_readers_ask_is_asked_in_many_ways_and_least_often_as_its_sentence_has_it(
    maker: RowMaker,
) -> None:
    sentence = "The beacon was lit again, because three ships were seen near Kelrose."
    near, far = "Why was the beacon lit again?", "What made them burn the old signal once more?"
    rng = maker.rng
    readers = {0: (near, far)}
    asked = [
        question
        for _ in range(400)
        for question, _ in Exam([], [sentence], frozenset(), rng, readers=readers).by_readers()
    ]
    assert asked.count(near) < asked.count(far) < 400
    assert len({*asked}) > 20 and {question.split()[0] for question in asked} == {"Why", "What"}


def test_headings_and_terms_are_asked_for_where_they_stand(maker: RowMaker) -> None:
    said = (
        "The Harbour",
        "A beacon is a fire that is lit upon a hill to warn of ships.",
        "It has been watched for more than forty years by the same two men.",
        "The beacon was lit again, because three ships were seen near Kelrose.",
    )
    assert sections(said) == {1: "The Harbour"}
    assert terms(said) == {1: "beacon"}
    answers: dict[str, set[str]] = {}
    for _ in range(200):
        for question, answer in exam(maker, *said).about_text():
            answers.setdefault(answer, set()).add(question)
    assert "What is meant by beacon?" in answers[said[1]]
    assert any("Harbour" in question for question in answers[said[1]])
    assert any(question.startswith("Why ") for question in answers[said[3]])
    assert said[0] not in answers


@pytest.mark.parametrize(
    "sentence", ["It is a matter of taste.", "If these are the rules, go.", "This is the one."]
)
def test_what_points_elsewhere_is_no_term(sentence: str) -> None:
    assert defined(sentence) is None


def test_an_abstract_ends_at_the_next_heading() -> None:
    told = "This proposal changes how the harbour of Kelrose is lit at night. " * 3
    text = f"Proposal 7\n\nAbstract\n\n{told}\n\nResults\n\n{told}\n\nMotivation\n\nIt is dark."
    parts = sentences(text)
    found = abstract(parts)
    assert found is not None
    assert "".join(parts[i] for i in found).split() == f"Abstract {told} Results {told}".split()
    assert abstract(sentences("Abstract\n\nShort.\n\nMotivation\n\nIt is dark.")) is None
    assert abstract(sentences(told)) is None


def test_a_summary_is_like_the_abstract_that_is_kept_from_the_text(
    maker: RowMaker, tokenizer: Tokenizer
) -> None:
    document = maker.corpus.document(3)
    other = RowMaker(replace(maker.corpus, abstracts={3: range(10, 14)}), tokenizer, seed=2)
    indices, told = other._summarized()
    while not told:
        indices, told = other._summarized()
    assert indices == [i for i in document if i - document.start not in range(10, 14)]
    heading, *said = (other._text(other.corpus.sentence(document[n])) for n in range(10, 14))
    assert told == " ".join(text.strip() for text in said) and heading not in told

    made = other._summary(1024)
    assert made is not None
    (turn,) = made[1]
    told = sentences(tokenizer.decode(turn.answer[:-1]))
    text = "".join(map(other._text, made[0]))
    assert all(sentence.strip() in text for sentence in told)
    choices = "".join("#" if kind == CHOICE else " " for kind in turn.kinds)
    assert [len(run) for run in choices.split()] == [CHOICE_TOKENS] * len(told) + [1]


def test_a_text_to_summarize_is_asked_about_as_well(maker: RowMaker, tokenizer: Tokenizer) -> None:
    corpus = maker.corpus
    asked = {i: (f"Which is the sentence {i}?",) for i in corpus.document(7)}
    readers = ReaderQuestions(asked, (range(min(asked), max(asked) + 1),))
    other = RowMaker(replace(corpus, abstracts={}), tokenizer, seed=5, readers=readers)
    said = {question: other._text(corpus.sentence(i)).strip() for i, (question,) in asked.items()}
    count = 0
    for made in filter(None, (other._summary(1024) for _ in range(20))):
        pieces, (summary, *turns) = made
        text = "".join(map(other._text, pieces))
        assert CHOICE in summary.kinds
        for turn in turns:
            answer = tokenizer.decode(turn.answer[:-1]).strip()
            request = tokenizer.decode(turn.request).lower()
            assert turn.kinds[0] in (ANSWER_READER, ANSWER_NAMED) and answer in text
            # A question may have lost words.
            whole = [said[q] for q in said if f"{q.rstrip('?').lower()}?" in request]
            assert whole in ([], [answer])
            count += len(whole)
    assert count > 10


def test_texts_to_summarize_begin_anywhere(corpus: Corpus, tokenizer: Tokenizer) -> None:
    maker = RowMaker(replace(corpus, abstracts={}), tokenizer, seed=4)
    documents = [corpus.document(n) for n in range(len(corpus.document_start) - 1)]
    drawn = [maker._summarized()[0] for _ in range(200)]
    of = [documents[corpus.document_of(indices[0])] for indices in drawn]
    assert all([*document][-len(told) :] == told for told, document in zip(drawn, of, strict=True))
    whole = sum(len(told) == len(document) for told, document in zip(drawn, of, strict=True)) / 200
    assert WHOLE_SHARE - 0.1 < whole < WHOLE_SHARE + 0.2


def test_main_sentences_do_not_repeat_each_other() -> None:
    said = [
        "The harbour of Kelrose was lit by a beacon for more than forty years.",
        "For more than forty years the harbour of Kelrose was lit by a beacon.",
        "The masons of Wesk built the granary and the chimney of the old furnace.",
        "A ladder.",
        "The granary and the chimney that the masons of Wesk had built were sold.",
    ]
    chosen = main_sentences(said, 2)
    assert len(chosen) == 2 and 3 not in chosen and set(chosen) != {0, 1}


def test_main_sentences_are_the_first_and_others_of_the_beginning() -> None:
    about = "The {} of the lighthouse keeper of Kelrose was painted in the year of the storm."
    things = [f"thing{number}" for number in range(200)]
    said = ["- an item", "Nobody had seen the quarry before, although it was white."]
    said += ["He slept badly, and rose, and rowed home without a word."] * BEGINNING
    said += [about.format(thing) for thing in things]
    chosen = main_sentences(said, 4)
    assert len(chosen) == 4 and chosen[0] == 1
    assert chosen[-1] <= len(said) / 3 + 1
    assert sum("lighthouse" in said[i] for i in chosen) > 1


def test_sentences_like_an_abstract_have_its_words() -> None:
    said = [
        "The masons of Wesk built the granary and the chimney of the old furnace.",
        "Nobody had seen the quarry near Kelrose before, although it was painted.",
        "The kettles were counted again, and many of them were never found.",
    ]
    assert sentences_like(said, "A quarry near Kelrose was painted by nobody.", 1) == [1]


def test_text_is_counted_and_requests_are_not(maker: RowMaker, tokenizer: Tokenizer) -> None:
    for _ in range(10):
        tokens, kinds = maker.row(1024)
        read = tokenizer.decode(tokens[kinds == TEXT].tolist())
        assert "Question:" not in read and "[Page" not in read
        assert (kinds == TEXT).mean() > 0.3


def test_the_seed_alone_decides(corpus: Corpus, tokenizer: Tokenizer) -> None:
    first, second = (RowMaker(corpus, tokenizer, seed=5).row(1024) for _ in range(2))
    assert (first[0] == second[0]).all() and (first[1] == second[1]).all()
