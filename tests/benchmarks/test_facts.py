"""The facts benchmark: its frames, its cases and its scoring, without a model."""

import random
import re
from collections import Counter
from dataclasses import replace

import pytest
from facts_cases import (
    LONGEST_ANSWER,
    UNSEEN,
    Case,
    Sentence,
    build_case,
    build_cases,
    holds,
    judge,
    load_unseen,
    sentences,
    without_target,
)
from facts_frames import KINDS, Frame, Kind, four_word_runs, render, templates
from facts_names import Names

from dashdoc.prompts import NO_ANSWER

FRAMES = [(kind, frame) for kind in KINDS for frame in kind.frames]
KIND_NAMES = {kind.name for kind in KINDS}


def count(text: str) -> int:
    """A stand-in for a tokenizer: words and marks."""
    return len(re.findall(r"\w+|[^\w\s]", text))


@pytest.fixture(scope="module")
def library() -> list[Sentence]:
    return load_unseen()


@pytest.fixture(scope="module")
def cases(library: list[Sentence]) -> list[Case]:
    return [
        *build_cases(library, 800, 60, count),
        *build_cases(library, 4_000, 20, count),
    ]


def test_there_are_enough_kinds_and_frames() -> None:
    assert len(KINDS) >= 12
    assert all(len(kind.frames) >= 6 for kind in KINDS)
    assert len(set(templates())) == 2 * len(FRAMES)


@pytest.mark.parametrize(("kind", "frame"), FRAMES)
def test_every_frame_renders_as_one_clean_sentence(kind: Kind, frame: Frame) -> None:
    for seed in range(20):
        fact = render(kind, frame, Names(random.Random(seed)))
        for text, end in ((fact.statement, "."), (fact.question, "?")):
            assert text == " ".join(text.split())
            assert text[0].isupper() and text.endswith(end)
            assert not re.search(r"[{}]| [,.?]|\bthe the\b|\ba [aeiou]", text, re.IGNORECASE)
            assert fact.entity.casefold() in text.casefold()
        assert len(fact.statement.split()) <= 30
        assert holds(fact.statement, fact.value)
        assert not holds(fact.question, fact.value)
        assert "\n" not in fact.statement and fact.statement.count("?") == 0


def test_frames_name_each_slot_once() -> None:
    for _, frame in FRAMES:
        assert sorted(re.findall(r"\{(\w+)\}", frame.statement)) == ["entity", "value"]
        assert re.findall(r"\{(\w+)\}", frame.question) == ["entity"]


def test_values_and_entities_come_from_large_ranges() -> None:
    for kind in KINDS:
        drawn = [render(kind, kind.frames[0], Names(random.Random(seed))) for seed in range(400)]
        assert len({fact.entity for fact in drawn}) > 300, kind.name
        assert len({fact.value for fact in drawn}) > 60, kind.name


def test_four_word_runs_stop_at_slots_and_ignore_case_and_marks() -> None:
    runs = four_word_runs(["The keeper's key, of {entity} hangs By the old door."])
    assert runs == {
        ("the", "keepers", "key", "of"),
        ("hangs", "by", "the", "old"),
        ("by", "the", "old", "door"),
    }
    assert four_word_runs(["one two {a} three four", "one two three"]) == set()
    assert len(four_word_runs(templates())) > 300


def test_each_case_states_each_fact_once(cases: list[Case]) -> None:
    for case in cases:
        for fact in case.facts:
            assert case.text.count(fact.statement) == 1
            assert case.text.casefold().count(fact.entity.casefold()) == 1
            assert not holds(case.text.replace(fact.statement, " "), fact.value)


def test_the_other_facts_are_of_the_same_kinds(cases: list[Case]) -> None:
    for case in cases:
        kinds = Counter(fact.kind for fact in case.others)
        assert len(case.others) == 4
        assert 2 <= kinds[case.target.kind] <= 3
        assert set(kinds) <= KIND_NAMES
    assert len({case.target.kind for case in cases}) >= 12


def test_entities_and_values_are_distinct(cases: list[Case]) -> None:
    for case in cases:
        assert len({fact.entity for fact in case.facts}) == 5
        assert len({fact.value for fact in case.facts}) == 5


def test_cases_are_as_long_as_asked(library: list[Sentence], cases: list[Case]) -> None:
    for case in cases[:60]:
        assert 600 < count(case.text) <= 800
    for case in cases[60:]:
        assert 3_600 < count(case.text) <= 4_000
    with pytest.raises(ValueError, match="at least"):
        build_case(library, 100, count, random.Random(0))


def test_the_facts_stand_between_sentences_of_the_text(cases: list[Case]) -> None:
    for case in cases:
        for fact in case.facts:
            before, after = case.text.split(fact.statement)
            assert re.search(r"[.!?][’)\]]* $", before)
            assert re.match(r" \S", after)


def test_targets_stand_at_every_depth(cases: list[Case]) -> None:
    thirds = Counter(int(case.depth * 3) for case in cases)
    assert set(thirds) == {0, 1, 2}
    for case in cases:
        assert abs(case.text.index(case.target.statement) - case.depth * len(case.text)) < 2


def test_the_text_keeps_its_paragraphs(library: list[Sentence], cases: list[Case]) -> None:
    whole = "".join(sentence.text + sentence.gap for sentence in library)
    for case in cases[:10]:
        text = case.text
        for fact in case.facts:
            text = text.replace(f" {fact.statement}", "")
        assert "\n\n" in text
        assert text in whole


def test_the_seed_alone_decides(library: list[Sentence]) -> None:
    first = list(build_cases(library, 700, 5, count, seed=3))
    assert list(build_cases(library, 700, 3, count, seed=3)) == first[:3]
    assert list(build_cases(library, 700, 5, count, seed=4)) != first


def test_an_unanswerable_case_states_all_but_what_is_asked(library: list[Sentence]) -> None:
    answerable = build_cases(library, 700, 5, count, seed=3)
    unanswerable = map(without_target, build_cases(library, 700, 5, count, seed=3))
    for case, without in zip(answerable, unanswerable, strict=True):
        assert without.question == case.question
        assert not holds(without.text, case.target.value)
        assert not holds(without.text, case.target.entity)
        assert all(fact.statement in without.text for fact in case.others)


def test_sentences_join_to_the_text_again() -> None:
    text = "A heading\n\nMr. Hale left. “Why?” she asked.\nNo one knew! (It was 3.5 miles.)\n\n"
    found = sentences(text)
    assert "".join(sentence.text + sentence.gap for sentence in found) == text
    assert [sentence.text for sentence in found] == [
        "A heading",
        "Mr. Hale left.",
        "“Why?” she asked.",
        "No one knew!",
        "(It was 3.5 miles.)",
    ]


def test_the_unseen_text_is_long_enough(library: list[Sentence]) -> None:
    assert sum(len(sentence.text) for sentence in library) >= 800_000
    assert UNSEEN.stat().st_size <= 600_000


def test_judging_an_answer(cases: list[Case]) -> None:
    case = cases[0]
    value, other = case.target.value, case.others[0].value
    assert judge(case.target.statement, case, NO_ANSWER) == "exact"
    assert judge(f"It is {value.upper()}.".replace(" ", "  \n"), case, NO_ANSWER) == "exact"
    assert judge("The document does not say.", case, NO_ANSWER) == "no value"
    assert judge("", case, NO_ANSWER) == "no value"
    assert judge(f" {NO_ANSWER}", case, NO_ANSWER) == "refused"
    assert judge(case.others[0].statement, case, NO_ANSWER) == "other value"
    assert judge(f"{value} or {other}", case, NO_ANSWER) == "other value"
    assert judge(f"x{value}x", case, NO_ANSWER) == "no value"
    assert judge(" ".join([value, *["word"] * LONGEST_ANSWER]), case, NO_ANSWER) == "too long"
    padding = ["word"] * (LONGEST_ANSWER - len(value.split()))
    assert judge(" ".join([value, *padding]), case, NO_ANSWER) == "exact"


@pytest.mark.parametrize("text", ["14,350", "4,350.75", "4,3501", "$4.350", "4 350"])
def test_a_value_is_a_whole_number(cases: list[Case], text: str) -> None:
    case = replace(cases[0], target=replace(cases[0].target, value="4,350"))
    assert judge(f"It holds {text} plates.", case, NO_ANSWER) == "no value"
    assert judge("It holds 4,350, no more.", case, NO_ANSWER) == "exact"
    assert judge("It holds 4,350.", case, NO_ANSWER) == "exact"
